//! What a peer may send at most. Every number that guards against a hostile or broken peer
//! is here, so that both sides and `docs/protocol.md` agree.

use std::time::Duration;

/// Bytes of payload in one data frame, at most.
pub const DATA_PAYLOAD: usize = 32 * 1024;

/// Bytes of payload that a sender puts into one data frame: with its headers it fills two TLS
/// records and does not begin a third.
pub const DATA_CHUNK: usize = DATA_PAYLOAD - 64;

/// Bytes of one WebSocket message, at most. Inventory chunks are the largest.
pub const MESSAGE: usize = 1024 * 1024;

/// Bytes of one message before the handshake is complete.
pub const HANDSHAKE_MESSAGE: usize = 64 * 1024;

/// From the TCP connection to the end of the link handshake.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// So long the appliance waits for a console whose link is lost before it ends what only that
/// console can use: a command without a terminal, a tunnel.
pub const CONSOLE_GRACE: Duration = Duration::from_secs(30);

/// Window of an interactive channel: bytes under way towards a console, on a long path.
pub const SHELL_WINDOW: u64 = 128 * 1024;

/// The same on a short path. Small, so that little is left to show after Ctrl-C; large enough for
/// several messages at a time, or bulk output is slow.
pub const SHELL_AHEAD: u64 = 48 * 1024;

/// What is under way in a window at the least, while as much comes as may.
pub const fn least_ahead(window: u64) -> u64 {
    if window == SHELL_WINDOW { SHELL_AHEAD } else { window }
}

/// Bytes of output that an agent reads beyond what it may send.
pub const READ_AHEAD: usize = 8 * 1024;

/// Window of a console that only watches a shell: all that its agent keeps, and some more.
pub const WATCHER_WINDOW: u64 = 2 * RING as u64;

/// Window of a channel that carries bulk data.
pub const BULK_WINDOW: u64 = 1024 * 1024;

/// Bytes of a recorded channel that may be under way to its file.
pub const RECORDING_WINDOW: u64 = 256 * 1024;

/// Window of a channel's input, from a console to an agent.
pub const INPUT_WINDOW: u64 = 256 * 1024;

/// Bytes of a shell's last output that its agent keeps.
pub const RING: usize = 1024 * 1024;

/// Bytes that may wait to be sent on one link before it is given up and must resume.
pub const OUTBOX: usize = 32 * 1024 * 1024;

/// An idle agent link is pinged about this often by the agent.
pub const AGENT_PING: Duration = Duration::from_secs(120);

/// A link that was silent for this long is dead.
pub const AGENT_SILENCE: Duration = Duration::from_secs(300);

/// A console pings this often, to show the delay and to notice a dead path.
pub const REP_PING: Duration = Duration::from_secs(15);

/// A rep link that was silent for this long is dead.
pub const REP_SILENCE: Duration = Duration::from_secs(45);

/// Channels open at one agent, at most.
pub const CHANNELS_PER_AGENT: usize = 256;

/// Items that a console may watch for statistics, at most.
pub const WATCHED_ITEMS: usize = 256;

/// Items in one request of a console, at most.
pub const ITEMS_PER_REQUEST: usize = 500;

/// Places in one notice of rights, at most.
pub const RIGHTS_CHUNK: usize = 1000;

/// Sessions that a rep starts with one key, at most.
pub const STARTS_AT_ONCE: usize = 10;

/// Entries of a session's log in one message, at most.
pub const LOG_CHUNK: usize = 500;

/// Characters of a password, at the least.
pub const PASSWORD: usize = 10;

/// Characters of a password, at most.
pub const PASSWORD_MOST: usize = 256;

/// Bytes of a configuration file, at most.
pub const CONFIGURATION: usize = 900 * 1024;

/// Changes and effects that a plan tells one by one.
pub const PLAN_LINES: usize = 500;

/// Explanations in one message, at most.
pub const ANSWERS: usize = 1000;

/// Events of the audit in one message, at most; each has at most four texts of
/// [`COMMENTS`] characters.
pub const AUDIT_CHUNK: usize = 200;

/// Bytes of events in one message, but for the last of them.
pub const AUDIT_BYTES: usize = 256 * 1024;

/// Sessions of the past in one message, at most.
pub const SESSIONS_CHUNK: usize = 100;

/// Words of a search in the history, at most.
pub const HISTORY_WORDS: usize = 8;

/// Characters of each of them, at most.
pub const HISTORY_WORD: usize = 256;

/// Recordings in one message, at most.
pub const RECORDINGS_CHUNK: usize = 200;

/// Bytes of a piece of a recording, at most.
pub const RECORDING_PIECE: usize = 256 * 1024;

/// Reps that take part in one session, at most.
pub const PARTICIPANTS: usize = 64;

/// Machines that wait in queues, at most.
pub const WAITING: usize = 1000;

/// Waiting machines that a rep is sent, at most.
pub const QUEUES_WAITING: usize = 200;

/// Sessions of teams that a rep is sent, at most.
pub const QUEUES_SESSIONS: usize = 300;

/// Teams, at most.
pub const TEAMS: usize = 100;

/// Members of a team, at most.
pub const TEAM_MEMBERS: usize = 100;

/// Seconds a session key can be used: a minute to a day.
pub const SESSION_KEY_VALID: std::ops::RangeInclusive<u64> = 60..=86_400;

/// Session keys that one rep may have open, at most.
pub const SESSION_KEYS: usize = 100;

/// How long the person at a machine may take to answer.
pub const CUSTOMER_PATIENCE: Duration = Duration::from_secs(60);

/// Shells in one session, at most.
pub const SHELLS_PER_SESSION: usize = 32;

/// Characters of a command in a session's log.
pub const LOGGED_COMMAND: usize = 1024;

/// Items in one inventory message, at most.
pub const INVENTORY_CHUNK: usize = 500;

/// A terminal's columns and rows are clamped to this.
pub const TERMINAL_SIDE: u16 = 1000;

/// Days after which an item that was not seen is lost (DOMAIN 7: `lost_days`).
pub const LOST_DAYS: u64 = 30;
/// Days after which an item that was not seen is removed (DOMAIN 7: `delete_days`).
pub const DELETE_DAYS: u64 = 180;

/// Seconds for which an item that was removed by time alone can be taken back.
pub const TAKE_BACK: u64 = 30 * 86_400;
/// Installer keys that one rep may have open, at most.
pub const INSTALLERS: usize = 100;
/// Installer keys of all reps, at most.
pub const INSTALLERS_IN_ALL: usize = 1000;

/// Characters of a Jump Item's name (DOMAIN 2).
pub const NAME: usize = 128;
/// Pixels of a thumbnail's sides.
pub const THUMBNAIL_SIDE: u16 = 64;
/// Characters of a tag (DOMAIN 2).
pub const TAG: usize = 64;
/// Characters of comments (DOMAIN 2).
pub const COMMENTS: usize = 1024;
/// Characters of any fact an agent states about its machine.
pub const FACT: usize = 256;
/// Arguments of a command, at most, and bytes of them all.
pub const ARGUMENTS: usize = 4096;
/// Bytes of all arguments of a command together.
pub const ARGUMENT_BYTES: usize = 512 * 1024;
/// Characters of a session's attribute: of its name, and of its value (DOMAIN 9).
pub const ATTRIBUTE: usize = 1024;
/// Bytes of all of a session's attributes (DOMAIN 9).
pub const ATTRIBUTES: usize = 10 * 1024;

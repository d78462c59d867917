//! A session's log: what happened in it, by whom and when (DOMAIN 6, 10).

use crate::session::{EndReason, ExitStatus};
use crate::{ChannelId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its number: entries of a session are numbered in their order.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who; nobody for what happened by itself.
    pub who: Option<Box<str>>,
    /// What.
    pub event: LogEvent,
    /// For a command: where in the shell's output it ended, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogEvent {
    /// The session started.
    Started,
    /// A console of the rep came into the session.
    Joined,
    /// The rep's last console left it.
    Left,
    /// Another rep may take part from now on.
    Shared {
        /// Who.
        with: Box<str>,
        /// Only to look.
        observe: bool,
    },
    /// Another rep may not take part any more.
    Unshared {
        /// Who.
        with: Box<str>,
    },
    /// The session belongs to another rep from now on.
    Transferred {
        /// To whom.
        to: Box<str>,
    },
    /// Somebody else types from now on.
    TookKeyboard {
        /// In which shell.
        channel: ChannelId,
    },
    /// A shell was opened.
    ShellOpened {
        /// Its channel.
        channel: ChannelId,
    },
    /// A shell ended.
    ShellClosed {
        /// Its channel.
        channel: ChannelId,
        /// How its program ended, if it did.
        status: Option<ExitStatus>,
    },
    /// A program was run.
    Executed {
        /// Its command line, secrets masked.
        command: Box<str>,
        /// The shell that was opened for it, if it has a terminal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<ChannelId>,
    },
    /// A command was run in a shell.
    Command {
        /// In which.
        channel: ChannelId,
        /// The command line, secrets masked.
        command: Box<str>,
        /// How it is known.
        source: CommandSource,
    },
    /// The recording of a shell could not be written any more.
    RecordingFailed {
        /// Which shell.
        channel: ChannelId,
        /// Why.
        reason: Box<str>,
    },
    /// The recording of a shell goes on.
    RecordingResumed {
        /// Which shell.
        channel: ChannelId,
    },
    /// A rep wrote to the others.
    Chat {
        /// What.
        text: Box<str>,
    },
    /// A rep, or a program in a rep's name, gave the session attributes.
    Attributes {
        /// Their names and values. One that is there already has another value from now on.
        set: Attributes,
    },
    /// A rep opened a tunnel to a port of the machine.
    Tunneled {
        /// The port.
        port: u16,
    },
    /// A rep made a note.
    Note {
        /// What.
        text: Box<str>,
    },
    /// A rep came in who outranks the owner in a team.
    Entered,
    /// The person at the machine was asked for something.
    Asked {
        /// What for.
        what: Box<str>,
        /// The answer.
        allowed: bool,
    },
    /// The machine became a Jump Client.
    Pinned {
        /// Where it stands: the name of a Jump Group, or of whose personal list.
        place: Box<str>,
        /// Why it will not start by itself, if it will not.
        by_hand: Option<Box<str>>,
    },
    /// The machine is no Jump Client any more.
    Unpinned,
    /// A strict Jump Policy will end the session.
    EndsSoon {
        /// The Jump Policy.
        policy: Box<str>,
        /// Minutes that are left.
        minutes: u32,
    },
    /// It was started although its Jump Policy was closed.
    Overrode {
        /// Why, as the rep said; empty in logs of before.
        #[serde(default)]
        reason: Box<str>,
        /// The Jump Policy.
        policy: Box<str>,
    },
    /// The session ended.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// The shells of a session, counted from 1 in the order in which they were opened: people know them by
/// these numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShellNumbers(BTreeMap<ChannelId, u64>);

impl ShellNumbers {
    /// Counts the shells of a log.
    pub fn of<'e>(entries: impl Iterator<Item = &'e LogEntry>) -> Self {
        let mut numbers = BTreeMap::new();
        for entry in entries {
            if let LogEvent::ShellOpened { channel }
            | LogEvent::Executed { channel: Some(channel), .. } = &entry.event
            {
                let next = u64::try_from(numbers.len()).unwrap_or(u64::MAX).saturating_add(1);
                numbers.entry(*channel).or_insert(next);
            }
        }
        Self(numbers)
    }

    /// The number of a shell; that of its channel where its beginning is not known.
    pub fn get(&self, channel: ChannelId) -> u64 {
        self.0.get(&channel).copied().unwrap_or(channel.0)
    }
}

/// How a command line is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandSource {
    /// The shell marked it (OSC 133).
    Shell,
    /// It is the line that stood on the terminal when Enter was pressed.
    Line,
}

/// What is left of a session once it has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Seconds from its start to its end.
    pub lasted: u64,
    /// Who took part.
    pub participants: Vec<Box<str>>,
    /// Shells that were opened.
    pub shells: u32,
    /// Commands that were run.
    pub commands: u32,
    /// Recordings that were kept.
    pub recordings: u32,
    /// What it was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Attributes,
}

/// Names and values that a session was given: `session.custom.NAME` of a script (DOMAIN 9). Each at
/// most 1,024 characters, all of them at most 10 KiB.
pub type Attributes = Vec<(Box<str>, Box<str>)>;

/// A recording of a shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// The channel that was recorded; the recording's number too.
    pub channel: ChannelId,
    /// Its session.
    pub session: crate::SessionId,
    /// Which of the session's recordings it is, counted from 1.
    #[serde(default)]
    pub part: u32,
    /// The item's name when the session started.
    pub item_name: Box<str>,
    /// Who opened the shell.
    pub user: Box<str>,
    /// When the shell was opened.
    pub started: Timestamp,
    /// When it ended; nothing while it goes on.
    pub ended: Option<Timestamp>,
    /// Bytes of its file, once it is closed.
    pub bytes: u64,
    /// SHA-256 of its file in hexadecimal digits, once it is closed.
    pub sha256: Option<Box<str>>,
    /// Its file was removed: it was kept for as long as it had to be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

impl Recording {
    /// What people call it: its session's number and which of its recordings it is, `12.1`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.session, self.part)
    }
}

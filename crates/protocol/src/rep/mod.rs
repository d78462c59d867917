//! Between an appliance and a console, after the handshake.

mod api;
mod keys;
mod notice;
mod secret;
mod ssh;

pub use api::{ApiAccountView, ApiAccountWish, ApiAccounts, ApiScope};
pub use keys::{InstallerView, InstallerWish, RemovedItem};
pub use notice::ApplianceNotice;
pub use secret::{Installer, NewUser, SecondFactorWish, Secret};
pub use ssh::{SshKey, SshKeyWish};

use crate::audit::{AuditEvent, Seal};
use crate::configuration::{Plan, Simulation};
use crate::handshake::Login;
use crate::inventory::{ItemView, Place, Position, PresencePosition};
use crate::item::ItemEdit;
use crate::log::{Attributes, LogEntry, Recording};
use crate::preferences::Preferences;
use crate::queue::{QueueWish, Rank, SessionKey, TeamView};
use crate::rights::{Answer, Permission, Whom};
use crate::session::{ChannelKind, ChannelOrder, ChannelView, Part, SessionView, Size};
use crate::session_policy::StartMethod;
use crate::wake::SecureOn;
use crate::{
    ChannelId, Control, ItemId, Never, Refusal, RefusalCode, Revision, SessionId, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Console to appliance.
pub type FromRep = Control<RepRequest, Never, RepNotice>;
/// Appliance to console.
pub type ToRep = Control<Never, RepReply, ApplianceNotice>;

/// What a console asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepRequest {
    /// Send the inventory, and every change of it from now on.
    Subscribe {
        /// What the console has from before.
        have: Option<Position>,
        /// What it knows of the presence from before.
        #[serde(default)]
        presence: Option<PresencePosition>,
    },
    /// Start a session with an item and open a channel in it.
    StartSession {
        /// The item.
        item: ItemId,
        /// What to start there.
        kind: ChannelKind,
        /// Start although the Jump Policy's schedule is closed, where that may be overridden. It
        /// is logged.
        #[serde(default)]
        override_schedule: bool,
        /// Why it is overridden: it is logged. At most [`crate::limits::COMMENTS`] characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
        /// A code of the rep's second factor, where the Jump Policy wants one.
        #[serde(default)]
        code: Option<Secret>,
    },
    /// End a session and everything in it.
    EndSession {
        /// The session.
        session: SessionId,
    },
    /// Open another shell in a session.
    OpenShell {
        /// The session.
        session: SessionId,
        /// The terminal's size.
        size: Size,
        /// The terminal's type, as in `TERM`.
        term: String,
    },
    /// Let another rep take part in a session, or change how far.
    Share {
        /// The session.
        session: SessionId,
        /// The other rep's user name.
        with: String,
        /// How far; nothing to take it back.
        part: Option<Part>,
    },
    /// Let everybody of a team take part in a session, as [`RepRequest::Share`] does.
    ShareTeam {
        /// The session.
        session: SessionId,
        /// The team's name.
        team: String,
        /// How far; nothing to take it back.
        part: Option<Part>,
    },
    /// Give a session to another rep; whoever gives it stays a participant.
    Transfer {
        /// The session.
        session: SessionId,
        /// The other rep's user name.
        to: String,
    },
    /// Leave a session that is another rep's for good.
    Leave {
        /// The session.
        session: SessionId,
    },
    /// Write to the others in a session.
    Chat {
        /// The session.
        session: SessionId,
        /// What; at most [`crate::limits::COMMENTS`] characters.
        text: String,
    },
    /// Make a note in a session's log.
    Note {
        /// The session.
        session: SessionId,
        /// What; at most [`crate::limits::COMMENTS`] characters.
        text: String,
    },
    /// A session's log, also of one that has ended.
    Log {
        /// The session.
        session: SessionId,
        /// Entries after this number.
        after: u64,
    },
    /// The recordings the rep may see, the newest first.
    Recordings {
        /// Before this one; nothing for the newest.
        before: Option<ChannelId>,
    },
    /// A piece of a recording's file.
    ReadRecording {
        /// The recording.
        channel: ChannelId,
        /// From this byte on.
        offset: u64,
    },
    /// The names of those a session can be shared with.
    Colleagues,
    /// Make a key by which a machine joins that is not a Jump Client.
    CreateSessionKey {
        /// Where it will wait.
        queue: QueueWish,
        /// Seconds the key can be used: [`crate::limits::SESSION_KEY_VALID`].
        valid: u64,
        /// What the session gets that comes of it.
        #[serde(default)]
        attributes: Attributes,
    },
    /// Give a session attributes.
    SetAttributes {
        /// The session.
        session: SessionId,
        /// Which.
        attributes: Attributes,
    },
    /// Turn a machine away that waits.
    TurnAway {
        /// The machine.
        item: ItemId,
    },
    /// Come into a session of somebody one outranks in a team.
    JoinSession {
        /// The session.
        session: SessionId,
    },
    /// Make the machine of a session a Jump Client.
    Pin {
        /// The session.
        session: SessionId,
        /// What the item is to be: its name, place, tag, comments, policy and the like.
        item: Box<ItemView>,
    },
    /// Make the machine of a session no Jump Client any more.
    Unpin {
        /// The session.
        session: SessionId,
    },
    /// Why may somebody do something with an item? Only administrators ask about others.
    Explain {
        /// Who.
        whom: Whom,
        /// With what.
        item: ItemId,
        /// What; nothing for everything.
        action: Option<Permission>,
        /// When; nothing for now.
        at: Option<Timestamp>,
    },
    /// What would a session grant? Only administrators ask about others.
    Simulate {
        /// Whose session.
        whom: Whom,
        /// With what.
        item: ItemId,
        /// How it would come about.
        method: StartMethod,
        /// Whether somebody is at the machine; nothing for what is so now.
        present: Option<bool>,
        /// When; nothing for now.
        at: Option<Timestamp>,
    },
    /// The whole configuration as a file. For administrators.
    ExportConfiguration,
    /// Plan or apply a configuration. For administrators.
    Configure {
        /// The file, at most [`crate::limits::CONFIGURATION`] bytes.
        file: String,
        /// Apply it; else only say what it would change.
        apply: bool,
        /// Only if the configuration is still the one that was planned upon.
        #[serde(default)]
        planned: Option<Revision>,
    },
    /// A part of the audit. For whoever may see it.
    Audit {
        /// Events after this number.
        after: u64,
    },
    /// The teams one may see.
    Teams,
    /// Make a team, or change who is in it.
    SetTeam {
        /// Its name.
        name: String,
        /// Who is in it, all of them; nobody to remove the team.
        members: Vec<(String, Rank)>,
    },
    /// Choose another password.
    ChangePassword {
        /// The one that holds.
        current: Secret,
        /// The other, at least [`crate::limits::PASSWORD`] characters.
        new: Secret,
    },
    /// Set up, change or remove the second factor.
    SecondFactor(SecondFactorWish),
    /// List, add or remove the public keys that open the SSH front door.
    SshKeys(SshKeyWish),
    /// List, make or remove the accounts of programs that use the HTTP API.
    ApiAccounts(ApiAccountWish),
    /// Whether a password is the rep's own: what opens a locked console.
    Unlock {
        /// The password.
        password: Secret,
    },
    /// Keep this login, which was made with the password a moment ago.
    KeepLogin {
        /// What is to hold it, for people.
        holder: String,
        /// For so many seconds; 0: as long as the appliance does.
        seconds: u64,
    },
    /// Revoke the rep's kept logins.
    Logout {
        /// The token of the one; nothing for all.
        token: Option<Secret>,
    },
    /// Give a user another first password, and perhaps no second factor any more. For
    /// administrators.
    ResetUser {
        /// Who.
        username: String,
        /// Take the second factor away.
        second_factor: bool,
    },
    /// Make a user.
    AddUser {
        /// 1 to 64 characters.
        username: String,
    },
    /// Make an installer for a Jump Group (DOMAIN 7).
    CreateInstaller {
        /// The group's name; it is made if there is none.
        group: Option<String>,
        /// Seconds it can be used: 600 to 31,536,000.
        valid: u64,
    },
    /// Change properties of items.
    EditItems {
        /// At most [`crate::limits::ITEMS_PER_REQUEST`].
        edits: Vec<ItemEdit>,
    },
    /// Make items that lead to the same machines from another place.
    CopyItems {
        /// At most [`crate::limits::ITEMS_PER_REQUEST`].
        items: Vec<ItemId>,
        /// Where to.
        to: Place,
    },
    /// Remove items. A Jump Client that is offline is told when it next comes.
    RemoveItems {
        /// At most [`crate::limits::ITEMS_PER_REQUEST`].
        items: Vec<ItemId>,
    },
    /// Say which items were removed because their machine was away for too long.
    RemovedItems,
    /// Take such items back.
    TakeBack {
        /// At most [`crate::limits::ITEMS_PER_REQUEST`].
        items: Vec<ItemId>,
    },
    /// List or revoke installer keys.
    Installers(InstallerWish),
    /// Make a Jump shortcut. Id, revision and times are the appliance's to give.
    AddShortcut {
        /// What it is to be.
        item: Box<ItemView>,
    },
    /// Have a machine woken by a neighbour.
    Wake {
        /// The item.
        item: ItemId,
        /// What the machine wants to hear.
        password: Option<SecureOn>,
    },
    /// The last sessions with an item's machine.
    History {
        /// The item.
        item: ItemId,
    },
    /// Keep what the rep likes.
    SavePreferences {
        /// All of it.
        preferences: Box<Preferences>,
    },
    /// End an embedded appliance.
    Stop,
}

/// The answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepReply {
    /// The inventory follows.
    Subscribed,
    /// The session runs; attach to its channels.
    SessionStarted(SessionView),
    /// The shell runs; attach to its channel.
    ShellOpened(ChannelView),
    /// A part of a log.
    Log {
        /// The entries, the oldest first, at most [`crate::limits::LOG_CHUNK`].
        entries: Vec<LogEntry>,
        /// There are more.
        more: bool,
    },
    /// Some recordings.
    Recordings {
        /// At most [`crate::limits::RECORDINGS_CHUNK`].
        recordings: Vec<Recording>,
        /// There are more.
        more: bool,
    },
    /// A piece of a recording's file.
    Piece {
        /// The bytes; none at its end.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// Who there is besides this rep.
    Colleagues {
        /// Their user names.
        names: Vec<Box<str>>,
        /// The names of one's own teams.
        #[serde(default)]
        teams: Vec<Box<str>>,
    },
    /// A session key was made.
    SessionKey(SessionKey),
    /// The machine is a Jump Client.
    Pinned {
        /// The item.
        item: ItemId,
        /// Why it does not start by itself, if it does not.
        by_hand: Option<Box<str>>,
    },
    /// Who may do what, and why.
    Explained {
        /// At most [`crate::limits::ANSWERS`].
        answers: Vec<Answer>,
    },
    /// What a session would grant.
    Simulated(Box<Simulation>),
    /// The configuration.
    Configuration {
        /// The file.
        file: String,
    },
    /// What a configuration changes, or changed.
    Plan(Box<Plan>),
    /// A part of the audit.
    Audit {
        /// The events, the oldest first, at most [`crate::limits::AUDIT_CHUNK`].
        events: Vec<AuditEvent>,
        /// The end of what there is, once nothing follows.
        seal: Option<Box<Seal>>,
    },
    /// Some teams.
    Teams {
        /// By name.
        teams: Vec<TeamView>,
    },
    /// The user was made, or has another first password.
    UserAdded(NewUser),
    /// A second factor was begun: a code of it makes it count.
    SecondFactor {
        /// The secret in base32, for an authenticator.
        secret: Secret,
        /// The same as an `otpauth` address, for a QR code.
        url: Secret,
    },
    /// The rep's public keys, all of them.
    SshKeys {
        /// In the order they were added.
        keys: Vec<SshKey>,
    },
    /// The accounts of programs.
    ApiAccounts(ApiAccounts),
    /// The password is another one.
    PasswordChanged {
        /// What has to be done next, before anything else.
        first: Option<RefusalCode>,
    },
    /// The login is kept.
    LoginKept(Login),
    /// The second factor counts from now on. Each code opens once, where the authenticator is lost.
    RecoveryCodes {
        /// The codes. Shown this once.
        codes: Vec<Secret>,
    },
    /// The session is over.
    SessionEnded,
    /// An installer was made.
    Installer(Installer),
    /// What was asked for was done, but for these items.
    Done {
        /// The others, and why.
        refused: Vec<(ItemId, Refusal)>,
    },
    /// Items that can be taken back.
    RemovedItems {
        /// By number.
        items: Vec<RemovedItem>,
    },
    /// Installer keys that can be used.
    Installers {
        /// By number.
        installers: Vec<InstallerView>,
    },
    /// The shortcut is there.
    Added {
        /// Its id.
        item: ItemId,
    },
    /// A neighbour broadcasts the magic packet.
    Waking {
        /// The neighbour's name.
        helper: Box<str>,
    },
    /// The last sessions, the newest first.
    History {
        /// At most ten.
        sessions: Vec<PastSession>,
        /// What should be known of the machine before anything else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warning: Option<Box<str>>,
    },
    /// The preferences are kept.
    Saved,
    /// The appliance stops.
    Stopping,
}

/// A session as the history knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastSession {
    /// Who owned it.
    pub user: Box<str>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; nothing while it is open.
    pub ended: Option<Timestamp>,
}

/// An item that the rep has had sessions with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// The item.
    pub item: ItemId,
    /// When the last one began.
    pub last: Timestamp,
    /// How many there were.
    pub times: u32,
}

/// What a console says without wanting an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepNotice {
    /// To be relayed to the channel's agent.
    Channel(ChannelOrder),
    /// These items are on the screen: send their statistics. Replaces what was said before.
    Watch {
        /// At most [`crate::limits::WATCHED_ITEMS`].
        items: Vec<ItemId>,
    },
    /// Whether the few figures that are searched for are wanted, of all items.
    WatchFigures {
        /// They are.
        wanted: bool,
    },
}

//! Between an appliance and a console, after the handshake.

mod api;
mod choices;
mod keys;
mod notice;
pub mod reply;
pub mod request;
mod secret;
mod ssh;

pub use api::{ApiAccountRequest, ApiAccountView, ApiAccounts, ApiScope};
pub use choices::Choices;
pub use keys::{InstallerRequest, InstallerView, RemovedItem};
pub use notice::ApplianceNotice;
pub use request::{Answers, RepRequest, Request};
pub use secret::{Installer, NewUser, Secret};
pub use ssh::{SshKey, SshKeyRequest};

use crate::configuration::{Plan, Simulation};
use crate::handshake::Login;
use crate::queue::SessionKey;
use crate::session::{ChannelOrder, ChannelView, SessionView};
use crate::{Control, ItemId, Never, Timestamp};
use serde::{Deserialize, Serialize};

/// Console to appliance.
pub type FromRep = Control<RepRequest, Never, RepNotice>;
/// Appliance to console.
pub type ToRep = Control<Never, RepReply, ApplianceNotice>;

/// The answers, as they go over the wire.
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
    Log(reply::LogPart),
    /// Some recordings.
    Recordings(reply::RecordingsPart),
    /// A piece of a recording's file.
    Piece(reply::RecordingPiece),
    /// Who there is besides this rep.
    Colleagues(reply::Colleagues),
    /// A session key was made.
    SessionKey(SessionKey),
    /// The machine is a Jump Client.
    Pinned(reply::PinnedItem),
    /// Who may do what, and why.
    Explained(reply::Explained),
    /// What a session would grant.
    Simulated(Box<Simulation>),
    /// The configuration.
    Configuration(reply::ExportedConfiguration),
    /// Some sessions, the newest first.
    PastSessions(reply::PastSessionsPart),
    /// What a configuration changes, or changed.
    Plan(Box<Plan>),
    /// A part of the audit.
    Audit(reply::AuditPart),
    /// Some teams.
    Teams(reply::TeamList),
    /// The user was made, or has another first password.
    UserAdded(NewUser),
    /// A second factor was begun: a code of it makes it count.
    SecondFactor(reply::NewSecondFactor),
    /// The rep's public keys, all of them.
    SshKeys(reply::SshKeyList),
    /// The accounts of programs.
    ApiAccounts(ApiAccounts),
    /// The password is another one.
    PasswordChanged(reply::PasswordChanged),
    /// The login is kept.
    LoginKept(Login),
    /// The second factor counts from now on. Each code opens once, where the authenticator is lost.
    RecoveryCodes(reply::RecoveryCodes),
    /// The session is over.
    SessionEnded,
    /// An installer was made.
    Installer(Installer),
    /// What was asked for was done, but for these items.
    Done(reply::BulkDone),
    /// Items that can be taken back.
    RemovedItems(reply::RemovedItems),
    /// Installer keys that can be used.
    Installers(reply::InstallerList),
    /// The shortcut is there.
    Added(reply::Added),
    /// A neighbour broadcasts the magic packet.
    Waking(reply::WakeHelper),
    /// The last sessions, the newest first.
    History(reply::ItemHistory),
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
    /// Whether the few figures that are searched for are to be sent, for all items.
    WatchFigures {
        /// They are.
        wanted: bool,
    },
}

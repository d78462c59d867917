//! What comes back on a request, where it is more than one value.

use super::{InstallerView, PastSession, RemovedItem, Secret, SshKey};
use crate::audit::{AuditEvent, Seal};
use crate::history::SessionRecord;
use crate::log::{LogEntry, Recording};
use crate::queue::TeamView;
use crate::rights::Answer;
use crate::{ItemId, Refusal, RefusalCode};
use serde::{Deserialize, Serialize};

/// A part of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPart {
    /// The entries, the oldest first, at most [`crate::limits::LOG_CHUNK`].
    pub entries: Vec<LogEntry>,
    /// There are more.
    pub more: bool,
}

/// Some sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastSessionsPart {
    /// At most [`crate::limits::SESSIONS_CHUNK`].
    pub sessions: Vec<SessionRecord>,
    /// There are more.
    pub more: bool,
}

/// Some recordings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingsPart {
    /// At most [`crate::limits::RECORDINGS_CHUNK`].
    pub recordings: Vec<Recording>,
    /// There are more.
    pub more: bool,
}

/// A piece of a recording's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingPiece {
    /// The bytes; none at its end.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// Who there is besides this rep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colleagues {
    /// Their user names.
    pub names: Vec<Box<str>>,
    /// The names of one's own teams.
    #[serde(default)]
    pub teams: Vec<Box<str>>,
}

/// The machine is a Jump Client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedItem {
    /// The item.
    pub item: ItemId,
    /// Why it does not start by itself, if it does not.
    pub by_hand: Option<Box<str>>,
}

/// Who may do what, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// At most [`crate::limits::ANSWERS`].
    pub answers: Vec<Answer>,
}

/// The configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedConfiguration {
    /// The file.
    pub file: String,
}

/// A part of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPart {
    /// The events, the oldest first, at most [`crate::limits::AUDIT_CHUNK`].
    pub events: Vec<AuditEvent>,
    /// The end of what there is, once nothing follows.
    pub seal: Option<Box<Seal>>,
}

/// Some teams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamList {
    /// By name.
    pub teams: Vec<TeamView>,
}

/// A second factor was begun: a code of it makes it count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSecondFactor {
    /// The secret in base32, for an authenticator.
    pub secret: Secret,
    /// The same as an `otpauth` address, for a QR code.
    pub url: Secret,
}

/// The rep's public keys, all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKeyList {
    /// In the order they were added.
    pub keys: Vec<SshKey>,
}

/// The password is another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordChanged {
    /// What has to be done next, before anything else.
    pub first: Option<RefusalCode>,
}

/// The second factor counts from now on. Each code opens once, where the authenticator is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCodes {
    /// The codes. Shown this once.
    pub codes: Vec<Secret>,
}

/// What was asked for was done, but for these items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkDone {
    /// The others, and why.
    pub refused: Vec<(ItemId, Refusal)>,
}

/// Items that can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedItems {
    /// By number.
    pub items: Vec<RemovedItem>,
}

/// Installer keys that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallerList {
    /// By number.
    pub installers: Vec<InstallerView>,
}

/// The shortcut is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// Its id.
    pub item: ItemId,
}

/// A neighbour broadcasts the magic packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeHelper {
    /// The neighbour's name.
    pub helper: Box<str>,
}

/// The last sessions, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemHistory {
    /// At most ten.
    pub sessions: Vec<PastSession>,
    /// What should be known of the machine before anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Box<str>>,
}

//! Sessions of the past: which are wanted, and what is known of each.

use crate::log::Recording;
use crate::session::EndReason;
use crate::{ItemId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// Which sessions to list. Every field that is set has to match. Upper and lower case are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HistoryFilter {
    /// The session of this number.
    pub session: Option<SessionId>,
    /// Each is in the item's name, in the owner's user name, or is a tag of the item.
    pub words: Vec<Box<str>>,
    /// In the item's name.
    pub item: Option<Box<str>>,
    /// The user name of who owned it.
    pub rep: Option<Box<str>>,
    /// The Jump Group that the item is in now.
    pub group: Option<Box<str>>,
    /// A tag that the item has now.
    pub tag: Option<Box<str>>,
    /// It had not ended before this moment.
    pub since: Option<Timestamp>,
    /// It started before this moment.
    pub until: Option<Timestamp>,
    /// In a command line that was run in it.
    pub command: Option<Box<str>>,
}

/// A session, open or over, as the history knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The session.
    pub session: SessionId,
    /// The Jump Item it went to.
    pub item: ItemId,
    /// The item's name when the session started.
    pub item_name: Box<str>,
    /// The user name of its owner.
    pub owner: Box<str>,
    /// User names of the others who took part.
    pub others: Vec<Box<str>>,
    /// When it started.
    pub started: Timestamp,
    /// When it ended; nothing while it is open.
    pub ended: Option<Timestamp>,
    /// Why it ended, where the log says it.
    pub reason: Option<EndReason>,
    /// Command lines that were seen in it.
    pub commands: u32,
    /// The rep who asks took part in it. Only who took part reads a log and sees recordings.
    pub took_part: bool,
    /// Its recordings, the first one first; none for who took no part.
    pub recordings: Vec<Recording>,
}

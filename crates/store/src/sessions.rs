//! Which sessions of the past are asked for, and what is known of each.

use jumpdeck_protocol::log::Recording;
use jumpdeck_protocol::session::EndReason;
use jumpdeck_protocol::{ItemId, SessionId, Timestamp, UserId};

/// Which sessions to list: those this user may know of that match every field.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Who asks: knows of the sessions this user took part in …
    pub viewer: UserId,
    /// … and of those with these items.
    pub reported: Vec<ItemId>,
    /// The session of this number.
    pub session: Option<SessionId>,
    /// Sessions with one of these items.
    pub items: Option<Vec<ItemId>>,
    /// Sessions that belong to one of these users.
    pub owners: Option<Vec<UserId>>,
    /// Each of these has to apply.
    pub words: Vec<SessionWord>,
    /// Sessions that had not ended before this moment.
    pub since: Option<Timestamp>,
    /// Sessions that started before this moment.
    pub until: Option<Timestamp>,
    /// Sessions the user took part in, in which a command line with this text was seen.
    pub command: Option<String>,
}

/// A word that applies to sessions with items whose name has this text, or that are of these users
/// or with these items. A–Z count as a–z.
#[derive(Clone, Debug, Default)]
pub struct SessionWord {
    pub text: String,
    pub owners: Vec<UserId>,
    pub items: Vec<ItemId>,
}

/// A session, open or over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    pub id: SessionId,
    pub item: ItemId,
    pub item_name: String,
    pub owner: UserId,
    pub others: Vec<UserId>,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub reason: Option<EndReason>,
    pub commands: u32,
    pub took_part: bool,
    /// For who took part, the first one first, each with whose it is.
    pub recordings: Vec<(Recording, UserId)>,
}

//! The link: how it stands, and what is under way on it.

use super::Welcome;
use super::batch::Batch;
use super::requests::RequestBook;
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::rights::PlaceRights;
use std::time::Duration;

/// How the link stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Not made yet.
    #[default]
    Connecting,
    /// Up.
    Up {
        /// There and back.
        delay: Option<Duration>,
    },
    /// Gone since then; it is being made again.
    Down {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: String,
    },
    /// Gone for good.
    Ended {
        /// Why.
        reason: String,
    },
}

/// The link, and what is under way on it.
#[derive(Debug, Default)]
pub(super) struct LinkState {
    pub state: Link,
    pub welcome: Option<Welcome>,
    pub requests: RequestBook,
    /// Rights that are being told in parts.
    pub rights_coming: Vec<PlaceRights>,
    pub batches: Vec<Batch>,
    pub last_batch: u64,
}

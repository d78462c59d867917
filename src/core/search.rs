//! Searching, as data: what is to be run off the loop, and what came of it.

use super::inventory::{List, Order, Picture, like, matching};
use super::query::Query;
use jumpdeck_protocol::Timestamp;

pub use super::inventory::Scope;

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Items of a scope for which a query holds at a moment.
    Matching(Scope, Query, Timestamp),
    /// Items whose name, host or tag is like this, the likest first.
    Like(String),
}

/// A search to be run. A later one of the same kind makes it void.
#[derive(Clone, Debug)]
pub struct Job {
    /// Which search of the console this is.
    pub generation: u64,
    /// The items.
    pub picture: Picture,
    /// What to look for.
    pub wanted: Wanted,
}

impl Job {
    /// Whether both answer the same kind of question.
    pub const fn is_like(&self, other: &Self) -> bool {
        matches!(
            (&self.wanted, &other.wanted),
            (Wanted::Matching(..), Wanted::Matching(..)) | (Wanted::Like(_), Wanted::Like(_))
        )
    }
}

/// A search that was run.
#[derive(Clone, Debug)]
pub struct Found {
    /// The job's generation.
    pub generation: u64,
    /// What was looked for.
    pub wanted: Wanted,
    /// The items, in order.
    pub list: List,
    /// The order of all items, which the search had to reckon.
    pub order: Order,
}

/// Runs a search.
pub fn run(job: Job) -> Found {
    let Job { generation, picture, wanted } = job;
    let picture = picture.ordered();
    let order = picture.order();
    let list = match &wanted {
        Wanted::Matching(scope, query, now) => matching(picture, scope, query, *now),
        Wanted::Like(text) => like(picture, text),
    };
    Found { generation, wanted, list, order }
}

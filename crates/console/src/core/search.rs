//! Searching, as data: what is to be run off the loop, and what came of it.

use super::inventory::{Familiar, List, Look, Order, Picture, count, like, matching};

pub use super::inventory::Scope;

/// What to look for.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// The items of the list.
    Matching(Look),
    /// Items whose name, host or tag is like this: the familiar ones first, then the likest.
    Like(String, Familiar),
    /// How many items each of these finds.
    Counts(Vec<Look>),
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
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.wanted) == std::mem::discriminant(&other.wanted)
    }
}

/// A search that was run.
#[derive(Clone, Debug)]
pub struct Found {
    /// The job's generation.
    pub generation: u64,
    /// What was found.
    pub answer: SearchAnswer,
    /// The order of all items, which the search had to reckon.
    pub order: Order,
}

/// What a search found.
#[derive(Clone, Debug)]
pub enum SearchAnswer {
    /// The items of the list.
    List(List),
    /// The items that are like something.
    Like(List),
    /// How many there are of each.
    Counts(Vec<usize>),
}

/// Runs a search.
pub fn run(job: Job) -> Found {
    let Job { generation, picture, wanted } = job;
    let picture = picture.ordered();
    let order = picture.order();
    let answer = match &wanted {
        Wanted::Matching(look) => SearchAnswer::List(matching(picture, look)),
        Wanted::Like(text, familiar) => SearchAnswer::Like(like(picture, text, familiar)),
        Wanted::Counts(looks) => SearchAnswer::Counts(count(&picture, looks)),
    };
    Found { generation, answer, order }
}

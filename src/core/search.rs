//! Searching: pure, over an immutable picture of the inventory, off the loop.

use super::inventory::{Row, Rows};
use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;
use jumpdeck_protocol::inventory::Place;
use memchr::memmem::Finder;
use std::sync::Arc;

/// Which items a search goes over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All that the rep may see.
    #[default]
    All,
    /// Those in one place.
    Place(Place),
    /// Those in one place with one tag.
    Tag(Place, Box<str>),
}

impl Scope {
    /// Whether an item belongs to it.
    pub fn holds(&self, row: &Row) -> bool {
        match self {
            Self::All => true,
            Self::Place(place) => row.view.place == *place,
            Self::Tag(place, tag) => row.view.place == *place && row.view.tag == *tag,
        }
    }
}

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Items of a scope that hold all these words somewhere, in any case.
    Words(Scope, String),
    /// Items whose name, host or tag is like this, the likest first.
    Like(String),
}

/// A search to be run.
#[derive(Clone, Debug)]
pub struct Job {
    /// Which search of the console this is; a later one makes it void.
    pub generation: u64,
    /// The items.
    pub rows: Rows,
    /// What to look for.
    pub wanted: Wanted,
}

/// A search that was run.
#[derive(Clone, Debug)]
pub struct Found {
    /// The job's generation.
    pub generation: u64,
    /// What was looked for.
    pub wanted: Wanted,
    /// The items, in order.
    pub rows: Rows,
}

/// Entries that a fuzzy search returns at the most.
const MOST_LIKE: usize = 200;

/// Runs a search.
pub fn run(job: Job) -> Found {
    let rows = match &job.wanted {
        Wanted::Words(scope, text) => words(&job.rows, scope, text),
        Wanted::Like(text) => like(&job.rows, text),
    };
    Found { generation: job.generation, wanted: job.wanted, rows }
}

fn words(rows: &Rows, scope: &Scope, text: &str) -> Rows {
    let text = text.to_lowercase();
    let finders: Vec<_> = text.split_whitespace().map(Finder::new).collect();
    if finders.is_empty() && *scope == Scope::All {
        return Arc::clone(rows);
    }
    let holds = |row: &&Arc<Row>| {
        scope.holds(row)
            && finders.iter().all(|finder| finder.find(row.haystack.as_bytes()).is_some())
    };
    Arc::new(rows.iter().filter(holds).cloned().collect())
}

fn like(rows: &Rows, text: &str) -> Rows {
    let text = text.trim();
    if text.is_empty() {
        return Arc::new(rows.iter().take(MOST_LIKE).cloned().collect());
    }
    let matcher = SkimMatcherV2::default().ignore_case();
    let score = |row: &Arc<Row>| {
        let fields = [&row.view.name, &row.view.facts.hostname, &row.view.tag];
        fields.iter().filter_map(|field| matcher.fuzzy_match(field, text)).max()
    };
    let mut scored: Vec<_> = rows.iter().filter_map(|row| Some((score(row)?, row))).collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    Arc::new(scored.into_iter().take(MOST_LIKE).map(|(_, row)| Arc::clone(row)).collect())
}

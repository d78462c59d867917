//! How items are found: by a query, or by a few letters in order.
//!
//! Pure, and to be run off the loop. What an item has for itself is searched in the chunk's one
//! text; what many share is searched once, in the shared texts.

use super::chunk::{BETWEEN, CHUNK, Chunk, OWN, Record, letters};
use super::picture::{List, Picture, Slot};
use super::standing::{Standing, Standings};
use super::symbols::{Matching, Symbol};
use crate::core::query::{Compare, Field, Query, statuses};
use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;
use jumpdeck_protocol::inventory::{Place, Status};
use jumpdeck_protocol::{JumpGroupId, Timestamp};
use memchr::memmem::Finder;
use std::cmp::Reverse;

/// Which items are looked at.
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

/// Entries that a fuzzy search returns at the most.
const MOST_LIKE: usize = 200;

/// Items that a fuzzy search weighs at the most. If more fit, those are weighed that hold the text
/// as it stands, at the start of a word if possible, and the short ones among them.
const WEIGHED: usize = 3000;

/// Items of a scope for which a query holds, in order. `now` is what times are reckoned from.
pub fn matching(picture: Picture, scope: &Scope, query: &Query, now: Timestamp) -> List {
    let picture = picture.ordered();
    if query.is_everything() && *scope == Scope::All {
        return picture.all();
    }
    let bounds = Bounds::new(scope, &picture);
    let plan = Plan::new(query, &picture, now);
    let found: Vec<Found> = picture
        .chunks
        .iter()
        .enumerate()
        .map(|(number, chunk)| {
            let mut found = bounds.holds(chunk);
            if !found.is_empty() {
                found.keep(&plan.holds(&picture.standings, number, chunk));
            }
            found
        })
        .collect();
    let holds = |slot: &Slot| {
        let (chunk, index) = super::picture::place(*slot);
        found.get(chunk).is_some_and(|found| found.contains(index))
    };
    let slots = picture.order.iter().copied().filter(holds).collect();
    picture.list(slots)
}

/// A set of a chunk's items.
#[derive(Clone, Copy, Debug, Default)]
struct Found([u64; CHUNK / 64]);

impl Found {
    const fn is_empty(&self) -> bool {
        let [a, b, c, d] = self.0;
        a | b | c | d == 0
    }

    fn contains(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|bits| bits >> (index % 64) & 1 == 1)
    }

    fn insert(&mut self, index: usize) {
        if let Some(bits) = self.0.get_mut(index / 64) {
            *bits |= 1 << (index % 64);
        }
    }

    fn keep(&mut self, other: &Self) {
        for (bits, others) in self.0.iter_mut().zip(other.0) {
            *bits &= others;
        }
    }

    fn add(&mut self, other: &Self) {
        for (bits, others) in self.0.iter_mut().zip(other.0) {
            *bits |= others;
        }
    }

    const fn everything() -> Self {
        Self([u64::MAX; CHUNK / 64])
    }

    fn others(self) -> Self {
        Self(self.0.map(|bits| !bits))
    }

    /// Those of a chunk whose slot is wanted.
    fn those(chunk: &Chunk, number: usize, wanted: impl Fn(Slot) -> bool) -> Self {
        let mut found = Self::default();
        for index in 0..chunk.records.len() {
            if Slot::try_from(number * CHUNK + index).is_ok_and(&wanted) {
                found.insert(index);
            }
        }
        found
    }
}

/// A scope, with its tag as the picture knows it.
enum Bounds {
    All,
    Place(Place),
    Tag(Place, Option<Symbol>),
}

impl Bounds {
    fn new(scope: &Scope, picture: &Picture) -> Self {
        match scope {
            Scope::All => Self::All,
            Scope::Place(place) => Self::Place(*place),
            Scope::Tag(place, tag) => Self::Tag(*place, picture.symbols.find(tag)),
        }
    }

    fn holds(&self, chunk: &Chunk) -> Found {
        let mut found = Found::default();
        for (index, record) in chunk.records.iter().enumerate() {
            if record.as_ref().is_some_and(|record| self.holds_one(record)) {
                found.insert(index);
            }
        }
        found
    }

    fn holds_one(&self, record: &Record) -> bool {
        match self {
            Self::All => true,
            Self::Place(place) => record.place == *place,
            Self::Tag(place, tag) => {
                record.place == *place && record.shared.first().copied() == *tag
            }
        }
    }
}

/// A query, with all that can be reckoned once for all items.
enum Plan {
    All(Vec<Plan>),
    Any(Vec<Plan>),
    Not(Box<Plan>),
    Text(Box<Word>),
    Status(Vec<Status>),
    Seen(Compare, u64, Timestamp),
}

impl Plan {
    fn new(query: &Query, picture: &Picture, now: Timestamp) -> Self {
        let each = |parts: &[Query]| parts.iter().map(|p| Self::new(p, picture, now)).collect();
        match query {
            Query::All(parts) => Self::All(each(parts)),
            Query::Any(parts) => Self::Any(each(parts)),
            Query::Not(part) => Self::Not(Box::new(Self::new(part, picture, now))),
            Query::Text(field, text) => Self::Text(Box::new(Word::new(*field, text, picture))),
            Query::Status(beginning) => Self::Status(statuses(beginning).collect()),
            Query::Seen(compare, seconds) => Self::Seen(*compare, *seconds, now),
        }
    }

    /// The items of a chunk for which it holds, and maybe empty places.
    fn holds(&self, standings: &Standings, number: usize, chunk: &Chunk) -> Found {
        match self {
            Self::All(parts) => {
                let mut found = Found::everything();
                for part in parts {
                    if !found.is_empty() {
                        found.keep(&part.holds(standings, number, chunk));
                    }
                }
                found
            }
            Self::Any(parts) => {
                let mut found = Found::default();
                for part in parts {
                    found.add(&part.holds(standings, number, chunk));
                }
                found
            }
            Self::Not(part) => part.holds(standings, number, chunk).others(),
            Self::Text(word) => word.holders(chunk),
            Self::Status(wanted) => {
                Found::those(chunk, number, |slot| wanted.contains(&standings.of(slot).status))
            }
            Self::Seen(compare, seconds, now) => Found::those(chunk, number, |slot| {
                seen(standings.of(slot), *compare, *seconds, *now)
            }),
        }
    }
}

/// Whether something was last seen less or more than so long ago. What is linked is seen now.
fn seen(standing: Standing, compare: Compare, seconds: u64, now: Timestamp) -> bool {
    let ago = match (standing.status, standing.since) {
        (Status::Online | Status::InUse, _) => Some(0),
        (_, since) => since.map(|since| now.since(since)),
    };
    match compare {
        Compare::Less => ago.is_some_and(|ago| ago < seconds),
        Compare::More => ago.is_none_or(|ago| ago > seconds),
    }
}

/// A text that is looked for, and where it was found already.
struct Word {
    finder: Finder<'static>,
    sought: Sought,
    shared: Option<Matching>,
    groups: Vec<JumpGroupId>,
    personal: bool,
    method: bool,
}

/// Which of an item's own and shared texts are searched, and whether its group and method are.
#[derive(Clone, Copy)]
struct Sought {
    own: &'static [usize],
    shared: &'static [usize],
    group: bool,
    method: bool,
}

impl Sought {
    /// The fields by their places in [`Item`](super::Item).
    const fn of(field: Option<Field>) -> Self {
        const fn texts(own: &'static [usize], shared: &'static [usize]) -> Sought {
            Sought { own, shared, group: false, method: false }
        }
        match field {
            None => Self { group: true, method: true, ..texts(&[0, 1, 2, 3], &[0, 1, 2, 3, 4, 5]) },
            Some(Field::Name) => texts(&[0], &[]),
            Some(Field::Host) => texts(&[1, 2, 3], &[2]),
            Some(Field::Tag) => texts(&[], &[0]),
            Some(Field::Group) => Self { group: true, ..texts(&[], &[]) },
            Some(Field::User) => texts(&[], &[5]),
            Some(Field::Ip) => texts(&[3], &[2]),
            Some(Field::Method) => Self { method: true, ..texts(&[], &[]) },
            Some(Field::Os) => texts(&[], &[4]),
            Some(Field::Comment) => texts(&[], &[1]),
            Some(Field::Domain) => texts(&[], &[3]),
        }
    }
}

impl Word {
    fn new(field: Option<Field>, text: &str, picture: &Picture) -> Self {
        let word = text.to_lowercase();
        let sought = Sought::of(field);
        let holds = |text: &str| text.contains(&word);
        let shared = (!sought.shared.is_empty()).then(|| picture.symbols_matching(holds));
        Self {
            finder: Finder::new(&word).into_owned(),
            sought,
            shared: shared.flatten(),
            groups: if sought.group { picture.groups_named(holds) } else { Vec::new() },
            personal: sought.group && holds("personal"),
            method: sought.method && holds("jump client"),
        }
    }

    /// Those that hold it.
    fn holders(&self, chunk: &Chunk) -> Found {
        if self.method {
            return Found::everything();
        }
        let mut holders = self.in_texts(chunk);
        if self.shared.is_some() || self.personal || !self.groups.is_empty() {
            for (index, record) in chunk.records.iter().enumerate() {
                let asked = !holders.contains(index);
                if asked && record.as_ref().is_some_and(|record| self.is_shared_by(record)) {
                    holders.insert(index);
                }
            }
        }
        holders
    }

    /// Those that hold it in a text of their own.
    fn in_texts(&self, chunk: &Chunk) -> Found {
        let mut holders = Found::default();
        if self.sought.own.is_empty() {
            return holders;
        }
        let bytes = chunk.lower.bytes();
        let (mut index, mut from) = (0, 0);
        while let Some(at) = bytes.get(from..).and_then(|rest| self.finder.find(rest)) {
            let at = from + at;
            while chunk.lower.end(index) <= at {
                index += 1;
            }
            if self.is_sought(chunk, index, at) {
                holders.insert(index);
                from = chunk.lower.end(index);
            } else {
                from = at + 1;
            }
        }
        holders
    }

    /// Whether the own text in which something was found is one that is searched.
    fn is_sought(&self, chunk: &Chunk, index: usize, at: usize) -> bool {
        if self.sought.own.len() == OWN {
            return true;
        }
        let before = chunk.lower.bytes().get(chunk.lower.start(index)..at).unwrap_or_default();
        let field = before.iter().filter(|byte| **byte == BETWEEN as u8).count();
        self.sought.own.contains(&field)
    }

    fn is_shared_by(&self, record: &Record) -> bool {
        let place = match record.place {
            Place::Personal(_) => self.personal,
            Place::JumpGroup(id) => self.groups.contains(&id),
        };
        let holds = |shared: &Matching| {
            let mut sought = self.sought.shared.iter().filter_map(|n| record.shared.get(*n));
            sought.any(|symbol| shared.holds(*symbol))
        };
        place || self.shared.as_ref().is_some_and(holds)
    }
}

/// Items whose name, host or tag is like `text`, the likest first.
pub fn like(picture: Picture, text: &str) -> List {
    let picture = picture.ordered();
    let text = text.trim();
    if text.is_empty() {
        let slots = picture.order.iter().copied().take(MOST_LIKE).collect();
        return picture.list(slots);
    }
    let mut candidates = candidates(&picture, &text.to_lowercase());
    if candidates.len() > WEIGHED {
        candidates.select_nth_unstable(WEIGHED);
        candidates.truncate(WEIGHED);
    }
    let matcher = SkimMatcherV2::default().ignore_case();
    let weigh = |candidate: Candidate| {
        let item = picture.item(candidate.slot)?;
        let fields = [item.name(), item.hostname(), item.tag()];
        let scores = fields.iter().filter_map(|field| matcher.fuzzy_match(field, text));
        Some((Reverse(scores.max()?), candidate))
    };
    let mut weighed: Vec<_> = candidates.into_iter().filter_map(weigh).collect();
    weighed.sort_unstable();
    let slots = weighed.iter().take(MOST_LIKE).map(|(_, candidate)| candidate.slot).collect();
    picture.list(slots)
}

/// An item that holds the letters in order: how well at first sight, how long its name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    fit: Fit,
    length: usize,
    slot: Slot,
}

/// How well a text fits at first sight, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Start,
    Word,
    Inside,
    Scattered,
}

fn candidates(picture: &Picture, lower: &str) -> Vec<Candidate> {
    let wanted = letters(lower);
    let finder = Finder::new(lower);
    let tags = picture.symbols.fits(|tag| fit(tag, lower, &finder));
    let mut candidates = Vec::new();
    for (number, chunk) in picture.chunks.iter().enumerate() {
        for (index, _) in chunk.letters.iter().enumerate().filter(|(_, l)| *l & wanted == wanted) {
            let Some(record) = chunk.record(index) else {
                continue;
            };
            let mut own = chunk.lower.of(index).splitn(3, super::chunk::BETWEEN);
            let name = own.next().unwrap_or_default();
            let host = own.next().unwrap_or_default();
            let tag = record.shared.first().and_then(|tag| tags.get(*tag));
            let fits = [fit(name, lower, &finder), fit(host, lower, &finder), tag];
            if let Some(fit) = fits.into_iter().flatten().min() {
                let slot = Slot::try_from(number * CHUNK + index).unwrap_or(Slot::MAX);
                candidates.push(Candidate { fit, length: name.len(), slot });
            }
        }
    }
    candidates
}

fn fit(text: &str, wanted: &str, finder: &Finder<'_>) -> Option<Fit> {
    match finder.find(text.as_bytes()) {
        Some(0) => Some(Fit::Start),
        Some(at) => {
            let before = text.as_bytes().get(at - 1).copied().unwrap_or(b' ');
            Some(if before.is_ascii_alphanumeric() { Fit::Inside } else { Fit::Word })
        }
        None => holds_in_order(text, wanted).then_some(Fit::Scattered),
    }
}

fn holds_in_order(text: &str, wanted: &str) -> bool {
    let mut letters = text.bytes();
    wanted.bytes().all(|byte| letters.any(|letter| letter == byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_fits_best_at_its_start_and_worst_in_scattered_letters() {
        let fit = |text: &str, wanted: &str| fit(text, wanted, &Finder::new(wanted));
        assert_eq!(fit("web-01", "web"), Some(Fit::Start));
        assert_eq!(fit("ber-web-01", "web"), Some(Fit::Word));
        assert_eq!(fit("berweb", "web"), Some(Fit::Inside));
        assert_eq!(fit("w-e-b", "web"), Some(Fit::Scattered));
        assert_eq!(fit("bew", "web"), None);
    }
}

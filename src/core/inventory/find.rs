//! How items are found: by parts of their texts, or by a few letters in order.
//!
//! Pure, and to be run off the loop. What an item has for itself is searched in the chunk's one
//! text; what many share is searched once, in the shared texts.

use super::chunk::{CHUNK, Chunk, Record, SEARCHED, letters};
use super::picture::{List, Picture, Slot};
use super::symbols::{Matching, Symbol};
use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;
use jumpdeck_protocol::JumpGroupId;
use jumpdeck_protocol::inventory::Place;
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

/// Items of a scope that hold all words of `text` somewhere, in any case, in order.
pub fn words(picture: Picture, scope: &Scope, text: &str) -> List {
    let picture = picture.ordered();
    let text = text.to_lowercase();
    let words: Vec<_> = text.split_whitespace().map(|word| Word::new(word, &picture)).collect();
    if words.is_empty() && *scope == Scope::All {
        return picture.all();
    }
    let scope = Bounds::new(scope, &picture);
    let found: Vec<Found> = picture
        .chunks
        .iter()
        .map(|chunk| {
            let mut found = scope.holds(chunk);
            for word in &words {
                if !found.is_empty() {
                    word.narrow(chunk, &mut found);
                }
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

/// A word that is looked for, and what it was found in already.
struct Word<'t> {
    finder: Finder<'t>,
    shared: Option<Matching>,
    groups: Vec<JumpGroupId>,
    personal: bool,
    methods: bool,
}

impl<'t> Word<'t> {
    fn new(word: &'t str, picture: &Picture) -> Self {
        let holds = |text: &str| text.contains(word);
        Self {
            finder: Finder::new(word),
            shared: picture.symbols_matching(holds),
            groups: picture.groups_named(holds),
            personal: holds("personal"),
            methods: holds("jump client"),
        }
    }

    /// Leaves those items that hold the word.
    fn narrow(&self, chunk: &Chunk, found: &mut Found) {
        if self.methods {
            return;
        }
        let mut holders = self.in_texts(chunk);
        if self.shared.is_some() || self.personal || !self.groups.is_empty() {
            for (index, record) in chunk.records.iter().enumerate() {
                let asked = found.contains(index) && !holders.contains(index);
                if asked && record.as_ref().is_some_and(|record| self.is_shared_by(record)) {
                    holders.insert(index);
                }
            }
        }
        found.keep(&holders);
    }

    /// Those that hold it in a text of their own.
    fn in_texts(&self, chunk: &Chunk) -> Found {
        let mut holders = Found::default();
        let bytes = chunk.lower.bytes();
        let (mut index, mut from) = (0, 0);
        while let Some(at) = bytes.get(from..).and_then(|rest| self.finder.find(rest)) {
            while chunk.lower.end(index) <= from + at {
                index += 1;
            }
            holders.insert(index);
            from = chunk.lower.end(index);
        }
        holders
    }

    fn is_shared_by(&self, record: &Record) -> bool {
        let place = match record.place {
            Place::Personal(_) => self.personal,
            Place::JumpGroup(id) => self.groups.contains(&id),
        };
        let mut searched = record.shared.iter().take(SEARCHED);
        place || self.shared.as_ref().is_some_and(|shared| searched.any(|s| shared.holds(*s)))
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

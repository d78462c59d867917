//! How items are found: by a query, or by a few letters in order.
//!
//! Pure, and to be run off the loop. What an item has for itself is searched in the chunk's one
//! text; what many share is searched once, in the shared texts.

use super::chunk::{BETWEEN, CHUNK, Chunk, OWN, Record};
use super::picture::{List, Picture, Slot};
use super::standing::{ItemStanding, Standings};
use super::symbols::{Matching, Symbol};
use crate::core::query::{Compare, Field, Measure, Query, statuses};
use jumpdeck_protocol::inventory::{Place, Status};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::preferences::Sort;
use jumpdeck_protocol::{JumpPolicyId, Timestamp};
use memchr::memmem::Finder;
use std::sync::Arc;

/// Which items are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All that the rep may see.
    #[default]
    All,
    /// Those that the rep used, the last one first.
    Recent,
    /// Those for which a saved search holds.
    Saved(Box<str>),
    /// Those in one place.
    Place(Place),
    /// Those in one place with one tag.
    Tag(Place, Box<str>),
}

impl Scope {
    /// The place that it is in, if it is in one.
    pub const fn place(&self) -> Option<Place> {
        match self {
            Self::Place(place) | Self::Tag(place, _) => Some(*place),
            Self::All | Self::Recent | Self::Saved(_) => None,
        }
    }
}

/// The items that a rep used, the last one first, and how much each is worth.
#[derive(Clone, Debug, Default)]
pub struct Familiar(pub(super) Arc<Vec<(Slot, u32)>>);

/// What is looked for in the list.
#[derive(Clone, Debug)]
pub struct Look {
    /// Where.
    pub scope: Scope,
    /// What holds for it.
    pub query: Query,
    /// In which fields bare words are looked for; none for all of them.
    pub fields: Arc<[Field]>,
    /// In which order it is asked for.
    pub sort: Sort,
    /// What times are reckoned from.
    pub now: Timestamp,
    /// What the rep used.
    pub familiar: Familiar,
}

impl Look {
    /// Everything for which a query holds, by name.
    pub fn at(scope: Scope, query: Query, now: Timestamp) -> Self {
        let (fields, sort) = (Arc::default(), Sort::default());
        Self { scope, query, fields, sort, now, familiar: Familiar::default() }
    }
}

/// The items that are looked for, in order.
pub fn matching(picture: Picture, look: &Look) -> List {
    let picture = picture.ordered();
    let is_whole = look.query.is_everything() && matches!(look.scope, Scope::All | Scope::Saved(_));
    if is_whole && look.sort == Sort::default() {
        return picture.all();
    }
    let found = Holders::new(&picture, look);
    let slots: Vec<Slot> = if look.scope == Scope::Recent {
        look.familiar.0.iter().map(|(slot, _)| *slot).filter(|slot| found.holds(*slot)).collect()
    } else {
        picture.order.iter().copied().filter(|slot| found.holds(*slot)).collect()
    };
    let is_by_use = look.scope == Scope::Recent && look.sort == Sort::default();
    let slots = if is_by_use { slots } else { picture.sorted(slots, look.sort) };
    picture.list(slots)
}

/// For how many items each of these queries holds.
pub fn count(picture: &Picture, looks: &[Look]) -> Vec<usize> {
    looks.iter().map(|look| Holders::new(picture, look).count()).collect()
}

/// The items that are looked for, chunk by chunk.
struct Holders(Vec<FoundRows>);

impl Holders {
    fn new(picture: &Picture, look: &Look) -> Self {
        let bounds = Bounds::new(&look.scope, picture);
        let plan = SearchPlan::new(&look.query, picture, look);
        let chunks = picture.chunks.iter().enumerate().map(|(number, chunk)| {
            let mut found = bounds.holds(chunk);
            if !found.is_empty() {
                found.keep(&plan.holds(&picture.standings, number, chunk));
            }
            found
        });
        Self(chunks.collect())
    }

    fn holds(&self, slot: Slot) -> bool {
        let (chunk, index) = super::picture::place(slot);
        self.0.get(chunk).is_some_and(|found| found.contains(index))
    }

    fn count(&self) -> usize {
        let bits = self.0.iter().flat_map(|found| found.0);
        bits.map(|bits| bits.count_ones() as usize).sum()
    }
}

/// A set of a chunk's items.
#[derive(Clone, Copy, Debug, Default)]
struct FoundRows([u64; CHUNK / 64]);

impl FoundRows {
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

    /// The items of a chunk whose slot is asked for.
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
            Scope::All | Scope::Recent | Scope::Saved(_) => Self::All,
            Scope::Place(place) => Self::Place(*place),
            Scope::Tag(place, tag) => Self::Tag(*place, picture.symbols.find(tag)),
        }
    }

    fn holds(&self, chunk: &Chunk) -> FoundRows {
        let mut found = FoundRows::default();
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
enum SearchPlan {
    All(Vec<SearchPlan>),
    Any(Vec<SearchPlan>),
    Not(Box<SearchPlan>),
    Text(Box<Word>),
    Status(Vec<Status>),
    Seen(Compare, u64, Timestamp),
    Figure(Measure, Compare, u8),
}

impl SearchPlan {
    fn new(query: &Query, picture: &Picture, look: &Look) -> Self {
        let each = |parts: &[Query]| parts.iter().map(|p| Self::new(p, picture, look)).collect();
        match query {
            Query::All(parts) => Self::All(each(parts)),
            Query::Any(parts) => Self::Any(each(parts)),
            Query::Not(part) => Self::Not(Box::new(Self::new(part, picture, look))),
            Query::Text(field, text) => {
                let sought = match field {
                    Some(field) => Sought::of(*field),
                    None => Sought::any(&look.fields),
                };
                Self::Text(Box::new(Word::new(sought, text, picture)))
            }
            Query::Status(beginning) => Self::Status(statuses(beginning).collect()),
            Query::Seen(compare, seconds) => Self::Seen(*compare, *seconds, look.now),
            Query::Figure(measure, compare, share) => Self::Figure(*measure, *compare, *share),
        }
    }

    /// The items of a chunk for which it holds, and maybe empty places.
    fn holds(&self, standings: &Standings, number: usize, chunk: &Chunk) -> FoundRows {
        match self {
            Self::All(parts) => {
                let mut found = FoundRows::everything();
                for part in parts {
                    if !found.is_empty() {
                        found.keep(&part.holds(standings, number, chunk));
                    }
                }
                found
            }
            Self::Any(parts) => {
                let mut found = FoundRows::default();
                for part in parts {
                    found.add(&part.holds(standings, number, chunk));
                }
                found
            }
            Self::Not(part) => part.holds(standings, number, chunk).others(),
            Self::Text(word) => word.holders(chunk),
            Self::Status(wanted) => {
                FoundRows::those(chunk, number, |slot| wanted.contains(&standings.of(slot).status))
            }
            Self::Seen(compare, seconds, now) => FoundRows::those(chunk, number, |slot| {
                seen(standings.of(slot), *compare, *seconds, *now)
            }),
            Self::Figure(measure, compare, share) => FoundRows::those(chunk, number, |slot| {
                let figures = standings.of(slot).figures;
                let figure = match measure {
                    Measure::Cpu => figures.cpu(),
                    Measure::Disk => figures.disk(),
                };
                figure.is_some_and(|figure| match compare {
                    Compare::Less => figure < *share,
                    Compare::More => figure > *share,
                })
            }),
        }
    }
}

/// Whether something was last seen less or more than so long ago. What is linked is seen now.
fn seen(standing: ItemStanding, compare: Compare, seconds: u64, now: Timestamp) -> bool {
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
    places: Vec<Place>,
    methods: Vec<JumpMethod>,
    policies: Vec<JumpPolicyId>,
}

/// Which of an item's own and shared texts are searched (a bit for each, by their places in
/// [`Item`](super::Item)), and whether its group, method and Jump Policy are.
#[derive(Clone, Copy, Default)]
struct Sought {
    own: u8,
    shared: u16,
    group: bool,
    method: bool,
    policy: bool,
}

impl Sought {
    fn of(field: Field) -> Self {
        let texts = |own, shared| Self { own, shared, ..Self::default() };
        match field {
            Field::Name => texts(0b0001, 0),
            Field::Host => texts(0b1110, 0b00_0100),
            Field::Tag => texts(0, 0b00_0001),
            Field::Group => Self { group: true, ..Self::default() },
            Field::User => texts(0, 0b10_0000),
            Field::Ip => texts(0b1000, 0b00_0100),
            Field::Method => Self { method: true, ..Self::default() },
            Field::Os => texts(0, 0b01_0000),
            Field::Comment => texts(0, 0b00_0010),
            Field::Domain => texts(0, 0b00_1000),
            Field::Policy => Self { policy: true, ..Self::default() },
        }
    }

    /// Any of these fields; of none, any field at all.
    fn any(fields: &[Field]) -> Self {
        let every = Field::ALL.map(|(_, field)| field);
        let fields = if fields.is_empty() { &every } else { fields };
        fields.iter().map(|field| Self::of(*field)).fold(Self::default(), |one, other| Self {
            own: one.own | other.own,
            shared: one.shared | other.shared,
            group: one.group | other.group,
            method: one.method | other.method,
            policy: one.policy | other.policy,
        })
    }
}

impl Word {
    fn new(sought: Sought, text: &str, picture: &Picture) -> Self {
        let word = text.to_lowercase();
        let holds = |text: &str| text.contains(&word);
        let shared = (sought.shared != 0).then(|| picture.symbols_matching(holds));
        let methods = JumpMethod::ALL.iter().copied();
        let methods =
            methods.filter(|method| sought.method && holds(&method.title().to_lowercase()));
        Self {
            finder: Finder::new(&word).into_owned(),
            sought,
            shared: shared.flatten(),
            places: if sought.group { picture.places_named(holds) } else { Vec::new() },
            methods: methods.collect(),
            policies: if sought.policy { picture.policies_named(holds) } else { Vec::new() },
        }
    }

    /// Those that hold it.
    fn holders(&self, chunk: &Chunk) -> FoundRows {
        let mut holders = self.in_texts(chunk);
        let is_shared = self.shared.is_some() || !self.places.is_empty();
        if is_shared || !self.methods.is_empty() || !self.policies.is_empty() {
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
    fn in_texts(&self, chunk: &Chunk) -> FoundRows {
        let mut holders = FoundRows::default();
        if self.sought.own == 0 {
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
        if self.sought.own == (1 << OWN) - 1 {
            return true;
        }
        let before = chunk.lower.bytes().get(chunk.lower.start(index)..at).unwrap_or_default();
        let field = before.iter().filter(|byte| **byte == BETWEEN as u8).count();
        self.sought.own >> field & 1 == 1
    }

    fn is_shared_by(&self, record: &Record) -> bool {
        let holds = |shared: &Matching| {
            let texts = record.shared.iter().enumerate();
            let mut sought = texts.filter(|(n, _)| self.sought.shared >> n & 1 == 1);
            sought.any(|(_, symbol)| shared.holds(*symbol))
        };
        let policy = || record.rare.as_ref().and_then(|rare| rare.jump_policy);
        self.places.contains(&record.place)
            || self.methods.contains(&record.method)
            || self.shared.as_ref().is_some_and(holds)
            || (!self.policies.is_empty() && policy().is_some_and(|p| self.policies.contains(&p)))
    }
}

//! The replica of the inventory: what this rep may see, as the appliance last told it.
//!
//! An item lives in a slot from its coming to its going. Slots lie together in chunks that a
//! [`Picture`] shares with the replica; a change copies only the chunk it is in. So a picture of
//! 100,000 items costs a few hundred pointers, a change a few microseconds, and a search reads
//! memory from one end to the other.

mod chunk;
mod counts;
mod find;
mod like;
mod picture;
mod pool;
mod sort;
mod standing;
mod symbols;

pub use counts::{PlaceCount, TreeCounts};
pub use find::{Familiar, Look, Scope, count, matching};
pub use like::like;
pub use picture::{Item, List, Order, Picture};
pub use pool::Pool;

use super::query::{Field, Values};
use chunk::rare;
use chunk::{Chunk, Record};
use jumpdeck_protocol::inventory::{
    Figure, InventoryPart, ItemView, JumpPolicyView, Place, Position, Presence, PresencePosition,
    Statistics, Status, Thumbnail,
};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::rights::PlaceRights;
use jumpdeck_protocol::text::clean;
use jumpdeck_protocol::{ItemId, JumpGroupId, UserId};
use picture::{Names, Slot, place};
use standing::{ItemFigures, ItemStanding, Standings};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use symbols::{Interner, Symbol};

/// Measurements that are kept for the sparklines.
const HISTORY: usize = 60;

/// The replica.
#[derive(Debug, Default)]
pub struct Inventory {
    chunks: Vec<Arc<Chunk>>,
    texts: Interner,
    names: Arc<Names>,
    slots: HashMap<ItemId, Slot>,
    free: Vec<Slot>,
    standings: Standings,
    /// Slots that were ever used.
    used: Slot,
    /// Presence of items that were not told yet.
    early: HashMap<ItemId, ItemStanding>,
    places: BTreeMap<Place, Members>,
    statistics: Option<(ItemId, VecDeque<Statistics>)>,
    thumbnail: Option<(ItemId, Thumbnail)>,
    position: Option<Position>,
    presence_position: Option<PresencePosition>,
    version: u64,
    /// How often an item left its slot, which another may then have taken.
    departures: u64,
    order: Arc<Vec<Slot>>,
    /// What changed since the order was reckoned, and when.
    unordered: Vec<(u64, Slot)>,
    /// What is held together with other replicas, if it is.
    pool: Option<Arc<Pool>>,
    /// Chunks that changed since they were shared.
    touched: BTreeSet<usize>,
}

/// How many items are in a place, and how many of them under each tag.
#[derive(Debug, Default)]
struct Members {
    count: usize,
    tags: HashMap<Symbol, usize>,
}

impl Inventory {
    /// Where the replica stands, once it is whole.
    pub const fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Takes in a part of a snapshot, or changes.
    pub fn take(&mut self, part: InventoryPart) {
        self.version += 1;
        if part.reset {
            self.start_over();
        }
        if !part.groups.is_empty() || !part.gone_groups.is_empty() {
            let names = Arc::make_mut(&mut self.names);
            for group in part.groups {
                names.groups.insert(group.id, clean(&group.name).into());
            }
            for id in part.gone_groups {
                names.groups.remove(&id);
            }
        }
        for item in part.items {
            self.put(&item);
        }
        for id in part.gone {
            self.remove(id);
        }
        if part.position.is_some() {
            self.position = part.position;
            self.hold_together();
        }
    }

    /// From now on, what others hold as well is held together with them.
    pub fn share(&mut self, pool: Arc<Pool>) {
        self.pool = Some(pool);
    }

    fn hold_together(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        let Some(pool) = &self.pool else {
            return;
        };
        for chunk in touched {
            if let Some(chunk) = self.chunks.get_mut(chunk) {
                pool.chunk(chunk);
            }
        }
        self.standings.share(pool);
    }

    /// A snapshot begins. Presence is sent separately and stays.
    fn start_over(&mut self) {
        let early = self.slots.iter().map(|(id, slot)| (*id, self.standings.of(*slot)));
        let mut early: HashMap<_, _> = early.collect();
        early.extend(self.early.drain());
        let mut names = Names::clone(&self.names);
        names.groups.clear();
        *self = Self {
            early,
            names: Arc::new(names),
            statistics: self.statistics.take(),
            thumbnail: self.thumbnail.take(),
            presence_position: self.presence_position,
            version: self.version,
            departures: self.departures + 1,
            pool: self.pool.take(),
            ..Self::default()
        };
    }

    fn put(&mut self, view: &ItemView) {
        let slot = match self.slots.get(&view.id) {
            Some(slot) => *slot,
            None => self.settle(view.id),
        };
        let [tag, comments] = [&view.tag, &view.comments].map(|text| clean(text));
        let facts = &view.facts;
        let own = [&view.name, &facts.hostname, &facts.fqdn, &facts.private_ip].map(|t| clean(t));
        let rest = [
            &view.public_ip,
            &facts.domain,
            &facts.operating_system,
            &facts.console_user,
            &facts.gateway,
            &facts.gateway_mac,
            &facts.version,
        ];
        let [ip, domain, system, user, gateway, mac, version] =
            rest.map(|text| self.texts.take(&clean(text)));
        let shared = [
            self.texts.take(&tag),
            self.texts.take(&comments),
            ip,
            domain,
            system,
            user,
            gateway,
            mac,
            version,
        ];
        let record = Record {
            id: view.id,
            created: view.created,
            place: view.place,
            memory: facts.memory,
            shared,
            processors: facts.processors,
            method: view.method,
            install_mode: facts.install_mode,
            mac: facts.mac.parse().ok(),
            rare: rare(view),
        };
        self.leave(slot);
        let members = self.places.entry(view.place).or_default();
        members.count += 1;
        *members.tags.entry(shared[0]).or_default() += 1;
        let (chunk, index) = place(slot);
        if chunk >= self.chunks.len() {
            self.chunks.resize_with(chunk + 1, Arc::default);
        }
        self.touched.insert(chunk);
        if let Some(chunk) = self.chunks.get_mut(chunk) {
            Arc::make_mut(chunk).put(index, record, own.each_ref().map(|text| &**text), &tag);
        }
        self.unordered.push((self.version, slot));
    }

    /// A slot for a new item.
    fn settle(&mut self, id: ItemId) -> Slot {
        let slot = self.free.pop().unwrap_or(self.used);
        self.used = self.used.max(slot + 1);
        self.standings.put(slot, self.early.remove(&id).unwrap_or_default());
        self.slots.insert(id, slot);
        slot
    }

    fn remove(&mut self, id: ItemId) {
        self.early.remove(&id);
        if let Some(slot) = self.slots.remove(&id) {
            self.leave(slot);
            self.departures += 1;
            self.free.push(slot);
            self.unordered.push((self.version, slot));
        }
    }

    /// What was in a slot is gone from its place, and its texts are used no more.
    fn leave(&mut self, slot: Slot) {
        let (chunk, index) = place(slot);
        self.touched.insert(chunk);
        let before = self.chunks.get_mut(chunk).filter(|chunk| chunk.record(index).is_some());
        let Some(record) = before.and_then(|chunk| Arc::make_mut(chunk).clear(index)) else {
            return;
        };
        if let Some(members) = self.places.get_mut(&record.place) {
            members.count -= 1;
            let tag = record.shared[0];
            if let Some(count) = members.tags.get_mut(&tag) {
                *count -= 1;
                if *count == 0 {
                    members.tags.remove(&tag);
                }
            }
            if members.count == 0 {
                self.places.remove(&record.place);
            }
        }
        for symbol in record.shared {
            self.texts.release(symbol);
        }
    }

    /// Takes in presence; with `all`, what is not named is offline.
    pub fn take_presence(
        &mut self,
        all: bool,
        changes: Vec<Presence>,
        position: Option<PresencePosition>,
    ) {
        if all {
            self.standings.clear();
            self.early.clear();
            self.presence_position = None;
        }
        self.presence_position = position.or(self.presence_position);
        for Presence { item, status, since } in changes {
            match self.slots.get(&item) {
                Some(slot) => self.standings.set(*slot, status, since),
                None => {
                    let standing = ItemStanding { status, since, ..ItemStanding::default() };
                    self.early.insert(item, standing);
                }
            }
        }
        if position.is_some()
            && let Some(pool) = &self.pool
        {
            self.standings.share(pool);
        }
    }

    /// Takes in figures that are searched for.
    pub fn take_figures(&mut self, figures: &[Figure]) {
        for Figure { item, cpu, disk } in figures {
            if let Some(slot) = self.slots.get(item) {
                self.standings.measured(*slot, ItemFigures::new(*cpu, *disk));
            }
        }
    }

    /// Nobody searches for figures any more: what was measured grows old.
    pub fn forget_figures(&mut self) {
        self.standings.forget_figures();
    }

    /// The tags of all items, each once.
    fn tags(&self) -> Vec<String> {
        let symbols: HashSet<Symbol> =
            self.places.values().flat_map(|members| members.tags.keys().copied()).collect();
        let texts = symbols.into_iter().map(|symbol| self.texts.symbols().text(symbol).to_owned());
        texts.filter(|text| !text.is_empty()).collect()
    }

    /// Takes in whose console this is.
    pub fn is_of(&mut self, user: UserId) {
        Arc::make_mut(&mut self.names).me = Some(user);
    }

    /// Takes in whose personal lists there are.
    pub fn take_rights(&mut self, places: &[PlaceRights]) {
        let people = places.iter().filter_map(|rights| match (rights.place, &rights.owner) {
            (Place::Personal(user), Some(owner)) => Some((user, clean(owner).into())),
            _ => None,
        });
        Arc::make_mut(&mut self.names).people = people.collect();
    }

    /// Takes in the names of the Jump Policies.
    pub fn take_policies(&mut self, policies: &[JumpPolicyView]) {
        let named = policies.iter().map(|policy| (policy.id, clean(&policy.name).into()));
        Arc::make_mut(&mut self.names).policies = named.collect();
    }

    fn id_in(&self, slot: Slot) -> Option<ItemId> {
        let (chunk, index) = place(slot);
        Some(self.chunks.get(chunk)?.record(index)?.id)
    }

    /// An item's presence.
    pub fn presence(&self, id: ItemId) -> Presence {
        let standing = self.slots.get(&id).map(|slot| self.standings.of(*slot));
        let ItemStanding { status, since, .. } = standing.unwrap_or_default();
        Presence { item: id, status, since }
    }

    /// How many machines can be reached now.
    pub fn linked(&self) -> usize {
        let statuses = self.slots.values().map(|slot| self.standings.of(*slot).status);
        statuses.filter(|status| matches!(status, Status::Online | Status::InUse)).count()
    }

    /// How much of the presence is known, once it is whole.
    pub const fn presence_position(&self) -> Option<PresencePosition> {
        self.presence_position
    }

    /// Takes in a measurement.
    pub fn take_statistics(&mut self, item: ItemId, statistics: Statistics) {
        match &mut self.statistics {
            Some((of, history)) if *of == item => {
                if history.len() == HISTORY {
                    history.pop_front();
                }
                history.push_back(statistics);
            }
            other => *other = Some((item, VecDeque::from([statistics]))),
        }
    }

    /// Takes in a picture of a screen.
    pub fn take_thumbnail(&mut self, item: ItemId, thumbnail: Thumbnail) {
        self.thumbnail = thumbnail.is_whole().then_some((item, thumbnail));
    }

    /// The picture of an item's screen, if there is one.
    pub fn thumbnail(&self, item: ItemId) -> Option<&Thumbnail> {
        self.thumbnail.as_ref().filter(|(of, _)| *of == item).map(|(_, picture)| picture)
    }

    /// The measurements of an item, oldest first.
    pub fn statistics(&self, item: ItemId) -> Option<&VecDeque<Statistics>> {
        self.statistics.as_ref().filter(|(of, _)| *of == item).map(|(_, history)| history)
    }

    /// An item as it is now.
    pub fn item(&self, id: ItemId) -> Option<Item<'_>> {
        let (chunk, index) = place(*self.slots.get(&id)?);
        let chunk = self.chunks.get(chunk)?;
        let record = chunk.record(index)?;
        Some(Item::new(chunk, index, record, self.texts.symbols(), &self.names))
    }

    /// The last item that there is.
    pub fn last_id(&self) -> ItemId {
        self.slots.keys().copied().max().unwrap_or_default()
    }

    /// The items that came after this one.
    pub fn items_after(&self, after: ItemId) -> impl Iterator<Item = Item<'_>> {
        self.slots.keys().filter(move |id| **id > after).filter_map(|id| self.item(*id))
    }

    /// The name of an item.
    pub fn name(&self, id: ItemId) -> Option<&str> {
        self.item(id).map(|item| item.name())
    }

    /// What the rep used, as a search wants it.
    pub fn familiar(&self, used: impl Iterator<Item = (ItemId, u32)>) -> Familiar {
        let there = used.filter_map(|(item, worth)| Some((*self.slots.get(&item)?, worth)));
        Familiar(Arc::new(there.collect()))
    }

    /// Whether somebody else's personal list is meant.
    pub fn is_anothers(&self, place: Place) -> bool {
        matches!(place, Place::Personal(user) if self.names.me.is_some_and(|me| me != user))
    }

    /// One's own list first, then the groups, then the lists of others.
    fn rank(&self, place: Place) -> u8 {
        match place {
            Place::JumpGroup(_) => 1,
            other if self.is_anothers(other) => 2,
            Place::Personal(_) => 0,
            // No inventory has any.
            Place::Queue(_) => 3,
        }
    }

    /// The name of a group.
    pub fn group(&self, id: JumpGroupId) -> Option<&str> {
        self.names.groups.get(&id).map(|name| &**name)
    }

    /// The texts that items share in one of their fields, each once.
    fn shared(&self, field: usize) -> Vec<String> {
        let records = self.chunks.iter().flat_map(|chunk| chunk.records.iter().flatten());
        let symbols: HashSet<Symbol> =
            records.filter_map(|r| r.shared.get(field).copied()).collect();
        let texts = symbols.into_iter().map(|symbol| self.texts.symbols().text(symbol).to_owned());
        texts.filter(|text| !text.is_empty()).collect()
    }

    /// The items as they are now, for a search.
    pub fn picture(&self) -> Picture {
        Picture {
            version: self.version,
            departures: self.departures,
            chunks: self.chunks.clone(),
            symbols: self.texts.symbols().clone(),
            names: Arc::clone(&self.names),
            standings: self.standings.clone(),
            order: Arc::clone(&self.order),
            unordered: self.unordered.iter().map(|(_, slot)| *slot).collect(),
        }
    }

    /// Takes over an order that was reckoned from one of its pictures, unless it has a newer one.
    pub fn adopt(&mut self, order: Order) {
        let is_newer = self.unordered.first().is_some_and(|(first, _)| *first <= order.version);
        if is_newer && order.version <= self.version {
            self.unordered.retain(|(version, _)| *version > order.version);
            self.order = order.slots;
        }
    }

    /// Where an item is in a list.
    pub fn find(&self, list: &List, id: ItemId) -> Option<usize> {
        let slot = self.slots.get(&id)?;
        // After a snapshot an item may be kept elsewhere than when the list was made.
        list.find(id, *slot).or_else(|| list.iter().position(|item| item.id() == id))
    }

    /// A list with an item more, at this place; nothing if there is no such item any more.
    pub fn held(&self, list: &List, id: ItemId, at: usize) -> Option<List> {
        let held = list.with(*self.slots.get(&id)?, at);
        // A list that is older than the item has nothing in its place.
        let is_there = held.get(at.min(list.len())).is_some_and(|item| item.id() == id);
        is_there.then_some(held)
    }
}

impl Values for Inventory {
    fn of(&self, field: Field) -> Vec<String> {
        match field {
            Field::Group => self.places().iter().map(|place| place.name.to_owned()).collect(),
            Field::Tag => self.tags(),
            Field::Domain => self.shared(3),
            Field::Os => self.shared(4),
            Field::User => self.shared(5),
            Field::Method => JumpMethod::ALL.iter().map(|m| m.title().to_owned()).collect(),
            Field::Policy => self.names.policies.values().map(ToString::to_string).collect(),
            // Too many, and each of them only once.
            Field::Name | Field::Host | Field::Ip | Field::Comment => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;

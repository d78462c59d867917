//! Immutable pictures of the inventory: what a search runs over and what a list shows.

use super::chunk::{CHUNK, Chunk, Record};
use super::standing::Standings;
use super::symbols::{Matching, Symbol, Symbols};
use jumpdeck_protocol::inventory::{InstallMode, ItemPolicies, Place, Presence, StartMode};
use jumpdeck_protocol::item::{FieldValue, ItemField, Shortcut};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::wake::Mac;
use jumpdeck_protocol::{ItemId, JumpGroupId, JumpPolicyId, Timestamp, UserId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where an item is kept, as long as it is in the inventory. Then another may take the place.
pub(super) type Slot = u32;

/// Slots in the order of a list.
pub(super) type Slots = Arc<Vec<Slot>>;

/// What stands for the group of a personal list.
pub(super) const PERSONAL: &str = "Personal";
/// What stands for the name of a group that was not told.
const UNKNOWN: &str = "—";

/// The names of what items speak of.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub groups: BTreeMap<JumpGroupId, Arc<str>>,
    /// Whose personal lists there are.
    pub people: BTreeMap<UserId, Arc<str>>,
    pub policies: BTreeMap<JumpPolicyId, Arc<str>>,
    /// Whose console this is.
    pub me: Option<UserId>,
}

impl Names {
    /// The name of a place.
    pub(super) fn place(&self, place: Place) -> &str {
        match place {
            Place::Personal(user) if self.me.is_none_or(|me| me == user) => PERSONAL,
            Place::Personal(user) => self.people.get(&user).map_or(UNKNOWN, |name| name),
            Place::JumpGroup(id) => self.groups.get(&id).map_or(UNKNOWN, |name| name),
            Place::Queue(_) => UNKNOWN,
        }
    }
}

/// The items at one moment. A copy costs a pointer for every few hundred items.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    pub(super) version: u64,
    pub(super) departures: u64,
    pub(super) chunks: Vec<Arc<Chunk>>,
    pub(super) symbols: Symbols,
    pub(super) names: Arc<Names>,
    pub(super) standings: Standings,
    pub(super) order: Slots,
    /// Slots whose item came, changed or went since the order was reckoned.
    pub(super) unordered: Vec<Slot>,
}

/// The order of a picture's items, to be taken over by the inventory it came from.
#[derive(Clone, Debug)]
pub struct Order {
    pub(super) version: u64,
    pub(super) slots: Slots,
}

impl Picture {
    /// The picture with all items in order. Takes its time: to be called off the loop.
    #[must_use]
    pub fn ordered(mut self) -> Self {
        let mut changed = std::mem::take(&mut self.unordered);
        if changed.is_empty() {
            return self;
        }
        changed.sort_unstable();
        changed.dedup();
        let is_changed = |slot: Slot| changed.binary_search(&slot).is_ok();
        let kept: Vec<Slot> =
            self.order.iter().copied().filter(|slot| !is_changed(*slot)).collect();
        let mut coming: Vec<Slot> =
            changed.iter().copied().filter(|slot| self.record(*slot).is_some()).collect();
        coming.sort_by(|a, b| self.key(*a).cmp(&self.key(*b)));
        self.order = Arc::new(self.merged(&kept, &coming));
        self
    }

    /// Two rows of slots that are in order, as one.
    fn merged(&self, kept: &[Slot], coming: &[Slot]) -> Vec<Slot> {
        let mut merged = Vec::with_capacity(kept.len() + coming.len());
        let mut rest = kept;
        for slot in coming {
            let key = self.key(*slot);
            let before = rest.partition_point(|other| self.key(*other) < key);
            let (smaller, larger) = rest.split_at(before);
            merged.extend_from_slice(smaller);
            merged.push(*slot);
            rest = larger;
        }
        merged.extend_from_slice(rest);
        merged
    }

    /// What items are put in order by: the name in any case, then the id.
    fn key(&self, slot: Slot) -> (&str, Option<ItemId>) {
        let (chunk, index) = place(slot);
        let Some(chunk) = self.chunks.get(chunk) else {
            return ("", None);
        };
        (chunk.lower.field(index, 0), chunk.record(index).map(|record| record.id))
    }

    pub(super) fn record(&self, slot: Slot) -> Option<&Record> {
        let (chunk, index) = place(slot);
        self.chunks.get(chunk)?.record(index)
    }

    /// The order, for the inventory to take over.
    pub fn order(&self) -> Order {
        Order { version: self.version, slots: Arc::clone(&self.order) }
    }

    /// The item in a slot.
    pub(super) fn item(&self, slot: Slot) -> Option<Item<'_>> {
        let (chunk, index) = place(slot);
        let chunk = self.chunks.get(chunk)?;
        let record = chunk.record(index)?;
        Some(Item { chunk, index, record, symbols: &self.symbols, names: &self.names })
    }

    /// A list of all items.
    pub fn all(self) -> List {
        List { slots: Arc::clone(&self.order), picture: Arc::new(self) }
    }

    /// A list of the items in these slots.
    pub(super) fn list(self, slots: Vec<Slot>) -> List {
        List { slots: Arc::new(slots), picture: Arc::new(self) }
    }

    /// The places whose name in lower case is asked for.
    pub(super) fn places_named(&self, wanted: impl Fn(&str) -> bool) -> Vec<Place> {
        let groups = self.names.groups.keys().map(|id| Place::JumpGroup(*id));
        let people = self.names.people.keys().chain(&self.names.me);
        let all = groups.chain(people.map(|id| Place::Personal(*id)));
        all.filter(|place| wanted(&self.names.place(*place).to_lowercase())).collect()
    }

    /// The Jump Policies whose name in lower case is asked for.
    pub(super) fn policies_named(&self, wanted: impl Fn(&str) -> bool) -> Vec<JumpPolicyId> {
        let named = self.names.policies.iter().filter(|(_, name)| wanted(&name.to_lowercase()));
        named.map(|(id, _)| *id).collect()
    }

    /// An item's presence at that moment.
    pub(super) fn presence_in(&self, slot: Slot, item: ItemId) -> Presence {
        let standing = self.standings.of(slot);
        Presence { item, status: standing.status, since: standing.since }
    }

    /// The shared texts that are asked for.
    pub(super) fn symbols_matching(&self, wanted: impl Fn(&str) -> bool) -> Option<Matching> {
        self.symbols.matching(wanted)
    }
}

/// A slot's chunk and its place there.
pub(super) const fn place(slot: Slot) -> (usize, usize) {
    (slot as usize / CHUNK, slot as usize % CHUNK)
}

/// Items in order, out of one picture.
#[derive(Clone, Debug, Default)]
pub struct List {
    picture: Arc<Picture>,
    slots: Slots,
}

impl List {
    /// How many.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The item of this number.
    pub fn get(&self, number: usize) -> Option<Item<'_>> {
        self.picture.item(*self.slots.get(number)?)
    }

    /// The items, in order.
    pub fn iter(&self) -> impl Iterator<Item = Item<'_>> + Clone {
        self.slots.iter().filter_map(|slot| self.picture.item(*slot))
    }

    /// Where an item stands that is kept in this slot now.
    pub(super) fn find(&self, id: ItemId, slot: Slot) -> Option<usize> {
        self.picture.record(slot).filter(|record| record.id == id)?;
        self.slots.iter().position(|other| *other == slot)
    }

    /// The items, in order, and their presence when the list was made.
    pub fn with_presence(&self) -> impl Iterator<Item = (Item<'_>, Presence)> {
        self.slots.iter().filter_map(|slot| {
            let item = self.picture.item(*slot)?;
            Some((item, self.picture.presence_in(*slot, item.id())))
        })
    }

    /// With an item more, at this place.
    pub(super) fn with(&self, slot: Slot, at: usize) -> Self {
        let mut slots = self.slots.to_vec();
        slots.insert(at.min(slots.len()), slot);
        Self { picture: Arc::clone(&self.picture), slots: Arc::new(slots) }
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether a Jump Client was in a slot.
    pub(super) fn is_client_in(&self, slot: Slot) -> bool {
        let record = self.picture.record(slot);
        record.is_some_and(|record| record.method == JumpMethod::JumpClient)
    }

    /// The item that was in a slot.
    pub(super) fn id_in(&self, slot: Slot) -> Option<ItemId> {
        self.picture.record(slot).map(|record| record.id)
    }

    pub(super) fn departures(&self) -> u64 {
        self.picture.departures
    }
}

/// An item, cleaned of what must not reach a screen.
#[derive(Clone, Copy, Debug)]
pub struct Item<'p> {
    chunk: &'p Chunk,
    index: usize,
    record: &'p Record,
    symbols: &'p Symbols,
    names: &'p Names,
}

impl<'p> Item<'p> {
    pub(super) const fn new(
        chunk: &'p Chunk,
        index: usize,
        record: &'p Record,
        symbols: &'p Symbols,
        names: &'p Names,
    ) -> Self {
        Self { chunk, index, record, symbols, names }
    }

    fn own(&self, field: usize) -> &'p str {
        self.chunk.texts.field(self.index, field)
    }

    fn shared(&self, field: usize) -> &'p str {
        let symbol = self.record.shared.get(field).copied();
        symbol.map_or("", |symbol: Symbol| self.symbols.text(symbol))
    }

    /// Its id.
    pub const fn id(&self) -> ItemId {
        self.record.id
    }

    /// Where it stands.
    pub const fn place(&self) -> Place {
        self.record.place
    }

    /// Its group's name, or whose personal list it is on.
    pub fn group(&self) -> &'p str {
        self.names.place(self.record.place)
    }

    /// The Jump Policy that is applied to it.
    pub fn jump_policy(&self) -> Option<JumpPolicyId> {
        self.record.rare.as_ref()?.jump_policy
    }

    /// What counts in its sessions.
    pub fn policies(&self) -> ItemPolicies {
        self.record.rare.as_ref().map(|rare| rare.policies).unwrap_or_default()
    }

    /// That policy's name; empty if it has none.
    pub fn policy_name(&self) -> &'p str {
        let name = self.jump_policy().and_then(|policy| self.names.policies.get(&policy));
        name.map_or("", |name| name)
    }

    /// When it uninstalls itself.
    pub fn expires(&self) -> Option<Timestamp> {
        self.record.rare.as_ref()?.expires
    }

    /// Minutes offline after which it is removed; 0 for the appliance's setting.
    pub fn max_offline_minutes(&self) -> u32 {
        self.record.rare.as_ref().map_or(0, |rare| rare.max_offline_minutes)
    }

    /// What the person at its machine is shown.
    pub fn start_mode(&self) -> StartMode {
        self.record.rare.as_ref().map_or(StartMode::Normal, |rare| rare.start_mode)
    }

    /// How a shortcut reaches its machine.
    pub fn shortcut(&self) -> Option<&'p Shortcut> {
        self.record.rare.as_ref()?.shortcut.as_ref()
    }

    /// Whether an agent is on its machine.
    pub fn is_client(&self) -> bool {
        self.record.method == JumpMethod::JumpClient
    }

    /// Its hardware address.
    pub const fn mac(&self) -> Option<Mac> {
        self.record.mac
    }

    /// What a property holds.
    pub fn field(&self, field: ItemField) -> FieldValue {
        match field {
            ItemField::Name => FieldValue::Text(self.name().into()),
            ItemField::Place => FieldValue::Place(self.place()),
            ItemField::Tag => FieldValue::Text(self.tag().into()),
            ItemField::Comments => FieldValue::Text(self.comments().into()),
            ItemField::JumpPolicy => FieldValue::JumpPolicy(self.jump_policy()),
            ItemField::PublicPortal
            | ItemField::CustomerPresentPolicy
            | ItemField::CustomerNotPresentPolicy => self.policies().field(field),
            ItemField::Expires => FieldValue::Time(self.expires()),
            ItemField::MaxOfflineMinutes => FieldValue::Number(self.max_offline_minutes()),
            ItemField::StartMode => FieldValue::Text(self.start_mode().word().into()),
            ItemField::Hostname => FieldValue::Text(self.hostname().into()),
            other => self.shortcut().cloned().unwrap_or_default().field(other),
        }
    }

    /// How it is reached.
    pub const fn method(&self) -> JumpMethod {
        self.record.method
    }

    /// When it came to the inventory.
    pub const fn created(&self) -> Timestamp {
        self.record.created
    }

    /// When it is available.
    pub const fn install_mode(&self) -> InstallMode {
        self.record.install_mode
    }

    /// Processors.
    pub const fn processors(&self) -> u16 {
        self.record.processors
    }

    /// Memory in bytes.
    pub const fn memory(&self) -> u64 {
        self.record.memory
    }
}

/// The fields that are texts: which of its own or of the shared ones each is.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $kind:ident $number:literal;)*) => {
        impl<'p> Item<'p> {
            $($(#[$doc])* pub fn $name(&self) -> &'p str { self.$kind($number) })*
        }
    };
}

texts! {
    /// Its name.
    name: own 0;
    /// The machine's name.
    hostname: own 1;
    /// Its full name in the DNS.
    fqdn: own 2;
    /// The address of the interface that leads out.
    private_ip: own 3;
    /// Its tag; empty for none.
    tag: shared 0;
    /// Comments.
    comments: shared 1;
    /// The address it connects from.
    public_ip: shared 2;
    /// Domain or workgroup.
    domain: shared 3;
    /// Name and version of the operating system.
    operating_system: shared 4;
    /// Who was logged in when the agent last said so.
    console_user: shared 5;
    /// The default gateway's address.
    gateway: shared 6;
    /// The default gateway's hardware address.
    gateway_mac: shared 7;
    /// The agent's version.
    version: shared 8;
}

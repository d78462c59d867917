//! The replica of the inventory: what this rep may see, as the appliance last told it.

use jumpdeck_protocol::inventory::{
    InventoryPart, ItemView, Place, Position, Presence, Statistics, Status,
};
use jumpdeck_protocol::text::clean;
use jumpdeck_protocol::{ItemId, JumpGroupId};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// Measurements that are kept for the sparklines.
const HISTORY: usize = 60;

/// An item, ready to be searched and shown.
#[derive(Debug)]
pub struct Row {
    /// What the appliance said, cleaned of what must not reach a screen.
    pub view: ItemView,
    /// Its group's name, or whose personal list it is on.
    pub group: Arc<str>,
    /// All that is searched, in lower case, a field a line.
    pub haystack: Box<str>,
}

/// The rows in the order of their names: an immutable picture for a search.
pub type Rows = Arc<Vec<Arc<Row>>>;

/// The replica.
#[derive(Debug, Default)]
pub struct Inventory {
    items: HashMap<ItemId, Arc<Row>>,
    groups: BTreeMap<JumpGroupId, Arc<str>>,
    presence: HashMap<ItemId, Presence>,
    statistics: Option<(ItemId, VecDeque<Statistics>)>,
    position: Option<Position>,
    sorted: Option<Rows>,
}

/// How many items there are of each kind; the counts line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Jump Items in all.
    pub items: usize,
    /// Jump Clients among them.
    pub clients: usize,
    /// Those that can be reached.
    pub online: usize,
    /// Those that cannot.
    pub offline: usize,
    /// Those that wait for a wake-up.
    pub passive: usize,
}

impl Inventory {
    /// Where the replica stands, once it is whole.
    pub const fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// Takes in a part of a snapshot, or changes.
    pub fn take(&mut self, part: InventoryPart) {
        if part.reset {
            self.items.clear();
            self.groups.clear();
            self.position = None;
        }
        for group in part.groups {
            self.rename(group.id, clean(&group.name).into());
        }
        for id in part.gone_groups {
            self.groups.remove(&id);
        }
        for item in part.items {
            let group = self.group_name(item.place);
            self.items.insert(item.id, Arc::new(Row::new(item, group)));
        }
        for id in part.gone {
            self.items.remove(&id);
            self.presence.remove(&id);
        }
        if part.position.is_some() {
            self.position = part.position;
        }
        self.sorted = None;
    }

    fn rename(&mut self, id: JumpGroupId, name: Arc<str>) {
        let renamed = self.groups.insert(id, Arc::clone(&name)).is_some_and(|old| old != name);
        if !renamed {
            return;
        }
        for row in self.items.values_mut().filter(|row| row.view.place == Place::JumpGroup(id)) {
            *row = Arc::new(Row::new(row.view.clone(), Arc::clone(&name)));
        }
    }

    fn group_name(&self, place: Place) -> Arc<str> {
        match place {
            Place::Personal(_) => "Personal".into(),
            Place::JumpGroup(id) => self.groups.get(&id).cloned().unwrap_or_else(|| "—".into()),
        }
    }

    /// Takes in presence; with `all`, what is not named is offline.
    pub fn take_presence(&mut self, all: bool, changes: Vec<Presence>) {
        if all {
            self.presence.clear();
        }
        self.presence.extend(changes.into_iter().map(|presence| (presence.item, presence)));
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

    /// The measurements of an item, oldest first.
    pub fn statistics(&self, item: ItemId) -> Option<&VecDeque<Statistics>> {
        self.statistics.as_ref().filter(|(of, _)| *of == item).map(|(_, history)| history)
    }

    /// An item.
    pub fn row(&self, id: ItemId) -> Option<&Arc<Row>> {
        self.items.get(&id)
    }

    /// The groups, by id.
    pub const fn groups(&self) -> &BTreeMap<JumpGroupId, Arc<str>> {
        &self.groups
    }

    /// An item's presence.
    pub fn presence(&self, id: ItemId) -> Presence {
        let unknown = Presence { item: id, status: Status::Offline, since: None };
        self.presence.get(&id).copied().unwrap_or(unknown)
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All rows in the order of their names.
    pub fn sorted(&mut self) -> Rows {
        if let Some(sorted) = &self.sorted {
            return Arc::clone(sorted);
        }
        let mut rows: Vec<_> = self.items.values().cloned().collect();
        rows.sort_by_cached_key(|row| (row.view.name.to_lowercase(), row.view.id));
        let rows = Arc::new(rows);
        self.sorted = Some(Arc::clone(&rows));
        rows
    }

    /// The counts line's figures, over these rows.
    pub fn count<'r>(&self, rows: impl Iterator<Item = &'r Arc<Row>>) -> Counts {
        let mut counts = Counts::default();
        for row in rows {
            counts.items += 1;
            counts.clients += 1;
            match self.presence(row.view.id).status {
                Status::Online | Status::InUse => counts.online += 1,
                Status::Passive => counts.passive += 1,
                _ => counts.offline += 1,
            }
        }
        counts
    }
}

impl Row {
    fn new(view: ItemView, group: Arc<str>) -> Self {
        let view = cleaned(view);
        let facts = &view.facts;
        let fields = [
            &*view.name,
            &*facts.hostname,
            &*facts.fqdn,
            &*view.tag,
            &*view.comments,
            &*group,
            &*facts.private_ip,
            &*view.public_ip,
            &*facts.console_user,
            &*facts.operating_system,
            &*facts.domain,
            view.method.title(),
        ];
        let haystack = fields.join("\n").to_lowercase().into();
        Self { view, group, haystack }
    }
}

fn cleaned(mut view: ItemView) -> ItemView {
    let facts = &mut view.facts;
    let fields = [
        &mut view.name,
        &mut view.tag,
        &mut view.comments,
        &mut view.public_ip,
        &mut facts.hostname,
        &mut facts.fqdn,
        &mut facts.domain,
        &mut facts.operating_system,
        &mut facts.private_ip,
        &mut facts.gateway,
        &mut facts.version,
        &mut facts.console_user,
    ];
    for field in fields {
        if let std::borrow::Cow::Owned(clean) = clean(field) {
            *field = clean.into();
        }
    }
    view
}

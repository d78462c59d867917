//! How many items there are in each place, and how many are shown.

use super::{Inventory, List, Members, standing};
use jumpdeck_protocol::inventory::{Place, Status};
use standing::ItemStanding;
use std::collections::BTreeMap;

/// A place of the tree: how many items are there, and under which tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceCount<'i> {
    /// The place.
    pub place: Place,
    /// Its name.
    pub name: &'i str,
    /// Its items.
    pub count: usize,
    /// Its tags, in order, and how many items have each.
    pub tags: Vec<(&'i str, usize)>,
}

/// How many items there are of each kind; the counts line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeCounts {
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
    /// The places of the tree: the own list, the groups by name, the lists of others.
    pub fn places(&self) -> Vec<PlaceCount<'_>> {
        let empty = Members::default();
        let groups = self.names.groups.keys().map(|id| Place::JumpGroup(*id));
        let mine = self.names.me.map(Place::Personal);
        let known = groups.chain(mine);
        let mut places: BTreeMap<Place, &Members> = known.map(|place| (place, &empty)).collect();
        places.extend(self.places.iter().map(|(place, members)| (*place, members)));
        let mut counted: Vec<_> =
            places.into_iter().map(|(place, members)| self.counted(place, members)).collect();
        counted.sort_by_cached_key(|place| (self.rank(place.place), place.name.to_lowercase()));
        counted
    }

    fn counted<'i>(&'i self, place: Place, members: &Members) -> PlaceCount<'i> {
        let name = self.names.place(place);
        let tags = members.tags.iter().map(|(tag, n)| (self.texts.symbols().text(*tag), *n));
        let mut tags: Vec<_> = tags.filter(|(tag, _)| !tag.is_empty()).collect();
        tags.sort_unstable();
        PlaceCount { place, name, count: members.count, tags }
    }

    /// The counts line's figures, over a list.
    pub fn count(&self, list: &List) -> TreeCounts {
        let mut counts = TreeCounts { items: list.len(), ..TreeCounts::default() };
        // Mostly every item is where it was when the list was made.
        let settled = list.departures() == self.departures;
        for slot in list.slots() {
            if !list.is_client_in(*slot) {
                continue;
            }
            counts.clients += 1;
            let same = settled || self.id_in(*slot) == list.id_in(*slot);
            let standing = if same { self.standings.of(*slot) } else { ItemStanding::default() };
            match standing.status {
                Status::Online | Status::InUse => counts.online += 1,
                Status::Passive => counts.passive += 1,
                _ => counts.offline += 1,
            }
        }
        counts
    }
}

//! What documents are found by besides their ids.

use crate::derived::Derived;
use crate::entities::Item;
use imbl::{HashMap, OrdMap, OrdSet};
use jumpdeck_protocol::handshake::PublicKey;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::{EndpointId, ItemId, UserId};
use std::sync::{Arc, OnceLock};

/// Kept beside the documents of a World.
#[derive(Clone, Debug, Default)]
pub struct Indexes {
    /// In lower case.
    pub(crate) usernames: HashMap<Box<str>, UserId>,
    /// The items that are in each place.
    pub(crate) places: OrdMap<Place, OrdSet<ItemId>>,
    /// The machines that joined with a session key and are no Jump Items.
    pub(crate) visitors: OrdSet<ItemId>,
    pub(crate) keys: HashMap<PublicKey, EndpointId>,
    /// The items that lead to each machine with an agent.
    pub(crate) endpoints: OrdMap<EndpointId, OrdSet<ItemId>>,
    /// The keys of Jump Clients that were removed.
    pub(crate) removed: HashMap<PublicKey, EndpointId>,
    /// What follows from users, group policies and teams: reckoned when it is first asked for.
    pub(crate) derived: OnceLock<Arc<Derived>>,
}

impl Indexes {
    pub(crate) fn rights_changed(&mut self) {
        self.derived = OnceLock::new();
    }

    pub(crate) fn item(&mut self, before: Option<&Item>, after: Option<&Item>) {
        let Some(id) = after.or(before).map(|item| item.view.id) else {
            return;
        };
        let place = |item: Option<&Item>| item.map(|item| item.view.place);
        self.move_to(id, place(before), place(after));
        if after.is_some_and(Item::is_visitor) {
            self.visitors.insert(id);
        } else {
            self.visitors.remove(&id);
        }
        match (before, after) {
            (Some(before), Some(after)) if before.key != after.key => {
                if let Some(key) = before.key {
                    self.keys.remove(&key);
                }
            }
            (Some(before), None) => self.unsettle(before),
            _ => {}
        }
        if let Some((key, endpoint)) = after.and_then(|item| item.key.zip(item.endpoint())) {
            self.keys.insert(key, endpoint);
            self.endpoints.entry(endpoint).or_default().insert(id);
        }
    }

    /// An item is in another place, or in none any more.
    fn move_to(&mut self, item: ItemId, from: Option<Place>, to: Option<Place>) {
        if from == to {
            return;
        }
        if let Some(from) = from
            && let Some(mut there) = self.places.remove(&from)
        {
            there.remove(&item);
            if !there.is_empty() {
                self.places.insert(from, there);
            }
        }
        if let Some(to) = to {
            self.places.entry(to).or_default().insert(item);
        }
    }

    /// An item is gone; with the last one that leads to a machine, so is the machine.
    fn unsettle(&mut self, item: &Item) {
        let (Some(key), Some(endpoint)) = (item.key, item.endpoint()) else {
            return;
        };
        let mut others = self.endpoints.remove(&endpoint).unwrap_or_default();
        others.remove(&item.view.id);
        if others.is_empty() {
            self.keys.remove(&key);
        } else {
            self.endpoints.insert(endpoint, others);
        }
    }
}

//! What one rep may see of one World.

use crate::{User, World};
use jumpdeck_protocol::inventory::{ItemView, Place};
use jumpdeck_protocol::queue::Queue;
use jumpdeck_protocol::{ItemId, JumpGroupId, UserId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// What a rep sees. The policy is asked once for each place, not once for each item.
pub struct Visibility<'a> {
    pub world: &'a World,
    user: Option<&'a User>,
    places: RefCell<HashMap<Place, bool>>,
}

impl<'a> Visibility<'a> {
    pub fn new(world: &'a World, user: UserId) -> Self {
        Self::of(world, world.user(user).map(AsRef::as_ref))
    }

    pub fn of(world: &'a World, user: Option<&'a User>) -> Self {
        Self { world, user, places: RefCell::default() }
    }

    pub fn place(&self, place: Place) -> bool {
        let Some(user) = self.user else {
            return false;
        };
        let mut places = self.places.borrow_mut();
        *places.entry(place).or_insert_with(|| self.world.sees(user, place))
    }

    pub fn group(&self, id: JumpGroupId) -> bool {
        self.world.group(id).is_some() && self.place(Place::JumpGroup(id))
    }

    pub fn item(&self, id: ItemId) -> Option<&'a Arc<ItemView>> {
        let item = self.world.item(id)?;
        self.place(item.view.place).then_some(&item.view)
    }
}

impl World {
    /// Whether a user takes machines out of a queue.
    pub fn serves(&self, user: UserId, queue: Queue) -> bool {
        match queue {
            Queue::Personal(owner) => owner == user,
            Queue::Team(team) => {
                self.team(team).is_some() && self.members(team).contains_key(&user)
            }
            Queue::General => self.user(user).is_some_and(|user| user.enabled),
        }
    }
}

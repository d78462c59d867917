//! What one rep may see of one World.

use crate::reps::RepLink;
use crate::user::User;
use crate::world::World;
use jumpdeck_protocol::inventory::{ItemView, Place};
use jumpdeck_protocol::{ItemId, JumpGroupId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// A rep's sight. The policy is asked once for each place, not once for each item.
pub(crate) struct Sight<'a> {
    pub world: &'a World,
    user: Option<&'a User>,
    places: RefCell<HashMap<Place, bool>>,
}

impl<'a> Sight<'a> {
    pub(crate) fn new(world: &'a World, rep: &RepLink) -> Self {
        Self::of(world, world.user(rep.user).map(AsRef::as_ref))
    }

    pub(crate) fn of(world: &'a World, user: Option<&'a User>) -> Self {
        Self { world, user, places: RefCell::default() }
    }

    pub(crate) fn place(&self, place: Place) -> bool {
        let Some(user) = self.user else {
            return false;
        };
        let mut places = self.places.borrow_mut();
        *places.entry(place).or_insert_with(|| self.world.sees(user, place))
    }

    pub(crate) fn group(&self, id: JumpGroupId) -> bool {
        self.world.group(id).is_some() && self.place(Place::JumpGroup(id))
    }

    pub(crate) fn item(&self, id: ItemId) -> Option<&'a Arc<ItemView>> {
        let item = self.world.item(id)?;
        self.place(item.view.place).then_some(&item.view)
    }
}

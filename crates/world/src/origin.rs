//! Where an item was brought from: a copy or a move lifts nothing that its bringer could not have
//! lifted there.

use crate::names::place_name;
use crate::{Item, Origin, User, World};
use jumpdeck_policy::{Decision, Permission, Step};
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::rights::Permissions;
use jumpdeck_protocol::{Refusal, RefusalCode};
use std::sync::Arc;

/// Origins of an item, at most.
const ORIGINS: usize = 16;

impl World {
    /// What a user's role permits in a place.
    pub fn may_in(&self, user: &User, place: Place) -> Permissions {
        self.role_in(user, place).map(|role| role.permissions).unwrap_or_default()
    }

    /// Whether a user may do something with an item: where it is, and where it comes from.
    pub fn decide_of(&self, user: &User, item: &Item, wanted: Permission) -> Decision {
        let mut decision = self.decide(user, item.view.place, Some(wanted));
        for origin in item.origins.iter().filter(|origin| origin.lacked.has(wanted)) {
            decision = decision.and(self.origin_says(user, origin, wanted));
        }
        decision
    }

    /// Whether a user may not do something with an item because of where it comes from.
    pub fn is_held(&self, user: &User, item: &Item, wanted: Permission) -> bool {
        let holds = |origin: &Origin| {
            origin.lacked.has(wanted) && !self.may_in(user, origin.from).has(wanted)
        };
        item.origins.iter().any(holds)
    }

    fn origin_says(&self, user: &User, origin: &Origin, wanted: Permission) -> Step {
        let seen = self.sees(user, origin.from);
        let source = if seen {
            format!("{}, where the item comes from,", place_name(self, origin.from))
        } else {
            "the place that the item comes from".to_owned()
        };
        if self.may_in(user, origin.from).has(wanted) {
            Step::allows(source, format!("allows {}", wanted.as_str()))
        } else {
            Step::denies(source, format!("does not allow {}", wanted.as_str()))
        }
    }
}

/// An item is in another place now: what its bringer lacked where it was goes with it.
///
/// # Errors
/// When it was brought from too many places.
pub fn bring(
    world: &World,
    user: &User,
    before: &Item,
    item: &mut Item,
    moved: bool,
) -> Result<(), Refusal> {
    let (from, to) = (before.view.place, item.view.place);
    let policy = Permission::PermEditJumpPolicy;
    for origin in &mut item.origins {
        // Anyone who has the right where it comes from lets go of it.
        origin.lacked = origin.lacked.without(world.may_in(user, origin.from));
        if !origin.lacked.has(policy) {
            origin.jump_policies.clear();
        }
    }
    item.origins.retain(|origin| !origin.lacked.is_empty() && origin.from != to);
    // Adding is a place's own matter, and a copy is no loss to the original.
    let mut apart = vec![Permission::PermAdd];
    if !moved {
        apart.push(Permission::PermRemove);
    }
    let all = Permissions::of(Permission::ALL).without(Permissions::of(&apart));
    let lacked = all.without(world.may_in(user, from));
    if lacked.is_empty() {
        return Ok(());
    }
    let given = world.membership_policy(user.id, from).filter(|_| lacked.has(policy));
    let beside = match (given.map(|(given, _)| given.id), item.view.jump_policy) {
        // It is the item's own from now on, for everybody to see.
        (Some(given), None) => {
            Arc::make_mut(&mut item.view).jump_policy = Some(given);
            None
        }
        (Some(given), Some(own)) => Some(given).filter(|given| *given != own),
        (None, _) => None,
    };
    if let Some(known) = item.origins.iter_mut().find(|origin| origin.from == from) {
        known.lacked = known.lacked.with(lacked);
        known.jump_policies.extend(beside);
        return Ok(());
    }
    if item.origins.len() >= ORIGINS {
        let detail = format!("{} was brought from too many places.", before.view.name);
        return Err(RefusalCode::InvalidValue.because(detail));
    }
    item.origins.push(Origin { from, lacked, jump_policies: beside.into_iter().collect() });
    Ok(())
}

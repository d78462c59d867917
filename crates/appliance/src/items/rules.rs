//! What must hold before an item is edited, copied, moved or removed.

use super::edit::Refused;
use jumpdeck_policy::{Availability, Permission};
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::item::{FieldValue, ItemField};
use jumpdeck_protocol::{ItemId, Refusal, RefusalCode, Timestamp, UserId, limits};
use jumpdeck_world::Item;
use jumpdeck_world::User;
use jumpdeck_world::World;
use std::sync::Arc;

pub(super) fn within_limit(count: usize) -> Result<(), Refusal> {
    let most = limits::ITEMS_PER_REQUEST;
    let detail = || format!("{count} items are too many at once; {most} fit.");
    if count <= most { Ok(()) } else { Err(RefusalCode::InvalidValue.because(detail())) }
}

/// Does something for each item; a refusal of one does not keep the others from it.
pub(super) fn each<T>(
    wishes: impl IntoIterator<Item = T>,
    item: impl Fn(&T) -> ItemId,
    mut act: impl FnMut(T) -> Result<(), Refusal>,
) -> Result<Refused, Refusal> {
    let mut refused = Vec::new();
    for wish in wishes {
        let item = item(&wish);
        match act(wish) {
            Ok(()) => {}
            // Nothing can be kept: that is not about one item.
            Err(refusal) if refusal.code == RefusalCode::StoreFailed => return Err(refusal),
            Err(refusal) => refused.push((item, refusal)),
        }
    }
    Ok(refused)
}

/// The user and the item, if the one may see the other.
pub(super) fn seen(
    world: &World,
    user: UserId,
    item: ItemId,
) -> Result<(Arc<User>, Arc<Item>), Refusal> {
    let user = world.user(user).cloned().ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
    let item = world.item(item).cloned().ok_or_else(|| RefusalCode::JumpItemGone.plain())?;
    if world.decide(&user, item.view.place, None).is_allowed() {
        Ok((user, item))
    } else {
        Err(RefusalCode::JumpItemGone.plain())
    }
}

pub(crate) fn permitted(
    world: &World,
    user: &User,
    place: Place,
    permission: Permission,
) -> Result<(), Refusal> {
    let decision = world.decide(user, place, Some(permission));
    if decision.is_allowed() {
        Ok(())
    } else {
        Err(RefusalCode::PermissionDenied.because(decision.to_string()))
    }
}

/// A place that items can go to, with this permission.
pub(crate) fn destination(
    world: &World,
    user: &User,
    place: Place,
    permission: Permission,
) -> Result<(), Refusal> {
    let exists = match place {
        Place::JumpGroup(group) => world.group(group).is_some(),
        Place::Personal(owner) => world.user(owner).is_some(),
        Place::Queue(_) => false,
    };
    if !exists || !world.decide(user, place, None).is_allowed() {
        return Err(RefusalCode::InvalidValue.because("There is no such Jump Group."));
    }
    permitted(world, user, place, permission)
}

/// The same for an item: where it is, and where it comes from.
pub(crate) fn permitted_of(
    world: &World,
    user: &User,
    item: &Item,
    permission: Permission,
) -> Result<(), Refusal> {
    let decision = world.decide_of(user, item, permission);
    if decision.is_allowed() {
        return Ok(());
    }
    Err(RefusalCode::PermissionDenied.because(decision.to_string()))
}

/// Whether a value may be given to a property of a new item. What counts in its sessions is chosen
/// by the one who may choose it: else anybody who may add items could lift what holds for them.
pub(crate) fn check_preset(
    world: &World,
    user: &User,
    place: Place,
    (field, value): (ItemField, &FieldValue),
    now: Timestamp,
) -> Result<(), Refusal> {
    let chosen = matches!(
        value,
        FieldValue::JumpPolicy(Some(_))
            | FieldValue::Portal(Some(_))
            | FieldValue::SessionPolicy(Some(_))
    );
    if chosen {
        permitted(world, user, place, field.permission())?;
    }
    if field == ItemField::Place { Ok(()) } else { check(world, user, value, now) }
}

/// Whether what a value speaks of is there.
pub(crate) fn check(
    world: &World,
    user: &User,
    value: &FieldValue,
    now: Timestamp,
) -> Result<(), Refusal> {
    match value {
        FieldValue::Place(place) => {
            destination(world, user, *place, Permission::PermAssignJumpGroup)
        }
        FieldValue::JumpPolicy(Some(policy)) if world.policy(*policy).is_none() => {
            Err(RefusalCode::InvalidValue.because("That Jump Policy does not exist any more."))
        }
        FieldValue::Portal(Some(portal)) if !world.portals().any(|one| one.id == *portal) => {
            Err(RefusalCode::InvalidValue.because("That public portal does not exist any more."))
        }
        FieldValue::SessionPolicy(Some(policy)) => {
            let policy = world.session_policy(*policy);
            match policy {
                Some(policy) if policy.availability.contains(&Availability::JumpItems) => Ok(()),
                Some(policy) => {
                    let name = &policy.display_name;
                    let detail = format!("The session policy {name} is not for Jump Items.");
                    Err(RefusalCode::InvalidValue.because(detail))
                }
                None => Err(RefusalCode::InvalidValue
                    .because("That session policy does not exist any more.")),
            }
        }
        FieldValue::Time(Some(time)) if *time <= now => {
            Err(RefusalCode::InvalidValue.because("That time is in the past."))
        }
        _ => Ok(()),
    }
}

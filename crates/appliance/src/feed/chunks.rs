//! The inventory in parts that fit into messages.

use jumpdeck_protocol::inventory::{InventoryPart, ItemView, Place, Position};
use jumpdeck_protocol::{Revision, limits};
use jumpdeck_world::DocumentId;
use jumpdeck_world::Visibility;
use jumpdeck_world::World;
use std::sync::Arc;

/// Bytes of an item on the wire besides its texts.
const ITEM_OVERHEAD: usize = 512;

/// A part in the making.
#[derive(Default)]
pub(crate) struct InventoryChunk {
    part: InventoryPart,
    bytes: usize,
}

impl InventoryChunk {
    /// The first part of a snapshot.
    pub(crate) fn reset() -> Self {
        Self { part: InventoryPart { reset: true, ..InventoryPart::default() }, bytes: 0 }
    }

    /// The groups that are seen.
    pub(crate) fn groups(&mut self, sight: &Visibility<'_>) {
        let seen = sight.world.groups().filter(|group| sight.group(group.id));
        self.part.groups = seen.cloned().collect();
    }

    /// Adds an item. Returns the part once it is full, and begins another.
    pub(crate) fn item(&mut self, view: &Arc<ItemView>) -> Option<InventoryPart> {
        self.bytes += size(view);
        self.part.items.push(Arc::clone(view));
        self.full()
    }

    fn full(&mut self) -> Option<InventoryPart> {
        let full = self.part.items.len() == limits::INVENTORY_CHUNK
            || self.part.gone.len() == limits::INVENTORY_CHUNK
            || self.bytes > limits::MESSAGE / 2;
        full.then(|| std::mem::take(self).part)
    }

    /// The last part: the replica is where the World is.
    pub(crate) fn last(mut self, world: &World) -> InventoryPart {
        self.part.position =
            Some(Position { epoch: world.epoch().to_owned(), revision: world.revision() });
        self.part
    }
}

fn size(item: &ItemView) -> usize {
    let facts = &item.facts;
    let texts = [
        &item.name,
        &item.tag,
        &item.comments,
        &item.public_ip,
        &facts.hostname,
        &facts.fqdn,
        &facts.domain,
        &facts.operating_system,
        &facts.private_ip,
        &facts.gateway,
        &facts.gateway_mac,
        &facts.version,
        &facts.console_user,
    ];
    texts.iter().map(|text| text.len()).sum::<usize>() + ITEM_OVERHEAD
}

/// Everything that changed since, in parts; nothing if the position is not of this World. What
/// `past` could not see is not told to be gone.
pub(crate) fn changes(
    now: &Visibility<'_>,
    past: Option<&Visibility<'_>>,
    since: Revision,
) -> Option<Vec<InventoryPart>> {
    let mut parts = Vec::new();
    let mut part = InventoryChunk::default();
    for id in now.world.changed_since(since)? {
        match id {
            DocumentId::Item(id) => match now.item(id) {
                Some(view) => parts.extend(part.item(view)),
                None if past.is_none_or(|past| past.item(id).is_some()) => {
                    part.part.gone.push(id);
                    parts.extend(part.full());
                }
                None => {}
            },
            DocumentId::Group(id) => match now.world.group(id).filter(|_| now.group(id)) {
                Some(group) => part.part.groups.push(group.clone()),
                None if past.is_none_or(|past| past.group(id)) => part.part.gone_groups.push(id),
                None => {}
            },
            // None of these is an item or a group.
            _ => {}
        }
    }
    if let Some(past) = past.filter(|past| rights_changed(now.world, past.world.revision())) {
        parts.extend(flipped(now, past, &mut part));
    }
    parts.push(part.last(now.world));
    Some(parts)
}

/// Whether a user, a role, a team or a group policy changed after `since`: then what may be seen
/// is reckoned again.
pub(crate) fn rights_changed(world: &World, since: Revision) -> bool {
    use DocumentId::{GroupPolicy, Role, Team, User};
    let rights = |id| matches!(id, User(_) | Role(_) | Team(_) | GroupPolicy(_));
    world.changed_since(since).is_none_or(|mut ids| ids.any(rights))
}

/// What may be seen and could not be before, and the other way round, though it did not change.
fn flipped(
    now: &Visibility<'_>,
    past: &Visibility<'_>,
    part: &mut InventoryChunk,
) -> Vec<InventoryPart> {
    let mut parts = Vec::new();
    for group in now.world.groups() {
        // What changed was told already.
        let changed = past.world.group(group.id) != Some(group);
        match (past.group(group.id), now.group(group.id)) {
            (false, true) if !changed => part.part.groups.push(group.clone()),
            (true, false) if !changed => part.part.gone_groups.push(group.id),
            _ => {}
        }
    }
    let flips = |place: &Place| now.place(*place) != past.place(*place);
    let places: Vec<Place> = now.world.places().map(|(place, _)| place).filter(flips).collect();
    for item in places.into_iter().flat_map(|place| now.world.items_in(place)) {
        let place = item.view.place;
        let same = past.world.item(item.view.id).is_some_and(|before| before.view == item.view);
        match (same, now.place(place)) {
            (false, _) => {}
            (true, true) => parts.extend(part.item(&item.view)),
            (true, false) => {
                part.part.gone.push(item.view.id);
                parts.extend(part.full());
            }
        }
    }
    parts
}

/// Whether a part says nothing but where the replica is.
pub(crate) fn is_empty(part: &InventoryPart) -> bool {
    let InventoryPart { groups, gone_groups, items, gone, .. } = part;
    items.is_empty() && gone.is_empty() && groups.is_empty() && gone_groups.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    use jumpdeck_protocol::JumpGroupId;
    use jumpdeck_protocol::inventory::GroupView;
    use jumpdeck_world::User;

    #[test]
    fn however_much_changed_at_once_all_of_it_is_told() {
        let mut world = World::new("e");
        for role in jumpdeck_policy::Role::built_in() {
            world.put(world.revision().next(), role);
        }
        let user = User::owner(jumpdeck_protocol::UserId(1), "alice");
        world.put(world.revision().next(), user.clone());
        let since = world.revision();
        let group = GroupView { id: JumpGroupId(1), name: "Lab".into() };
        world.put(since.next(), group);
        for number in 1..=1234 {
            world.put(world.revision().next(), crate::sample::item(number));
        }
        let parts = changes(&Visibility::of(&world, Some(&user)), None, since).unwrap();
        let items: usize = parts.iter().map(|part| part.items.len()).sum();
        assert_eq!((items, parts.len()), (1234, 3));
        let positions: Vec<_> = parts.iter().map(|part| part.position.is_some()).collect();
        assert_eq!(positions, [false, false, true], "only the last part ends the change");
    }
}

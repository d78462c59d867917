//! The inventory feed: a console gets what it may see, and every change of that.

use crate::appliance::Appliance;
use crate::document::{DocumentId, User};
use crate::reps::RepLink;
use crate::world::World;
use jumpdeck_protocol::inventory::{InventoryPart, ItemView, Place, Position, Presence, Status};
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::{JumpGroupId, Revision, limits};
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Presence changes in one notice at the most.
const BATCH: usize = 4096;

/// Bytes of an item on the wire besides its texts.
const ITEM_OVERHEAD: usize = 512;

/// Bytes of a snapshot that may wait for a console.
const AHEAD: usize = 1024 * 1024;

/// Feeds a console until its link ends.
pub(crate) async fn feed(appliance: Arc<Appliance>, rep: RepLink, have: Option<Position>) {
    let mut changed = appliance.store.changed();
    let mut presence = appliance.presences.subscribe();
    changed.mark_unchanged();
    let mut shown = appliance.world();
    // Presence first: no item is shown offline for a moment only because the news is on its way.
    tell_all_presence(&appliance, &rep);
    begin(&rep, &shown, have).await;
    loop {
        tokio::select! {
            alive = changed.changed() => {
                if alive.is_err() {
                    return;
                }
                let world = appliance.world();
                go_on(&rep, &shown, &world).await;
                shown = world;
            }
            change = presence.recv() => match change {
                Ok(first) => tell_presence(&appliance, &rep, first, &mut presence),
                Err(RecvError::Lagged(_)) => tell_all_presence(&appliance, &rep),
                Err(RecvError::Closed) => return,
            },
        }
    }
}

/// What a rep may see of one World.
struct Sight<'a> {
    world: &'a World,
    user: Option<&'a User>,
}

impl<'a> Sight<'a> {
    fn new(world: &'a World, rep: &RepLink) -> Self {
        Self { world, user: world.user(rep.user).map(AsRef::as_ref) }
    }

    fn place(&self, place: Place) -> bool {
        self.user.is_some_and(|user| self.world.decide(user, place, None).is_allowed())
    }

    fn group(&self, id: JumpGroupId) -> bool {
        self.world.group(id).is_some() && self.place(Place::JumpGroup(id))
    }

    fn item(&self, id: jumpdeck_protocol::ItemId) -> Option<&'a ItemView> {
        let item = self.world.item(id)?;
        self.place(item.view.place).then_some(&item.view)
    }
}

/// The changes since what the console has, or everything.
async fn begin(rep: &RepLink, world: &World, have: Option<Position>) {
    let since = have
        .filter(|position| position.epoch == world.epoch())
        .map(|position| position.revision)
        .filter(|since| !rights_changed(world, *since));
    let parts = since.and_then(|since| changes(&Sight::new(world, rep), None, since));
    match parts {
        Some(parts) => tell_parts(rep, parts).await,
        None => snapshot(rep, world).await,
    }
}

/// The difference between two Worlds.
async fn go_on(rep: &RepLink, before: &World, now: &World) {
    if rights_changed(now, before.revision()) {
        snapshot(rep, now).await;
        return;
    }
    let past = Sight::new(before, rep);
    match changes(&Sight::new(now, rep), Some(&past), before.revision()) {
        Some(parts) if parts.iter().all(is_empty) => {}
        Some(parts) => tell_parts(rep, parts).await,
        None => snapshot(rep, now).await,
    }
}

fn is_empty(part: &InventoryPart) -> bool {
    part.items.is_empty()
        && part.gone.is_empty()
        && part.groups.is_empty()
        && part.gone_groups.is_empty()
}

/// Whether a part has come to its number of items, or near the size a message may have.
fn is_full(part: &InventoryPart) -> bool {
    let text = |item: &ItemView| {
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
    };
    part.items.len() == limits::INVENTORY_CHUNK
        || part.items.iter().map(text).sum::<usize>() > limits::MESSAGE / 2
}

/// Sends parts, no faster than the console takes them.
async fn tell_parts(rep: &RepLink, parts: Vec<InventoryPart>) {
    for part in parts {
        rep.tell(ApplianceNotice::Inventory(part));
        rep.outbox.until_below(AHEAD).await;
    }
}

/// Whether a user or a role changed after `since`: then what may be seen is reckoned anew.
fn rights_changed(world: &World, since: Revision) -> bool {
    let rights = |id| matches!(id, DocumentId::User(_) | DocumentId::Role(_));
    world.changed_since(since).is_none_or(|mut ids| ids.any(rights))
}

/// Everything that changed, in chunks; nothing if the position is not of this World.
fn changes(
    now: &Sight<'_>,
    past: Option<&Sight<'_>>,
    since: Revision,
) -> Option<Vec<InventoryPart>> {
    let mut parts = Vec::new();
    let mut part = empty(false);
    for id in now.world.changed_since(since)? {
        match id {
            DocumentId::Item(id) => match now.item(id) {
                Some(view) => part.items.push(view.clone()),
                None if past.is_none_or(|past| past.item(id).is_some()) => part.gone.push(id),
                None => {}
            },
            DocumentId::Group(id) => match now.world.group(id).filter(|_| now.group(id)) {
                Some(group) => part.groups.push(group.clone()),
                None if past.is_none_or(|past| past.group(id)) => part.gone_groups.push(id),
                None => {}
            },
            DocumentId::User(_) | DocumentId::Role(_) | DocumentId::Installer(_) => {}
        }
        if is_full(&part) {
            parts.push(std::mem::replace(&mut part, empty(false)));
        }
    }
    part.position = Some(position(now.world));
    parts.push(part);
    Some(parts)
}

/// Everything, in chunks, no faster than the console takes them.
async fn snapshot(rep: &RepLink, world: &World) {
    let sight = Sight::new(world, rep);
    let mut part = empty(true);
    part.groups = world.groups().filter(|group| sight.group(group.id)).cloned().collect();
    for item in world.items().filter(|item| sight.place(item.view.place)) {
        if is_full(&part) {
            let full = std::mem::replace(&mut part, empty(false));
            rep.tell(ApplianceNotice::Inventory(full));
            rep.outbox.until_below(AHEAD).await;
        }
        part.items.push(item.view.clone());
    }
    part.position = Some(position(world));
    rep.tell(ApplianceNotice::Inventory(part));
}

const fn empty(reset: bool) -> InventoryPart {
    InventoryPart {
        reset,
        groups: Vec::new(),
        gone_groups: Vec::new(),
        items: Vec::new(),
        gone: Vec::new(),
        position: None,
    }
}

fn position(world: &World) -> Position {
    Position { epoch: world.epoch().to_owned(), revision: world.revision() }
}

fn tell_all_presence(appliance: &Appliance, rep: &RepLink) {
    let world = appliance.world();
    let sight = Sight::new(&world, rep);
    let mut all = appliance.presences.all();
    all.retain(|presence| sight.item(presence.item).is_some());
    // Offline and never seen is what a console assumes of an item that is not named.
    all.retain(|presence| presence.status != Status::Offline || presence.since.is_some());
    let mut chunks = all.chunks(BATCH);
    let first = chunks.next().unwrap_or_default().to_vec();
    rep.tell(ApplianceNotice::Presence { all: true, changes: first });
    for chunk in chunks {
        rep.tell(ApplianceNotice::Presence { all: false, changes: chunk.to_vec() });
    }
}

fn tell_presence(
    appliance: &Appliance,
    rep: &RepLink,
    first: Presence,
    more: &mut Receiver<Presence>,
) {
    let world = appliance.world();
    let sight = Sight::new(&world, rep);
    let mut changes = vec![first];
    while changes.len() < BATCH
        && let Ok(next) = more.try_recv()
    {
        changes.push(next);
    }
    changes.retain(|presence| sight.item(presence.item).is_some());
    if !changes.is_empty() {
        rep.tell(ApplianceNotice::Presence { all: false, changes });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use jumpdeck_protocol::inventory::GroupView;

    #[test]
    fn however_much_changed_at_once_all_of_it_is_told() {
        let mut world = World::new("e");
        for role in jumpdeck_policy::Role::built_in() {
            world.put(world.revision().next(), Document::Role(role));
        }
        let all = jumpdeck_policy::Role::ADMINISTRATOR;
        let user = User {
            id: jumpdeck_protocol::UserId(1),
            username: "alice".into(),
            password: None,
            enabled: true,
            slots: jumpdeck_policy::Slots { default: all, personal: all, teams: all, system: all },
            memberships: std::collections::BTreeMap::new(),
        };
        let since = world.revision();
        let group = GroupView { id: JumpGroupId(1), name: "Lab".into() };
        world.put(since.next(), Document::Group(group));
        for number in 1..=1234 {
            world.put(world.revision().next(), crate::world::tests::item(number));
        }
        let sight = Sight { world: &world, user: Some(&user) };
        let parts = changes(&sight, None, since).unwrap();
        let items: usize = parts.iter().map(|part| part.items.len()).sum();
        assert_eq!((items, parts.len()), (1234, 3));
        let positions: Vec<_> = parts.iter().map(|part| part.position.is_some()).collect();
        assert_eq!(positions, [false, false, true], "only the last part ends the change");
    }
}

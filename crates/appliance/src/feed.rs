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

/// Feeds a console until its link ends.
pub(crate) async fn feed(appliance: Arc<Appliance>, rep: RepLink, have: Option<Position>) {
    let mut changed = appliance.store.changed();
    let mut presence = appliance.presences.subscribe();
    changed.mark_unchanged();
    let mut shown = appliance.world();
    // Presence first: no item is shown offline for a moment only because the news is on its way.
    tell_all_presence(&appliance, &rep);
    begin(&rep, &shown, have);
    loop {
        tokio::select! {
            alive = changed.changed() => {
                if alive.is_err() {
                    return;
                }
                let world = appliance.world();
                go_on(&rep, &shown, &world);
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
fn begin(rep: &RepLink, world: &World, have: Option<Position>) {
    let since =
        have.filter(|position| position.epoch == world.epoch()).map(|position| position.revision);
    if let Some(since) = since
        && !rights_changed(world, since)
        && let Some(part) = changes(rep, &Sight::new(world, rep), None, since)
    {
        rep.tell(ApplianceNotice::Inventory(part));
        return;
    }
    snapshot(rep, world);
}

/// The difference between two Worlds.
fn go_on(rep: &RepLink, before: &World, now: &World) {
    if rights_changed(now, before.revision()) {
        snapshot(rep, now);
        return;
    }
    let past = Sight::new(before, rep);
    if let Some(part) = changes(rep, &Sight::new(now, rep), Some(&past), before.revision()) {
        let nothing = part.items.is_empty()
            && part.gone.is_empty()
            && part.groups.is_empty()
            && part.gone_groups.is_empty();
        if !nothing {
            rep.tell(ApplianceNotice::Inventory(part));
        }
    }
}

/// Whether a user or a role changed after `since`: then what may be seen is reckoned anew.
fn rights_changed(world: &World, since: Revision) -> bool {
    let rights = |id| matches!(id, DocumentId::User(_) | DocumentId::Role(_));
    world.changed_since(since).is_none_or(|mut ids| ids.any(rights))
}

/// One part with everything that changed; too many changes are better sent as a snapshot.
fn changes(
    _rep: &RepLink,
    now: &Sight<'_>,
    past: Option<&Sight<'_>>,
    since: Revision,
) -> Option<InventoryPart> {
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
        if part.items.len() > limits::INVENTORY_CHUNK {
            return None;
        }
    }
    part.position = Some(position(now.world));
    Some(part)
}

/// Everything, in chunks.
fn snapshot(rep: &RepLink, world: &World) {
    let sight = Sight::new(world, rep);
    let mut part = empty(true);
    part.groups = world.groups().filter(|group| sight.group(group.id)).cloned().collect();
    for item in world.items().filter(|item| sight.place(item.view.place)) {
        if part.items.len() == limits::INVENTORY_CHUNK {
            let full = std::mem::replace(&mut part, empty(false));
            rep.tell(ApplianceNotice::Inventory(full));
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

//! The inventory feed: a console gets what it may see, and every change of that.

use crate::answered::Answered;
use crate::base::Base;
use crate::feed::cache::Copies;
use crate::feed::chunks::{InventoryChunk, changes, is_empty, rights_changed};
use crate::feed::statistics::Interest;
use crate::items::wake::Waking;
use crate::links::Links;
use crate::links::consoles::RepLink;
use crate::links::presence::{self, KnownPresence, PresenceChange};
use crate::policies::jump_policies::JumpPolicies;
use crate::sessions::history::SessionHistory;
use jumpdeck_link::Lane;
use jumpdeck_policy::{Availability, SessionPolicy};
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::RefusalCode;
use jumpdeck_protocol::inventory::{
    Figure, InventoryPart, Place, Position, Presence, PresencePosition, Status,
};
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, Choices};
use jumpdeck_protocol::{ItemId, Revision, UserId, limits};
use jumpdeck_world::DocumentId;
use jumpdeck_world::Visibility;
use jumpdeck_world::World;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Presence changes in one notice at most.
const BATCH: usize = 4096;

/// Bytes of a snapshot that may wait for a console.
const AHEAD: usize = 1024 * 1024;

/// Pause after a notice: when much changes at once, a console gets it as one.
const PACE: Duration = Duration::from_millis(20);

/// How often changed figures are sent to a console that searches for them.
const FIGURES: Duration = Duration::from_millis(300);

/// Where a console's replica stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Have {
    pub inventory: Option<Position>,
    pub presence: Option<PresencePosition>,
}

/// What consoles are fed from.
pub(crate) struct Updates {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) jump_policies: Arc<JumpPolicies>,
    pub(super) history: Arc<SessionHistory>,
    pub(super) waking: Arc<Waking>,
    pub(super) interest: Arc<Interest>,
    /// Parts that were encoded for others.
    pub(super) cache: Copies,
}

impl Updates {
    /// Feeds a console until its link ends.
    pub(crate) async fn feed(
        self: Arc<Self>,
        rep: RepLink,
        have: Have,
        figures: watch::Receiver<bool>,
    ) {
        let mut changed = self.base.store.changed();
        let mut presence = self.links.agents.subscribe();
        changed.mark_unchanged();
        let mut shown = self.base.world();
        let mut policies = self.jump_policies.subscribe();
        let feed = Feed { source: &self, rep: &rep };
        feed.introduce(&shown).await;
        feed.begin(&shown, have).await;
        let mut measured = 0;
        let mut looks = interval(FIGURES);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let wanted = *figures.borrow();
            if !wanted {
                measured = 0;
            }
            tokio::select! {
                _ = looks.tick(), if wanted => {
                    measured = feed.tell_figures(measured);
                    continue;
                }
                () = figures_wanted(figures.clone()), if !wanted => continue,
                changed = policies.changed() => {
                    if changed.is_ok() {
                        feed.tell_policies();
                    }
                }
                alive = changed.changed() => {
                    if alive.is_err() {
                        return;
                    }
                    let world = self.base.world();
                    feed.go_on(&shown, &world).await;
                    shown = world;
                }
                change = presence.recv() => match change {
                    // Anyone who missed a change is told everything.
                    Ok(first) if feed.tell_changes(first, &mut presence) => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => feed.tell_all_presence().await,
                    Err(RecvError::Closed) => return,
                },
            }
            sleep(PACE).await;
        }
    }
}

impl Answered for request::Subscribe {
    type By = Updates;

    async fn answer(self, _updates: &Arc<Updates>, _rep: &RepLink) -> Result<(), Refusal> {
        // The link itself subscribes: what it is fed ends with it.
        Err(RefusalCode::Unsupported.plain())
    }
}

struct Feed<'a> {
    source: &'a Updates,
    rep: &'a RepLink,
}

impl Feed<'_> {
    /// The changes since what the console has, or everything.
    async fn begin(&self, world: &World, have: Have) {
        let since = have
            .inventory
            .filter(|position| position.epoch == world.epoch())
            .map(|position| position.revision)
            .filter(|since| !rights_changed(world, *since));
        let parts =
            since.and_then(|since| changes(&Visibility::new(world, self.rep.user), None, since));
        let Some(parts) = parts else {
            self.snapshot(world).await;
            return;
        };
        // Presence first: no item is shown offline only because the news is on its way.
        match have.presence.and_then(|since| self.source.links.agents.changed_since(since)) {
            Some(known) => self.tell_known(false, known).await,
            None => self.tell_all_presence().await,
        }
        // Some of these may have become visible since, with a status that is older than that.
        let items: Vec<_> = parts.iter().flat_map(|part| &part.items).map(|i| i.id).collect();
        for some in items.chunks(BATCH) {
            self.tell_presence(self.presence_of(world, some), None);
        }
        self.tell_parts(world, parts).await;
    }

    /// The difference between two Worlds.
    async fn go_on(&self, before: &World, now: &World) {
        let rights = rights_changed(now, before.revision());
        if rights {
            self.watch_what_is_seen(now);
        }
        if rights || groups_changed(now, before.revision()) {
            self.tell_rights(now);
        }
        // Items change all the time, and what can be chosen seldom.
        if not_only_items_changed(now, before.revision()) {
            let (was, is) = (choices(before, self.rep.user), choices(now, self.rep.user));
            if was != is {
                self.rep.tell(ApplianceNotice::Choices(is));
            }
        }
        let parts = {
            let (past, present) =
                (Visibility::new(before, self.rep.user), Visibility::new(now, self.rep.user));
            let parts = changes(&present, Some(&past), before.revision());
            let items = parts.iter().flatten().flat_map(|part| &part.items);
            let news: Vec<_> =
                items.map(|item| item.id).filter(|id| past.item(*id).is_none()).collect();
            self.tell_presence(self.presence_of(now, &news), None);
            parts
        };
        match parts {
            Some(parts) if parts.iter().all(is_empty) => {}
            Some(parts) => self.tell_parts(now, parts).await,
            None => self.snapshot(now).await,
        }
    }

    /// Everything, in parts, each after the presence of its items.
    async fn snapshot(&self, world: &World) {
        let presences = &self.source.links.agents;
        // What changes from here on comes after the snapshot.
        let position = presences.all_position();
        let mut parts = SnapshotParts::new(world, self.rep);
        while let Some(part) = parts.next() {
            let ids: Vec<_> = part.items.iter().map(|item| item.id).collect();
            let known = self.presence_of(world, &ids);
            let last = part.position.is_some().then_some(position);
            self.tell_presence(known, last);
            self.tell_part(world, part);
            self.rep.outbox.until_below(AHEAD).await;
            if rights_changed(&self.source.base.world(), world.revision()) {
                // What was seen a moment ago may not be seen now: another snapshot follows.
                return;
            }
        }
    }

    /// Sends parts, no faster than the console takes them.
    async fn tell_parts(&self, world: &World, parts: Vec<InventoryPart>) {
        for part in parts {
            self.tell_part(world, part);
            self.rep.outbox.until_below(AHEAD).await;
        }
    }

    /// Sends a part of this World.
    fn tell_part(&self, world: &World, part: InventoryPart) {
        let message = self.source.cache.message(world.revision(), part);
        self.rep.outbox.push(Lane::Interactive, message);
    }

    async fn tell_all_presence(&self) {
        self.tell_known(true, self.source.links.agents.all()).await;
    }

    /// Tells presence in batches; the last one says how much that is.
    async fn tell_known(&self, mut all: bool, known: KnownPresence) {
        let mut presences = self.seen(&known.presences);
        // Offline and never seen is what a console assumes of an item that is not named.
        presences.retain(|known| !all || known.status != Status::Offline || known.since.is_some());
        let mut rest = presences.as_slice();
        loop {
            let (batch, after) = rest.split_at(rest.len().min(BATCH));
            let position = after.is_empty().then_some(known.position);
            let changes = batch.to_vec();
            self.rep.tell(ApplianceNotice::Presence { all, changes, position });
            if after.is_empty() {
                return;
            }
            (rest, all) = (after, false);
            self.rep.outbox.until_below(AHEAD).await;
        }
    }

    /// Tells a change and those that wait behind it. Returns whether none was missed.
    fn tell_changes(&self, first: PresenceChange, more: &mut Receiver<PresenceChange>) -> bool {
        let mut last = first.number;
        let mut changes = vec![first.presence];
        while changes.len() < BATCH {
            match more.try_recv() {
                Ok(next) => {
                    changes.push(next.presence);
                    last = next.number;
                }
                Err(TryRecvError::Lagged(_)) => return false,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let changes = self.seen(&changes);
        if !changes.is_empty() {
            let position = Some(self.source.links.agents.position(last));
            self.tell_presence(changes, position);
        }
        true
    }

    fn tell_presence(&self, changes: Vec<Presence>, position: Option<PresencePosition>) {
        if position.is_some() || !changes.is_empty() {
            self.rep.tell(ApplianceNotice::Presence { all: false, changes, position });
        }
    }

    /// The presence of items.
    fn presence_of(&self, world: &World, items: &[ItemId]) -> Vec<Presence> {
        let presence = |item: &ItemId| {
            let endpoint = world.item(*item)?.endpoint()?;
            let known = self.source.links.agents.of(endpoint)?;
            Some(Presence { item: *item, status: known.status, since: known.since })
        };
        items.iter().filter_map(presence).collect()
    }

    /// The presence of machines as that of the items which lead there and which the rep may see.
    fn seen(&self, presences: &[presence::AgentPresence]) -> Vec<Presence> {
        let world = self.source.base.world();
        let sight = Visibility::new(&world, self.rep.user);
        let mut seen = Vec::with_capacity(presences.len());
        for presence::AgentPresence { endpoint, status, since } in presences {
            let items = world.items_of(*endpoint).filter(|item| sight.place(item.view.place));
            seen.extend(items.map(|item| Presence {
                item: item.view.id,
                status: *status,
                since: *since,
            }));
        }
        seen
    }

    /// What a console gets before the first item.
    async fn introduce(&self, world: &World) {
        let user = self.rep.user;
        self.tell_rights(world);
        // Also those of a rep who has none yet: now the console knows.
        let preferences = world.preferences(user).cloned();
        let preferences = Box::new(preferences.unwrap_or_default());
        self.rep.tell(ApplianceNotice::Preferences(preferences));
        self.tell_policies();
        self.rep.tell(ApplianceNotice::Choices(choices(world, self.rep.user)));
        if let Ok(items) = self.source.history.used(user).await
            && !items.is_empty()
        {
            self.rep.tell(ApplianceNotice::Used { items });
        }
        self.source.waking.tell_cooling(self.rep, None);
    }

    /// What the rep may do in every place.
    fn tell_rights(&self, world: &World) {
        let Some(user) = world.user(self.rep.user) else {
            return;
        };
        let groups = world.groups().map(|group| Place::JumpGroup(group.id));
        let lists = world.users().map(|user| Place::Personal(user.id));
        let mut places =
            groups.chain(lists).filter_map(|place| world.rights(user, place)).peekable();
        loop {
            let some = places.by_ref().take(limits::RIGHTS_CHUNK).collect();
            let more = places.peek().is_some();
            self.rep.tell(ApplianceNotice::Rights { places: some, more });
            if !more {
                return;
            }
        }
    }

    /// Measurements of what may not be seen any more are not sent any more.
    fn watch_what_is_seen(&self, world: &World) {
        let sight = Visibility::new(world, self.rep.user);
        let mut watched = self.source.links.watching.watched_by(self.rep);
        watched.retain(|(item, _)| sight.item(*item).is_some());
        let changed = self.source.links.watching.set(self.rep, &watched);
        self.source.interest.settle_interest(&changed);
    }

    fn tell_policies(&self) {
        let policies = self.source.jump_policies.policy_views();
        self.rep.tell(ApplianceNotice::JumpPolicies { policies });
    }

    /// Tells the figures that changed after a change. Returns the last change.
    fn tell_figures(&self, after: u64) -> u64 {
        if self.rep.outbox.waiting() > AHEAD {
            return after;
        }
        let (changed, last) = self.source.links.watching.changed_since(after);
        let world = self.source.base.world();
        let sight = Visibility::new(&world, self.rep.user);
        let mut figures = Vec::new();
        for (endpoint, measured) in changed {
            let items = world.items_of(endpoint).filter(|item| sight.place(item.view.place));
            let figure = |item: ItemId| Figure { item, cpu: measured.cpu, disk: measured.disk };
            figures.extend(items.map(|item| figure(item.view.id)));
        }
        for some in figures.chunks(BATCH) {
            self.rep.tell(ApplianceNotice::Figures { figures: some.to_vec() });
        }
        last
    }
}

/// Resolves when the console wants figures.
async fn figures_wanted(mut figures: watch::Receiver<bool>) {
    if figures.wait_for(|wanted| *wanted).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A World in parts, made one at a time.
struct SnapshotParts<'a> {
    world: &'a World,
    rep: &'a RepLink,
    after: Option<ItemId>,
    over: bool,
}

impl<'a> SnapshotParts<'a> {
    const fn new(world: &'a World, rep: &'a RepLink) -> Self {
        Self { world, rep, after: None, over: false }
    }

    fn next(&mut self) -> Option<InventoryPart> {
        if self.over {
            return None;
        }
        let sight = Visibility::new(self.world, self.rep.user);
        let mut part = match self.after {
            Some(_) => InventoryChunk::default(),
            None => InventoryChunk::reset(),
        };
        if self.after.is_none() {
            part.groups(&sight);
        }
        for item in self.world.items_after(self.after) {
            self.after = Some(item.view.id);
            if sight.place(item.view.place)
                && let Some(full) = part.item(&item.view)
            {
                return Some(full);
            }
        }
        self.over = true;
        Some(part.last(self.world))
    }
}

/// What a user can choose for items.
fn choices(world: &World, user: UserId) -> Choices {
    let for_items =
        |policy: &&Arc<SessionPolicy>| policy.availability.contains(&Availability::JumpItems);
    let policies = world.session_policies().filter(for_items);
    Choices {
        session_policies: policies.map(|p| (p.id, p.display_name.as_str().into())).collect(),
        portals: world.portals().map(|p| (p.id, p.name.as_str().into())).collect(),
        idle_lock: world.idle_lock(user),
    }
}

/// Whether something else than items came, changed or went after `since`.
fn not_only_items_changed(world: &World, since: Revision) -> bool {
    let other = |id| !matches!(id, DocumentId::Item(_));
    world.changed_since(since).is_none_or(|mut ids| ids.any(other))
}

/// Whether a group came, changed or went after `since`.
fn groups_changed(world: &World, since: Revision) -> bool {
    let groups = |id| matches!(id, DocumentId::Group(_));
    world.changed_since(since).is_none_or(|mut ids| ids.any(groups))
}

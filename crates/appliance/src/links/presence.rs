//! Who is linked: agents, and what their items' status is.

use super::agent::AgentLink;
use crate::clock::Moment;
use jumpdeck_protocol::agent::Standing;
use jumpdeck_protocol::inventory::{PresencePosition, Status};
use jumpdeck_protocol::{EndpointId, LinkId, RefusalCode, Timestamp, limits};
use jumpdeck_store::Lived;
use jumpdeck_store::Seen;
use jumpdeck_world::World;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::broadcast;

/// Seconds after which an item that was not seen is lost.
const LOST_AFTER: u64 = limits::LOST_DAYS * 86_400;

/// Changes that may queue up for a feed before it starts over with a full picture.
const CHANGES: usize = 4096;

/// Whether an item can be reached, and what that depends on.
#[derive(Debug, Default)]
struct PresenceEntry {
    link: Option<Arc<AgentLink>>,
    since: Option<Moment>,
    sessions: usize,
    standing: Standing,
    /// What was published last, and by which change.
    told: (Status, Option<Timestamp>),
    change: u64,
}

impl PresenceEntry {
    /// The first status that holds, in the order of DOMAIN 2.
    fn status(&self, now: Moment) -> Status {
        let lost = || self.since.is_some_and(|since| now.since(since) > LOST_AFTER);
        match (self.standing, &self.link) {
            (Standing::Uninstalled, _) => Status::Uninstalled,
            (Standing::Disabled, _) => Status::Disabled,
            (Standing::UpgradePending, _) => Status::UpgradePending,
            (Standing::Ready, None) if lost() => Status::Lost,
            (Standing::Ready, None) => Status::Offline,
            (Standing::Ready, Some(_)) if self.sessions > 0 => Status::InUse,
            (Standing::Ready, Some(_)) => Status::Online,
        }
    }

    const fn presence(&self, endpoint: EndpointId) -> AgentPresence {
        let (status, since) = self.told;
        AgentPresence { endpoint, status, since }
    }
}

/// Whether a machine can be reached, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AgentPresence {
    pub endpoint: EndpointId,
    pub status: Status,
    pub since: Option<Timestamp>,
}

/// A change of a machine's presence, and its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PresenceChange {
    pub presence: AgentPresence,
    pub number: u64,
}

/// The presence of machines, and how much of it that is.
#[derive(Debug)]
pub(crate) struct KnownPresence {
    pub presences: Vec<AgentPresence>,
    pub position: PresencePosition,
}

/// The presence of every machine that was ever seen.
#[derive(Debug)]
pub(crate) struct Presences {
    run: u64,
    entries: RwLock<PresenceTable>,
    changes: broadcast::Sender<PresenceChange>,
}

#[derive(Debug, Default)]
struct PresenceTable {
    items: HashMap<EndpointId, PresenceEntry>,
    last: u64,
}

impl Presences {
    /// The presence as it was when the appliance ended. `run` tells this process from others.
    pub(crate) fn new(run: u64, seen: &[Seen], world: &World, now: Moment) -> Self {
        let entry = |seen: &Seen| {
            let known = world.items_of(seen.endpoint).next();
            let standing = known.map(|item| item.standing).unwrap_or_default();
            // Anyone who was linked when the appliance ended without a word was there until then.
            let gone = |at: Timestamp| {
                // Before this was counted, the clock on the wall is all there is.
                let counted = || Lived(now.lived.0.saturating_sub_unsigned(now.wall.since(at)));
                // A clock that was wrong when it was left says nothing of the future.
                Moment { wall: at.min(now.wall), lived: seen.lived.unwrap_or_else(counted) }
            };
            let since = Some(if seen.connected { now } else { gone(seen.at) });
            let mut entry = PresenceEntry { since, standing, ..PresenceEntry::default() };
            entry.told = (entry.status(now), since.map(|since| since.wall));
            (seen.endpoint, entry)
        };
        let items = seen.iter().map(entry).collect();
        Self {
            run,
            entries: RwLock::new(PresenceTable { items, last: 0 }),
            changes: broadcast::channel(CHANGES).0,
        }
    }

    /// Every change from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<PresenceChange> {
        self.changes.subscribe()
    }

    /// The position that a change leads to.
    pub(crate) const fn position(&self, change: u64) -> PresencePosition {
        PresencePosition { run: self.run, change }
    }

    /// The position that all changes so far have led to.
    pub(crate) fn all_position(&self) -> PresencePosition {
        self.position(self.read().last)
    }

    /// The presence of every item that was ever seen.
    pub(crate) fn all(&self) -> KnownPresence {
        self.known(|_| true)
    }

    /// What has changed since a position; nothing if that is of another run.
    pub(crate) fn changed_since(&self, since: PresencePosition) -> Option<KnownPresence> {
        (since.run == self.run).then(|| self.known(|entry| entry.change > since.change))
    }

    /// The presence of a machine, if it was ever seen.
    pub(crate) fn of(&self, endpoint: EndpointId) -> Option<AgentPresence> {
        Some(self.read().items.get(&endpoint)?.presence(endpoint))
    }

    /// A machine whose item was taken back is away as of now, if it was forgotten.
    pub(crate) fn known_again(&self, endpoint: EndpointId, now: Moment) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.items.contains_key(&endpoint) {
            return;
        }
        entries
            .items
            .insert(endpoint, PresenceEntry { since: Some(now), ..PresenceEntry::default() });
        drop(entries);
        self.update(endpoint, now, |_| {});
    }

    /// Forgets a machine that was removed.
    pub(crate) fn forget(&self, endpoint: EndpointId) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.items.remove(&endpoint);
    }

    /// The machines that are not linked, and since when.
    pub(crate) fn absent(&self) -> Vec<(EndpointId, Moment)> {
        let entries = self.read();
        let away = entries.items.iter().filter(|(_, entry)| entry.link.is_none());
        away.filter_map(|(endpoint, entry)| Some((*endpoint, entry.since?))).collect()
    }

    fn known(&self, wanted: impl Fn(&PresenceEntry) -> bool) -> KnownPresence {
        let entries = self.read();
        let wanted = entries.items.iter().filter(|(_, entry)| wanted(entry));
        let presences = wanted.map(|(item, entry)| entry.presence(*item)).collect();
        KnownPresence { presences, position: self.position(entries.last) }
    }

    /// The item's link, if it has one.
    pub(crate) fn link(&self, item: EndpointId) -> Option<Arc<AgentLink>> {
        self.read().items.get(&item)?.link.clone()
    }

    /// An agent is linked. Returns the link it replaces.
    pub(crate) fn arrived(
        &self,
        item: EndpointId,
        link: Arc<AgentLink>,
        standing: Standing,
        sessions: usize,
        now: Moment,
    ) -> Option<Arc<AgentLink>> {
        // Only the one who arrives is entered.
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.items.entry(item).or_default();
        drop(entries);
        self.update(item, now, |entry| {
            entry.sessions = sessions;
            entry.standing = standing;
            if entry.link.is_none() {
                entry.since = Some(now);
            }
            entry.link.replace(link)
        })
    }

    /// A link is gone. Returns whether it was the item's current one.
    pub(crate) fn left(&self, item: EndpointId, link: LinkId, now: Moment) -> bool {
        self.update(item, now, |entry| {
            let current = entry.link.as_ref().is_some_and(|current| current.id == link);
            if current {
                entry.link = None;
                entry.since = Some(now);
            }
            current
        })
    }

    /// The item has this many sessions now.
    pub(crate) fn in_sessions(&self, item: EndpointId, sessions: usize, now: Moment) {
        self.update(item, now, |entry| entry.sessions = sessions);
    }

    /// Its own machine says, on its current link, whether the item may be used. Returns whether
    /// that is new.
    pub(crate) fn stands(
        &self,
        item: EndpointId,
        link: LinkId,
        standing: Standing,
        now: Moment,
    ) -> bool {
        self.update(item, now, |entry| {
            let current = entry.link.as_ref().is_some_and(|current| current.id == link);
            current && std::mem::replace(&mut entry.standing, standing) != standing
        })
    }

    /// Why a session cannot be started, if its own machine or its link is the reason.
    pub(crate) fn startable(&self, item: EndpointId) -> Result<Arc<AgentLink>, RefusalCode> {
        let entries = self.read();
        let entry = entries.items.get(&item);
        match entry.map(|entry| entry.standing) {
            Some(Standing::Uninstalled) => Err(RefusalCode::JumpClientUninstalled),
            Some(Standing::Disabled) => Err(RefusalCode::DisabledByUser),
            Some(Standing::UpgradePending) => Err(RefusalCode::UpgradePending),
            Some(Standing::Ready) | None => {
                let link = entry.and_then(|entry| entry.link.clone());
                link.ok_or(RefusalCode::JumpClientOffline)
            }
        }
    }

    /// Tells of items whose status has changed by time alone: the lost ones.
    pub(crate) fn look(&self, now: Moment) {
        let overdue: Vec<_> = {
            let entries = self.read();
            let changed =
                |(_, entry): &(&EndpointId, &PresenceEntry)| entry.status(now) != entry.told.0;
            entries.items.iter().filter(changed).map(|(item, _)| *item).collect()
        };
        for item in overdue {
            self.update(item, now, |_| {});
        }
    }

    /// Every live link.
    pub(crate) fn links(&self) -> Vec<(EndpointId, Arc<AgentLink>)> {
        let entries = self.read();
        let live =
            |(item, entry): (&EndpointId, &PresenceEntry)| Some((*item, entry.link.clone()?));
        entries.items.iter().filter_map(live).collect()
    }

    /// Whether no agent is linked.
    pub(crate) fn is_empty(&self) -> bool {
        self.read().items.values().all(|entry| entry.link.is_none())
    }

    fn update<T>(
        &self,
        item: EndpointId,
        now: Moment,
        change: impl FnOnce(&mut PresenceEntry) -> T,
    ) -> T {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let number = entries.last + 1;
        let Some(entry) = entries.items.get_mut(&item) else {
            return change(&mut PresenceEntry::default());
        };
        let outcome = change(entry);
        let telling = (entry.status(now), entry.since.map(|since| since.wall));
        if telling != entry.told {
            entry.told = telling;
            entry.change = number;
            let presence = entry.presence(item);
            entries.last = number;
            // Nobody may be listening.
            let _ = self.changes.send(PresenceChange { presence, number });
        }
        outcome
    }

    fn read(&self) -> RwLockReadGuard<'_, PresenceTable> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpdeck_link::Outbox;

    fn at(seconds: i64) -> Moment {
        Moment { wall: Timestamp(seconds), lived: Lived(seconds) }
    }

    fn link(id: u64) -> Arc<AgentLink> {
        Arc::new(AgentLink::new(LinkId(id), Outbox::new(), false, 0))
    }

    fn status(presences: &Presences, item: u64) -> Status {
        presences.of(EndpointId(item)).unwrap().status
    }

    fn presences(seen: i64) -> Presences {
        let seen =
            Seen { endpoint: EndpointId(1), connected: false, at: Timestamp(seen), lived: None };
        Presences::new(7, &[seen], &World::new("e"), at(100))
    }

    #[test]
    fn an_item_that_was_not_seen_for_thirty_days_is_lost_until_it_is_back() {
        let presences = presences(0);
        let mut changes = presences.subscribe();
        assert_eq!(status(&presences, 1), Status::Offline);
        presences.look(at(30 * 86_400));
        assert!(changes.try_recv().is_err());
        presences.look(at(30 * 86_400 + 1));
        assert_eq!(changes.try_recv().unwrap().presence.status, Status::Lost);
        presences.arrived(EndpointId(1), link(1), Standing::Ready, 0, at(30 * 86_400 + 2));
        assert_eq!(status(&presences, 1), Status::Online);
    }

    #[test]
    fn a_machine_that_was_linked_when_the_appliance_was_killed_is_not_lost_afterwards() {
        let seen = Seen { endpoint: EndpointId(1), connected: true, at: Timestamp(0), lived: None };
        let now = at(90 * 86_400);
        let presences = Presences::new(7, &[seen], &World::new("e"), now);
        let presence = presences.of(EndpointId(1)).unwrap();
        assert_eq!((presence.status, presence.since), (Status::Offline, Some(now.wall)));
    }

    #[test]
    fn a_disabled_machine_that_leaves_is_told_to_have_left() {
        let presences = presences(90);
        presences.arrived(EndpointId(1), link(1), Standing::Disabled, 0, at(100));
        let mut changes = presences.subscribe();
        presences.left(EndpointId(1), LinkId(1), at(200));
        assert_eq!(changes.try_recv().unwrap().presence.since, Some(Timestamp(200)));
    }

    #[test]
    fn what_its_own_machine_says_goes_before_everything_else() {
        let presences = presences(90);
        let now = at(100);
        presences.arrived(EndpointId(1), link(1), Standing::Disabled, 0, now);
        assert_eq!(status(&presences, 1), Status::Disabled);
        let refused = presences.startable(EndpointId(1)).err();
        assert_eq!(refused, Some(RefusalCode::DisabledByUser));
        assert!(!presences.stands(EndpointId(1), LinkId(9), Standing::Ready, now), "a former link");
        assert!(presences.stands(EndpointId(1), LinkId(1), Standing::Ready, now));
        assert!(!presences.stands(EndpointId(1), LinkId(1), Standing::Ready, now), "nothing new");
        assert!(presences.startable(EndpointId(1)).is_ok());
        presences.stands(EndpointId(1), LinkId(1), Standing::Uninstalled, now);
        assert_eq!(
            presences.startable(EndpointId(1)).err(),
            Some(RefusalCode::JumpClientUninstalled)
        );
    }

    #[test]
    fn whoever_knows_a_position_is_told_only_what_changed_since() {
        let presences = presences(90);
        let before = presences.all().position;
        presences.arrived(EndpointId(2), link(2), Standing::Ready, 0, at(100));
        let known = presences.changed_since(before).unwrap();
        let items: Vec<_> = known.presences.iter().map(|presence| presence.endpoint).collect();
        assert_eq!(items, [EndpointId(2)]);
        assert!(presences.changed_since(known.position).unwrap().presences.is_empty());
        let elsewhere = PresencePosition { run: 8, change: 0 };
        assert!(presences.changed_since(elsewhere).is_none());
    }
}

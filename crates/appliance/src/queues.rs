//! Machines that wait for a rep: session keys, queues, and who is told of what.

use crate::appliance::Appliance;
use crate::document::{Document, DocumentId, Item, Removed, SessionKey};
use crate::keys;
use crate::reps::RepLink;
use crate::store::{Draft, History};
use crate::world::World;
use jumpdeck_protocol::agent::AgentOrder;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::queue::{
    Lobby, Queue, QueueWish, SessionKey as NewKey, TeamSession, Waiting, read_key,
};
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::session::{Part, SessionView};
use jumpdeck_protocol::{
    EndpointId, ItemId, Refusal, RefusalCode, SessionId, Timestamp, UserId, limits, text,
};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Seconds that a machine without a session is waited for when its link is gone.
const PATIENCE: u64 = 120;

/// Machines whose person is being asked something: one question at a time.
#[derive(Debug, Default)]
pub(crate) struct Asking(Mutex<HashSet<EndpointId>>);

/// A question that is under way.
pub(crate) struct Question<'a> {
    all: &'a Asking,
    endpoint: EndpointId,
}

impl Asking {
    /// Nothing if one is under way already.
    pub(crate) fn begin(&self, endpoint: EndpointId) -> Option<Question<'_>> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Made only then: one that is dropped ends the question.
        asked.insert(endpoint).then(|| Question { all: self, endpoint })
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let mut asked = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.remove(&self.endpoint);
    }
}

/// A machine that comes with a session key.
pub(crate) struct Visitor {
    pub session_key: String,
    pub from: IpAddr,
    /// The item it is to be, but for its id and its place.
    pub item: Item,
}

impl Appliance {
    /// Makes a key by which a machine joins.
    pub(crate) async fn create_session_key(
        &self,
        rep: &RepLink,
        wish: QueueWish,
        valid: u64,
    ) -> Result<NewKey, Refusal> {
        if !limits::SESSION_KEY_VALID.contains(&valid) {
            let detail = "a session key can be used for a minute to a day";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let (user, now) = (rep.user, self.now());
        let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
        let secret = keys::session_key().map_err(failed)?;
        let (key_hash, expires) = (keys::hash(&secret), now.plus(valid));
        let edit = move |draft: &mut Draft| {
            let queue = queue_of(draft, user, &wish)?;
            remove_expired_keys(draft, now);
            if draft.session_keys().filter(|key| key.user == user).count() >= limits::SESSION_KEYS {
                let detail = format!("{} of your session keys are open", limits::SESSION_KEYS);
                return Err(RefusalCode::InvalidValue.because(detail));
            }
            if draft.session_key_by_hash(&key_hash).is_some() {
                return Err(RefusalCode::ServerBusy.because("the same key was drawn twice"));
            }
            let id = draft.next_session_key();
            draft.put(Document::SessionKey(SessionKey { id, key_hash, user, queue, expires }))?;
            Ok(queue)
        };
        let queue = self.store.edit(edit).await?;
        tracing::info!(target: "audit", user = user.0, ?queue, "a session key was made");
        let queue = queue_name(&self.world(), queue);
        Ok(NewKey { key: secret, expires, fingerprint: self.fingerprint(), queue })
    }

    /// Lets a machine in that comes with a session key; the key is used up.
    pub(crate) async fn let_visitor_in(&self, visitor: Visitor) -> Result<ItemId, Refusal> {
        let now = self.now();
        let source = source(visitor.from);
        if !self.key_tries.admits(&source, now) {
            return Err(RefusalCode::SessionKeyThrottled.plain());
        }
        self.key_tries.count(source, now);
        let invalid = || RefusalCode::SessionKeyInvalid.plain();
        let hash = keys::hash(&read_key(&visitor.session_key).ok_or_else(invalid)?);
        let mut item = visitor.item;
        let edit = move |draft: &mut Draft| {
            remove_expired_keys(draft, now);
            let key = draft.session_key_by_hash(&hash).cloned().ok_or_else(invalid)?;
            if draft.visitors().count() >= limits::WAITING {
                return Err(RefusalCode::ServerBusy.because("too many machines wait already"));
            }
            draft.remove(DocumentId::SessionKey(key.id));
            let id = draft.next_item();
            let view = Arc::make_mut(&mut item.view);
            (view.id, view.place) = (id, Place::Queue(key.queue));
            item.edited_by = Some(key.user);
            draft.put(Document::Item(Box::new(item)))?;
            Ok(id)
        };
        let id = self.store.edit(edit).await?;
        self.key_tries.forgive(&source);
        tracing::info!(target: "audit", item = id.0, "a machine joined with a session key");
        Ok(id)
    }

    /// Whether a rep takes machines out of a queue.
    pub(crate) fn serves(&self, user: UserId, queue: Queue) -> bool {
        serves(&self.world(), user, queue)
    }

    /// Turns a machine away that waits.
    pub(crate) fn turn_away(&self, rep: &RepLink, item: ItemId) -> Result<(), Refusal> {
        let world = self.world();
        let gone = || RefusalCode::JumpItemGone.plain();
        let waiting = world.item(item).ok_or_else(gone)?;
        let Place::Queue(queue) = waiting.view.place else {
            return Err(gone());
        };
        if !serves(&world, rep.user, queue) {
            return Err(gone());
        }
        let endpoint = waiting.endpoint().ok_or_else(gone)?;
        if self.sessions.count(endpoint) > 0 {
            return Err(RefusalCode::InSession.plain());
        }
        if let Some(agent) = self.presences.link(endpoint) {
            let text = "No representative can take you at this moment.".into();
            agent.order(AgentOrder::Say { text });
        }
        tracing::info!(target: "audit", user = rep.user.0, item = item.0, "a machine was turned away");
        self.dismiss(endpoint);
        Ok(())
    }

    /// A machine that came for one session goes; a Jump Client stays.
    pub(crate) fn dismiss(&self, endpoint: EndpointId) {
        let world = self.world();
        let is_visitor = |item: &Arc<Item>| matches!(item.view.place, Place::Queue(_));
        if !world.items_of(endpoint).any(is_visitor) {
            return;
        }
        let at = self.now();
        self.store.note(move |draft| {
            let items: Vec<_> = draft.items_of(endpoint).cloned().collect();
            for item in items.iter().filter(|item| is_visitor(item)) {
                if let Some(key) = item.key {
                    // It cannot fail but for its size.
                    let _ = draft.put(Document::Removed(Removed { endpoint, key, at }));
                    draft.history(History::Forgotten(endpoint));
                }
                draft.remove(DocumentId::Item(item.view.id));
            }
        });
        if let Some(agent) = self.presences.link(endpoint) {
            agent.order(AgentOrder::Uninstall);
            agent.outbox.close();
        }
        self.presences.forget(endpoint);
        self.tell_lobby();
    }

    /// Machines that left while they waited are not waited for.
    pub fn dismiss_absent(&self) {
        let now = self.now();
        let world = self.world();
        let absent: HashMap<_, _> = self.presences.absent().into_iter().collect();
        let left = |endpoint: &EndpointId| {
            let since = absent.get(endpoint).copied();
            let never = self.presences.of(*endpoint).is_none() && now.since(self.opened) > PATIENCE;
            let idle = self.sessions.count(*endpoint) == 0;
            idle && (never || since.is_some_and(|since| now.since(since) > PATIENCE))
        };
        for endpoint in world.visitors().filter_map(|item| item.endpoint()).filter(left) {
            self.dismiss(endpoint);
        }
    }

    /// A machine that may be waiting came or went.
    pub(crate) fn visitor_moved(&self, item: &Item) {
        if matches!(item.view.place, Place::Queue(_)) {
            self.tell_lobby();
        }
    }

    /// What goes on besides a rep's own sessions.
    pub(crate) fn lobby(&self, user: UserId) -> Lobby {
        let world = self.world();
        let waits = |item: &&Arc<Item>| match (item.view.place, item.endpoint()) {
            (Place::Queue(queue), Some(endpoint)) => {
                serves(&world, user, queue)
                    && self.sessions.count(endpoint) == 0
                    && self.presences.link(endpoint).is_some()
            }
            _ => false,
        };
        let mut waiting: Vec<_> =
            world.visitors().filter(waits).map(|item| waiting(&world, item)).collect();
        waiting.sort_by_key(|one| (one.since, one.item));
        let teams = world.teams_of(user).map(|team| team.name.as_str().into()).collect();
        Lobby { waiting, sessions: self.team_sessions(&world, user), teams }
    }

    fn team_sessions(&self, world: &World, user: UserId) -> Vec<TeamSession> {
        if world.teams_of(user).next().is_none() {
            return Vec::new();
        }
        let of = |view: SessionView| {
            let mut teams = world.teams_of(user);
            let team = teams.find(|team| team.members.contains_key(&view.owner))?;
            Some(TeamSession {
                session: view.id,
                item_name: view.item_name.as_str().into(),
                owner: world.username(view.owner),
                team: team.name.as_str().into(),
                started: view.started,
                may_join: world.outranks(user, view.owner),
            })
        };
        let others = self.sessions.without(user, world).into_iter();
        others.filter_map(of).collect()
    }

    /// Tells everybody what goes on, if that is new to them.
    pub(crate) fn tell_lobby(&self) {
        let mut known: HashMap<UserId, Lobby> = HashMap::new();
        for rep in self.reps.those(|_| true) {
            let lobby = known.entry(rep.user).or_insert_with(|| self.lobby(rep.user));
            if rep.is_new(lobby) {
                rep.tell(ApplianceNotice::Lobby(lobby.clone()));
            }
        }
    }

    /// Comes into a session of somebody the rep outranks.
    pub(crate) fn join_session(
        &self,
        rep: &RepLink,
        session: SessionId,
    ) -> Result<SessionView, Refusal> {
        let world = self.world();
        let gone = || RefusalCode::SessionGone.plain();
        let view = self.sessions.view(session, &world).ok_or_else(gone)?;
        if view.part(rep.user).is_none() {
            let colleague =
                |team: &&Arc<crate::document::Team>| team.members.contains_key(&view.owner);
            if !world.teams_of(rep.user).any(|team| colleague(&team)) {
                return Err(gone());
            }
            if !world.outranks(rep.user, view.owner) {
                let detail = "you do not outrank its owner in a team";
                return Err(RefusalCode::NotOwner.because(detail));
            }
            tracing::info!(target: "audit", user = rep.user.0, session = session.0, "a session of the team was joined");
            self.let_in(session, rep.user, Part::Participant);
            self.tell_lobby();
        }
        self.sessions.view(session, &self.world()).ok_or_else(gone)
    }
}

fn serves(world: &World, user: UserId, queue: Queue) -> bool {
    match queue {
        Queue::Personal(owner) => owner == user,
        Queue::Team(team) => world.team(team).is_some_and(|team| team.members.contains_key(&user)),
        Queue::General => world.user(user).is_some_and(|user| user.enabled),
    }
}

fn queue_of(world: &World, user: UserId, wish: &QueueWish) -> Result<Queue, Refusal> {
    match wish {
        QueueWish::Personal => Ok(Queue::Personal(user)),
        QueueWish::General => Ok(Queue::General),
        QueueWish::Team(name) => {
            let team = world.teams_of(user).find(|team| team.name == **name);
            let none = || RefusalCode::InvalidValue.because("you are in no team of that name");
            Ok(Queue::Team(team.ok_or_else(none)?.id))
        }
    }
}

/// A queue's name, for people.
pub(crate) fn queue_name(world: &World, queue: Queue) -> String {
    match queue {
        Queue::Personal(user) => format!("queue of {}", world.username(user)),
        Queue::Team(team) => {
            let name = world.team(team).map_or("—", |team| &team.name);
            format!("queue of the team {name}")
        }
        Queue::General => "general queue".to_owned(),
    }
}

fn waiting(world: &World, item: &Item) -> Waiting {
    let view = &item.view;
    let queue = match view.place {
        Place::Queue(queue) => queue,
        _ => Queue::default(),
    };
    let team = match queue {
        Queue::Team(team) => world.team(team).map(|team| team.name.as_str().into()),
        _ => None,
    };
    Waiting {
        item: view.id,
        name: view.name.clone(),
        queue,
        team: team.unwrap_or_default(),
        since: view.created,
        invited_by: item.edited_by.map(|user| world.username(user)).unwrap_or_default(),
        console_user: view.facts.console_user.clone(),
        operating_system: view.facts.operating_system.clone(),
        address: view.public_ip.clone(),
    }
}

fn remove_expired_keys(draft: &mut Draft, now: Timestamp) {
    let expired: Vec<_> =
        draft.session_keys().filter(|key| key.expires < now).map(|key| key.id).collect();
    for id in expired {
        draft.remove(DocumentId::SessionKey(id));
    }
}

/// Who guesses: an address, or for IPv6 the network that one house has.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let mut octets = six.octets();
            octets.iter_mut().skip(8).for_each(|octet| *octet = 0);
            IpAddr::V6(octets.into())
        }
        four @ IpAddr::V4(_) => four,
    }
}

/// What somebody at a machine is called, cleaned.
pub(crate) fn visitor_name(wished: Option<&str>, hostname: &str) -> String {
    let wished = text::bounded(wished.unwrap_or_default().trim(), limits::NAME);
    let candidates = [wished.as_str(), hostname.trim(), "unnamed"];
    candidates.into_iter().find(|name| !name.is_empty()).unwrap_or_default().to_owned()
}

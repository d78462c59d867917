//! Queues: session keys, the machines that come with one and wait, and how they leave.

use crate::accounts::throttle::Throttle;
use crate::admission::source;
use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::book::Brief;
use crate::bus::ApplianceEvent;
use crate::clock::Uptime;
use crate::jobs::{Every, Jobs};
use crate::keys;
use crate::links::Links;
use crate::links::consoles::RepLink;
use crate::sessions::end::Endings;
use crate::sessions::log::SessionLog;
use crate::sessions::log::kept;
use crate::sessions::sharing::Sharing;
use crate::sessions::withdraw::Withdrawal;
use jumpdeck_protocol::EndpointId;
use jumpdeck_protocol::agent::AgentOrder;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::log::Attributes;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::queue::{
    Queue, QueueChoice, QueueView, SessionKey as NewKey, TeamSession, Waiting, read_key,
};
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::{EndReason, SessionView};
use jumpdeck_protocol::{ItemId, Refusal, RefusalCode, SessionId, Timestamp, UserId, limits, text};
use jumpdeck_store::History;
use jumpdeck_store::{AuditRecord, Draft};
use jumpdeck_world::Removed;
use jumpdeck_world::Share;
use jumpdeck_world::World;
use jumpdeck_world::names::queue_name;
use jumpdeck_world::{DocumentId, Item, SessionKey};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Seconds that a machine without a session is waited for when its link is gone.
const PATIENCE: u64 = 120;

/// Seconds that one with a session is waited for.
const SESSION_PATIENCE: u64 = 1800;

/// A machine that comes with a session key.
pub(crate) struct Visitor {
    pub session_key: String,
    pub from: IpAddr,
    /// The item it is to be, but for its id and its place.
    pub item: Item,
}

/// Makes session keys, lets machines in that bring one, and lets them go.
pub(crate) struct Queues {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) book: Arc<Book>,
    pub(super) endings: Arc<Endings>,
    pub(super) log: Arc<SessionLog>,
    pub(super) sharing: Arc<Sharing>,
    pub(super) withdrawal: Arc<Withdrawal>,
    /// Of the appliance's key, for agents to check.
    pub(super) fingerprint: String,
    /// Where session keys are guessed from.
    pub(super) key_tries: Throttle<IpAddr>,
    /// When the appliance was opened.
    pub(super) opened: Uptime,
}

impl Queues {
    /// Makes a key by which a machine joins.
    async fn create_session_key(
        &self,
        rep: &RepLink,
        wish: QueueChoice,
        valid: u64,
        attributes: Attributes,
    ) -> Result<NewKey, Refusal> {
        if !limits::SESSION_KEY_VALID.contains(&valid) {
            let detail = "A session key is valid for 1 minute to 1 day.";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let (user, now) = (rep.user, self.base.now());
        let world = self.base.world();
        let settings = world.effective(user).map(|effective| &effective.settings);
        if !settings.is_some_and(|settings| settings.generate_session_keys.value) {
            let by = settings.map(|settings| settings.generate_session_keys.by.words());
            let detail =
                format!("generate_session_keys: {} do not allow it", by.unwrap_or_default());
            return Err(RefusalCode::PermissionDenied.because(detail));
        }
        let attributes = kept(attributes)?;
        let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
        let secret = keys::session_key().map_err(failed)?;
        let (key_hash, expires) = (keys::hash(&secret), now.plus(valid));
        let edit = move |draft: &mut Draft| {
            let queue = queue_of(draft, user, &wish)?;
            remove_expired_keys(draft, now);
            if draft.session_keys().filter(|key| key.user == user).count() >= limits::SESSION_KEYS {
                let detail =
                    format!("{} of your session keys are open, the limit.", limits::SESSION_KEYS);
                return Err(RefusalCode::InvalidValue.because(detail));
            }
            if draft.session_key_by_hash(&key_hash).is_some() {
                return Err(
                    RefusalCode::StoreFailed.because("the same key was drawn twice; try again")
                );
            }
            let id = draft.next::<SessionKey>();
            let name = queue_name(draft, queue);
            draft.audit_by(now, user, Action::SessionKeyMade, (&name, ""));
            let (key_hash, attributes) = (key_hash.clone(), attributes.clone());
            let key = SessionKey { id, key_hash, user, queue, expires, attributes };
            draft.put(key)?;
            Ok(queue)
        };
        let queue = self.base.store.edit(edit).await?;
        let queue = queue_name(&self.base.world(), queue);
        Ok(NewKey { key: secret, expires, fingerprint: self.fingerprint.clone(), queue })
    }

    /// Lets a machine in that comes with a session key; the key is used up.
    pub(crate) async fn let_visitor_in(&self, visitor: Visitor) -> Result<ItemId, Refusal> {
        let now = self.base.now();
        let (source, uptime) = (source(visitor.from), self.base.uptime());
        if !self.key_tries.admits(&source, uptime) {
            return Err(RefusalCode::SessionKeyThrottled.plain());
        }
        // It counts before it is judged, so that many at once are no more than as many in turn.
        self.key_tries.count(source, uptime);
        let invalid = || RefusalCode::SessionKeyInvalid.plain();
        let hash = keys::hash(&read_key(&visitor.session_key).ok_or_else(invalid)?);
        let (visitor, from, settled) = (visitor.item, visitor.from, self.base.clocks.has_settled());
        let edit = move |draft: &mut Draft| {
            if settled {
                remove_expired_keys(draft, now);
            }
            let key = draft
                .session_key_by_hash(&hash)
                .filter(|key| now <= key.expires && is_vouched_for(draft, key))
                .cloned()
                .ok_or_else(invalid)?;
            if draft.visitors().count() >= limits::WAITING {
                return Err(RefusalCode::QueueFull.plain());
            }
            draft.remove(DocumentId::SessionKey(key.id));
            let id = draft.next::<Item>();
            let mut item = visitor.clone();
            let view = Arc::make_mut(&mut item.view);
            (view.id, view.place) = (id, Place::Queue(key.queue));
            item.edited_by = Some(key.user);
            item.attributes.clone_from(&key.attributes);
            let maker = draft.username(key.user);
            let (subject, detail) =
                (format!("item {id}"), format!("from {from}; session key {} of {maker}", key.id));
            let action = Action::MachineJoined;
            draft.audit(now, AuditRecord { who: "", action, subject: &subject, detail: &detail });
            draft.put(item)?;
            Ok(id)
        };
        let outcome = self.base.store.edit(edit).await;
        if !matches!(&outcome, Err(refusal) if refusal.code == RefusalCode::SessionKeyInvalid) {
            // Anyone who has a key does not guess.
            self.key_tries.forgive(&source);
        }
        let id = outcome?;
        Ok(id)
    }

    /// Turns a machine away that waits.
    async fn turn_away(&self, rep: &RepLink, item: ItemId) -> Result<(), Refusal> {
        let world = self.base.world();
        let gone = || RefusalCode::JumpItemGone.plain();
        let waiting = world.item(item).ok_or_else(gone)?;
        let Place::Queue(queue) = waiting.view.place else {
            return Err(gone());
        };
        if !world.serves(rep.user, queue) {
            return Err(gone());
        }
        let endpoint = waiting.endpoint().ok_or_else(gone)?;
        let taken = || RefusalCode::BeingTaken.plain();
        let _question = self.links.asking.begin(endpoint).ok_or_else(taken)?;
        if self.book.count(endpoint) > 0 {
            return Err(RefusalCode::InSession.plain());
        }
        if let Some(agent) = self.links.agents.link(endpoint) {
            let text = "No technician is available at the moment.".into();
            agent.order(AgentOrder::Say { text });
        }
        self.let_go(endpoint).await?;
        self.base.audit.record(
            Some(rep.user),
            Action::MachineTurnedAway,
            &format!("item {item}"),
            "",
        );
        self.base.bus.publish(ApplianceEvent::QueuesChanged);
        Ok(())
    }

    /// Machines that left while they waited are not waited for.
    ///
    /// # Errors
    /// A [`Refusal`] when the store fails.
    async fn dismiss_absent(&self) -> Result<(), Refusal> {
        let (now, uptime) = (self.base.moment(), self.base.uptime());
        let world = self.base.world();
        let absent: HashMap<_, _> = self.links.agents.absent().into_iter().collect();
        let left = |item: &&Arc<Item>| {
            let Some(endpoint) = item.endpoint() else {
                return false;
            };
            // One that came a moment ago is not linked yet.
            let known = self.links.agents.of(endpoint).is_some();
            let never = !known
                && now.wall.since(item.view.created) > PATIENCE
                && uptime.since(self.opened) > PATIENCE;
            let since = absent.get(&endpoint).copied();
            // Minutes are counted by the clock that nobody sets.
            never || since.is_some_and(|since| now.lived.since(since.lived) > PATIENCE)
        };
        for endpoint in world.visitors().filter(left).filter_map(|item| item.endpoint()) {
            let since = absent.get(&endpoint).copied().unwrap_or(now);
            if now.lived.since(since.lived) > SESSION_PATIENCE {
                for session in self.book.with_machine(endpoint) {
                    self.endings.end_session(session, EndReason::AgentLost);
                }
            }
            self.let_go(endpoint).await?;
        }
        Ok(())
    }

    /// Tells everybody what goes on, if that is new to them. Called by one task alone, so that what
    /// is sent last is what is so.
    pub(crate) fn tell_queues_now(&self) {
        let world = self.base.world();
        let reps = self.links.consoles.those(|_| true);
        if reps.is_empty() {
            return;
        }
        let sessions = match world.teams().next() {
            Some(_) => self.book.briefs(),
            None => Vec::new(),
        };
        let mut known: HashMap<UserId, QueueView> = HashMap::new();
        for rep in reps {
            let make = || self.queues(&world, rep.user, &sessions);
            let queues = known.entry(rep.user).or_insert_with(make);
            if rep.learns(queues) {
                rep.tell(ApplianceNotice::Queues(queues.clone()));
            }
        }
    }

    /// What goes on besides a rep's own sessions.
    fn queues(&self, world: &World, user: UserId, sessions: &[Brief]) -> QueueView {
        let waits = |item: &Arc<Item>| {
            let (Place::Queue(queue), Some(endpoint)) = (item.view.place, item.endpoint()) else {
                return None;
            };
            let here = world.serves(user, queue)
                && self.book.count(endpoint) == 0
                && self.links.agents.link(endpoint).is_some();
            here.then(|| waiting(world, item, queue))
        };
        let mut waiting: Vec<_> = world.visitors().filter_map(waits).collect();
        waiting.sort_by_key(|one| (one.since, one.item));
        waiting.truncate(limits::QUEUES_WAITING);
        let teams: Vec<_> = world.teams_of(user).collect();
        let of_team = |brief: &Brief| {
            let mut teams = teams.iter().filter(|_| !brief.users.contains(&user));
            let team = teams.find(|team| world.members(team.id).contains_key(&brief.owner))?;
            Some(TeamSession {
                session: brief.id,
                item_name: brief.item_name.as_str().into(),
                owner: world.username(brief.owner),
                team: team.name.as_str().into(),
                started: brief.started,
                may_join: world.outranks(user, brief.owner)
                    && self.withdrawal.may_have(brief.id, user),
            })
        };
        let sessions = sessions.iter().filter_map(of_team).take(limits::QUEUES_SESSIONS).collect();
        let teams = teams.into_iter().map(|team| team.name.as_str().into()).collect();
        QueueView { waiting, sessions, teams }
    }

    /// Comes into a session of somebody the rep outranks.
    fn join_session(
        self: &Arc<Self>,
        rep: &RepLink,
        session: SessionId,
    ) -> Result<SessionView, Refusal> {
        let world = self.base.world();
        let gone = || RefusalCode::SessionGone.plain();
        let view = self.book.view(session, &world).ok_or_else(gone)?;
        if view.part(rep.user).is_some() {
            return Ok(view);
        }
        let mut teams = world.teams_of(rep.user);
        if !teams.any(|team| world.members(team.id).contains_key(&view.owner)) {
            return Err(gone());
        }
        if !world.outranks(rep.user, view.owner) {
            let detail = "you do not outrank its owner in a team";
            return Err(RefusalCode::NotOwner.because(detail));
        }
        if !self.withdrawal.may_have(session, rep.user) {
            let detail = "you may not have sessions with its item";
            return Err(RefusalCode::PermissionDenied.because(detail));
        }
        self.book.room_for(session, 1)?;
        self.sharing.let_in(session, rep.user, Share::Outranks);
        self.base.audit.record(
            Some(rep.user),
            Action::SessionEntered,
            &format!("session {session}"),
            "",
        );
        self.log.log(session, Some(rep.user), LogEvent::Entered);
        self.base.bus.publish(ApplianceEvent::QueuesChanged);
        self.book.view(session, &self.base.world()).ok_or_else(gone)
    }

    /// A machine that came for one session goes; a Jump Client stays. Returns whether it went.
    pub(crate) async fn let_go(&self, endpoint: EndpointId) -> Result<bool, Refusal> {
        if self.book.count(endpoint) > 0 {
            return Ok(false);
        }
        let at = self.base.now();
        let edit = move |draft: &mut Draft| {
            let items: Vec<_> = draft.items_of(endpoint).cloned().collect();
            let visitors: Vec<_> = items.into_iter().filter(|item| item.is_visitor()).collect();
            for item in &visitors {
                if let Some(key) = item.key {
                    draft.put(Removed { endpoint, key, at })?;
                    draft.history(History::Forgotten(endpoint));
                }
                draft.remove(DocumentId::Item(item.view.id));
            }
            Ok(!visitors.is_empty())
        };
        let went = self.base.store.edit(edit).await?;
        if went {
            if let Some(agent) = self.links.agents.link(endpoint) {
                agent.order(AgentOrder::Uninstall);
                agent.outbox.close();
            }
            self.links.agents.forget(endpoint);
        }
        Ok(went)
    }

    pub(crate) fn jobs(self: &Arc<Self>, jobs: &mut Jobs) {
        jobs.add(Every::Minute, self, |queues| async move {
            if let Err(refusal) = queues.dismiss_absent().await {
                tracing::error!(%refusal, "machines that left are still waited for");
            }
        });
    }
}

impl Answered for request::CreateSessionKey {
    type By = Queues;

    async fn answer(self, queues: &Arc<Queues>, rep: &RepLink) -> Result<NewKey, Refusal> {
        queues.create_session_key(rep, self.queue, self.valid, self.attributes).await
    }
}

impl Answered for request::TurnAway {
    type By = Queues;

    async fn answer(self, queues: &Arc<Queues>, rep: &RepLink) -> Result<(), Refusal> {
        queues.turn_away(rep, self.item).await
    }
}

impl Answered for request::JoinSession {
    type By = Queues;

    async fn answer(self, queues: &Arc<Queues>, rep: &RepLink) -> Result<SessionView, Refusal> {
        queues.join_session(rep, self.session)
    }
}

/// Whether the one who made a session key could still make one like it.
fn is_vouched_for(world: &World, key: &SessionKey) -> bool {
    let may = world.effective(key.user).map(|own| own.settings.generate_session_keys.value);
    let enabled = world.user(key.user).is_some_and(|user| user.enabled);
    enabled && may.unwrap_or(false) && world.serves(key.user, key.queue)
}

fn queue_of(world: &World, user: UserId, wish: &QueueChoice) -> Result<Queue, Refusal> {
    match wish {
        QueueChoice::Personal => Ok(Queue::Personal(user)),
        QueueChoice::General => Ok(Queue::General),
        QueueChoice::Team(name) => {
            let team = world.teams_of(user).find(|team| team.name == **name);
            let none = || {
                RefusalCode::NotFound
                    .because(format!("You are in no team {}.", text::bounded(name, limits::NAME)))
            };
            Ok(Queue::Team(team.ok_or_else(none)?.id))
        }
    }
}

fn waiting(world: &World, item: &Item, queue: Queue) -> Waiting {
    let view = &item.view;
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

/// What somebody at a machine is called, cleaned.
pub(crate) fn visitor_name(wished: Option<&str>, hostname: &str) -> String {
    let wished = text::bounded(wished.unwrap_or_default().trim(), limits::NAME);
    let candidates = [wished.as_str(), hostname.trim(), "unnamed"];
    candidates.into_iter().find(|name| !name.is_empty()).unwrap_or_default().to_owned()
}

//! The start of a session, and of each channel in it.

use super::open::{check_kind, may_run, starting};
use crate::accounts::second_factor::SecondFactors;
use crate::accounts::second_factor::has_one;
use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::links::Links;
use crate::links::agent::AgentLink;
use crate::links::asking::Asking;
use crate::links::asking::AskingTurn;
use crate::links::consoles::RepLink;
use crate::sessions::announce::Announcer;
use crate::sessions::beside::Beside;
use crate::sessions::beside::beside;
use crate::sessions::customer::Customers;
use crate::sessions::end::Endings;
use crate::sessions::history::SessionHistory;
use crate::sessions::log::SessionLog;
use crate::sessions::open::ChannelOpening;
use crate::sessions::sharing::Sharing;
use crate::sessions::withdraw::Withdrawal;
use jumpdeck_policy::{Attempt, Code, Decision, SimultaneousJumps, Step};
use jumpdeck_protocol::agent::{AgentOrder, AgentReply, AgentRequest};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::inventory::{Place, StartMode};
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::rep::request::StartSession;
use jumpdeck_protocol::session::{ChannelKind, EndReason, SessionView, Terms};
use jumpdeck_protocol::session_policy::StartMethod;
use jumpdeck_protocol::{
    EndpointId, ItemId, Refusal, RefusalCode, SessionId, UserId, limits, text,
};
use jumpdeck_store::NewSession;
use jumpdeck_store::{AuditRecord, History};
use jumpdeck_world::Item;
use jumpdeck_world::Share;
use jumpdeck_world::rights::Start;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long it may take to say who is logged in.
const CUSTOMER_PATIENCE: Duration = Duration::from_secs(3);

/// Starts sessions: decides whether a rep may, and what the session grants.
pub(crate) struct Starting {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) book: Arc<Book>,
    pub(super) announcer: Arc<Announcer>,
    pub(super) customers: Arc<Customers>,
    pub(super) endings: Arc<Endings>,
    pub(super) history: Arc<SessionHistory>,
    pub(super) log: Arc<SessionLog>,
    pub(super) opening: Arc<ChannelOpening>,
    pub(super) second_factors: Arc<SecondFactors>,
    pub(super) sharing: Arc<Sharing>,
    pub(super) withdrawal: Arc<Withdrawal>,
    /// Machines with which a session is being started that must be the only one.
    pub(super) alone: Asking,
    pub(super) starts: Arc<Semaphore>,
}

fn reason_of(asked: &StartSession) -> Option<String> {
    let reason = text::bounded(asked.reason.as_deref()?.trim(), limits::COMMENTS);
    Some(reason).filter(|reason| !reason.is_empty())
}

impl Starting {
    /// Starts a session with an item and opens its first channel.
    async fn start_session(
        self: &Arc<Self>,
        rep: &RepLink,
        asked: StartSession,
    ) -> Result<SessionView, Refusal> {
        check_kind(&asked.kind)?;
        let reason = reason_of(&asked);
        let (item, why) = self.startable(rep, &asked)?;
        is_said(&why, reason.as_deref())?;
        let id = item.view.id;
        let endpoint = item.endpoint().ok_or_else(|| {
            let what = item.view.method.title();
            RefusalCode::Unsupported.because(format!("{what} sessions come with a later version"))
        })?;
        let agent = self
            .links
            .agents
            .startable(endpoint)
            .map_err(|code| code.because(item.view.name.to_string()))?;
        let waited = item.is_visitor();
        let _question =
            if waited { Some(self.take_waiting(rep, endpoint, &agent).await?) } else { None };
        let (simultaneous, _) = self.base.world().simultaneous(rep.user, &item);
        // Two who come at once are one after the other.
        let being_started = || RefusalCode::ServerBusy.because("somebody else starts one there");
        let _alone = match simultaneous {
            SimultaneousJumps::NewSession => None,
            _ => Some(self.alone.begin(endpoint).ok_or_else(being_started)?),
        };
        self.has_room_for(&agent, waited)?;
        let why = self.with_code(rep.user, &item, &asked, why).await?;
        // It may have closed meanwhile.
        is_said(&why, reason.as_deref())?;
        let reason = reason.unwrap_or_default();
        if let Some(policy) = &why.overrides {
            self.audit_override(rep.user, id, policy, &reason);
        }
        if let Some(joined) = self.join_instead(rep, &item, &asked.kind)? {
            return Ok(joined);
        }
        let terms = self.terms_of(rep.user, &item, &agent, &asked.kind).await?;
        let why_so = why.decision.to_string();
        let session = self.enter(rep.user, &item, endpoint, (terms, &why_so)).await?;
        if let Some(policy) = why.overrides {
            self.log.log(
                session,
                Some(rep.user),
                LogEvent::Overrode { policy: policy.into(), reason: reason.into() },
            );
        }
        if waited {
            let what = "to come in".into();
            self.log.log(session, Some(rep.user), LogEvent::Asked { what, allowed: true });
        }
        self.open_first(rep, (session, id), &agent, asked.kind).await
    }

    /// Opens the first channel of a session that was entered, and ends it if that cannot be.
    async fn open_first(
        self: &Arc<Self>,
        rep: &RepLink,
        (session, id): (SessionId, ItemId),
        agent: &AgentLink,
        kind: ChannelKind,
    ) -> Result<SessionView, Refusal> {
        let opened = self.opening.open_channel(rep, session, agent, kind).await;
        if let Err(refusal) = opened {
            // The person there, if one was asked, reads that in the session's end.
            self.endings.end_session(session, EndReason::StartFailed);
            return Err(refusal);
        }
        if self.base.world().item(id).is_none() {
            // It was removed while the session started.
            self.endings.end_session(session, EndReason::StartFailed);
            return Err(RefusalCode::JumpItemGone.plain());
        }
        // A right that was withdrawn while it started was not seen by whoever looks after that.
        self.withdrawal.end_if_over(session);
        let view = self.book.view(session, &self.base.world());
        let view = view.ok_or_else(|| RefusalCode::SessionGone.plain())?;
        tracing::info!(session = view.id.0, item = id.0, user = rep.user.0, "session started");
        self.announcer.tell_session(view.id);
        let (starting, user) = (Arc::clone(self), rep.user);
        tokio::spawn(async move { starting.history.tell_used(user).await });
        Ok(view)
    }

    fn has_room_for(&self, agent: &AgentLink, waited: bool) -> Result<(), Refusal> {
        if self.starts.available_permits() > 0 {
            return Ok(());
        }
        if waited {
            let text = "The session could not be started at this moment.".into();
            agent.order(AgentOrder::Say { text });
        }
        Err(starting())
    }

    /// Whatever comes of it: somebody wanted in while it was closed.
    fn audit_override(&self, user: UserId, item: ItemId, policy: &str, reason: &str) {
        let detail = format!("{policy}: {reason}");
        let subject = format!("item {item}");
        self.base.audit.record(Some(user), Action::ScheduleOverridden, &subject, &detail);
    }

    /// What is decided now, and holds for the whole session.
    async fn terms_of(
        &self,
        user: UserId,
        item: &Item,
        agent: &AgentLink,
        kind: &ChannelKind,
    ) -> Result<Terms, Refusal> {
        let attended = item.is_visitor();
        let customer_present = attended || self.somebody_is_at(item, agent).await;
        let start_mode = if attended { StartMode::Normal } else { item.view.start_mode };
        let method = if attended { StartMethod::Attended } else { StartMethod::Unattended };
        let world = self.base.world();
        let layers = world.layers(user, item.view.policies, method, customer_present);
        let granted = Box::new(layers.granted());
        may_run(&granted, kind, || layers.because(kind.nature().permission))?;
        let recording = granted.recording.is_allowed() && self.opening.records(user, item);
        Ok(Terms { granted, customer_present, recording, start_mode, attended })
    }

    /// Takes a machine out of its queue, if the person there allows it. Nobody else can meanwhile.
    async fn take_waiting(
        &self,
        rep: &RepLink,
        endpoint: EndpointId,
        agent: &AgentLink,
    ) -> Result<AskingTurn<'_>, Refusal> {
        let taken = || RefusalCode::BeingTaken.plain();
        let question = self.links.asking.begin(endpoint).ok_or_else(taken)?;
        if self.book.count(endpoint) > 0 {
            return Err(taken());
        }
        self.customers.ask_in(agent, &self.base.world().username(rep.user)).await?;
        Ok(question)
    }

    /// The item, if this user may start a session with it now, and why. A code of the second factor
    /// that was given is taken for right until it is spent.
    fn startable(
        &self,
        rep: &RepLink,
        asked: &StartSession,
    ) -> Result<(Arc<Item>, Start), Refusal> {
        let world = self.base.world();
        let user = world.user(rep.user).ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
        let gone = || RefusalCode::JumpItemGone.plain();
        let item = world.item(asked.item).ok_or_else(gone)?;
        if let Place::Queue(queue) = item.view.place {
            let because = vec![Step::allows("the queue", "is one that the user serves")];
            let start = Start { decision: Decision::of(because), refusal: None, overrides: None };
            return if world.serves(user.id, queue) {
                Ok((item.clone(), start))
            } else {
                Err(gone())
            };
        }
        if !world.sees(user, item.view.place) {
            return Err(gone());
        }
        let second_factor = if asked.code.is_some() { Code::Promised } else { Code::None };
        let attempt = Attempt { overrides: asked.override_schedule, second_factor };
        let start = world.may_start(user, item, self.base.now(), attempt);
        match start.refusal {
            None => Ok((item.clone(), start)),
            Some(refusal)
                if refusal.code == RefusalCode::SecondFactorRequired
                    && !has_one(&world, rep.user) =>
            {
                Err(RefusalCode::SecondFactorUnknown.because(refusal.detail))
            }
            Some(refusal) => Err(refusal),
        }
    }

    /// Spends the code of the second factor, where the Jump Policy wants one. Nothing else stands in
    /// the way by then.
    async fn with_code(
        &self,
        user: UserId,
        item: &Item,
        asked: &StartSession,
        why: Start,
    ) -> Result<Start, Refusal> {
        let world = self.base.world();
        let known = world.user(user).ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
        let policies = world.jump_policies_of(known, item);
        let wanted = !item.is_visitor() && policies.iter().any(|one| one.policy.two_factor);
        let (Some(code), true) = (&asked.code, wanted) else {
            return Ok(why);
        };
        self.second_factors.spend_code(user, &code.0).await?;
        let attempt = Attempt { overrides: asked.override_schedule, second_factor: Code::Right };
        let start = world.may_start(known, item, self.base.now(), attempt);
        match start.refusal {
            None => Ok(start),
            Some(refusal) => Err(refusal),
        }
    }

    /// Where the Jump Policy wants it, whoever comes second joins the first, or is turned away.
    fn join_instead(
        self: &Arc<Self>,
        rep: &RepLink,
        item: &Item,
        kind: &ChannelKind,
    ) -> Result<Option<SessionView>, Refusal> {
        let world = self.base.world();
        let user = world.user(rep.user).ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
        // What runs by itself has nothing to join.
        let alone = kind.terminal().is_none();
        let other = match beside(&self.book, &world, (user, item), self.base.now()).0 {
            Beside::Alone => return Ok(None),
            Beside::Joins(_) | Beside::Denied { joinable: true, .. } if alone => return Ok(None),
            Beside::Denied { owner, .. } => return Err(join_denied(owner, "")),
            Beside::Joins(other) => other,
        };
        if kind.command().is_some() {
            let owner = Some(world.username(other.owner));
            return Err(join_denied(owner, ", which is joined: by `jumpdeck jump`"));
        }
        let session = other.session;
        if self.book.part(session, rep.user).is_none() {
            // Whoever may not have a shell alone has none together with others.
            let terms = self.book.terms(session).unwrap_or_default();
            let through = world.item(other.item).map_or(item, AsRef::as_ref);
            let (method, present) = (StartMethod::Unattended, terms.customer_present);
            for item in [item, through] {
                let layers = world.layers(rep.user, item.view.policies, method, present);
                may_run(&layers.granted(), kind, || layers.because(kind.nature().permission))?;
            }
            self.book.room_for(session, 1)?;
            self.sharing.let_in(session, rep.user, Share::Jumped(item.view.id));
            if self.book.part(session, rep.user).is_none() {
                return Err(RefusalCode::SessionGone.plain());
            }
            let subject = format!("session {session}");
            self.base.audit.record(Some(rep.user), Action::SessionJoined, &subject, "by a jump");
        }
        Ok(self.book.view(session, &world))
    }

    /// Enters a session without channels into the history and the book.
    async fn enter(
        &self,
        user: UserId,
        item: &Item,
        endpoint: EndpointId,
        (terms, why): (Terms, &str),
    ) -> Result<SessionId, Refusal> {
        let new = NewSession {
            id: self.book.next_session(),
            owner: user,
            endpoint,
            item: item.view.id,
            item_name: item.view.name.to_string(),
            started: self.base.now(),
            terms: terms.clone(),
        };
        let id = new.id;
        let started = History::SessionStarted {
            session: id,
            item: new.item,
            item_name: new.item_name.clone(),
            user,
            endpoint,
            terms,
            at: new.started,
        };
        let who = self.base.world().username(user);
        let (subject, detail) =
            (format!("session {id}"), format!("item {}: {}; {why}", new.item, new.item_name));
        let at = new.started;
        let edit = move |draft: &mut jumpdeck_store::Draft| {
            draft.history(started);
            let action = Action::SessionStarted;
            draft.audit(at, AuditRecord { who: &who, action, subject: &subject, detail: &detail });
            Ok(())
        };
        self.base.store.edit(edit).await?;
        self.book.add(new, self.base.uptime());
        self.log.log(id, Some(user), LogEvent::Started);
        if !item.attributes.is_empty() {
            self.log.log(id, None, LogEvent::Attributes { set: item.attributes.clone() });
        }
        self.announcer.tell_in_sessions(endpoint);
        self.links.chores.tell_lobby_soon();
        Ok(id)
    }

    /// Whether somebody is logged in at a machine at this moment.
    async fn somebody_is_at(&self, item: &Item, agent: &AgentLink) -> bool {
        match agent.call(AgentRequest::Customer, CUSTOMER_PATIENCE).await {
            Ok(AgentReply::Customer { user }) => !user.trim().is_empty(),
            // An older agent; what it said when it came is all there is.
            _ => !item.view.facts.console_user.trim().is_empty(),
        }
    }
}

impl Answered for StartSession {
    type By = Starting;

    async fn answer(self, starting: &Arc<Starting>, rep: &RepLink) -> Result<SessionView, Refusal> {
        let item = self.item;
        let started = starting.start_session(rep, self).await;
        if let Err(refusal) = &started {
            let who = starting.base.world().username(rep.user);
            let (subject, why) = (format!("item {item}"), refusal.code.as_str());
            let detail = format!("{why}: {}", refusal.detail);
            starting.base.audit.record_often(&who, Action::SessionRefused, &subject, &detail);
        }
        started
    }
}

/// Whoever overrides a schedule says why.
fn is_said(why: &Start, reason: Option<&str>) -> Result<(), Refusal> {
    match (&why.overrides, reason) {
        (Some(policy), None) => Err(RefusalCode::ReasonRequired.because(policy.clone())),
        _ => Ok(()),
    }
}

fn join_denied(owner: Option<Box<str>>, more: &str) -> Refusal {
    let owner = owner.unwrap_or_else(|| "somebody".into());
    RefusalCode::JoinDenied.because(format!("{owner} is in a session with it{more}"))
}

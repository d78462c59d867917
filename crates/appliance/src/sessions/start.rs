//! The start of a session, and of each channel in it.

use crate::accounts::second_factor::has_one;
use crate::appliance::Appliance;
use crate::links::asking::Question;
use crate::links::consoles::RepLink;
use crate::links::presence::AgentLink;
use jumpdeck_policy::{Attempt, Code, Decision, SimultaneousJumps, Step, check_command};
use jumpdeck_protocol::agent::{AgentOrder, AgentReply, AgentRequest};
use jumpdeck_protocol::inventory::{Place, StartMode};
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::modes::MOST as MOST_MODES;
use jumpdeck_protocol::rep::{ApplianceNotice, Secret};
use jumpdeck_protocol::session::{ChannelKind, ChannelView, EndReason, Part, SessionView, Terms};
use jumpdeck_protocol::session_policy::{Access, Granted, SessionPermission, StartMethod};
use jumpdeck_protocol::{
    ChannelId, EndpointId, ItemId, Refusal, RefusalCode, SessionId, UserId, limits, text,
};
use jumpdeck_session::recording::{Header, LiveRecording};
use jumpdeck_store::NewSession;
use jumpdeck_store::{Deed, History};
use jumpdeck_terminal::masked_line;
use jumpdeck_world::Item;
use jumpdeck_world::Share;
use jumpdeck_world::User;
use jumpdeck_world::World;
use jumpdeck_world::rights::Other;
use jumpdeck_world::rights::Start;
use std::sync::Arc;
use std::time::Duration;

/// How long an agent may take to start a program.
const SPAWN_PATIENCE: Duration = Duration::from_secs(20);
/// How long it may take to say who is logged in.
const CUSTOMER_PATIENCE: Duration = Duration::from_secs(3);

impl Appliance {
    /// Starts a session with an item and opens its first channel.
    pub(crate) async fn start_session(
        self: &Arc<Self>,
        rep: &RepLink,
        item: ItemId,
        kind: ChannelKind,
        wish: AttachRequest,
    ) -> Result<SessionView, Refusal> {
        check_kind(&kind)?;
        let reason = wish.reason.as_deref();
        let reason = reason.map(|reason| text::bounded(reason.trim(), limits::COMMENTS));
        let reason = reason.filter(|reason| !reason.is_empty());
        let (item, why) = self.startable(rep, item, &wish)?;
        is_said(&why, reason.as_deref())?;
        let id = item.view.id;
        let endpoint = item.endpoint().ok_or_else(|| {
            let what = item.view.method.title();
            RefusalCode::Unsupported.because(format!("{what} sessions come with a later version"))
        })?;
        let agent = self
            .presences
            .startable(endpoint)
            .map_err(|code| code.because(item.view.name.to_string()))?;
        let waited = item.is_visitor();
        let _question =
            if waited { Some(self.take_waiting(rep, endpoint, &agent).await?) } else { None };
        let (simultaneous, _) = self.world().simultaneous(rep.user, &item);
        // Two who come at once are one after the other.
        let being_started = || RefusalCode::ServerBusy.because("somebody else starts one there");
        let _alone = match simultaneous {
            SimultaneousJumps::NewSession => None,
            _ => Some(self.starting.begin(endpoint).ok_or_else(being_started)?),
        };
        if self.starts.available_permits() == 0 {
            if waited {
                let text = "The session could not be started at this moment.".into();
                agent.order(AgentOrder::Say { text });
            }
            return Err(starting());
        }
        let why = self.with_code(rep.user, &item, wish, why).await?;
        // It may have closed meanwhile.
        is_said(&why, reason.as_deref())?;
        let reason = reason.unwrap_or_default();
        if let Some(policy) = &why.overrides {
            // Whatever comes of it: somebody wanted in while it was closed.
            let detail = format!("{policy}: {reason}");
            self.audit(Some(rep.user), "schedule_overridden", &format!("item {id}"), &detail);
        }
        if let Some(joined) = self.join_instead(rep, &item, &kind)? {
            return Ok(joined);
        }
        let terms = self.terms_of(rep.user, &item, &agent, &kind).await?;
        let why_so = why.decision.to_string();
        let session = self.enter(rep.user, &item, endpoint, (terms, &why_so)).await?;
        if let Some(policy) = why.overrides {
            self.log(
                session,
                Some(rep.user),
                LogEvent::Overrode { policy: policy.into(), reason: reason.into() },
            );
        }
        if waited {
            let what = "to come in".into();
            self.log(session, Some(rep.user), LogEvent::Asked { what, allowed: true });
        }
        let opened = self.open_channel(rep, session, &agent, kind).await;
        if let Err(refusal) = opened {
            // The person there, if one was asked, reads that in the session's end.
            self.end_session(session, EndReason::StartFailed);
            return Err(refusal);
        }
        if self.world().item(id).is_none() {
            // It was removed while the session started.
            self.end_session(session, EndReason::StartFailed);
            return Err(RefusalCode::JumpItemGone.plain());
        }
        // A right that was withdrawn while it started was not seen by whoever looks after that.
        self.end_if_over(session);
        let view = self.sessions.view(session, &self.world());
        let view = view.ok_or_else(|| RefusalCode::SessionGone.plain())?;
        tracing::info!(session = view.id.0, item = id.0, user = rep.user.0, "session started");
        self.tell_session(view.id);
        let (appliance, user) = (Arc::clone(self), rep.user);
        tokio::spawn(async move { appliance.tell_used(user).await });
        Ok(view)
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
        let world = self.world();
        let layers = world.layers(user, item.view.policies, method, customer_present);
        let granted = Box::new(layers.granted());
        may_run(&granted, kind, || layers.because(tool_of(kind)))?;
        let recording = granted.recording.is_allowed() && self.records(user, item);
        Ok(Terms { granted, customer_present, recording, start_mode, attended })
    }

    /// Takes a machine out of its queue, if the person there allows it. Nobody else can meanwhile.
    async fn take_waiting(
        &self,
        rep: &RepLink,
        endpoint: EndpointId,
        agent: &AgentLink,
    ) -> Result<Question<'_>, Refusal> {
        let taken = || RefusalCode::BeingTaken.plain();
        let question = self.asking.begin(endpoint).ok_or_else(taken)?;
        if self.sessions.count(endpoint) > 0 {
            return Err(taken());
        }
        self.ask_in(agent, &self.world().username(rep.user)).await?;
        Ok(question)
    }

    /// The item, if this user may start a session with it now, and why. A code of the second factor
    /// that was given is taken for right until it is spent.
    fn startable(
        &self,
        rep: &RepLink,
        item: ItemId,
        wish: &AttachRequest,
    ) -> Result<(Arc<Item>, Start), Refusal> {
        let world = self.world();
        let user = world.user(rep.user).ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
        let gone = || RefusalCode::JumpItemGone.plain();
        let item = world.item(item).ok_or_else(gone)?;
        if let Place::Queue(queue) = item.view.place {
            let because = vec![Step::allows("the queue", "is one that the user serves")];
            let start = Start { decision: Decision::of(because), refusal: None, overrides: None };
            return if self.serves(user.id, queue) {
                Ok((item.clone(), start))
            } else {
                Err(gone())
            };
        }
        if !world.sees(user, item.view.place) {
            return Err(gone());
        }
        let second_factor = if wish.code.is_some() { Code::Promised } else { Code::None };
        let attempt = Attempt { overrides: wish.override_schedule, second_factor };
        let start = world.may_start(user, item, self.now(), attempt);
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
        wish: AttachRequest,
        why: Start,
    ) -> Result<Start, Refusal> {
        let world = self.world();
        let known = world.user(user).ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
        let policies = world.jump_policies_of(known, item);
        let wanted = !item.is_visitor() && policies.iter().any(|one| one.policy.two_factor);
        let (Some(code), true) = (wish.code, wanted) else {
            return Ok(why);
        };
        self.spend_code(user, &code.0).await?;
        let attempt = Attempt { overrides: wish.override_schedule, second_factor: Code::Right };
        let start = world.may_start(known, item, self.now(), attempt);
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
        let world = self.world();
        let user = world.user(rep.user).ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
        // What runs by itself has nothing to join.
        let alone = kind.terminal().is_none();
        let other = match self.beside(&world, user, item).0 {
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
        if self.sessions.part(session, rep.user).is_none() {
            // Whoever may not have a shell alone has none together with others.
            let terms = self.sessions.terms(session).unwrap_or_default();
            let through = world.item(other.item).map_or(item, AsRef::as_ref);
            let (method, present) = (StartMethod::Unattended, terms.customer_present);
            for item in [item, through] {
                let layers = world.layers(rep.user, item.view.policies, method, present);
                may_run(&layers.granted(), kind, || layers.because(tool_of(kind)))?;
            }
            self.room_for(session, 1)?;
            self.let_in(session, rep.user, Share::Jumped(item.view.id));
            if self.sessions.part(session, rep.user).is_none() {
                return Err(RefusalCode::SessionGone.plain());
            }
            let subject = format!("session {session}");
            self.audit(Some(rep.user), "session_joined", &subject, "by a jump");
        }
        Ok(self.sessions.view(session, &world))
    }

    /// What becomes of somebody who jumps to an item while others have sessions with its machine,
    /// and what says so.
    pub(crate) fn beside(&self, world: &World, user: &User, item: &Item) -> (Beside, String) {
        let (wanted, source) = world.simultaneous(user.id, item);
        let others = item.endpoint().map(|machine| self.sessions.of_others(machine, user.id));
        let others = others.unwrap_or_default();
        // Who is in a session through an item that is hidden is nobody's business.
        let named = |other: &Other| {
            let place = world.item(other.item)?.view.place;
            world.sees(user, place).then(|| world.username(other.owner))
        };
        let beside = match (others.first(), wanted) {
            (None, _) | (_, SimultaneousJumps::NewSession) => Beside::Alone,
            (Some(first), SimultaneousJumps::Disallow) => {
                Beside::Denied { owner: named(first), joinable: false }
            }
            (Some(first), SimultaneousJumps::Join) => {
                let takes_part = |one: &&Other| self.sessions.part(one.session, user.id).is_some();
                let may = |one: &&Other| world.may_join(user, item.view.id, one, self.now());
                let joined = others.iter().find(takes_part).or_else(|| others.iter().find(may));
                match joined {
                    Some(other) => Beside::Joins(*other),
                    None => Beside::Denied { owner: named(first), joinable: true },
                }
            }
        };
        (beside, source)
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
            id: self.sessions.next_session(),
            owner: user,
            endpoint,
            item: item.view.id,
            item_name: item.view.name.to_string(),
            started: self.now(),
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
        let who = self.world().username(user);
        let (subject, detail) =
            (format!("session {id}"), format!("item {}: {}; {why}", new.item, new.item_name));
        let at = new.started;
        let edit = move |draft: &mut jumpdeck_store::Draft| {
            draft.history(started);
            let action = "session_started";
            draft.audit(at, Deed { who: &who, action, subject: &subject, detail: &detail });
            Ok(())
        };
        self.store.edit(edit).await?;
        self.sessions.add(new, self.uptime());
        self.log(id, Some(user), LogEvent::Started);
        if !item.attributes.is_empty() {
            self.log(id, None, LogEvent::Attributes { set: item.attributes.clone() });
        }
        self.tell_in_sessions(endpoint);
        self.tell_lobby();
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

    /// Opens another shell in a session.
    pub(crate) async fn open_shell(
        self: &Arc<Self>,
        rep: &RepLink,
        session: SessionId,
        kind: ChannelKind,
    ) -> Result<ChannelView, Refusal> {
        check_kind(&kind)?;
        self.takes_part(session, rep.user, Part::Participant)?;
        if let Some(terms) = self.sessions.terms(session) {
            may_run(&terms.granted, &kind, || "as its session policies were then".to_owned())?;
        }
        let gone = || RefusalCode::SessionGone.plain();
        let (endpoint, name) = self.sessions.target(session).ok_or_else(gone)?;
        if self.sessions.shells(session) >= limits::SHELLS_PER_SESSION {
            let detail = format!("a session has at most {} shells", limits::SHELLS_PER_SESSION);
            return Err(RefusalCode::SpawnFailed.because(detail));
        }
        let agent =
            self.presences.startable(endpoint).map_err(|code| code.because(name.clone()))?;
        let opened = self.open_channel(rep, session, &agent, kind).await;
        self.tell_session(session);
        opened
    }

    /// Whether a session grants something that is allowed or denied as a whole.
    pub(crate) fn session_allows(
        &self,
        session: SessionId,
        permission: SessionPermission,
    ) -> Result<(), Refusal> {
        let terms = self.sessions.terms(session);
        let terms = terms.ok_or_else(|| RefusalCode::SessionGone.plain())?;
        let granted = &terms.granted;
        let access = match permission {
            SessionPermission::Chat => granted.chat,
            SessionPermission::JumpClientsPinning => granted.jump_clients_pinning,
            SessionPermission::CommandShell => granted.command_shell,
            // Not asked for so far: what is not known here is denied.
            _ => Access::Deny,
        };
        if access.is_allowed() {
            return Ok(());
        }
        let name = permission.as_str();
        let detail = format!("the session policies denied {name} when this session started");
        Err(RefusalCode::PermissionDenied.because(detail))
    }

    /// Opens a channel in a session that is in the book.
    async fn open_channel(
        self: &Arc<Self>,
        rep: &RepLink,
        session: SessionId,
        agent: &AgentLink,
        kind: ChannelKind,
    ) -> Result<ChannelView, Refusal> {
        self.ask_customer(session, tool_of(&kind), agent, rep.user).await?;
        // Not before: somebody may think for long.
        let _turn = self.starts.try_acquire().map_err(|_| starting())?;
        let (id, errors) = self.sessions.next_channels();
        let size = kind.terminal().map(|(size, _)| size.clamped());
        let event = match (kind.command(), &kind) {
            (Some(argv), _) => {
                let command = text::bounded(&masked_line(argv), limits::LOGGED_COMMAND).into();
                LogEvent::Executed { command, channel: size.is_some().then_some(id) }
            }
            (None, ChannelKind::Tunnel { port }) => LogEvent::Tunneled { port: *port },
            (None, _) => LogEvent::ShellOpened { channel: id },
        };
        let is_shell = size.is_some();
        let tape = self.begin_tape(session, id, &kind).await?;
        let recorded = tape.is_some();
        let errors = (!is_shell).then_some(errors);
        let view = ChannelView { id, errors, is_shell, attached: true, recorded };
        let at = self.now();
        let user = rep.user;
        let opened =
            History::ChannelOpened { channel: id, errors, session, is_shell, recorded, size, at };
        let edit = move |draft: &mut jumpdeck_store::Draft| {
            draft.history(opened);
            if recorded {
                draft.history(History::RecordingStarted { channel: id, session, user, at });
            }
            Ok(())
        };
        self.store.edit(edit).await?;
        let gone = || RefusalCode::SessionGone.plain();
        let channel = self.sessions.add_channel(session, view.clone(), size).ok_or_else(gone)?;
        if let Some(size) = size {
            channel.tracker().resize(size.columns);
        }
        if let Some(tape) = tape {
            channel.hub().record_from(0);
            // The channel is new: nobody else set it.
            let _ = channel.tape.set(tape);
            self.sessions.count_recording(session);
        }
        let rep = self.world().username(rep.user);
        let request = AgentRequest::Open { channel: id, errors, session, kind, rep };
        if let Err(refusal) = agent.call(request, SPAWN_PATIENCE).await {
            self.close_channel(&channel, EndReason::StartFailed);
            return Err(refusal);
        }
        self.log(session, Some(user), event);
        // Whoever asked may be gone already; then nobody else would let go of it.
        self.expect_back(vec![channel]);
        Ok(view)
    }

    /// Begins the recording of a shell, if it is to be recorded.
    async fn begin_tape(
        &self,
        session: SessionId,
        channel: ChannelId,
        kind: &ChannelKind,
    ) -> Result<Option<LiveRecording>, Refusal> {
        let Some((size, term)) = kind.terminal() else {
            return Ok(None);
        };
        if !self.sessions.terms(session).is_some_and(|terms| terms.recording) {
            return Ok(None);
        }
        let title = self.sessions.target(session).map(|(_, name)| name).unwrap_or_default();
        let (size, timestamp, term) = (size.clamped(), self.now().0, term.to_owned());
        let header = Header { size, timestamp, title, term };
        let path = self.data_dir().recording(session, channel, true);
        let recorder = Arc::clone(&self.recorder);
        let begun = tokio::task::spawn_blocking(move || recorder.begin(&path, channel, &header));
        let failed = |reason: String| RefusalCode::RecordingFailed.because(reason);
        let tape = begun.await.map_err(|error| failed(error.to_string()))?;
        tape.map(Some).map_err(|error| failed(error.to_string()))
    }

    /// Whether the Jump Policy lets shells be recorded.
    fn records(&self, user: UserId, item: &Item) -> bool {
        let world = self.world();
        let policies = world.user(user).map(|user| world.jump_policies_of(user, item));
        let policies = policies.unwrap_or_default();
        policies.is_empty() || policies.iter().any(|one| !one.policy.no_recordings)
    }

    /// Tells everyone who sees a machine whether it is in a session.
    pub(crate) fn tell_in_sessions(&self, endpoint: EndpointId) {
        self.presences.in_sessions(endpoint, self.sessions.count(endpoint), self.moment());
    }

    /// Tells a rep's consoles which sessions are open.
    pub(crate) fn tell_sessions(&self, user: UserId) {
        let sessions = self.sessions.of(user, &self.world());
        for rep in self.reps.those(|rep| rep.user == user) {
            rep.tell(ApplianceNotice::Sessions { sessions: sessions.clone() });
        }
    }

    /// Tells everybody who takes part in a session how it stands.
    pub(crate) fn tell_session(&self, session: SessionId) {
        for user in self.sessions.users(session) {
            self.tell_sessions(user);
        }
    }
}

/// What a rep brings along to a start.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttachRequest {
    pub override_schedule: bool,
    /// Why.
    pub reason: Option<Box<str>>,
    /// A code of the second factor.
    pub code: Option<Secret>,
}

/// The permission that a channel is about.
const fn tool_of(kind: &ChannelKind) -> SessionPermission {
    match kind {
        ChannelKind::Tunnel { .. } => SessionPermission::Tunnel,
        _ => SessionPermission::CommandShell,
    }
}

/// Whether a session lets a program be run.
fn may_run(
    granted: &Granted,
    kind: &ChannelKind,
    because: impl Fn() -> String,
) -> Result<(), Refusal> {
    let denied = |detail: String| Err(RefusalCode::PermissionDenied.because(detail));
    let access = match tool_of(kind) {
        SessionPermission::Tunnel => granted.tunnel,
        _ => granted.command_shell,
    };
    if !access.is_allowed() {
        return denied(because());
    }
    let unknown = kind.terminal().is_some() || kind.is_shell();
    if unknown && !granted.command_filter.is_open() {
        // What is typed at a terminal cannot be known before it is run, also where it is a pager's.
        let detail = "a command filter is in force: `jumpdeck exec` runs single commands, without \
                      a terminal";
        return denied(detail.to_owned());
    }
    match kind.command() {
        Some(argv) => check_command(&granted.command_filter, argv)
            .map_err(|why| RefusalCode::PermissionDenied.because(why)),
        None => Ok(()),
    }
}

fn check_kind(kind: &ChannelKind) -> Result<(), Refusal> {
    let invalid = |detail: &str| Err(RefusalCode::InvalidValue.because(detail));
    if kind.terminal().is_some_and(|(_, term)| term.len() > 64 || term.contains(['\0', '/'])) {
        return invalid("A terminal type has at most 64 characters, without “/”.");
    }
    if kind.modes().is_some_and(|modes| modes.0.len() > MOST_MODES) {
        return invalid("A terminal has no so many modes.");
    }
    if let ChannelKind::Tunnel { port: 0 } = kind {
        return invalid("There is no port 0.");
    }
    match kind.command() {
        Some([]) => invalid("No command was given."),
        Some(argv)
            if argv.len() > limits::ARGUMENTS
                || argv.iter().map(|part| part.as_bytes().len()).sum::<usize>()
                    > limits::ARGUMENT_BYTES =>
        {
            invalid("The command is too long: 4,096 arguments, 512 KiB.")
        }
        Some(argv) if argv.iter().any(|part| part.as_bytes().contains(&0)) => {
            invalid("An argument holds a zero byte.")
        }
        _ => Ok(()),
    }
}

/// Whoever overrides a schedule says why.
fn is_said(why: &Start, reason: Option<&str>) -> Result<(), Refusal> {
    match (&why.overrides, reason) {
        (Some(policy), None) => Err(RefusalCode::ReasonRequired.because(policy.clone())),
        _ => Ok(()),
    }
}

/// What becomes of somebody who jumps to an item while others have sessions with its machine.
pub(crate) enum Beside {
    /// A session of one's own.
    Alone,
    /// A part in that one.
    Joins(Other),
    /// Nothing.
    Denied {
        /// Who is in a session, if that may be known.
        owner: Option<Box<str>>,
        /// The item's own policy would let it be joined.
        joinable: bool,
    },
}

fn join_denied(owner: Option<Box<str>>, more: &str) -> Refusal {
    let owner = owner.unwrap_or_else(|| "somebody".into());
    RefusalCode::JoinDenied.because(format!("{owner} is in a session with it{more}"))
}

fn starting() -> Refusal {
    RefusalCode::ServerBusy.because("too many sessions are starting")
}

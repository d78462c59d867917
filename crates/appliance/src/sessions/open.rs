//! Opening a shell or a command in a session.

use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::bus::ApplianceEvent;
use crate::links::Links;
use crate::links::agent::AgentLink;
use crate::links::consoles::RepLink;
use crate::sessions::customer::Customers;
use crate::sessions::end::Endings;
use crate::sessions::log::SessionLog;
use crate::sessions::recordings::Recordings;
use crate::sessions::relay::Relay;
use jumpdeck_policy::check_command;
use jumpdeck_protocol::agent::AgentRequest;
use jumpdeck_protocol::argument::Argument;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::modes::MOST as MOST_MODES;
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::{ChannelKind, ChannelView, EndReason, Part};
use jumpdeck_protocol::session_policy::Granted;
use jumpdeck_protocol::{ChannelId, Refusal, RefusalCode, SessionId, UserId, limits, text};
use jumpdeck_store::History;
use jumpdeck_terminal::masked_line;
use jumpdeck_world::Item;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long an agent may take to start a program.
const SPAWN_PATIENCE: Duration = Duration::from_secs(20);

/// Opens channels: asks the person there, begins the recording, has the agent start the program.
pub(crate) struct ChannelOpening {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) book: Arc<Book>,
    pub(super) customers: Arc<Customers>,
    pub(super) endings: Arc<Endings>,
    pub(super) log: Arc<SessionLog>,
    pub(super) recordings: Arc<Recordings>,
    pub(super) relay: Arc<Relay>,
    /// Sessions that are starting.
    pub(super) starts: Arc<Semaphore>,
}

impl ChannelOpening {
    /// Opens another shell in a session.
    async fn open_shell(
        self: &Arc<Self>,
        rep: &RepLink,
        session: SessionId,
        kind: ChannelKind,
    ) -> Result<ChannelView, Refusal> {
        check_kind(&kind)?;
        self.book.takes_part(session, rep.user, Part::Participant)?;
        if let Some(terms) = self.book.terms(session) {
            may_run(&terms.granted, &kind, || "as its session policies were then".to_owned())?;
        }
        let gone = || RefusalCode::SessionGone.plain();
        let (endpoint, name) = self.book.target(session).ok_or_else(gone)?;
        if self.book.shells(session) >= limits::SHELLS_PER_SESSION {
            let detail = format!("a session has at most {} shells", limits::SHELLS_PER_SESSION);
            return Err(RefusalCode::SpawnFailed.because(detail));
        }
        let agent =
            self.links.agents.startable(endpoint).map_err(|code| code.because(name.clone()))?;
        let opened = self.open_channel(rep, session, &agent, kind).await;
        self.base.bus.publish(ApplianceEvent::SessionChanged { session });
        opened
    }

    /// Opens a channel in a session that is in the book.
    pub(super) async fn open_channel(
        self: &Arc<Self>,
        rep: &RepLink,
        session: SessionId,
        agent: &AgentLink,
        kind: ChannelKind,
    ) -> Result<ChannelView, Refusal> {
        self.customers.ask_customer(session, kind.nature().permission, agent, rep.user).await?;
        // Not before: somebody may think for long.
        let _turn = self.starts.try_acquire().map_err(|_| starting())?;
        let (id, errors) = self.base.store.take_channel_ids();
        let size = kind.terminal().map(|(size, _)| size.clamped());
        let event = opening_event(&kind, id);
        let (family, nature) = (kind.family(), kind.nature());
        let recording = self.recordings.begin(session, id, &kind).await?;
        let recorded = recording.is_some();
        let errors = nature.errors.then_some(errors);
        let view = ChannelView { id, errors, family, attached: true, recorded };
        let at = self.base.now();
        let user = rep.user;
        let kept =
            History::ChannelOpened { channel: id, errors, session, family, recorded, size, at };
        let edit = move |draft: &mut jumpdeck_store::Draft| {
            draft.history(kept.clone());
            if recorded {
                draft.history(History::RecordingStarted { channel: id, session, user, at });
            }
            Ok(())
        };
        self.base.store.edit(edit).await?;
        let gone = || RefusalCode::SessionGone.plain();
        let channel = self.book.add_channel(session, view.clone(), size).ok_or_else(gone)?;
        let opened = [Some(id), view.errors].into_iter().flatten();
        for new in opened.filter_map(|id| self.book.channel(id)) {
            new.open_at(&self.links.agents);
        }
        if let Some(size) = size {
            channel.tracker().resize(size.columns);
        }
        if let Some(recording) = recording {
            channel.hub().record_from(0);
            // The channel is new: nobody else set it.
            let _ = channel.recording.set(recording);
            self.book.count_recording(session);
        }
        let rep = self.base.world().username(rep.user);
        let request = AgentRequest::Open { channel: id, errors, session, kind, rep };
        if let Err(refusal) = agent.call(request, SPAWN_PATIENCE).await {
            self.endings.close_channel(&channel, EndReason::StartFailed);
            return Err(refusal);
        }
        self.log.log(session, Some(user), event);
        // Anyone who asked may be gone already; then nobody else would let go of it.
        self.relay.expect_back(vec![channel]);
        Ok(view)
    }

    /// Whether the Jump Policy lets shells be recorded.
    pub(super) fn records(&self, user: UserId, item: &Item) -> bool {
        let world = self.base.world();
        let policies = world.user(user).map(|user| world.jump_policies_of(user, item));
        let policies = policies.unwrap_or_default();
        policies.is_empty() || policies.iter().any(|one| !one.policy.no_recordings)
    }
}

impl Answered for request::OpenShell {
    type By = ChannelOpening;

    async fn answer(
        self,
        opening: &Arc<ChannelOpening>,
        rep: &RepLink,
    ) -> Result<ChannelView, Refusal> {
        // Consoles alone open further shells, and their emulator speaks UTF-8.
        let modes = TerminalModes::utf8();
        let kind = ChannelKind::Shell { size: self.size, term: self.term, modes };
        opening.open_shell(rep, self.session, kind).await
    }
}

/// What the log says of a channel that was opened.
fn opening_event(kind: &ChannelKind, id: ChannelId) -> LogEvent {
    let executed = |argv: &[Argument], channel| {
        let command = text::bounded(&masked_line(argv), limits::LOGGED_COMMAND).into();
        LogEvent::Executed { command, channel }
    };
    match kind {
        ChannelKind::Shell { .. } => LogEvent::ShellOpened { channel: id },
        ChannelKind::Terminal { argv, .. } => executed(argv, Some(id)),
        ChannelKind::Exec { argv, .. } => executed(argv, None),
        ChannelKind::Tunnel { port } => LogEvent::Tunneled { port: *port },
    }
}

/// Whether a session lets a program be run.
pub(super) fn may_run(
    granted: &Granted,
    kind: &ChannelKind,
    because: impl Fn() -> String,
) -> Result<(), Refusal> {
    let denied = |detail: String| Err(RefusalCode::PermissionDenied.because(detail));
    if !granted.grants(kind.nature().permission) {
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

pub(super) fn check_kind(kind: &ChannelKind) -> Result<(), Refusal> {
    let invalid = |detail: &str| Err(RefusalCode::InvalidValue.because(detail));
    if kind.terminal().is_some_and(|(_, term)| term.len() > 64 || term.contains(['\0', '/'])) {
        return invalid("A terminal type has at most 64 characters, without “/”.");
    }
    if kind.modes().is_some_and(|modes| modes.0.len() > MOST_MODES) {
        return invalid("A terminal has no so many modes.");
    }
    match kind {
        ChannelKind::Tunnel { port: 0 } => return invalid("There is no port 0."),
        ChannelKind::Tunnel { .. }
        | ChannelKind::Shell { .. }
        | ChannelKind::Terminal { .. }
        | ChannelKind::Exec { .. } => {}
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

pub(super) fn starting() -> Refusal {
    RefusalCode::ServerBusy.because("too many sessions are starting")
}

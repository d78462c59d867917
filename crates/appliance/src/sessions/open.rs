//! Opening a shell or a command in a session.

use crate::app::Appliance;
use crate::links::agent::AgentLink;
use crate::links::consoles::RepLink;
use jumpdeck_policy::check_command;
use jumpdeck_protocol::agent::AgentRequest;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::modes::MOST as MOST_MODES;
use jumpdeck_protocol::session::{ChannelKind, ChannelView, EndReason, Part};
use jumpdeck_protocol::session_policy::{Access, Granted, SessionPermission};
use jumpdeck_protocol::{ChannelId, Refusal, RefusalCode, SessionId, UserId, limits, text};
use jumpdeck_session::recording::{Header, LiveRecording};
use jumpdeck_store::History;
use jumpdeck_terminal::masked_line;
use jumpdeck_world::Item;
use std::sync::Arc;
use std::time::Duration;

/// How long an agent may take to start a program.
const SPAWN_PATIENCE: Duration = Duration::from_secs(20);

impl Appliance {
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
    pub(super) async fn open_channel(
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
    pub(super) fn records(&self, user: UserId, item: &Item) -> bool {
        let world = self.world();
        let policies = world.user(user).map(|user| world.jump_policies_of(user, item));
        let policies = policies.unwrap_or_default();
        policies.is_empty() || policies.iter().any(|one| !one.policy.no_recordings)
    }
}

/// The permission that a channel is about.
pub(super) const fn tool_of(kind: &ChannelKind) -> SessionPermission {
    match kind {
        ChannelKind::Tunnel { .. } => SessionPermission::Tunnel,
        _ => SessionPermission::CommandShell,
    }
}

/// Whether a session lets a program be run.
pub(super) fn may_run(
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

pub(super) fn check_kind(kind: &ChannelKind) -> Result<(), Refusal> {
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

pub(super) fn starting() -> Refusal {
    RefusalCode::ServerBusy.because("too many sessions are starting")
}

//! The channels of this agent: they outlast the link, and resume on the next one.

mod echo;
pub(crate) mod environment;
mod exec;
mod logins;
mod output;
mod shell;
mod state;
mod tunnel;

use bytes::Bytes;
use echo::Echo;
use environment::ProgramOrigin;
use jumpdeck_link::{Lane, Outbox};
use jumpdeck_protocol::agent::{AgentReply, AgentReport, FromAgent};
use jumpdeck_protocol::session::Family;
use jumpdeck_protocol::session::{ChannelKind, ChannelOrder, ChannelReport, ExitStatus, Size};
use jumpdeck_protocol::stream::StreamError;
use jumpdeck_protocol::{ChannelId, Refusal, RefusalCode, frame, limits};
use state::State;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// All channels of an agent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Channels(Arc<Mutex<ChannelTable>>);

#[derive(Debug, Default)]
struct ChannelTable {
    channels: HashMap<ChannelId, Arc<AgentChannel>>,
    outbox: Option<Outbox>,
    /// How many programs are being served.
    serving: watch::Sender<usize>,
}

/// How long programs may take to end when the agent does.
const FAREWELL: Duration = Duration::from_secs(2);

/// One channel, shared between the link and the tasks that serve its program.
#[derive(Debug)]
pub(super) struct AgentChannel {
    id: ChannelId,
    lane: Lane,
    all: Channels,
    state: Mutex<State>,
    /// Output may be read again.
    room: Notify,
    /// Output waits for room.
    starved: AtomicBool,
    /// Input waits, or has ended.
    input: Notify,
    resize: watch::Sender<Option<Size>>,
    /// Of a terminal: whether it prints what is typed.
    echo: OnceLock<Weak<Echo>>,
    closed: watch::Sender<bool>,
}

impl Channels {
    /// Starts a program.
    pub(crate) fn open(
        &self,
        id: ChannelId,
        errors: Option<ChannelId>,
        kind: ChannelKind,
        origin: &ProgramOrigin,
    ) -> Result<AgentReply, Refusal> {
        if self.lock().channels.len() >= limits::CHANNELS_PER_AGENT {
            return Err(RefusalCode::SpawnFailed.because("this agent has too many open channels"));
        }
        let lane = kind.nature().lane;
        let process = match (&kind, errors) {
            (ChannelKind::Shell { .. } | ChannelKind::Terminal { .. }, _) => {
                let channel = self.add(id, lane);
                shell::spawn(&channel, &kind, origin)
            }
            (ChannelKind::Exec { argv, program }, Some(errors)) => {
                let (channel, errors) = (self.add(id, lane), self.add(errors, lane));
                exec::spawn(&channel, &errors, (argv, *program), origin)
            }
            (ChannelKind::Exec { .. }, None) | (ChannelKind::Tunnel { .. }, _) => {
                Err(RefusalCode::Unsupported.plain())
            }
        };
        if process.is_err() {
            self.forget(id);
            if let Some(errors) = errors {
                self.forget(errors);
            }
        }
        process.map(|process| AgentReply::Opened { process })
    }

    /// Connects to a port of this machine, which may let wait for it.
    pub(crate) async fn open_tunnel(
        &self,
        id: ChannelId,
        errors: Option<ChannelId>,
        port: u16,
    ) -> Result<AgentReply, Refusal> {
        let stream = tunnel::connect(port).await?;
        if self.lock().channels.len() >= limits::CHANNELS_PER_AGENT {
            return Err(RefusalCode::SpawnFailed.because("this agent has too many open channels"));
        }
        let errors = errors.ok_or_else(|| RefusalCode::Unsupported.plain())?;
        let lane = Family::Tunnel.nature().lane;
        tunnel::serve(self.add(id, lane), self.add(errors, lane), port, stream);
        Ok(AgentReply::Opened { process: 0 })
    }

    fn add(&self, id: ChannelId, lane: Lane) -> Arc<AgentChannel> {
        let channel = Arc::new(AgentChannel {
            id,
            lane,
            all: self.clone(),
            state: Mutex::new(State::new()),
            room: Notify::new(),
            starved: AtomicBool::new(false),
            input: Notify::new(),
            resize: watch::channel(None).0,
            echo: OnceLock::new(),
            closed: watch::channel(false).0,
        });
        self.lock().channels.insert(id, Arc::clone(&channel));
        channel
    }

    fn forget(&self, id: ChannelId) {
        let gone = self.lock().channels.remove(&id);
        if let Some(channel) = gone {
            channel.closed.send_replace(true);
            channel.room.notify_one();
            channel.input.notify_one();
        }
    }

    /// The channels that live.
    pub(crate) fn ids(&self) -> Vec<ChannelId> {
        self.lock().channels.keys().copied().collect()
    }

    /// A link is up: what is sent goes out there. Nothing flows before a console attaches.
    /// What ended meanwhile is said again: the appliance may not have heard it.
    pub(crate) fn linked(&self, outbox: Outbox) {
        let channels: Vec<_> = {
            let mut shared = self.lock();
            shared.outbox = Some(outbox);
            shared.channels.values().cloned().collect()
        };
        for channel in channels {
            let exited = {
                let state = channel.state();
                state.exit.map(|status| channel.exited(&state, status))
            };
            if let Some(exited) = exited {
                self.report(exited);
            }
        }
    }

    /// The link is gone.
    pub(crate) fn unlinked(&self) {
        let channels: Vec<_> = {
            let mut shared = self.lock();
            shared.outbox = None;
            shared.channels.values().cloned().collect()
        };
        for channel in channels {
            channel.state().output.detach();
            // It may be read further on its own now.
            channel.room.notify_one();
        }
    }

    /// Ends everything.
    pub(crate) fn close_all(&self) {
        for id in self.ids() {
            self.forget(id);
        }
    }

    /// Resolves when the programs of all channels have ended, or after a while: a program may
    /// ignore its hang-up.
    pub(crate) async fn all_ended(&self) {
        let serving = self.lock().serving.clone();
        // The count's sender lives in `self`.
        let _ = tokio::time::timeout(FAREWELL, serving.subscribe().wait_for(|n| *n == 0)).await;
    }

    /// Serves a program to its end, counted among those that run.
    fn serve(&self, task: impl Future<Output = ()> + Send + 'static) {
        let serving = self.lock().serving.clone();
        serving.send_modify(|count| *count += 1);
        tokio::spawn(async move {
            task.await;
            serving.send_modify(|count| *count -= 1);
        });
    }

    /// Ends these.
    pub(crate) fn close(&self, ids: &[ChannelId]) {
        for id in ids {
            self.forget(*id);
        }
    }

    /// Input from a console.
    pub(crate) fn data(&self, id: ChannelId, offset: u64, bytes: &Bytes) {
        let Some(channel) = self.get(id) else {
            return;
        };
        let taken = channel.state().take_input(offset, bytes);
        match taken {
            Ok(()) => channel.input.notify_one(),
            Err(error) => self.violated(id, error),
        }
    }

    /// A console has output and takes more.
    pub(crate) fn credit(&self, id: ChannelId, received: u64, limit: u64) {
        let Some(channel) = self.get(id) else {
            return;
        };
        let credited = channel.state().output.credit(received, limit);
        match credited {
            Ok(()) => {
                channel.pump();
                channel.room.notify_one();
            }
            Err(error) => self.violated(id, error),
        }
    }

    /// A console broke the rules of one channel: that one ends, and no other.
    fn violated(&self, id: ChannelId, error: StreamError) {
        self.forget(id);
        let refusal = RefusalCode::ProtocolViolation.because(error.to_string());
        self.report(ChannelReport::Gone { channel: id, refusal });
    }

    /// Whether somebody relies on every byte.
    pub(crate) fn hold(&self, id: ChannelId, held: bool) {
        if let Some(channel) = self.get(id) {
            channel.state().output.hold(held);
            channel.room.notify_one();
        }
    }

    /// An order of a console.
    pub(crate) fn order(&self, order: ChannelOrder) {
        let id = order.channel();
        let Some(channel) = self.get(id) else {
            if matches!(order, ChannelOrder::Attach { .. }) {
                let refusal = RefusalCode::ChannelGone.plain();
                self.report(ChannelReport::Gone { channel: id, refusal });
            }
            return;
        };
        match order {
            ChannelOrder::Attach { received, window, attempt, .. } => {
                if let Err(error) = channel.attach(received, window, attempt) {
                    self.violated(id, error);
                }
            }
            ChannelOrder::Resize { size, .. } => {
                channel.resize.send_replace(Some(size.clamped()));
            }
            ChannelOrder::InputEnd { offset, .. } => {
                channel.state().end_input(offset);
                channel.input.notify_one();
            }
            // Who shows a channel, and how, is the appliance's to know.
            ChannelOrder::Detach { .. } | ChannelOrder::Fit { .. } => {}
            ChannelOrder::Acknowledge { .. } => channel.acknowledge(),
            ChannelOrder::Close { .. } => self.forget(id),
        }
    }

    fn report(&self, report: ChannelReport) {
        if let Some(outbox) = &self.lock().outbox {
            outbox.send(&FromAgent::Notice { body: AgentReport::Channel(report) });
        }
    }

    fn get(&self, id: ChannelId) -> Option<Arc<AgentChannel>> {
        self.lock().channels.get(&id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, ChannelTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AgentChannel {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A console attaches: it learns where both streams stand, and output flows from there.
    fn attach(&self, received: Option<u64>, window: u64, attempt: u32) -> Result<(), StreamError> {
        let (attached, exited) = {
            let mut state = self.state();
            let from = state.output.attach(received, window.clamp(1, limits::BULK_WINDOW))?;
            let attached = ChannelReport::Attached {
                attempt,
                channel: self.id,
                from,
                end: state.output.end(),
                input_received: state.input.received(),
                input_limit: state.input.limit(),
            };
            (attached, state.exit.map(|status| self.exited(&state, status)))
        };
        self.all.report(attached);
        if let Some(exited) = exited {
            self.all.report(exited);
        }
        self.pump();
        self.room.notify_one();
        Ok(())
    }

    fn exited(&self, state: &State, status: ExitStatus) -> ChannelReport {
        ChannelReport::Exited { channel: self.id, end: state.output.end(), status }
    }

    /// Sends what may be sent.
    fn pump(&self) {
        let Some(outbox) = self.all.lock().outbox.clone() else {
            return;
        };
        let mut state = self.state();
        while let Some((offset, bytes)) = state.output.take(limits::DATA_CHUNK) {
            outbox.push(self.lane, frame::data(self.id, offset, &bytes));
        }
    }

    /// The program ended and its output was read.
    fn finish(&self, status: ExitStatus) {
        let report = {
            let mut state = self.state();
            state.exit = Some(status);
            self.exited(&state, status)
        };
        self.all.report(report);
    }

    /// The program has read so much more of its input. Returns the credit that is due.
    fn used(&self, count: usize) -> Option<(u64, u64)> {
        if self.echo().is_some_and(|echo| echo.is_wanted()) {
            return Some(self.state().used_and_acknowledged(count));
        }
        self.state().used(count)
    }

    /// The echo of the terminal, as long as that is there.
    fn echo(&self) -> Option<Arc<Echo>> {
        self.echo.get().and_then(Weak::upgrade)
    }

    /// A console wants to know at once what the program took, and whether it is printed.
    fn acknowledge(&self) {
        if let Some(echo) = self.echo() {
            self.all.report(ChannelReport::Echo { channel: self.id, on: echo.begin() });
        }
    }

    /// Says whether the terminal prints what is typed, if somebody wants to know and it is news.
    fn look_at_echo(&self) {
        if let Some(on) = self.echo().and_then(|echo| echo.news()) {
            self.all.report(ChannelReport::Echo { channel: self.id, on });
        }
    }

    /// Resolves when the channel is closed.
    async fn until_closed(&self) {
        // The sender lives as long as the channel.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens a command that waits for its input.
    fn cat(channels: &Channels, id: u64) {
        let origin = ProgramOrigin { rep: "anna".into(), session: jumpdeck_protocol::SessionId(1) };
        let kind = ChannelKind::exec(["cat"]);
        channels.open(ChannelId(id), Some(ChannelId(id + 1)), kind, &origin).unwrap();
    }

    #[tokio::test]
    async fn a_console_that_breaks_the_rules_ends_its_own_channel_and_no_other() {
        let channels = Channels::default();
        let outbox = Outbox::new();
        channels.linked(outbox.clone());
        cat(&channels, 1);
        cat(&channels, 3);
        let attach = |id| ChannelOrder::Attach {
            channel: ChannelId(id),
            received: Some(u64::MAX),
            window: 1,
            keyboard: jumpdeck_protocol::session::Keyboard::Take,
            attempt: 1,
        };
        channels.order(attach(1));
        assert!(outbox.waiting() > 0, "it is reported");
        let mut left = channels.ids();
        left.sort_unstable();
        assert_eq!(left, [2, 3, 4].map(ChannelId));
        channels.close_all();
        channels.all_ended().await;
    }
}

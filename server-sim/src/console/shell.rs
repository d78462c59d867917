//! A shell at a simulated console.

use super::{ConsoleError, ConsoleHeard, SimulatedConsole};
use jumpdeck_protocol::endpoint::{Endpoint, Event};
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepNotice, RepRequest};
use jumpdeck_protocol::session::{ChannelOrder, ExitStatus, SessionView};
use jumpdeck_protocol::{RefusalCode, limits};
use tokio::time::Instant;

/// A shell at a simulated console: it keeps all output, in order.
#[derive(Debug)]
pub struct SimulatedShell {
    /// The session.
    pub session: SessionView,
    /// The output since the first attach.
    pub output: Vec<u8>,
    endpoint: Endpoint,
    looked: usize,
}

impl SimulatedShell {
    /// A shell of a session that runs, at a console that knows nothing of it yet.
    ///
    /// # Errors
    /// [`ConsoleError::Violation`] if the session has no shell.
    pub fn of(view: &SessionView) -> Result<Self, ConsoleError> {
        let shell = view.channels.iter().find(|channel| channel.family.nature().terminal);
        let channel =
            shell.ok_or_else(|| ConsoleError::Violation("a session without a shell".into()))?;
        Ok(Self {
            endpoint: Endpoint::new(channel.id, limits::SHELL_WINDOW),
            session: view.clone(),
            output: Vec::new(),
            looked: 0,
        })
    }

    /// Shows the shell at a console: goes on where it stood.
    pub fn attach(&mut self, console: &SimulatedConsole) {
        self.endpoint.link_lost();
        console.tell(RepNotice::Channel(self.endpoint.attach()));
    }

    /// Types.
    pub fn enter(&mut self, console: &SimulatedConsole, text: &str) {
        self.endpoint.write(text.as_bytes());
        self.flush(console);
    }

    fn flush(&mut self, console: &SimulatedConsole) {
        while let Some(message) = self.endpoint.next_message() {
            console.send(message);
        }
    }

    /// Takes what a console heard, if it is this shell's.
    ///
    /// # Errors
    /// [`ConsoleError::Violation`] when the agent broke the protocol, [`ConsoleError::Refused`]
    /// when the channel is gone.
    pub fn take(
        &mut self,
        console: &SimulatedConsole,
        heard: &ConsoleHeard,
    ) -> Result<(), ConsoleError> {
        let mine = self.endpoint.channel();
        let violation = |error: &dyn std::fmt::Display| ConsoleError::Violation(error.to_string());
        match heard {
            ConsoleHeard::Data { channel, offset, bytes } if *channel == mine => {
                let new = self.endpoint.data(*offset, bytes).map_err(|error| violation(&error))?;
                if let Some((new, _)) = new {
                    self.output.extend_from_slice(&new);
                }
                if let Some(credit) = self.endpoint.credit(0) {
                    console.send(credit);
                }
            }
            ConsoleHeard::Credit { channel, received, limit } if *channel == mine => {
                let credited = self.endpoint.credited(*received, *limit);
                credited.map_err(|error| violation(&error))?;
                self.flush(console);
            }
            ConsoleHeard::Notice(ApplianceNotice::Channel(report)) if report.channel() == mine => {
                match self.endpoint.report(report) {
                    Some(Event::Gone(refusal)) => return Err(refusal.into()),
                    Some(Event::Attached { missed: 0 }) => self.flush(console),
                    Some(Event::Attached { missed }) => {
                        return Err(ConsoleError::Violation(format!("{missed} bytes are lost")));
                    }
                    Some(Event::Exited(_) | Event::Echo(_)) | None => {}
                }
            }
            ConsoleHeard::Notice(ApplianceNotice::ChannelState { channel, state })
                if *channel == mine =>
            {
                self.endpoint.keyboard_is(state.yours);
            }
            ConsoleHeard::Notice(ApplianceNotice::Picture { channel, offset, .. })
                if *channel == mine =>
            {
                self.endpoint.pictured(*offset);
            }
            ConsoleHeard::Notice(ApplianceNotice::AgentLink { channel, linked })
                if *channel == mine =>
            {
                self.endpoint.link_lost();
                if *linked {
                    console.tell(RepNotice::Channel(self.endpoint.attach()));
                }
            }
            ConsoleHeard::Notice(ApplianceNotice::SessionEnded { session, .. })
                if *session == self.session.id =>
            {
                return Err(RefusalCode::SessionGone.plain().into());
            }
            _ => {}
        }
        Ok(())
    }

    /// Waits until the output since the last such wait holds this text.
    ///
    /// # Errors
    /// [`ConsoleError`].
    pub async fn until(
        &mut self,
        console: &mut SimulatedConsole,
        wanted: &str,
    ) -> Result<Instant, ConsoleError> {
        let mut came = Instant::now();
        loop {
            let new = self.output.get(self.looked..).unwrap_or_default();
            let found = new.windows(wanted.len()).position(|part| part == wanted.as_bytes());
            if let Some(at) = found {
                self.looked += at + wanted.len();
                return Ok(came);
            }
            let (at, heard) = console.next_at().await?;
            came = at;
            self.take(console, &heard)?;
        }
    }

    /// Lets go of the output so far.
    pub fn forget(&mut self) {
        self.output.clear();
        self.looked = 0;
    }

    /// Ends the session.
    ///
    /// # Errors
    /// [`ConsoleError`].
    pub async fn end(self, console: &mut SimulatedConsole) -> Result<(), ConsoleError> {
        let session = self.session.id;
        console.ask(RepRequest::EndSession(request::EndSession { session })).await.map(drop)
    }

    /// How the shell ended, once all its output is here.
    pub fn finished(&self) -> Option<ExitStatus> {
        self.endpoint.finished()
    }

    /// Sends an order about the shell's channel.
    pub fn order(&self, console: &SimulatedConsole, order: ChannelOrder) {
        console.tell(RepNotice::Channel(order));
    }
}

//! One program on a machine, for verbs: its session is started, and its bytes go both ways across
//! any loss of the link.

use super::absence::Away;
use super::stdio::Stdio;
use crate::link::{Client, ClientError};
use anyhow::bail;
use bytes::Bytes;
use jumpdeck_console::core::LinkEvent;
use jumpdeck_protocol::channel::Lane;
use jumpdeck_protocol::endpoint::{Endpoint, Event};
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepNotice, Secret};
use jumpdeck_protocol::session::Nature;
use jumpdeck_protocol::session::{
    ChannelKind, ChannelOrder, ChannelReport, ChannelState, ChannelView, EndReason, ExitStatus,
    RecordingState, SessionView, Size,
};
use jumpdeck_protocol::{ChannelId, ItemId, RefusalCode, SessionId, limits, text};
use std::time::Duration;
use tokio::time::timeout;

/// How long the appliance may take to say that a session is over.
pub(super) const FAREWELL: Duration = Duration::from_secs(5);

/// A running program, and the link it is reached by.
pub(super) struct RunningProgram {
    client: Client,
    run: Run,
}

/// A running program.
pub(super) struct Run {
    view: SessionView,
    main: Endpoint,
    errors: Option<Endpoint>,
    input_ended: bool,
    closing: bool,
    /// The session ended, or its program is gone.
    over: bool,
    machine: Machine,
    /// Who types, as far as was said.
    typist: Option<Box<str>>,
    /// Which queue its bytes wait in.
    lane: Lane,
}

/// What the appliance said last of the program's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Machine {
    Answers,
    Silent,
}

/// Something the program did.
#[derive(Debug)]
pub(super) enum Happened {
    /// It wrote to its output.
    Output(Bytes),
    /// It wrote to its errors.
    Errors(Bytes),
    /// It ended, and all of its output was handed over.
    Ended(ExitStatus),
    /// So many bytes of output came while nobody could take them, and are not kept.
    Missed(u64),
    /// The link is gone and is being made again, or the machine is away.
    Waiting(Away),
    /// Output came that was known already: it is to be counted as taken.
    Repeated,
    /// The link is back.
    Back,
    /// The machine is linked and has not answered for a few seconds, or answers again.
    Silent(bool),
    /// Another console took the input over; so many bytes of it did not arrive.
    Pushed(u64),
    /// The program's channel is attached, with nothing missed.
    Attached,
    /// Something may print what is typed, or nothing does.
    Echo(bool),
    /// Something the rep should know.
    Said(String),
    /// Nothing to show.
    Nothing,
}

impl RunningProgram {
    /// Starts a program on an item.
    pub(super) async fn start(
        mut client: Client,
        item: ItemId,
        kind: ChannelKind,
        reason: Option<String>,
        io: &mut Stdio,
    ) -> anyhow::Result<Self> {
        // A Jump Policy may want a code of the second factor; the variable's may be used up by the
        // login.
        let start = |code: Option<String>| request::StartSession {
            item,
            kind: kind.clone(),
            override_schedule: reason.is_some(),
            reason: reason.as_deref().map(Into::into),
            code: code.map(Secret),
        };
        let mut answer = client.ask(start(io.variable("JUMPDECK_CODE"))).await;
        if let Err(ClientError::Refused(refusal)) = &answer
            && refusal.code == RefusalCode::SecondFactorRequired
            && io.somebody_is_there()
        {
            io.say(&refusal.to_string()).await;
            answer = client.ask(start(Some(io.secret("Code: ").await?))).await;
        }
        let answer = answer?;
        let view = answer;
        let Some(channel) = view.channels.first().cloned() else {
            return Err(ClientError::OddAnswer.into());
        };
        Ok(Self::of(client, view, &channel))
    }

    /// A program that runs already.
    pub(super) fn of(client: Client, view: SessionView, channel: &ChannelView) -> Self {
        let run = Run::of(&client, view, channel);
        Self { client, run }
    }

    /// Gives the program input.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.run.main.write(bytes);
        self.run.flush(&self.client);
    }

    /// What a person types. Where another console of the same rep types, or nobody does, that takes
    /// the keyboard; from another rep it is taken by [`Self::take_keyboard`] alone.
    pub(super) fn type_in(&mut self, bytes: &[u8]) {
        let typist = self.run.typist.as_deref();
        let free = typist.is_none_or(|typist| typist == self.client.welcome.username);
        if !self.run.main.types() && !bytes.is_empty() && free {
            self.take_keyboard();
        }
        self.write(bytes);
    }

    /// From now on this console types.
    pub(super) fn take_keyboard(&mut self) {
        if !self.run.main.types() {
            self.run.main.want_keyboard(limits::SHELL_WINDOW);
            order(&self.client, self.run.main.attach());
        }
    }

    /// Bytes of input so far.
    pub(super) fn input_end(&self) -> u64 {
        self.run.main.input_end()
    }

    /// Bytes of input that the machine has said it has.
    pub(super) fn input_acknowledged(&self) -> u64 {
        self.run.main.input_acknowledged()
    }

    /// The machine is to say at once what it takes, and whether its terminal prints it.
    pub(super) fn acknowledge(&self) {
        order(&self.client, ChannelOrder::Acknowledge { channel: self.run.main.channel() });
    }

    /// How much input the machine has not taken yet, in bytes.
    pub(super) fn backlog(&self) -> u64 {
        self.run.main.unsent_input()
    }

    /// No more input will come.
    pub(super) fn end_input(&mut self) {
        self.run.end_input(&self.client);
    }

    /// The terminal has a new size.
    pub(super) fn resize(&self, size: Size) {
        order(&self.client, ChannelOrder::Resize { channel: self.run.main.channel(), size });
    }

    /// Waits for the next thing the program does.
    pub(super) async fn next(&mut self) -> anyhow::Result<Happened> {
        let event = self.client.next().await?;
        self.run.take(&self.client, &event)
    }

    /// What was handed over was dealt with, but for so many bytes of output and of errors: the
    /// machine may send more.
    pub(super) fn taken(&mut self, pending: (u64, u64)) {
        self.run.taken(&self.client, pending);
    }

    /// Asks the appliance whether it is there; that it answers is what happens next.
    pub(super) fn probe(&self) {
        self.client.probe();
    }

    /// How the program ended, once all its output was handed over.
    pub(super) fn finished(&self) -> Option<ExitStatus> {
        self.run.finished()
    }

    /// Ends the session, with the program if it still runs.
    pub(super) async fn close(mut self) {
        self.run.close(&self.client);
        let session = self.run.view.id;
        let heard = async {
            // A link that is closed while output still comes may take the order down with it.
            while let Ok(event) = self.client.next().await {
                if is_over(&event, session) {
                    return;
                }
            }
        };
        // Without an answer the appliance ends the session by itself after a while.
        let _ = timeout(FAREWELL, heard).await;
        self.client.close().await;
    }

    /// Its session.
    pub(super) const fn session(&self) -> SessionId {
        self.run.view.id
    }

    /// Whether the session is known to be over.
    pub(super) const fn is_over(&self) -> bool {
        self.run.over
    }

    /// Leaves the program running.
    pub(super) async fn leave(self) {
        self.client.close().await;
    }
}

/// Whether nothing more will be heard of a session.
pub(super) fn is_over(event: &LinkEvent, session: SessionId) -> bool {
    match event {
        LinkEvent::Notice(ApplianceNotice::SessionEnded { session: of, .. }) => *of == session,
        LinkEvent::Down { .. } => true,
        _ => false,
    }
}

fn order(client: &Client, order: ChannelOrder) {
    client.tell(RepNotice::Channel(order));
}

impl Run {
    /// A program in a session that was started.
    pub(super) fn of(client: &Client, view: SessionView, channel: &ChannelView) -> Self {
        let Nature { window, lane, .. } = channel.family.nature();
        let main = Endpoint::new(channel.id, window);
        let errors = channel.errors.map(|errors| Endpoint::new(errors, window));
        let typist = None;
        let mut run = Self {
            view,
            main,
            errors,
            input_ended: false,
            closing: false,
            over: false,
            machine: Machine::Answers,
            typist,
            lane,
        };
        run.attach(client);
        run
    }

    /// Its session.
    pub(super) const fn session(&self) -> SessionId {
        self.view.id
    }

    fn attach(&mut self, client: &Client) {
        let endpoints = std::iter::once(&mut self.main).chain(&mut self.errors);
        for attach in endpoints.map(Endpoint::attach) {
            order(client, attach);
        }
    }

    /// No more input will come.
    pub(super) fn end_input(&mut self, client: &Client) {
        self.input_ended = true;
        order(client, self.main.end_input());
    }

    /// Ends it.
    pub(super) fn close(&mut self, client: &Client) {
        self.closing = true;
        order(client, ChannelOrder::Close { channel: self.main.channel() });
    }

    fn flush(&mut self, client: &Client) {
        while let Some(message) = self.main.next_message() {
            client.send(self.lane, message);
        }
    }

    /// What something that happened to the link means for the program.
    pub(super) fn take(&mut self, client: &Client, event: &LinkEvent) -> anyhow::Result<Happened> {
        let happened = match event {
            LinkEvent::Data { channel, offset, bytes } => self.data(*channel, *offset, bytes)?,
            LinkEvent::Credit { channel, received, limit } => {
                if *channel == self.main.channel() {
                    self.main.credited(*received, *limit)?;
                    self.flush(client);
                }
                Happened::Nothing
            }
            LinkEvent::Notice(ApplianceNotice::Channel(report)) => self.report(client, report)?,
            LinkEvent::Notice(ApplianceNotice::ChannelState { channel, state })
                if *channel == self.main.channel() =>
            {
                self.state(state)
            }
            LinkEvent::Notice(ApplianceNotice::AgentLink { linked, channel }) => {
                self.agent_link(client, *channel, *linked)
            }
            LinkEvent::Notice(ApplianceNotice::AgentSilent { channel, silent })
                if *channel == self.main.channel() =>
            {
                // The appliance says so again and again while it lasts.
                let now = if *silent { Machine::Silent } else { Machine::Answers };
                let before = std::mem::replace(&mut self.machine, now);
                if before == now { Happened::Nothing } else { Happened::Silent(*silent) }
            }
            LinkEvent::Notice(ApplianceNotice::SessionEnded { session, reason, .. })
                if *session == self.view.id && !self.closing =>
            {
                self.over = true;
                return self.ended_by_others(reason);
            }
            LinkEvent::Down { reason } => {
                self.machine = Machine::Answers;
                self.main.link_lost();
                self.errors.iter_mut().for_each(Endpoint::link_lost);
                Happened::Waiting(Away::Link(reason.clone()))
            }
            LinkEvent::Up(_) => {
                self.attach(client);
                Happened::Back
            }
            _ => Happened::Nothing,
        };
        Ok(happened)
    }

    fn data(&mut self, channel: ChannelId, offset: u64, bytes: &Bytes) -> anyhow::Result<Happened> {
        if channel == self.main.channel() {
            let new = self.main.data(offset, bytes)?;
            Ok(new.map_or(Happened::Repeated, |(bytes, _)| Happened::Output(bytes)))
        } else if let Some(errors) = self.errors.as_mut().filter(|e| e.channel() == channel) {
            let new = errors.data(offset, bytes)?;
            Ok(new.map_or(Happened::Repeated, |(bytes, _)| Happened::Errors(bytes)))
        } else {
            Ok(Happened::Nothing)
        }
    }

    /// What was handed over was dealt with, but for so many bytes of output and of errors: the
    /// machine may send more.
    pub(super) fn taken(&mut self, client: &Client, (output, errors): (u64, u64)) {
        let main = self.main.credit(output);
        let errors = self.errors.as_mut().and_then(|endpoint| endpoint.credit(errors));
        for credit in main.into_iter().chain(errors) {
            client.send(self.lane, credit);
        }
    }

    /// How the program ended, once all its output was handed over.
    pub(super) fn finished(&self) -> Option<ExitStatus> {
        let errors_done = self.errors.as_ref().is_none_or(|errors| errors.finished().is_some());
        self.main.finished().filter(|_| errors_done)
    }

    fn report(&mut self, client: &Client, report: &ChannelReport) -> anyhow::Result<Happened> {
        let is_main = report.channel() == self.main.channel();
        let endpoint = match &mut self.errors {
            _ if is_main => &mut self.main,
            Some(errors) if errors.channel() == report.channel() => errors,
            _ => return Ok(Happened::Nothing),
        };
        match endpoint.report(report) {
            Some(Event::Gone(refusal)) => {
                self.over = true;
                bail!("{refusal}")
            }
            Some(Event::Attached { missed }) => {
                if is_main {
                    self.flush(client);
                    if self.input_ended {
                        self.end_input(client);
                    }
                }
                Ok(match missed {
                    0 if is_main => Happened::Attached,
                    0 => Happened::Nothing,
                    missed => Happened::Missed(missed),
                })
            }
            Some(Event::Echo(on)) if is_main => Ok(Happened::Echo(on)),
            _ => Ok(Happened::Nothing),
        }
    }

    /// Who shows the program, and how, has changed.
    fn state(&mut self, state: &ChannelState) -> Happened {
        let typed = self.main.types();
        self.typist.clone_from(&state.keyboard);
        let lost = self.main.keyboard_is(state.yours);
        if lost > 0 || (self.errors.is_some() && !self.main.types()) {
            return Happened::Pushed(lost);
        }
        match (&state.recording, &state.keyboard) {
            (RecordingState::Failed { reason }, _) => {
                Happened::Said(format!("nothing is typed: it is to be recorded, but {reason}"))
            }
            (_, who) if typed && !self.main.types() => {
                let who = who.as_deref().unwrap_or("nobody");
                Happened::Said(format!("{} types here now; view only", text::clean(who)))
            }
            _ => Happened::Nothing,
        }
    }

    fn agent_link(&mut self, client: &Client, channel: ChannelId, linked: bool) -> Happened {
        let mut mine = std::iter::once(&mut self.main).chain(&mut self.errors);
        let Some(endpoint) = mine.find(|endpoint| endpoint.channel() == channel) else {
            return Happened::Nothing;
        };
        self.machine = Machine::Answers;
        if linked {
            order(client, endpoint.attach());
            return Happened::Back;
        }
        endpoint.link_lost();
        Happened::Waiting(Away::Machine)
    }

    fn ended_by_others(&self, reason: &EndReason) -> anyhow::Result<Happened> {
        match reason {
            // A shell that another console closed ended in its own way.
            EndReason::Exited(status) if self.errors.is_none() => Ok(Happened::Ended(*status)),
            EndReason::Exited(_) => bail!("the session ended before all of the output had come"),
            EndReason::StartFailed => bail!("the program could not be started"),
            EndReason::EndedByRep => bail!("the session was ended"),
            EndReason::AgentLost => bail!("the machine's agent restarted without the program"),
            EndReason::ConsoleGone => {
                bail!("the link was gone for too long; the program was ended")
            }
            EndReason::ApplianceStopped => bail!("the appliance was stopped"),
            EndReason::EndedByCustomer => bail!("the person at the machine ended the session"),
            reason @ (EndReason::ScheduleClosed | EndReason::RightsWithdrawn) => {
                bail!("the session was ended: {}", reason.words())
            }
            EndReason::Idle => bail!("nobody did anything in the session for too long"),
        }
    }
}

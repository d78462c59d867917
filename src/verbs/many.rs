//! A command on many machines at once: what each says is told line by line, under its name.

use super::absence::{Absence, AbsenceDue, Away};
use super::answers::{self, VerbAnswers};
use super::outlet::{Outlet, OutletStream};
use super::status::VerbStatus;
use super::stdio::{Outside, Stdio, TerminalEvents};
use super::transfer::{FAREWELL, Happened, Run, is_over};
use crate::link::Client;
use bytes::Bytes;
use jumpdeck_console::core::LinkEvent;
use jumpdeck_link::why;
use jumpdeck_protocol::argument::Argument;
use jumpdeck_protocol::rep::RepReply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::{ChannelKind, ExitStatus};
use jumpdeck_protocol::text::clean;
use jumpdeck_protocol::{ItemId, Outcome, RequestId, SessionId};
use serde::Serialize;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, ErrorKind};
use tokio::time::timeout;

/// Bytes that wait to be written before the machines have to wait.
const AHEAD: u64 = 1024 * 1024;
/// Bytes of a line; a longer one is printed in pieces.
const LINE: usize = 64 * 1024;

/// What the machines are to do.
#[derive(Clone, Debug)]
pub(super) struct ManyOrder {
    /// The command and its arguments.
    pub argv: Vec<Argument>,
    /// Why they are started although their Jump Policy is closed, where that can be overridden.
    pub reason: Option<String>,
    /// So many machines at once.
    pub parallel: usize,
    /// JSON Lines.
    pub json: bool,
}

/// The result of a machine, as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Default, Serialize)]
struct HostReport<'a> {
    id: u64,
    name: &'a str,
    /// `output` or `errors`, of which `text` is a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// How the command ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<i32>,
    /// Why it was not run, or not to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// One machine.
#[derive(Debug)]
struct HostTarget {
    item: ItemId,
    name: String,
}

/// A command that runs.
struct Running {
    target: HostTarget,
    run: Run,
    /// The lines of output and of errors that are not whole yet.
    lines: [Vec<u8>; 2],
}

struct Many {
    client: Client,
    order: ManyOrder,
    waiting: VecDeque<HostTarget>,
    asked: HashMap<RequestId, HostTarget>,
    running: Vec<Running>,
    outlet: Outlet,
    status: VerbStatus,
    absence: Absence,
    answers: VerbAnswers,
    /// A person reads it.
    person: bool,
    /// How the reader wants the end of a line.
    line_end: &'static [u8],
}

/// Runs a command on items. The status is 0 if every command ended with 0, 1 if one did not, and
/// 255 if one could not be run to its end.
pub(super) async fn run(
    client: Client,
    items: Vec<(ItemId, String)>,
    order: ManyOrder,
    io: &mut Stdio,
) -> anyhow::Result<VerbStatus> {
    let outlet = Outlet::new(io)?;
    let targets = items.into_iter().map(|(item, name)| HostTarget { item, name });
    let many = Many {
        client,
        order,
        waiting: targets.collect(),
        asked: HashMap::new(),
        running: Vec::new(),
        outlet,
        status: VerbStatus::DONE,
        absence: Absence::default(),
        answers: VerbAnswers::steady(),
        person: io.is_terminal(),
        line_end: io.line_end(),
    };
    let (_, mut events) = io.events(false)?;
    many.attend(&mut events).await
}

/// Ends a command that was started too late for anybody to want it. Returns its session.
fn close_started(client: &Client, outcome: Outcome<RepReply>) -> Option<SessionId> {
    let Outcome::Ok(RepReply::SessionStarted(view)) = outcome else {
        return None;
    };
    let channel = view.channels.first()?.clone();
    let mut run = Run::of(client, view, &channel);
    run.close(client);
    Some(run.session())
}

/// What happens next.
enum Next {
    Event(LinkEvent),
    Written(std::io::Result<()>),
    Outside(Outside),
    Due(AbsenceDue),
    Silence(answers::Due),
}

impl Many {
    async fn attend(mut self, events: &mut TerminalEvents<'_>) -> anyhow::Result<VerbStatus> {
        loop {
            self.start_some();
            let waits = self.absence.has_no_link() && !self.waiting.is_empty();
            let over = self.asked.is_empty() && self.running.is_empty() && !waits;
            if over && self.outlet.is_empty() {
                self.client.close().await;
                return Ok(self.status);
            }
            let next = tokio::select! {
                event = self.client.next(), if !over => Next::Event(event?),
                due = self.absence.due(), if !over => Next::Due(due),
                due = self.answers.due(), if !over => Next::Silence(due),
                written = self.outlet.written() => Next::Written(written),
                outside = events.next() => Next::Outside(outside),
            };
            match next {
                Next::Event(event) => match self.event(event) {
                    Ok(()) => {}
                    Err(error) => {
                        let quiet = error.downcast_ref::<io::Error>();
                        let quiet = quiet.is_some_and(|e| e.kind() == ErrorKind::BrokenPipe);
                        let status = self.leave(13).await;
                        return if quiet { Ok(status) } else { Err(error) };
                    }
                },
                Next::Written(Ok(())) | Next::Outside(Outside::Resized(_)) => {}
                Next::Due(AbsenceDue::Say(words)) => self.say(&format!("jumpdeck: {words}"))?,
                Next::Due(AbsenceDue::GiveUp(why)) => self.give_up(&why)?,
                Next::Silence(answers::Due::Ask) => self.client.probe(),
                Next::Silence(answers::Due::Say(words)) => {
                    self.say(&format!("jumpdeck: {words}"))?;
                }
                // Nobody reads it any more.
                Next::Written(Err(error)) if error.kind() == ErrorKind::BrokenPipe => {
                    return Ok(self.leave(13).await);
                }
                Next::Written(Err(error)) => {
                    self.leave(13).await;
                    return Err(anyhow::Error::from(error).context("writing the output"));
                }
                Next::Outside(Outside::Signal(signal)) => return Ok(self.leave(signal).await),
            }
            self.credit();
        }
    }

    /// Ends what runs, and what is being started.
    async fn leave(mut self, signal: i32) -> VerbStatus {
        let mut open = HashSet::new();
        for running in &mut self.running {
            running.run.close(&self.client);
            open.insert(running.run.session());
        }
        let ended = async {
            // A link that is closed while output still comes may take the orders down with it.
            while !(open.is_empty() && self.asked.is_empty())
                && let Ok(event) = self.client.next().await
            {
                open.retain(|session| !is_over(&event, *session));
                match event {
                    LinkEvent::Reply(id, outcome) if self.asked.remove(&id).is_some() => {
                        open.extend(close_started(&self.client, outcome));
                    }
                    LinkEvent::Down { .. } => self.asked.clear(),
                    _ => {}
                }
            }
        };
        // Without an answer the appliance ends the sessions by itself after a while.
        let _ = timeout(FAREWELL, ended).await;
        self.client.close().await;
        VerbStatus::by_signal(signal)
    }

    /// The link does not come back: nothing that was to be run is, or ran to its end.
    fn give_up(&mut self, why: &str) -> anyhow::Result<()> {
        for mut running in std::mem::take(&mut self.running) {
            self.rest(&mut running)?;
            self.failed(&running.target, why)?;
        }
        for target in std::mem::take(&mut self.waiting) {
            self.failed(&target, "it was not started: there is no link")?;
        }
        Ok(())
    }

    fn start_some(&mut self) {
        // What is asked without a link is asked for nothing.
        if self.absence.has_no_link() {
            return;
        }
        while self.asked.len() + self.running.len() < self.order.parallel
            && let Some(target) = self.waiting.pop_front()
        {
            let kind = ChannelKind::exec(self.order.argv.iter().cloned());
            let reason = self.order.reason.as_deref().map(Into::into);
            let request = request::StartSession {
                item: target.item,
                kind,
                override_schedule: self.order.reason.is_some(),
                reason,
                code: None,
            };
            self.asked.insert(self.client.begin(request), target);
        }
    }

    /// The machines may send more, unless too much waits already.
    fn credit(&mut self) {
        let (output, errors) = self.outlet.pending();
        if output + errors < AHEAD {
            for running in &mut self.running {
                running.run.taken(&self.client, (0, 0));
            }
        }
    }

    fn event(&mut self, event: LinkEvent) -> anyhow::Result<()> {
        if matches!(event, LinkEvent::Down { .. }) {
            self.answers.lost();
        } else if let Some(words) = self.answers.heard() {
            self.say(&format!("jumpdeck: {words}"))?;
        }
        if let LinkEvent::Reply(id, outcome) = event {
            return self.answered(id, outcome);
        }
        if matches!(event, LinkEvent::Up(_))
            && let Some(words) = self.absence.ends()
        {
            self.say(&format!("jumpdeck: {words}"))?;
        }
        if let LinkEvent::Down { reason } = &event {
            self.absence.begins(Away::Link(reason.clone()));
            for (_, target) in std::mem::take(&mut self.asked) {
                self.failed(&target, "the link was lost before the answer came")?;
            }
        }
        let mut all = std::mem::take(&mut self.running);
        let mut outcome = Ok(());
        all.retain_mut(|running| {
            if outcome.is_err() {
                return true;
            }
            self.take(running, &event).unwrap_or_else(|error| {
                outcome = Err(error);
                true
            })
        });
        self.running = all;
        outcome
    }

    fn answered(&mut self, id: RequestId, outcome: Outcome<RepReply>) -> anyhow::Result<()> {
        let Some(target) = self.asked.remove(&id) else {
            return Ok(());
        };
        match outcome {
            Outcome::Ok(RepReply::SessionStarted(view)) => {
                let Some(channel) = view.channels.first().cloned() else {
                    return self.failed(&target, "its session has no channel");
                };
                let mut run = Run::of(&self.client, view, &channel);
                run.end_input(&self.client);
                self.running.push(Running { target, run, lines: <_>::default() });
                Ok(())
            }
            Outcome::Ok(_) => self.failed(&target, "the answer does not fit the question"),
            Outcome::Refused(refusal) => self.failed(&target, &refusal.to_string()),
        }
    }

    /// What something that happened means for one command. Returns whether it goes on.
    fn take(&mut self, running: &mut Running, event: &LinkEvent) -> anyhow::Result<bool> {
        let happened = match running.run.take(&self.client, event) {
            Ok(happened) => happened,
            Err(error) => {
                self.rest(running)?;
                running.run.close(&self.client);
                self.failed(&running.target, &why::told(error.as_ref()))?;
                return Ok(false);
            }
        };
        let lost = match happened {
            Happened::Output(bytes) => {
                self.lines(running, OutletStream::Output, &bytes)?;
                None
            }
            Happened::Errors(bytes) => {
                self.lines(running, OutletStream::Errors, &bytes)?;
                None
            }
            Happened::Ended(status) => return self.ended(running, status),
            Happened::Pushed(_) => Some("another console took the command over".to_owned()),
            Happened::Missed(bytes) => Some(format!("{bytes} bytes of output are lost")),
            Happened::Silent(silent) => {
                let name = clean(&running.target.name);
                let words = answers::of_machine(silent, false);
                self.say(&format!("jumpdeck: {name}: {words}"))?;
                None
            }
            _ => None,
        };
        if let Some(lost) = lost {
            self.rest(running)?;
            running.run.close(&self.client);
            self.failed(&running.target, &lost)?;
            return Ok(false);
        }
        match running.run.finished() {
            Some(status) => self.ended(running, status),
            None => Ok(true),
        }
    }

    fn ended(&mut self, running: &mut Running, status: ExitStatus) -> anyhow::Result<bool> {
        self.rest(running)?;
        running.run.close(&self.client);
        let code = status.as_code();
        if code != 0 && self.status == VerbStatus::DONE {
            self.status = VerbStatus::FAILED;
        }
        let HostTarget { item, name } = &running.target;
        if self.order.json {
            self.tell(&HostReport {
                id: item.0,
                name,
                status: Some(code),
                ..HostReport::default()
            })?;
        } else if code != 0 {
            self.say(&format!("jumpdeck: {}: exit status {code}", clean(name)))?;
        }
        Ok(false)
    }

    fn failed(&mut self, target: &HostTarget, why: &str) -> anyhow::Result<()> {
        self.status = VerbStatus::OWN;
        let (id, name) = (target.item.0, target.name.as_str());
        if self.order.json {
            self.tell(&HostReport { id, name, error: Some(why), ..HostReport::default() })
        } else {
            self.say(&format!("jumpdeck: {}: {}", clean(name), clean(why)))
        }
    }

    /// Tells the lines that are whole.
    fn lines(
        &mut self,
        running: &mut Running,
        stream: OutletStream,
        bytes: &[u8],
    ) -> anyhow::Result<()> {
        let Running { target, lines: [output, errors], .. } = running;
        let line = if stream == OutletStream::Output { output } else { errors };
        for byte in bytes {
            if *byte == b'\n' {
                self.line(target, stream, line)?;
                line.clear();
                continue;
            }
            line.push(*byte);
            if line.len() >= LINE {
                self.line(target, stream, line)?;
                line.clear();
            }
        }
        Ok(())
    }

    /// Tells the last lines, which nothing ended.
    fn rest(&mut self, running: &mut Running) -> anyhow::Result<()> {
        let [output, errors] = std::mem::take(&mut running.lines);
        for (stream, line) in [(OutletStream::Output, output), (OutletStream::Errors, errors)] {
            if !line.is_empty() {
                self.line(&running.target, stream, &line)?;
            }
        }
        Ok(())
    }

    fn line(
        &mut self,
        target: &HostTarget,
        stream: OutletStream,
        line: &[u8],
    ) -> anyhow::Result<()> {
        let HostTarget { item, name } = target;
        if self.order.json {
            let text = String::from_utf8_lossy(line);
            let which = if stream == OutletStream::Output { "output" } else { "errors" };
            let (stream, text) = (Some(which), Some(&*text));
            return self.tell(&HostReport {
                id: item.0,
                name,
                stream,
                text,
                ..HostReport::default()
            });
        }
        let mut told = format!("{}: ", clean(name)).into_bytes();
        if self.person {
            // No machine speaks in another's name.
            told.extend_from_slice(clean(&String::from_utf8_lossy(line)).as_bytes());
        } else {
            told.extend_from_slice(line);
        }
        told.extend_from_slice(self.line_end);
        self.put(stream, told)
    }

    fn tell(&mut self, told: &HostReport<'_>) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(told)?;
        line.extend_from_slice(self.line_end);
        self.put(OutletStream::Output, line)
    }

    fn say(&mut self, words: &str) -> anyhow::Result<()> {
        self.put(OutletStream::Errors, [words.as_bytes(), self.line_end].concat())
    }

    fn put(&mut self, stream: OutletStream, bytes: Vec<u8>) -> anyhow::Result<()> {
        Ok(self.outlet.put(stream, Bytes::from(bytes))?)
    }
}

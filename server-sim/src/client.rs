//! One simulated Jump Client: its link, its life, its measurements, its shells.

use crate::dice::Dice;
use crate::figures::Figures;
use crate::identity::{SimulatedMachine, StartState};
use crate::life::{Happening, Life};
use crate::shared::{FleetOpening, Shared};
use crate::shell::Shell;
use crate::wire::FaultyWire;
use jumpdeck_link::{
    Dialed, Incoming, KeepAlive, LinkEnd, Outbox, Pin, dial_over, pump, read_plain, write_plain,
};
use jumpdeck_protocol::agent::{
    AgentOrder, AgentReply, AgentReport, AgentRequest, FromAgent, Standing, ToAgent,
};
use jumpdeck_protocol::backoff::{self, Backoff};
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::handshake::{
    AGENT_PATH, AgentProof, AgentWelcome, Enrolment, Party, PublicKey, sign, transcript,
};
use jumpdeck_protocol::session::{ChannelKind, ChannelOrder, ChannelReport};
use jumpdeck_protocol::wake::magic_packet;
use jumpdeck_protocol::{ChannelId, Control, Outcome, Refusal, RefusalCode, Timestamp, limits};
use ring::signature::Ed25519KeyPair;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The longest pause between two attempts; the first comes at once.
const MOST_PAUSE: Duration = Duration::from_secs(30);
/// The same where wires fail by intent: what happens to them matters, not the time between.
const MOST_PAUSE_OF_FAULTY: Duration = Duration::from_secs(1);
/// How long a machine tries to be let in for a visit.
const VISIT: Duration = Duration::from_secs(20);
/// A link that stood this long was a good one.
const STEADY: Duration = Duration::from_secs(2);

/// One machine and what it remembers from link to link.
pub(crate) struct SimulatedClient {
    shared: Arc<Shared>,
    me: SimulatedMachine,
    key: Ed25519KeyPair,
    standing: Standing,
    shells: HashMap<ChannelId, Shell>,
    life: Life,
    next: Option<(Duration, Happening)>,
    connections: u64,
    /// Drawn at its start.
    run: u64,
    /// Over what time all machines are to come back when the appliance was away.
    spread: Duration,
}

/// How one link, or the attempt at one, ended.
enum ClientEnd {
    /// The machine goes away for so long.
    Leaves(Duration),
    /// It is gone for good.
    Uninstalled,
    Refused(Refusal),
    Lost(String),
}

impl SimulatedClient {
    /// A machine that is linked to nothing yet.
    pub(crate) fn new(shared: Arc<Shared>, me: SimulatedMachine) -> Option<Self> {
        let standing = match me.start {
            StartState::Linked { standing } | StartState::Away { standing, .. } => standing,
        };
        let key = Ed25519KeyPair::from_seed_unchecked(&me.key_seed).ok()?;
        let mut life = Life::new(&shared.scenario, shared.seed, &me, standing);
        let next = life.next();
        let (run, spread) = (backoff::random(), Duration::ZERO);
        let (shells, connections) = (HashMap::new(), 0);
        Some(Self { shared, me, key, standing, shells, life, next, connections, run, spread })
    }

    /// Is there for a moment, so that the appliance knows it.
    pub(crate) async fn visit(mut self) {
        // An appliance that does not let it in must not keep the others waiting.
        let _ = timeout(VISIT, Box::pin(self.enrol_and_leave())).await;
    }

    /// Lives on until it is refused for good or uninstalled.
    pub(crate) async fn live(mut self) {
        if matches!(self.me.start, StartState::Away { .. }) {
            let known = self.shared.absent_known;
            if !known && !Box::pin(self.enrol_and_leave()).await
                || self.standing == Standing::Uninstalled
            {
                return;
            }
            self.sleep_until_woken().await;
        }
        let faulty = self.shared.fault.is_some();
        let most = if faulty { MOST_PAUSE_OF_FAULTY } else { MOST_PAUSE };
        let mut backoff = Backoff::new(Duration::from_millis(250), most);
        loop {
            sleep(backoff.next(backoff::random())).await;
            let began = tokio::time::Instant::now();
            match Box::pin(self.link_once()).await {
                ClientEnd::Leaves(time) => {
                    backoff.reset();
                    self.stay_away(time).await;
                }
                ClientEnd::Refused(refusal) => {
                    self.refused(&refusal);
                    return;
                }
                ClientEnd::Uninstalled => return,
                ClientEnd::Lost(reason) => {
                    self.failed(reason);
                    if began.elapsed() > STEADY {
                        backoff.lost(self.spread);
                    }
                }
            }
        }
    }

    /// A machine that is away was there once. Returns whether it is known now.
    async fn enrol_and_leave(&mut self) -> bool {
        let mut backoff = Backoff::new(Duration::from_millis(250), MOST_PAUSE);
        loop {
            sleep(backoff.next(backoff::random())).await;
            match Box::pin(self.connect()).await {
                Ok(mut dialed) => {
                    self.shared.counts.enrolled.add();
                    // The appliance sees the link close, as it does when a machine shuts down.
                    let _ = dialed.socket.close(None).await;
                    return true;
                }
                Err(ClientEnd::Refused(refusal)) => {
                    self.refused(&refusal);
                    return false;
                }
                Err(ClientEnd::Lost(reason)) => self.failed(reason),
                Err(ClientEnd::Uninstalled) => return false,
                Err(ClientEnd::Leaves(_)) => {}
            }
        }
    }

    fn refused(&self, refusal: &Refusal) {
        tracing::warn!(number = self.me.number, %refusal, "refused");
        self.shared.counts.failed(&self.shared.counts.refused, refusal.to_string());
    }

    fn failed(&self, reason: String) {
        tracing::debug!(number = self.me.number, reason, "no link");
        self.shared.counts.failed(&self.shared.counts.failed, reason);
    }

    async fn sleep_until_woken(&self) {
        let mut dice = Dice::new(self.shared.seed, self.me.number, "wake");
        let wake = &self.shared.scenario.wake;
        if !dice.chance(wake.share) {
            return std::future::pending().await;
        }
        if self.shared.network.sleep(self.me.mac).await.is_err() {
            return std::future::pending().await;
        }
        let [shortest, longest] = wake.seconds;
        sleep(Duration::from_secs(dice.within(&(shortest..longest + 1)))).await;
    }

    /// Away for so long, or until a magic packet comes.
    async fn stay_away(&self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            () = self.sleep_until_woken() => {}
        }
    }

    async fn link_once(&mut self) -> ClientEnd {
        let dialed = match Box::pin(self.connect()).await {
            Ok(dialed) => dialed,
            Err(ended) => return ended,
        };
        self.shared.counts.enrolled.add();
        self.shared.counts.linked.add();
        let ended = Box::pin(self.hold(dialed)).await;
        self.shared.counts.linked.remove();
        ended
    }

    async fn connect(&mut self) -> Result<Dialed, ClientEnd> {
        let lost = |reason: &dyn Display| ClientEnd::Lost(reason.to_string());
        let shared = Arc::clone(&self.shared);
        let _turn = shared.door.acquire().await.map_err(|error| lost(&error))?;
        let connecting = async {
            let mut dialed = self.dial().await?;
            let proof = self.proof(&dialed);
            write_plain(&mut dialed.socket, &proof).await.map_err(|error| lost(&error))?;
            let welcome = read_plain(&mut dialed.socket).await.map_err(|error| lost(&error))?;
            Ok((dialed, welcome))
        };
        match timeout(limits::HANDSHAKE_TIME, connecting).await.map_err(|error| lost(&error))?? {
            (dialed, AgentWelcome::Welcome { close, spread, .. }) => {
                self.spread = Duration::from_millis(spread.into());
                for channel in close {
                    self.shells.remove(&channel);
                }
                Ok(dialed)
            }
            (_, AgentWelcome::Refused(refusal)) => Err(ClientEnd::Refused(refusal)),
            (_, AgentWelcome::Removed) => Err(ClientEnd::Uninstalled),
        }
    }

    async fn dial(&mut self) -> Result<Dialed, ClientEnd> {
        let lost = |reason: &dyn Display| ClientEnd::Lost(reason.to_string());
        let shared = &self.shared;
        let tcp = shared.connect(self.me.number).await.map_err(|error| lost(&error))?;
        self.connections += 1;
        let fault = shared.fault(self.me.number, self.connections);
        let pin = Pin::Fingerprint(shared.fingerprint.clone());
        let wire = FaultyWire::new(tcp, fault);
        dial_over(wire, &shared.address, AGENT_PATH, &pin, &shared.tls)
            .await
            .map_err(|error| lost(&error))
    }

    fn proof(&self, dialed: &Dialed) -> AgentProof {
        let signed = transcript(
            Party::Agent,
            &dialed.binding,
            &dialed.client_nonce,
            &dialed.appliance_nonce,
        );
        AgentProof {
            key: PublicKey::of(&self.key),
            signature: sign(&self.key, &signed),
            machine: format!("simulated {}", self.me.number),
            enrolment: Some(Enrolment {
                installer_key: self.shared.installer_key(&self.me.group),
                name: Some(self.me.name.clone()),
                tag: self.me.tag.clone(),
                comments: self.me.comments.clone(),
            }),
            visit: None,
            attended: false,
            facts: self.me.facts.clone(),
            channels: self.shells.keys().copied().collect(),
            standing: self.standing,
            run: self.run,
        }
    }

    async fn hold(&mut self, dialed: Dialed) -> ClientEnd {
        let outbox = Outbox::new();
        let (interest, watched) = watch::channel(0);
        let (user, sits) = watch::channel(self.me.facts.console_user.clone());
        let mut figures = Figures::new(self.shared.seed, &self.me);
        let keep_alive =
            KeepAlive { ping: Some(limits::AGENT_PING), silence: limits::AGENT_SILENCE };
        let mut served = Served {
            me: &self.me,
            shells: &mut self.shells,
            shared: &self.shared,
            outbox: &outbox,
            interest,
            removed: false,
        };
        let mut next = self.next.take();
        let life = &mut self.life;
        let standing = &mut self.standing;
        let mut facts = self.me.facts.clone();
        let living = live_on(life, &mut next, standing, &mut facts, &user, &outbox);
        let pumping = pump(dialed.socket, &outbox, keep_alive, |incoming| served.take(incoming));
        let measuring = measure(watched, sits, &mut figures, &outbox);
        let left = {
            let mut pumping = Box::pin(pumping);
            let left = tokio::select! {
                end = &mut pumping => Err(end),
                left = living => Ok(left),
                () = measuring => Err(LinkEnd::ClosedHere),
            };
            if left.is_ok() {
                // What was said last is sent before the link closes.
                outbox.close();
                pumping.await;
            }
            left
        };
        let removed = served.removed;
        self.next = next;
        self.me.facts = facts;
        match left {
            _ if removed => ClientEnd::Uninstalled,
            Ok(ended) => ended,
            Err(end) => ClientEnd::Lost(end.to_string()),
        }
    }
}

/// Lets things happen until the machine leaves.
async fn live_on(
    life: &mut Life,
    next: &mut Option<(Duration, Happening)>,
    standing: &mut Standing,
    facts: &mut jumpdeck_protocol::inventory::Facts,
    user: &watch::Sender<Box<str>>,
    outbox: &Outbox,
) -> ClientEnd {
    let tell = |report| outbox.send(&FromAgent::Notice { body: report });
    loop {
        let Some((after, _)) = next else {
            return std::future::pending().await;
        };
        sleep(*after).await;
        let Some((_, happening)) = std::mem::replace(next, life.next()) else {
            continue;
        };
        match happening {
            Happening::Leaves(time) => return ClientEnd::Leaves(time),
            Happening::User(name) => {
                facts.console_user = name.as_str().into();
                user.send_replace(name.into());
                tell(AgentReport::Facts(Box::new(facts.clone())));
            }
            Happening::Standing(now) => {
                *standing = now;
                tell(AgentReport::Standing(now));
                if now == Standing::Uninstalled {
                    return ClientEnd::Uninstalled;
                }
            }
        }
    }
}

struct Served<'a> {
    me: &'a SimulatedMachine,
    shells: &'a mut HashMap<ChannelId, Shell>,
    shared: &'a Shared,
    outbox: &'a Outbox,
    interest: watch::Sender<u32>,
    removed: bool,
}

impl Served<'_> {
    fn take(&mut self, incoming: Incoming) -> Result<(), LinkEnd> {
        let Incoming::Frame(frame, _) = incoming else {
            return Ok(());
        };
        let violation = |error: &dyn Display| LinkEnd::Violation(error.to_string());
        match frame {
            Frame::Data { channel, offset, bytes } => {
                if let Some(shell) = self.shells.get_mut(&channel) {
                    shell.typed(offset, &bytes).map_err(|error| violation(&error))?;
                    shell.pump(self.outbox);
                }
            }
            Frame::Credit { channel, received, limit } => {
                if let Some(shell) = self.shells.get_mut(&channel) {
                    shell.credit(received, limit).map_err(|error| violation(&error))?;
                    shell.pump(self.outbox);
                }
            }
            Frame::Control(body) => match control::decode(&body) {
                Ok(Received::Known(message)) => self.control(message)?,
                Ok(Received::UnknownRequest(id)) => {
                    let body = Outcome::Refused(RefusalCode::Unsupported.plain());
                    self.outbox.send(&FromAgent::Reply { id, body });
                }
                Ok(Received::UnknownOther) => {}
                Err(error) => return Err(violation(&error)),
            },
        }
        Ok(())
    }

    fn control(&mut self, message: ToAgent) -> Result<(), LinkEnd> {
        match message {
            Control::Request { id, body: AgentRequest::Open { channel, kind, .. } } => {
                if let Some(body) = self.open(channel, &kind) {
                    self.outbox.send(&FromAgent::Reply { id, body });
                }
            }
            Control::Notice { body: AgentOrder::Channel(order) } => self.order(&order)?,
            Control::Notice { body: AgentOrder::Interest { interval } } => {
                self.interest.send_replace(interval);
            }
            Control::Request { id, body: AgentRequest::Customer } => {
                let user = self.me.facts.console_user.clone();
                let body = Outcome::Ok(AgentReply::Customer { user });
                self.outbox.send(&FromAgent::Reply { id, body });
            }
            Control::Request {
                id,
                body: AgentRequest::Ask { .. } | AgentRequest::Pin { .. } | AgentRequest::Unpin,
            } => {
                let body = Outcome::Refused(RefusalCode::Unsupported.plain());
                self.outbox.send(&FromAgent::Reply { id, body });
            }
            Control::Request { id, body: AgentRequest::Wake { mac, password } } => {
                // A machine that sleeps in another process of the fleet hears nothing.
                self.shared.network.hear(&magic_packet(mac, password));
                let body = Outcome::Ok(AgentReply::Called { networks: 1 });
                self.outbox.send(&FromAgent::Reply { id, body });
            }
            Control::Notice { body: AgentOrder::Uninstall } => {
                self.removed = true;
                self.outbox.close();
            }
            Control::Notice { .. } | Control::Reply { .. } => {}
        }
        Ok(())
    }

    /// Starts a shell, unless the fleet was told to behave otherwise. No answer is an answer too.
    fn open(&mut self, channel: ChannelId, kind: &ChannelKind) -> Option<Outcome<AgentReply>> {
        let refused = |detail: &str| Outcome::Refused(RefusalCode::SpawnFailed.because(detail));
        match (kind, self.shared.opening) {
            (_, FleetOpening::Silent) => None,
            (_, FleetOpening::Refuses) => Some(refused("the simulated machine is set to refuse")),
            (ChannelKind::Shell { .. }, FleetOpening::Works) => {
                let shell = Shell::new(channel, self.me, &self.shared.commands);
                self.shells.insert(channel, shell);
                Some(Outcome::Ok(AgentReply::Opened { process: 1 }))
            }
            (_, FleetOpening::Works) => Some(refused("a simulated machine has only a shell")),
        }
    }

    fn order(&mut self, order: &ChannelOrder) -> Result<(), LinkEnd> {
        let channel = order.channel();
        match (order, self.shells.get_mut(&channel)) {
            (ChannelOrder::Attach { received, window, attempt, .. }, Some(shell)) => {
                let attached = shell.attach(*received, *window, *attempt);
                let reports = attached.map_err(|error| LinkEnd::Violation(error.to_string()))?;
                for report in reports {
                    self.report(report);
                }
                if let Some(shell) = self.shells.get_mut(&channel) {
                    shell.pump(self.outbox);
                }
            }
            (ChannelOrder::Attach { .. }, None) => {
                let refusal = RefusalCode::ChannelGone.plain();
                self.report(ChannelReport::Gone { channel, refusal });
            }
            (ChannelOrder::Close { .. }, _) => {
                self.shells.remove(&channel);
            }
            _ => {}
        }
        Ok(())
    }

    fn report(&self, report: ChannelReport) {
        self.outbox.send(&FromAgent::Notice { body: AgentReport::Channel(report) });
    }
}

/// Measures while somebody looks.
async fn measure(
    mut interest: watch::Receiver<u32>,
    user: watch::Receiver<Box<str>>,
    figures: &mut Figures,
    outbox: &Outbox,
) {
    while interest.wait_for(|interval| *interval > 0).await.is_ok() {
        let now = Timestamp::from_system(SystemTime::now());
        let statistics = figures.measure(now, &user.borrow());
        outbox.send(&FromAgent::Notice { body: AgentReport::Statistics(statistics) });
        let pause = Duration::from_millis(u64::from((*interest.borrow()).max(250)));
        // A change of interest ends the pause.
        let _ = timeout(pause, interest.changed()).await;
    }
}

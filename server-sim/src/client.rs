//! One simulated Jump Client: its link, its measurements, its shells.

use crate::Linked;
use crate::identity::{Dice, Simulated};
use crate::shell::Shell;
use jumpdeck_protocol::agent::{AgentOrder, AgentReport, AgentRequest, FromAgent, Opened, ToAgent};
use jumpdeck_protocol::backoff::{self, Backoff};
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::handshake::{
    AGENT_PATH, AgentProof, AgentWelcome, Enrolment, Party, PublicKey, sign, transcript,
};
use jumpdeck_protocol::inventory::Statistics;
use jumpdeck_protocol::link::{
    Address, Dialed, Incoming, KeepAlive, LinkEnd, Outbox, Pin, dial, pump, read_plain, write_plain,
};
use jumpdeck_protocol::session::{ChannelKind, ChannelOrder, ChannelReport};
use jumpdeck_protocol::{ChannelId, Control, Outcome, Refusal, RefusalCode, limits};
use ring::signature::Ed25519KeyPair;
use rustls::ClientConfig;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

/// What the clients of a fleet have in common.
pub(crate) struct Shared {
    pub tls: Arc<ClientConfig>,
    pub door: Semaphore,
    pub address: Address,
    pub fingerprint: String,
    pub from: Option<SocketAddr>,
    pub linked: Linked,
}

/// Links one client again and again, until it is refused for good.
pub(crate) async fn keep_linked(shared: Arc<Shared>, simulated: Simulated) {
    let Ok(key) = Ed25519KeyPair::from_seed_unchecked(&simulated.key_seed) else {
        return;
    };
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));
    let mut shells = HashMap::new();
    loop {
        sleep(backoff.next(backoff::random())).await;
        match connect(&shared, &simulated, &key, &shells).await {
            Ok(dialed) => {
                backoff.reset();
                shared.linked.add();
                let end = Box::pin(hold(dialed, &simulated, &mut shells)).await;
                shared.linked.remove();
                tracing::debug!(number = simulated.number, %end, "link ended");
            }
            Err(Failure::Refused(refusal)) => {
                tracing::warn!(number = simulated.number, %refusal, "refused");
                return;
            }
            Err(Failure::Again(reason)) => {
                tracing::debug!(number = simulated.number, reason, "no link");
            }
        }
    }
}

enum Failure {
    Refused(Refusal),
    Again(String),
}

async fn connect(
    shared: &Shared,
    simulated: &Simulated,
    key: &Ed25519KeyPair,
    shells: &HashMap<ChannelId, Shell>,
) -> Result<Dialed, Failure> {
    let again = |reason: &dyn std::error::Error| Failure::Again(reason.to_string());
    let _turn = shared.door.acquire().await.map_err(|error| again(&error))?;
    let pin = Pin::Fingerprint(shared.fingerprint.clone());
    let dialed = dial(&shared.address, AGENT_PATH, &pin, &shared.tls, shared.from).await;
    let mut dialed = dialed.map_err(|error| again(&error))?;
    let signed =
        transcript(Party::Agent, &dialed.binding, &dialed.client_nonce, &dialed.appliance_nonce);
    let proof = AgentProof {
        key: PublicKey::of(key),
        signature: sign(key, &signed),
        machine: format!("simulated {}", simulated.number),
        enrolment: Some(Enrolment {
            installer_key: simulated.installer_key.clone(),
            name: Some(simulated.name.clone()),
            tag: simulated.tag.clone(),
            comments: simulated.comments.clone(),
        }),
        facts: simulated.facts.clone(),
        channels: shells.keys().copied().collect(),
    };
    let proving = async {
        write_plain(&mut dialed.socket, &proof).await?;
        read_plain(&mut dialed.socket).await
    };
    let welcome = timeout(limits::HANDSHAKE_TIME, proving).await;
    match welcome.map_err(|error| again(&error))?.map_err(|error| again(&error))? {
        AgentWelcome::Welcome { .. } => Ok(dialed),
        AgentWelcome::Refused(refusal) => Err(Failure::Refused(refusal)),
    }
}

async fn hold(
    dialed: Dialed,
    simulated: &Simulated,
    shells: &mut HashMap<ChannelId, Shell>,
) -> LinkEnd {
    let outbox = Outbox::new();
    let (interest, watched) = watch::channel(0);
    let mut served = Served { simulated, shells, outbox: &outbox, interest };
    let keep_alive = KeepAlive { ping: Some(limits::AGENT_PING), silence: limits::AGENT_SILENCE };
    tokio::select! {
        end = pump(dialed.socket, &outbox, keep_alive, |incoming| served.take(incoming)) => end,
        () = measure(watched, simulated, &outbox) => LinkEnd::ClosedHere,
    }
}

struct Served<'a> {
    simulated: &'a Simulated,
    shells: &'a mut HashMap<ChannelId, Shell>,
    outbox: &'a Outbox,
    interest: watch::Sender<u32>,
}

impl Served<'_> {
    fn take(&mut self, incoming: Incoming) -> Result<(), LinkEnd> {
        let Incoming::Frame(frame, _) = incoming else {
            return Ok(());
        };
        match frame {
            Frame::Data { channel, offset, bytes } => {
                if let Some(shell) = self.shells.get_mut(&channel) {
                    let typed = shell.typed(offset, &bytes);
                    typed.map_err(|error| LinkEnd::Violation(error.to_string()))?;
                    shell.pump(self.outbox);
                }
            }
            Frame::Credit { channel, received, limit } => {
                if let Some(shell) = self.shells.get_mut(&channel) {
                    let credited = shell.credit(received, limit);
                    credited.map_err(|error| LinkEnd::Violation(error.to_string()))?;
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
                Err(error) => return Err(LinkEnd::Violation(error.to_string())),
            },
        }
        Ok(())
    }

    fn control(&mut self, message: ToAgent) -> Result<(), LinkEnd> {
        match message {
            Control::Request { id, body: AgentRequest::Open { channel, kind, .. } } => {
                let body = match kind {
                    ChannelKind::Shell { .. } => {
                        self.shells.insert(channel, Shell::new(channel, self.simulated));
                        Outcome::Ok(Opened { process: 1 })
                    }
                    ChannelKind::Exec { .. } => {
                        let detail = "a simulated machine has only a shell";
                        Outcome::Refused(RefusalCode::SpawnFailed.because(detail))
                    }
                };
                self.outbox.send(&FromAgent::Reply { id, body });
            }
            Control::Notice { body: AgentOrder::Channel(order) } => self.order(&order)?,
            Control::Notice { body: AgentOrder::Interest { interval } } => {
                self.interest.send_replace(interval);
            }
            Control::Notice { .. } | Control::Reply { .. } => {}
        }
        Ok(())
    }

    fn order(&mut self, order: &ChannelOrder) -> Result<(), LinkEnd> {
        let channel = order.channel();
        match (order, self.shells.get_mut(&channel)) {
            (ChannelOrder::Attach { received, window, .. }, Some(shell)) => {
                let attached = shell.attach(*received, *window);
                let reports = attached.map_err(|error| LinkEnd::Violation(error.to_string()))?;
                for report in reports {
                    self.report(report);
                }
                shell_pump(self.shells, channel, self.outbox);
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

fn shell_pump(shells: &mut HashMap<ChannelId, Shell>, channel: ChannelId, outbox: &Outbox) {
    if let Some(shell) = shells.get_mut(&channel) {
        shell.pump(outbox);
    }
}

/// Figures that wander, while somebody looks.
async fn measure(mut interest: watch::Receiver<u32>, simulated: &Simulated, outbox: &Outbox) {
    let mut dice = Dice::new(simulated.number, 17);
    let disk_total = 256 * 1024 * 1024 * 1024;
    let mut statistics = Statistics {
        cpu: percent(dice.below(60)),
        memory_used: simulated.facts.memory / 100 * (30 + dice.below(50)),
        memory_total: simulated.facts.memory,
        disk_used: disk_total / 100 * (20 + dice.below(70)),
        disk_total,
        uptime: dice.below(4_000_000),
        console_user: simulated.facts.console_user.clone(),
    };
    while interest.wait_for(|interval| *interval > 0).await.is_ok() {
        statistics.cpu = (statistics.cpu + percent(dice.below(21)) - 10.0).clamp(0.5, 100.0);
        statistics.uptime += 1;
        let report = AgentReport::Statistics(statistics.clone());
        outbox.send(&FromAgent::Notice { body: report });
        let pause = Duration::from_millis(u64::from((*interest.borrow()).max(250)));
        // A change of interest ends the pause.
        let _ = timeout(pause, interest.changed()).await;
    }
}

fn percent(value: u64) -> f32 {
    f32::from(u8::try_from(value).unwrap_or(100))
}

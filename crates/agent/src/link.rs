//! The agent's link: made, proved, held, and made again.

use crate::channels::Channels;
use crate::files::{AgentDir, AgentDirError, Target};
use crate::identity::{self, IdentityError};
use crate::person::Person;
use crate::pinned::{self, Pinned};
use crate::statistics::Meter;
use crate::thumbnail::Camera;
use crate::{Options, Source, facts, install, wake};
use jumpdeck_protocol::agent::{
    AgentOrder, AgentReply, AgentReport, AgentRequest, FromAgent, Standing, ToAgent,
};
use jumpdeck_protocol::backoff::{self, Backoff};
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::handshake::{
    self, AGENT_PATH, AgentProof, AgentWelcome, Enrolment, Party, PublicKey, sign, transcript,
};
use jumpdeck_protocol::inventory::{InstallMode, Thumbnail};
use jumpdeck_protocol::link::{
    Address, AddressError, DialError, Dialed, Incoming, KeepAlive, LinkEnd, Outbox, Pin,
    client_config, dial, pump, read_plain, write_plain,
};
use jumpdeck_protocol::{Control, Never, Outcome, Refusal, RefusalCode, Timestamp, limits};
use ring::signature::Ed25519KeyPair;
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// A link that stood this long was a good one.
const STEADY: Duration = Duration::from_secs(2);
/// So long without a link, a clock that says the Jump Client has expired is believed.
const DOUBT: Duration = Duration::from_secs(3600);
/// How long programs are kept while no appliance can be reached.
const KEEP: Duration = Duration::from_secs(24 * 3600);

/// What a new agent enrols with. The key does not show in `Debug`.
#[derive(Clone)]
pub struct EnrolWish {
    /// The installer key.
    pub installer_key: String,
    /// The item's name; else the host's.
    pub name: Option<String>,
    /// The item's tag.
    pub tag: Option<String>,
    /// The item's comments.
    pub comments: Option<String>,
}

impl std::fmt::Debug for EnrolWish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolWish").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why an agent cannot go on.
#[derive(Debug, Error)]
pub enum RunError {
    /// Its directory.
    #[error(transparent)]
    Dir(#[from] AgentDirError),
    /// Its key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The address it was given.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The cryptography.
    #[error("TLS cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// The appliance does not want it.
    #[error("the appliance refused this agent: {0}")]
    Refused(Refusal),
    /// What answers is not the appliance.
    #[error(transparent)]
    WrongAppliance(DialError),
}

/// How one link, or the attempt at one, ended.
enum Ended {
    /// Try again.
    Again(String),
    /// The link stood, then ended.
    Lost { end: LinkEnd, stood: Duration },
    /// The appliance takes this agent along.
    Retired,
    /// The Jump Client was removed.
    Removed,
    /// Another process of this machine goes on with the link.
    Left,
    /// There is no point in trying again.
    Final(RunError),
}

/// Keeps the link until the agent is retired, cannot go on, or `stop` becomes true.
///
/// # Errors
/// [`RunError`] when there is no point in trying again.
pub async fn run(options: Options, mut stop: watch::Receiver<bool>) -> Result<Ending, RunError> {
    let lock = options.dir.lock()?;
    let agent = Agent {
        standing: Standing::Ready,
        key: identity::key_pair(&options.dir)?,
        machine: identity::machine(),
        tls: client_config()?,
        channels: Channels::default(),
        pinned: Pinned::new(options.visit.as_ref().map(|visit| visit.place.clone())),
        options,
    };
    let outcome = tokio::select! {
        outcome = agent.keep_linked() => outcome,
        _ = stop.wait_for(|stop| *stop) => Ok(Ending::Stopped),
    };
    agent.channels.close_all();
    agent.channels.all_ended().await;
    let serves_itself = agent.pinned.stands() == Some(true);
    drop((agent, lock));
    if serves_itself {
        install::start_now();
    }
    outcome
}

/// Undoes an installation: what is on the disk goes, and the appliance is told if it can be
/// reached.
///
/// # Errors
/// [`RunError::Dir`] when something cannot be removed.
pub async fn uninstall(dir: &AgentDir) -> Result<(), RunError> {
    install::stop_now(dir);
    let _lock = dir.lock()?;
    let agent = Agent {
        standing: Standing::Uninstalled,
        key: identity::key_pair(dir)?,
        machine: identity::machine(),
        tls: client_config()?,
        channels: Channels::default(),
        pinned: Pinned::new(None),
        options: Options::of_installed(dir.clone()),
    };
    if let Err(reason) = agent.say_goodbye().await {
        tracing::warn!(reason, "the appliance was not told");
    }
    Ok(install::uninstall(dir)?)
}

/// Why an agent ended that could have gone on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to, on its own machine.
    Stopped,
    /// The appliance took it along.
    Retired,
    /// The Jump Client was removed.
    Removed,
    /// Another process of this machine goes on with the link.
    Left,
}

/// The fingerprint of the appliance at an address, for a person to compare.
///
/// # Errors
/// [`DialError`] when it cannot be reached or proves nothing; [`RunError`] says why.
pub async fn fingerprint_of(url: &str) -> Result<String, RunError> {
    let address: Address = url.parse()?;
    let dialed = dial(&address, AGENT_PATH, &Pin::AskFirst, &client_config()?, None).await;
    Ok(dialed.map_err(RunError::WrongAppliance)?.key.fingerprint())
}

struct Agent {
    standing: Standing,
    options: Options,
    pinned: Pinned,
    key: Ed25519KeyPair,
    machine: String,
    tls: Arc<ClientConfig>,
    channels: Channels,
}

impl Agent {
    async fn keep_linked(&self) -> Result<Ending, RunError> {
        let mut backoff = Backoff::new(Duration::from_millis(250), self.options.most_pause);
        let mut last_linked = Instant::now();
        loop {
            sleep(backoff.next(backoff::random())).await;
            match self.link_once().await {
                Ended::Retired => return Ok(Ending::Retired),
                Ended::Left => return Ok(Ending::Left),
                Ended::Removed => return self.uninstall(),
                Ended::Final(error) => return Err(error),
                Ended::Lost { end, stood } => {
                    tracing::info!(%end, "the link was lost");
                    // A link that ends at once, again and again, is no reason to hurry.
                    if stood > STEADY {
                        backoff.reset();
                    }
                    last_linked = Instant::now();
                }
                Ended::Again(reason) => tracing::info!(reason, "no link"),
            }
            if last_linked.elapsed() > KEEP {
                self.channels.close_all();
            }
            if last_linked.elapsed() > DOUBT && self.is_expired() {
                tracing::info!("this Jump Client has expired");
                return self.uninstall();
            }
        }
    }

    /// Whether its time is over, as far as it was told.
    fn is_expired(&self) -> bool {
        let expires = self.pinned.dir(&self.options.dir).expires();
        expires.is_some_and(|at| at < Timestamp::from_system(std::time::SystemTime::now()))
    }

    /// The appliance does not know this machine any more; it forgets the appliance.
    fn uninstall(&self) -> Result<Ending, RunError> {
        self.pinned.remove(&self.options.dir)?;
        tracing::info!("this Jump Client was removed: its key is deleted, and it ends");
        Ok(Ending::Removed)
    }

    async fn link_once(&self) -> Ended {
        let Some(target) = self.target() else {
            return Ended::Again("no appliance has said where it is".into());
        };
        let address: Address = match target.url.parse() {
            Ok(address) => address,
            Err(error) => return Ended::Final(RunError::Address(error)),
        };
        let pin = Pin::Fingerprint(target.fingerprint.clone());
        let dialed = match dial(&address, AGENT_PATH, &pin, &self.tls, None).await {
            Ok(dialed) => dialed,
            Err(error) => return self.no_link(error),
        };
        match timeout(limits::HANDSHAKE_TIME, self.prove(dialed)).await {
            Err(_) => Ended::Again("the appliance did not answer our proof in time".into()),
            Ok(Err(ended)) => ended,
            Ok(Ok((dialed, close))) => {
                let known = self.options.dir.target().as_ref() == Some(&target);
                let forgotten = self.pinned.is_undone();
                if !known
                    && !forgotten
                    && let Err(error) = self.options.dir.remember(&target)
                {
                    return Ended::Final(error.into());
                }
                self.channels.close(&close);
                self.hold(dialed).await
            }
        }
    }

    /// Tells the appliance that this machine is no Jump Client any more.
    async fn say_goodbye(&self) -> Result<(), String> {
        let target = self.target().ok_or("it is not known where it is")?;
        let address: Address = target.url.parse().map_err(|e: AddressError| e.to_string())?;
        let pin = Pin::Fingerprint(target.fingerprint);
        let dialed = dial(&address, AGENT_PATH, &pin, &self.tls, None).await;
        let dialed = dialed.map_err(|error| error.to_string())?;
        match timeout(limits::HANDSHAKE_TIME, self.prove(dialed)).await {
            Err(_) => Err("it did not answer in time".to_owned()),
            Ok(Err(Ended::Again(reason))) => Err(reason),
            Ok(_) => Ok(()),
        }
    }

    fn target(&self) -> Option<Target> {
        match &self.options.source {
            Source::Fixed(target) => Some(target.clone()),
            Source::File(path) => serde_json::from_slice(&std::fs::read(path).ok()?).ok(),
        }
    }

    /// Whether to try again after a link was not made.
    fn no_link(&self, error: DialError) -> Ended {
        match error {
            // A new agent with a wrong fingerprint or version needs a person.
            error @ DialError::WrongKey { .. } if self.options.dir.target().is_none() => {
                Ended::Final(RunError::WrongAppliance(error))
            }
            DialError::Refused(refusal) => self.refused(refusal),
            error => Ended::Again(error.to_string()),
        }
    }

    fn refused(&self, refusal: Refusal) -> Ended {
        let is_new = self.options.dir.target().is_none();
        let lasting = matches!(
            refusal.code,
            RefusalCode::InstallerKeyInvalid
                | RefusalCode::ParameterNotAllowed
                | RefusalCode::IdentityCheckFailed
                | RefusalCode::VersionMismatch
                | RefusalCode::SessionKeyInvalid
                | RefusalCode::SessionKeyThrottled
        );
        if is_new && lasting {
            Ended::Final(RunError::Refused(refusal))
        } else {
            Ended::Again(refusal.to_string())
        }
    }

    async fn prove(
        &self,
        mut dialed: Dialed,
    ) -> Result<(Dialed, Vec<jumpdeck_protocol::ChannelId>), Ended> {
        let signed = transcript(
            Party::Agent,
            &dialed.binding,
            &dialed.client_nonce,
            &dialed.appliance_nonce,
        );
        let proof = AgentProof {
            key: PublicKey::of(&self.key),
            signature: sign(&self.key, &signed),
            machine: self.machine.clone(),
            enrolment: self.options.enrol.clone().map(|wish| Enrolment {
                installer_key: wish.installer_key,
                name: wish.name,
                tag: wish.tag,
                comments: wish.comments,
            }),
            facts: facts::gather(self.options.install_mode),
            visit: self.options.visit.as_ref().map(|visit| handshake::Visit {
                session_key: visit.session_key.clone(),
                name: visit.name.clone(),
            }),
            attended: self.person().is_some(),
            channels: self.channels.ids(),
            standing: self.standing,
        };
        let lost = |end: LinkEnd| Ended::Again(end.to_string());
        write_plain(&mut dialed.socket, &proof).await.map_err(lost)?;
        match read_plain(&mut dialed.socket).await.map_err(lost)? {
            AgentWelcome::Refused(refusal) => Err(self.refused(refusal)),
            AgentWelcome::Removed => Err(Ended::Removed),
            AgentWelcome::Welcome { item, name, close, expires, .. } => {
                self.expires_at(expires);
                let name = jumpdeck_protocol::text::clean(&name).into_owned();
                tracing::info!(item = item.0, name, "linked");
                Ok((dialed, close))
            }
        }
    }

    fn person(&self) -> Option<&Person> {
        self.options.visit.as_ref().map(|visit| &visit.person)
    }

    /// Remembers when it uninstalls itself, if it is a Jump Client.
    fn expires_at(&self, time: Option<Timestamp>) {
        let visits = self.options.visit.is_some() && self.pinned.stands().is_none();
        if visits || self.pinned.is_undone() {
            return;
        }
        if let Err(error) = self.pinned.dir(&self.options.dir).expires_at(time) {
            tracing::warn!(%error, "when it expires is not written down");
        }
    }

    /// Serves the link until it ends.
    async fn hold(&self, dialed: Dialed) -> Ended {
        let outbox = Outbox::new();
        let (interest, watched) = watch::channel(0);
        let began = Instant::now();
        let mut leaving = None;
        self.channels.linked(outbox.clone());
        if let Some(person) = self.person() {
            person.linked(outbox.clone());
        }
        let keep_alive =
            KeepAlive { ping: Some(limits::AGENT_PING), silence: limits::AGENT_SILENCE };
        let take = |incoming| self.take(&outbox, &interest, &mut leaving, incoming);
        let end = tokio::select! {
            end = pump(dialed.socket, &outbox, keep_alive, take) => end,
            () = measure(watched, &outbox, self.options.install_mode) => LinkEnd::ClosedHere,
        };
        self.channels.unlinked();
        if let Some(person) = self.person() {
            person.unlinked();
            if leaving.is_none() {
                person.say("The link is lost; it is being made again …");
            }
        }
        let stood = began.elapsed();
        leaving.unwrap_or(Ended::Lost { end, stood })
    }

    fn take(
        &self,
        outbox: &Outbox,
        interest: &watch::Sender<u32>,
        leaving: &mut Option<Ended>,
        incoming: Incoming,
    ) -> Result<(), LinkEnd> {
        let violation = |error: &dyn std::error::Error| LinkEnd::Violation(error.to_string());
        let Incoming::Frame(frame, _) = incoming else {
            return Ok(());
        };
        match frame {
            Frame::Data { channel, offset, bytes } => {
                self.channels.data(channel, offset, &bytes);
                Ok(())
            }
            Frame::Credit { channel, received, limit } => {
                self.channels.credit(channel, received, limit);
                Ok(())
            }
            Frame::Control(body) => match control::decode(&body).map_err(|e| violation(&e))? {
                Received::Known(message) => {
                    self.control(outbox, interest, leaving, message);
                    Ok(())
                }

                Received::UnknownRequest(id) => {
                    let body = Outcome::Refused(RefusalCode::Unsupported.plain());
                    outbox.send(&FromAgent::Reply { id, body });
                    Ok(())
                }
                Received::UnknownOther => Ok(()),
            },
        }
    }

    fn control(
        &self,
        outbox: &Outbox,
        interest: &watch::Sender<u32>,
        leaving: &mut Option<Ended>,
        message: ToAgent,
    ) {
        match message {
            Control::Request { id, body: AgentRequest::Open { channel, errors, kind, .. } } => {
                let body = Outcome::from(self.channels.open(channel, errors, kind));
                outbox.send(&FromAgent::Reply { id, body });
            }
            Control::Request { id, body: AgentRequest::Customer } => {
                let user = facts::console_user(self.options.install_mode).into();
                let body = Outcome::Ok(AgentReply::Customer { user });
                outbox.send(&FromAgent::Reply { id, body });
            }
            Control::Request { id, body: AgentRequest::Ask { rep } } => {
                let (person, outbox) = (self.person().cloned(), outbox.clone());
                tokio::spawn(async move {
                    let yes = match person {
                        Some(person) => person.allows(&wants_in(&rep)).await,
                        None => false,
                    };
                    let body = Outcome::Ok(AgentReply::Answered { yes });
                    outbox.send(&FromAgent::Reply { id, body });
                });
            }
            Control::Request { id, body: AgentRequest::Pin { rep, name, expires } } => {
                let (pinned, person) = (self.pinned.clone(), self.person().cloned());
                let (dir, target, outbox) =
                    (self.options.dir.clone(), self.target(), outbox.clone());
                tokio::spawn(async move {
                    let wish = pinned::Wish { rep, name, expires };
                    let outcome = pinned.pin(person.as_ref(), dir, target, wish).await;
                    outbox.send(&FromAgent::Reply { id, body: outcome.into() });
                });
            }
            Control::Request { id, body: AgentRequest::Unpin } => {
                let body = self.pinned.unpin(&self.options.dir).into();
                outbox.send(&FromAgent::Reply { id, body });
            }
            Control::Request { id, body: AgentRequest::Wake { mac, password } } => {
                let body = match wake::broadcast(mac, password) {
                    0 => Outcome::Refused(RefusalCode::NoWakeHelper.plain()),
                    networks => Outcome::Ok(AgentReply::Called { networks }),
                };
                outbox.send(&FromAgent::Reply { id, body });
            }
            Control::Reply { body, .. } => match body {
                Outcome::Ok(never) => match never as Never {},
                Outcome::Refused(_) => {}
            },
            Control::Notice { body } => match body {
                AgentOrder::Channel(order) => self.channels.order(order),
                AgentOrder::Hold { channel, held } => self.channels.hold(channel, held),
                AgentOrder::Interest { interval } => drop(interest.send_replace(interval)),
                AgentOrder::Retire => {
                    if matches!(self.options.source, Source::File(_)) {
                        *leaving = Some(Ended::Retired);
                    }
                    outbox.close();
                }
                AgentOrder::Uninstall => {
                    *leaving = Some(Ended::Removed);
                    outbox.close();
                }
                AgentOrder::Say { text } => {
                    if let Some(person) = self.person() {
                        person.say(&text);
                    }
                }
                AgentOrder::SessionsOver => {
                    // From now on the service does it.
                    if self.pinned.stands() == Some(true) {
                        *leaving = Some(Ended::Left);
                        outbox.close();
                    }
                }
                AgentOrder::Expires { at } => self.expires_at(at),
            },
        }
    }
}

/// What a person is asked before a rep comes in.
fn wants_in(rep: &str) -> String {
    let user = uzers::get_current_username().unwrap_or_default();
    format!(
        "{rep} wants to see this computer and type on it, as the user {}. Allow it?",
        user.to_string_lossy()
    )
}

/// An interval this short, in milliseconds, means that somebody looks at the machine.
const CLOSE: u32 = 5000;
/// Between two looks at the screen.
const LOOKS: Duration = Duration::from_secs(3);
/// How long a display may take; one that takes longer is not asked again.
const DISPLAY_PATIENCE: Duration = Duration::from_secs(2);

/// Looks at the screen now and then, and tells what has changed.
#[derive(Default)]
struct Watcher {
    last: Option<(Instant, Option<Thumbnail>)>,
    /// There is no screen, or it does not answer.
    blind: bool,
}

impl Watcher {
    async fn look(&mut self, outbox: &Outbox) {
        if self.blind || self.last.as_ref().is_some_and(|(at, _)| at.elapsed() < LOOKS) {
            return;
        }
        // A display that hangs must not hold up a shell.
        let shooting = tokio::task::spawn_blocking(|| Camera::open().and_then(|c| c.shoot()));
        let picture = timeout(DISPLAY_PATIENCE, shooting).await;
        let Ok(Ok(Some(picture))) = picture else {
            self.blind = true;
            return;
        };
        let before = self.last.take().and_then(|(_, picture)| picture);
        if before.as_ref() != Some(&picture) {
            outbox.send(&FromAgent::Notice { body: AgentReport::Thumbnail(picture.clone()) });
        }
        self.last = Some((Instant::now(), Some(picture)));
    }
}

/// Measures while somebody is interested.
async fn measure(mut interest: watch::Receiver<u32>, outbox: &Outbox, mode: InstallMode) {
    while interest.wait_for(|interval| *interval > 0).await.is_ok() {
        let mut meter = match Meter::new(mode) {
            Ok(meter) => meter,
            Err(error) => {
                tracing::warn!(%error, "this machine cannot be measured");
                return std::future::pending().await;
            }
        };
        let mut screen = Watcher::default();
        // A share of time needs two looks; the first figure should not be long in coming.
        sleep(Duration::from_millis(250)).await;
        loop {
            let interval = *interest.borrow();
            if interval == 0 {
                break;
            }
            let statistics = AgentReport::Statistics(meter.measure());
            outbox.send(&FromAgent::Notice { body: statistics });
            if interval <= CLOSE {
                screen.look(outbox).await;
            }
            let pause = Duration::from_millis(u64::from(interval.max(250)));
            // A change of interest ends the pause.
            let _ = timeout(pause, interest.changed()).await;
        }
    }
}

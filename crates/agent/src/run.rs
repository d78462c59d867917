//! An agent from its start to its end: one link after the other.

use crate::channels::Channels;
use crate::files::{AgentDir, AgentDirError};
use crate::identity::{self, IdentityError};
use crate::inherited::put_signals_right;
use crate::link::Ended;
use crate::pinned::PinnedClient;
use crate::{Options, install};
use jumpdeck_link::{Address, AddressError, DialError, Pin, client_config, dial};
use jumpdeck_protocol::agent::Standing;
use jumpdeck_protocol::backoff::{self, Backoff};
use jumpdeck_protocol::handshake::AGENT_PATH;
use jumpdeck_protocol::{Refusal, Timestamp, limits};
use ring::signature::Ed25519KeyPair;
use rustls::ClientConfig;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// A link that stood this long was a good one.
const STEADY: Duration = Duration::from_secs(2);
/// So long without a link, a clock that says the Jump Client has expired is believed.
const DOUBT: Duration = Duration::from_secs(3600);
/// A clock that is off by more was set.
const STEP: Duration = Duration::from_secs(120);
/// How long programs are kept while no appliance can be reached.
const KEEP: Duration = Duration::from_secs(24 * 3600);
/// How long the appliance may take to hear that a person wants no session any more.
const FAREWELL: Duration = Duration::from_secs(3);

/// What a new agent enrols with. The key does not show in `Debug`.
#[derive(Clone)]
pub struct EnrolRequest {
    /// The installer key.
    pub installer_key: String,
    /// The item's name; else the host's.
    pub name: Option<String>,
    /// The item's tag.
    pub tag: Option<String>,
    /// The item's comments.
    pub comments: Option<String>,
}

impl std::fmt::Debug for EnrolRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolRequest").field("name", &self.name).finish_non_exhaustive()
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
    /// What answers is not the appliance, or nothing does.
    #[error(transparent)]
    Appliance(DialError),
}

/// A running agent.
pub(crate) struct Agent {
    pub standing: Standing,
    pub options: Options,
    pub pinned: PinnedClient,
    pub key: Ed25519KeyPair,
    pub machine: String,
    pub tls: Arc<ClientConfig>,
    pub channels: Channels,
    /// Drawn at the start.
    pub run: u64,
    /// Milliseconds over which all agents are to come back when the appliance was away.
    pub spread: AtomicU32,
}

/// The clock on the wall beside one that nobody sets, from a moment on.
#[derive(Clone, Copy, Debug)]
struct AgentClock {
    wall: SystemTime,
    steady: Instant,
}

impl AgentClock {
    fn now() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }

    /// How long it has been.
    fn held(self) -> Duration {
        self.steady.elapsed()
    }

    /// Whether the clock on the wall was set since.
    fn was_set(self) -> bool {
        let passed = self.steady.elapsed();
        let off = match self.wall.elapsed() {
            Ok(shown) => shown.abs_diff(passed),
            Err(back) => back.duration() + passed,
        };
        off > STEP
    }
}

/// Keeps the link until the agent is retired, cannot go on, or `stop` becomes true.
///
/// # Errors
/// [`RunError`] when there is no point in trying again.
pub async fn run(
    options: Options,
    mut stop: watch::Receiver<bool>,
) -> Result<AgentEnding, RunError> {
    put_signals_right();
    let lock = options.dir.lock()?;
    let agent = Agent {
        standing: Standing::Ready,
        key: identity::key_pair(&options.dir)?,
        machine: identity::machine(),
        tls: client_config()?,
        channels: Channels::default(),
        run: backoff::random(),
        spread: AtomicU32::new(0),
        pinned: PinnedClient::new(options.visit.as_ref().map(|visit| visit.place.clone())),
        options,
    };
    let outcome = tokio::select! {
        outcome = agent.keep_linked() => outcome,
        () = agent.obey_person() => Ok(AgentEnding::Stopped),
        _ = stop.wait_for(|stop| *stop) => Ok(AgentEnding::Stopped),
    };
    agent.channels.close_all();
    agent.channels.all_ended().await;
    agent.pinned.settle().await;
    let stands = agent.pinned.stands();
    drop((agent, lock));
    match (outcome, stands) {
        (Ok(_), Some(true)) => {
            let started = tokio::task::spawn_blocking(install::start_now).await;
            Ok(AgentEnding::Left(started.unwrap_or_else(|error| Err(error.to_string()))))
        }
        (outcome, _) => outcome,
    }
}

/// Undoes an installation: what is on the disk goes, and the appliance is notified if it can be
/// reached.
///
/// # Errors
/// [`RunError::Dir`] when something cannot be removed.
pub async fn uninstall(dir: &AgentDir) -> Result<(), RunError> {
    install::stop_now(dir);
    let lock = dir.lock()?;
    let agent = Agent {
        standing: Standing::Uninstalled,
        key: identity::key_pair(dir)?,
        machine: identity::machine(),
        tls: client_config()?,
        channels: Channels::default(),
        run: backoff::random(),
        spread: AtomicU32::new(0),
        pinned: PinnedClient::new(None),
        options: Options::of_installed(dir.clone()),
    };
    if let Err(reason) = agent.say_goodbye().await {
        tracing::warn!(reason, "the appliance was not told");
    }
    let removed = install::uninstall(dir);
    drop(lock);
    Ok(removed?)
}

/// Why an agent ended that could have gone on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentEnding {
    /// It was asked to, on its own machine.
    Stopped,
    /// The appliance took it along.
    Retired,
    /// The Jump Client was removed.
    Removed,
    /// The machine is a Jump Client now, and its service goes on with the link; or why the service
    /// could not be started now.
    Left(Result<(), String>),
}

/// The fingerprint of the appliance at an address, for a person to compare.
///
/// # Errors
/// [`RunError::Appliance`] when it cannot be reached or proves nothing.
pub async fn fingerprint_of(url: &str) -> Result<String, RunError> {
    let address: Address = url.parse()?;
    let dialed = dial(&address, AGENT_PATH, &Pin::AskFirst, &client_config()?, None).await;
    Ok(dialed.map_err(RunError::Appliance)?.key.fingerprint())
}

impl Agent {
    /// Makes links, one after the other.
    async fn keep_linked(&self) -> Result<AgentEnding, RunError> {
        let mut backoff = Backoff::new(Duration::from_millis(250), self.options.most_pause);
        let mut last_linked = Instant::now();
        let mut complaint = None;
        let mut clock = AgentClock::now();
        loop {
            sleep(backoff.next(backoff::random())).await;
            match self.link_once().await {
                Ended::Retired => return Ok(AgentEnding::Retired),
                Ended::Left => return Ok(AgentEnding::Left(Ok(()))),
                Ended::Removed => return self.uninstall().await,
                Ended::Final(error) => return Err(error),
                Ended::Lost { end, stood } => {
                    tracing::info!(%end, "the link was lost");
                    // A link that ends at once, again and again, is no reason to hurry.
                    if stood > STEADY {
                        let spread = self.spread.load(Ordering::Relaxed);
                        backoff.lost(Duration::from_millis(spread.into()));
                    }
                    last_linked = Instant::now();
                    clock = AgentClock::now();
                }
                Ended::Again(reason) => {
                    tracing::info!(reason, "no link");
                    self.complain(&mut complaint, reason);
                }
            }
            if last_linked.elapsed() > KEEP {
                self.channels.close_all();
            }
            if clock.was_set() {
                // Anyone who set it may set it right.
                clock = AgentClock::now();
            }
            if clock.held() > DOUBT && last_linked.elapsed() > DOUBT && self.is_expired() {
                tracing::info!("this Jump Client has expired");
                return self.uninstall().await;
            }
        }
    }

    /// Whether its time is over, as far as it knows.
    fn is_expired(&self) -> bool {
        let expires = self.pinned.dir(&self.options.dir).expires();
        expires.is_some_and(|at| at < Timestamp::from_system(SystemTime::now()))
    }

    /// The appliance does not know this machine any more; it forgets the appliance.
    async fn uninstall(&self) -> Result<AgentEnding, RunError> {
        self.pinned.remove(&self.options.dir).await?;
        tracing::info!("this Jump Client was removed: its key is deleted, and it ends");
        Ok(AgentEnding::Removed)
    }

    /// Tells a person who waits why there is no link, once for each reason.
    fn complain(&self, before: &mut Option<String>, reason: String) {
        if let Some(person) = self.person()
            && before.as_ref() != Some(&reason)
        {
            person.say(&format!("Not connected: {reason} It is tried again …"));
            *before = Some(reason);
        }
    }

    /// Resolves when the person wants to leave. Whatever runs for a rep ends at once.
    async fn obey_person(&self) {
        let Some(person) = self.person() else {
            return std::future::pending().await;
        };
        loop {
            person.stops().await;
            self.channels.close_all();
            // The appliance ends the link in answer, if it hears of it.
            sleep(FAREWELL).await;
            if self.pinned.stands() != Some(false) {
                return;
            }
            // This program keeps the machine reachable.
            person.has_been_heard();
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
}

//! A fleet: which machines there are, how they reach the appliance, and what goes wrong with them.

use crate::client::{Client, Opening};
use crate::console::{ConsoleError, SimulatedConsole};
use crate::dice::Dice;
use crate::identity::{Simulated, Start};
use crate::network::Network;
use crate::scenario::{Command, Scenario};
use crate::wire::WireFault;
use anyhow::Context;
use jumpdeck_protocol::link::{Address, client_config, connect};
use jumpdeck_protocol::rep::{RepReply, RepRequest};
use rustls::ClientConfig;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// A fleet that is to be simulated.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// What it is like.
    pub scenario: Arc<Scenario>,
    /// What makes it differ from another of the same scenario.
    pub seed: u64,
    /// The numbers of its machines: several processes each take a part.
    pub numbers: Range<u64>,
    /// Machines that are linked at the most; the others enrol and are away.
    pub links: usize,
    /// Where the appliance is.
    pub url: String,
    /// The fingerprint of its key.
    pub fingerprint: String,
    /// The installer keys.
    pub keys: InstallerKeys,
    /// Connections that are being made at the same time.
    pub at_once: usize,
    /// What is wrong with its wires, and with how many of them.
    pub fault: Option<(WireFault, f64)>,
    /// How its machines answer when a shell is to be opened.
    pub opening: Opening,
    /// Those that are away have enrolled before ([`Fleet::enrol_the_absent`]).
    pub absent_known: bool,
    /// Local addresses to connect from, one after the other; the system's choice if there is none.
    pub sources: Vec<Ipv4Addr>,
}

/// Which installer key the machines of a Jump Group enrol with.
#[derive(Clone, Default)]
pub struct InstallerKeys {
    /// For groups by their names.
    pub by_group: BTreeMap<String, String>,
    /// For all others, one after the other.
    pub others: Vec<String>,
}

impl std::fmt::Debug for InstallerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstallerKeys")
            .field("groups", &self.by_group.keys())
            .finish_non_exhaustive()
    }
}

impl InstallerKeys {
    /// Keys as they are given on a command line: `KEY` or `GROUP=KEY`.
    pub fn parse(texts: &[String]) -> Self {
        let mut keys = Self::default();
        for text in texts {
            match text.rsplit_once('=') {
                Some((group, key)) => drop(keys.by_group.insert(group.into(), key.into())),
                None => keys.others.push(text.clone()),
            }
        }
        keys
    }

    /// Has a console make a key for each of a scenario's groups.
    ///
    /// # Errors
    /// [`ConsoleError`], when the rep may not.
    pub async fn make(
        console: &mut SimulatedConsole,
        scenario: &Scenario,
    ) -> Result<Self, ConsoleError> {
        let mut keys = Self::default();
        for group in scenario.groups() {
            let request =
                RepRequest::CreateInstaller { group: Some(group.to_owned()), valid: 86_400 };
            if let RepReply::Installer(made) = console.ask(request).await? {
                keys.by_group.insert(group.to_owned(), made.key);
            }
        }
        Ok(keys)
    }

    fn of(&self, group: &str, position: usize) -> String {
        let other = self.others.get(position.checked_rem(self.others.len()).unwrap_or(0));
        self.by_group.get(group).or(other).cloned().unwrap_or_default()
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Count(AtomicUsize);

impl Count {
    /// The number now.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How a running fleet stands.
#[derive(Debug, Default)]
pub struct Counts {
    /// Machines that are linked now.
    pub linked: Count,
    /// Times that a machine was let in.
    pub enrolled: Count,
    /// Machines that were refused for good.
    pub refused: Count,
    /// Tries that failed.
    pub failed: Count,
    last: Mutex<String>,
}

impl Counts {
    /// Why the last try failed, or the last machine was refused.
    pub fn last_reason(&self) -> String {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn failed(&self, count: &Count, reason: String) {
        count.add();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}

/// What the clients of a fleet have in common.
pub(crate) struct Shared {
    pub scenario: Arc<Scenario>,
    pub seed: u64,
    pub tls: Arc<ClientConfig>,
    pub door: Semaphore,
    pub address: Address,
    pub fingerprint: String,
    pub network: Arc<Network>,
    pub counts: Arc<Counts>,
    pub commands: Arc<[Command]>,
    pub opening: Opening,
    pub absent_known: bool,
    keys: BTreeMap<String, String>,
    fault: Option<(WireFault, f64)>,
    sources: Vec<Ipv4Addr>,
    ports: AtomicUsize,
}

/// Local ports that are tried for one connection: another machine may have one already.
const PORT_TRIES: usize = 20;

fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable)
}

/// Local ports that are used one after the other, where a fleet has addresses of its own.
const PORTS: Range<usize> = 2048..65_000;

impl Shared {
    /// The installer key of a group.
    pub(crate) fn installer_key(&self, group: &str) -> String {
        self.keys.get(group).cloned().unwrap_or_default()
    }

    /// A connection of this machine's.
    pub(crate) async fn connect(&self, number: u64) -> io::Result<TcpStream> {
        let mut tries = PORT_TRIES;
        loop {
            match connect(&self.address, self.source(number)).await {
                Err(error) if is_taken(&error) && tries > 0 => tries -= 1,
                outcome => return outcome,
            }
        }
    }

    /// The address this machine connects from.
    fn source(&self, number: u64) -> Option<SocketAddr> {
        let count = u64::try_from(self.sources.len()).ok()?;
        let position = usize::try_from(number.checked_rem(count)?).ok()?;
        // The system would look for a free port far longer than this takes.
        let next = self.ports.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(PORTS.start + next % (PORTS.end - PORTS.start)).ok()?;
        Some(SocketAddr::from((*self.sources.get(position)?, port)))
    }

    /// What is wrong with a machine's next connection. Where it strikes is drawn anew each time.
    pub(crate) fn fault(&self, number: u64, connection: u64) -> Option<WireFault> {
        let (fault, share) = self.fault?;
        if !Dice::new(self.seed, number, "fault").chance(share) {
            return None;
        }
        let mut dice = Dice::new(self.seed, number ^ connection << 40, "strike");
        let mut around = |after: u64| dice.within(&(after / 2..after + after / 2 + 1));
        Some(match fault {
            WireFault::Drop { after } => WireFault::Drop { after: around(after) },
            WireFault::Cut { after } => WireFault::Cut { after: around(after) },
            WireFault::HalfOpen { after } => WireFault::HalfOpen { after: around(after) },
            steady @ (WireFault::Slow { .. } | WireFault::Delay { .. }) => steady,
        })
    }
}

impl Fleet {
    /// The fleet of a scenario at an appliance, without anything wrong.
    pub fn new(scenario: Scenario, url: &str, fingerprint: &str, keys: InstallerKeys) -> Self {
        Self {
            seed: scenario.seed,
            numbers: 0..scenario.clients as u64,
            scenario: Arc::new(scenario),
            links: usize::MAX,
            url: url.to_owned(),
            fingerprint: fingerprint.to_owned(),
            keys,
            at_once: 64,
            fault: None,
            opening: Opening::Works,
            absent_known: false,
            sources: Vec::new(),
        }
    }

    /// With this many machines.
    #[must_use]
    pub fn with_clients(mut self, clients: usize) -> Self {
        self.numbers = 0..clients as u64;
        self
    }

    /// Its machines, as they are when it starts.
    pub fn machines(&self) -> impl Iterator<Item = Simulated> + '_ {
        let mut links = self.links;
        let machines = self.numbers.clone();
        machines.filter_map(|number| Simulated::new(&self.scenario, self.seed, number)).map(
            move |mut machine| {
                if matches!(machine.start, Start::Linked { .. }) {
                    match links.checked_sub(1) {
                        Some(left) => links = left,
                        None => machine.stay_away(self.seed),
                    }
                }
                machine
            },
        )
    }

    fn shared(&self, counts: Arc<Counts>, network: Arc<Network>) -> anyhow::Result<Arc<Shared>> {
        let groups = self.scenario.groups();
        let key = |(position, group): (usize, &&str)| {
            ((**group).to_owned(), self.keys.of(group, position))
        };
        Ok(Arc::new(Shared {
            scenario: Arc::clone(&self.scenario),
            seed: self.seed,
            tls: client_config().context("TLS cannot be used")?,
            door: Semaphore::new(self.at_once.min(Semaphore::MAX_PERMITS)),
            address: self.url.parse()?,
            fingerprint: self.fingerprint.clone(),
            network,
            counts,
            commands: self.scenario.commands.clone().into(),
            opening: self.opening,
            absent_known: self.absent_known,
            keys: groups.iter().enumerate().map(key).collect(),
            fault: self.fault,
            sources: self.sources.clone(),
            ports: AtomicUsize::new(0),
        }))
    }

    /// A network for its sleeping machines.
    ///
    /// # Errors
    /// When the scenario's wake-up password is none.
    pub fn network(&self) -> anyhow::Result<Arc<Network>> {
        let network = Network::new(&self.scenario.wake.password);
        Ok(Arc::new(network.map_err(anyhow::Error::msg)?))
    }

    /// Has the machines that are away enrol once, those first that have been away for the longest
    /// time. `at` is told how many seconds ago the next of them left: an appliance with a clock of
    /// its own can be set back by as much, so that it sees each of them at its time. Afterwards
    /// [`Fleet::run`] has them asleep.
    ///
    /// # Errors
    /// When the fleet cannot be started at all.
    pub async fn enrol_the_absent(&self, at: impl Fn(u64)) -> anyhow::Result<()> {
        let counts = Arc::new(Counts::default());
        let shared = self.shared(counts, self.network()?)?;
        let mut absent: Vec<_> = self
            .machines()
            .filter_map(|machine| match machine.start {
                Start::Away { seconds, .. } => Some((seconds, machine)),
                Start::Linked { .. } => None,
            })
            .collect();
        absent.sort_by_key(|(seconds, _)| std::cmp::Reverse(*seconds));
        for batch in absent.chunks(absent.len().div_ceil(BATCHES).max(1)) {
            at(batch.first().map_or(0, |(seconds, _)| *seconds));
            let mut enrolling = JoinSet::new();
            for (_, machine) in batch {
                if let Some(client) = Client::new(Arc::clone(&shared), machine.clone()) {
                    enrolling.spawn(client.visit());
                }
            }
            enrolling.join_all().await;
        }
        Ok(())
    }

    /// Runs the fleet until the future is dropped.
    ///
    /// # Errors
    /// When it cannot be started at all.
    pub async fn run(self, counts: Arc<Counts>, network: Arc<Network>) -> anyhow::Result<()> {
        let shared = self.shared(counts, network)?;
        let mut clients = JoinSet::new();
        for machine in self.machines() {
            if let Some(client) = Client::new(Arc::clone(&shared), machine) {
                clients.spawn(client.live());
            }
        }
        while clients.join_next().await.is_some() {}
        // Every client was refused or is uninstalled; there is nothing left to do but to stay.
        std::future::pending().await
    }
}

/// Steps in which the absent enrol: so many moments in the past.
const BATCHES: usize = 40;

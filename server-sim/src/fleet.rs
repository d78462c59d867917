//! A fleet: which machines there are, how they reach the appliance, and what goes wrong with them.

use crate::client::SimulatedClient;
use crate::console::{ConsoleError, SimulatedConsole};
use crate::identity::{SimulatedMachine, StartState};
use crate::network::Network;
use crate::scenario::Scenario;
use crate::shared::{FleetCounts, FleetOpening, Shared};
use crate::wire::WireFault;
use anyhow::Context;
use jumpdeck_link::client_config;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{RepReply, RepRequest};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
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
    /// Machines that are linked at most; the others enrol and are away.
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
    pub opening: FleetOpening,
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
            let request = RepRequest::CreateInstaller(request::CreateInstaller {
                group: Some(group.to_owned()),
                valid: 86_400,
            });
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
            opening: FleetOpening::Works,
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
    pub fn machines(&self) -> impl Iterator<Item = SimulatedMachine> + '_ {
        let mut links = self.links;
        let machines = self.numbers.clone();
        machines.filter_map(|number| SimulatedMachine::new(&self.scenario, self.seed, number)).map(
            move |mut machine| {
                if matches!(machine.start, StartState::Linked { .. }) {
                    match links.checked_sub(1) {
                        Some(left) => links = left,
                        None => machine.stay_away(self.seed),
                    }
                }
                machine
            },
        )
    }

    fn shared(
        &self,
        counts: Arc<FleetCounts>,
        network: Arc<Network>,
    ) -> anyhow::Result<Arc<Shared>> {
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
        let counts = Arc::new(FleetCounts::default());
        let shared = self.shared(counts, self.network()?)?;
        let mut absent: Vec<_> = self
            .machines()
            .filter_map(|machine| match machine.start {
                StartState::Away { seconds, .. } => Some((seconds, machine)),
                StartState::Linked { .. } => None,
            })
            .collect();
        absent.sort_by_key(|(seconds, _)| std::cmp::Reverse(*seconds));
        for batch in absent.chunks(absent.len().div_ceil(BATCHES).max(1)) {
            at(batch.first().map_or(0, |(seconds, _)| *seconds));
            let mut enrolling = JoinSet::new();
            for (_, machine) in batch {
                if let Some(client) = SimulatedClient::new(Arc::clone(&shared), machine.clone()) {
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
    pub async fn run(self, counts: Arc<FleetCounts>, network: Arc<Network>) -> anyhow::Result<()> {
        let shared = self.shared(counts, network)?;
        let mut clients = JoinSet::new();
        for machine in self.machines() {
            if let Some(client) = SimulatedClient::new(Arc::clone(&shared), machine) {
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

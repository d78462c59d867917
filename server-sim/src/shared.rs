//! What the clients of a fleet have in common: where they go, how, what goes wrong, and how many
//! of them stand where.

use crate::dice::Dice;
use crate::network::Network;
use crate::scenario::{FleetCommand, Scenario};
use crate::wire::WireFault;
use jumpdeck_link::{Address, connect};
use rustls::ClientConfig;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

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
pub struct FleetCounts {
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

impl FleetCounts {
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
    pub counts: Arc<FleetCounts>,
    pub commands: Arc<[FleetCommand]>,
    pub opening: FleetOpening,
    pub absent_known: bool,
    pub keys: BTreeMap<String, String>,
    pub fault: Option<(WireFault, f64)>,
    pub sources: Vec<Ipv4Addr>,
    pub ports: AtomicUsize,
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

    /// What is wrong with a machine's next connection. Where it strikes is drawn again each time.
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

/// How a machine answers when a shell is to be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FleetOpening {
    /// It opens one.
    #[default]
    Works,
    /// It says that it cannot.
    Refuses,
    /// It says nothing.
    Silent,
}

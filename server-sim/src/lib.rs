//! A simulated fleet: Jump Clients that speak the real agent protocol over real TLS sockets.
//!
//! A [`Scenario`] says what the machines are like and what happens to them; the same scenario and
//! seed make the same machines and the same course of events. Each machine has its own key,
//! enrols, proves itself, measures when watched, comes and goes, and answers on a small shell of
//! its own. A [`SimulatedConsole`] is the other side, for measuring and testing; [`hostile`] has
//! callers that break the rules, and [`WireFault`] breaks the wires.

mod client;
mod console;
mod dice;
mod figures;
mod fleet;
pub mod hostile;
mod identity;
mod life;
mod network;
mod ports;
mod scenario;
mod shared;
mod shell;
mod wire;

pub use console::{ConsoleError, ConsoleHeard, ConsoleLogin, SimulatedConsole, SimulatedShell};
pub use fleet::{Fleet, InstallerKeys};
pub use identity::{SimulatedMachine, StartState};
pub use life::{Happening, Life};
pub use network::{Mac, Network};
pub use ports::free_address;
pub use scenario::{
    Churn, DEFAULT, FleetCommand, Kind, Naming, People, Scenario, ScenarioError, ScenarioSite, Wake,
};
pub use shared::{Count, FleetCounts, FleetOpening};
pub use wire::{FaultyWire, WireFault};

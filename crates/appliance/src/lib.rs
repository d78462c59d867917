//! The appliance: it holds the inventory, knows who is linked, and relays between consoles and
//! agents.
//!
//! [`Appliance::open`] opens a data directory, [`Appliance::serve`] listens. Everything else is
//! reached through a link.

mod appliance;
mod clock;
mod data_dir;
mod document;
mod feed;
mod gateway;
mod keys;
mod login;
mod parts;
mod presence;
mod relay;
mod reps;
mod sessions;
mod sight;
mod start;
mod statistics;
mod store;
mod world;

pub use appliance::{Appliance, FirstStart, InstallerSpec, Role as ApplianceRole, StartError};
pub use clock::{Clock, SystemClock};
pub use data_dir::{DataDir, DataDirError, RunningAddress};
pub use gateway::Listening;
pub use store::StoreError;

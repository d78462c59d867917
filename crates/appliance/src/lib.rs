//! The appliance: it holds the inventory, knows who is linked, and relays between consoles and
//! agents.
//!
//! [`Appliance::open`] opens a data directory, [`Appliance::serve`] listens. Everything else is
//! reached through a link.

mod accounts;
mod admission;
mod answered;
mod api;
mod app;
mod audit;
mod base;
mod book;
mod bus;
mod clock;
mod configuration;
mod data_dir;
mod feed;
mod gateway;
mod items;
mod jobs;
mod keys;
mod links;
mod policies;
#[cfg(test)]
mod sample;
mod services;
mod sessions;
mod stopping;
mod visitors;
mod vitals;
#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::option_option,
    clippy::type_complexity,
    reason = "a test"
)]
mod worlds;

pub use admission::{Admission, Limits, QueuePlace, Turn, source};
pub use app::rescue::{Rescued, reset_password};
pub use app::{Afresh, Appliance, FirstStart, Role as ApplianceRole, StartError};
pub use clock::{Clock, SystemClock, Uptime};
pub use data_dir::{DataDir, DataDirError, RunningAddress};
pub use gateway::Listening;
pub use gateway::in_process::{AuthenticatedRep, FrontDoor, Inside, PartialLogin};
pub use items::installers::InstallerSpec;
pub use jumpdeck_policy::{JumpPolicy, Schedule, SimultaneousJumps, TimeOfWeek, WeeklyEntry};
pub use jumpdeck_store::StoreError;

//! The appliance: it holds the inventory, knows who is linked, and relays between consoles and
//! agents.
//!
//! [`Appliance::open`] opens a data directory, [`Appliance::serve`] listens. Everything else is
//! reached through a link.

mod accounts;
mod admission;
mod api;
mod appliance;
mod audit;
mod channel;
mod clock;
mod colleagues;
mod configuration;
mod copies;
mod customer;
mod data_dir;
mod doubles;
mod end;
mod explain;
mod feed;
mod gateway;
mod hashing;
mod history;
mod inside;
mod installers;
mod items;
mod keys;
mod liveness;
mod log;
mod login;
mod parts;
mod pin;
mod policies;
mod preferences;
mod presence;
mod queues;
mod recordings;
mod relay;
mod reps;
mod rescue;
#[cfg(test)]
mod sample;
mod second_factor;
mod sessions;
mod ssh_keys;
mod start;
mod statistics;
mod teams;
mod throttle;
mod usher;
mod vitals;
mod wake;
mod withdraw;
#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::option_option,
    clippy::type_complexity,
    reason = "a test"
)]
mod worlds;

pub use admission::{Admission, Limits, Place, Turn, source};
pub use appliance::{Afresh, Appliance, FirstStart, Role as ApplianceRole, StartError};
pub use clock::{Clock, SystemClock, Uptime};
pub use data_dir::{DataDir, DataDirError, RunningAddress};
pub use gateway::Listening;
pub use inside::{Entrance, Half, Inside};
pub use installers::InstallerSpec;
pub use jumpdeck_policy::{JumpPolicy, Schedule, SimultaneousJumps, TimeOfWeek, WeeklyEntry};
pub use jumpdeck_store::StoreError;
pub use rescue::{Rescued, reset_password};

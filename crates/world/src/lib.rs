//! The World: all configuration and inventory as one immutable value per revision, and what follows
//! from it: rights, derived settings, who sees what. It knows no clock, no database and no network.
#![allow(missing_docs, reason = "the appliance's own crate; comments stand where there is a why")]

mod derived;
pub mod entities;
mod indexes;
pub mod names;
pub mod origin;
mod participation;
pub mod rights;
pub mod visibility;
mod world;

pub use entities::*;
pub use indexes::Indexes;
pub use participation::{Participation, Share};
pub use visibility::Visibility;
pub use world::World;

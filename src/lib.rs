//! jumpdeck: a remote-support console for the terminal.
//!
//! [`core`] is the console as a value, [`view`] draws it, [`link`] connects it to an appliance,
//! [`runtime`] runs it in a terminal, [`door`] for whoever comes by SSH, [`verbs`] do single things
//! from the command line.

pub mod core;
pub mod door;
pub mod link;
pub mod runtime;

pub mod text;
pub mod verbs;
pub mod view;

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::pedantic,
    reason = "for tests"
)]
mod fixtures;

//! The representative console as a value: events come in, effects go out ([`core`]), and any state
//! is drawn ([`view`]). It knows no terminal, no clock, no file and no network, which its
//! dependencies see to.
#![allow(missing_docs, reason = "the program's own crate; comments stand where there is a why")]

pub mod core;
pub mod text;
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

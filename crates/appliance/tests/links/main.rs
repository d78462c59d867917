//! Links as a stranger would make them: hand-made agents and consoles against a real appliance
//! with a clock that the test sets.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::pedantic,
    reason = "a test says what it expects by unwrapping and indexing"
)]

mod accounts;
mod adversary;
mod auditing;
mod configuring;
mod explaining;
mod field;
mod house;
mod links;
mod pinning;
mod remembering;
mod sharing;
mod tending;
mod visiting;
mod waking;

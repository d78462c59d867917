//! The real programs, from outside: real terminals, real sockets, real kills.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::pedantic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what it expects by unwrapping and indexing"
)]

mod ahead;
mod api;
mod console;
mod demo;
mod exec;
mod faults;
mod field;
mod history;
mod joining;
mod matrix;
mod pair;
mod plain;
mod programs;
mod reference;
mod resume;
mod rights;
mod scripts;
mod serve;
mod sessions;
mod ssh;
mod ssh_config;
mod ssh_limits;
mod support;
mod tasks;
mod tending;
mod trouble;
mod verbs;
mod vttest;

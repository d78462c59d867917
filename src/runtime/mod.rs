//! Everything that touches the world: the terminal, the data directory, the background appliance.

pub mod charset;
pub mod config;
pub mod demo;
mod diff;
pub mod dirs;
pub mod embedded;
pub mod ending;
mod export;
pub mod handoff;
pub mod limits;
pub mod logging;
pub mod logins;
pub(crate) mod own_terminal;
pub mod prompt;
mod report;
pub(crate) mod runner;
pub(crate) mod screen;
mod searcher;
mod suspend;
pub mod terminal;
pub(crate) mod typed;
pub(crate) mod watched;

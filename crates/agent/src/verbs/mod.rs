//! What `jumpdeck-agent` does from the command line.

pub(crate) mod join;
pub(crate) mod run;
pub(crate) mod uninstall;

use anyhow::Context;
use jumpdeck_agent::AgentDir;
use std::path::PathBuf;

/// What is written for people who look after the machine.
fn start_log(level: tracing::Level) {
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).init();
}

/// One thread does.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// The directory of this machine's Jump Client.
fn data_dir(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given);
    }
    AgentDir::usual().context("there is no home directory; use --data-dir")
}

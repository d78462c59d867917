//! What `jumpdeck-agent` does from the command line.

pub(crate) mod join;
pub(crate) mod run;
pub(crate) mod uninstall;

use anyhow::Context;
use jumpdeck_agent::AgentDir;
use jumpdeck_protocol::journal::Journal;
use std::path::PathBuf;

/// What is written for people who look after the machine.
fn start_log(level: tracing::Level) -> anyhow::Result<Journal> {
    let journal = Journal::to(std::io::stderr()).context("starting the log")?;
    let lines = journal.clone();
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .log_internal_errors(false)
        .with_writer(move || lines.clone())
        .init();
    Ok(journal)
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

//! The log: to a file, never to the screen.

use anyhow::Context;
use jumpdeck_protocol::journal::Journal;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use tracing_subscriber::EnvFilter;

/// Starts logging to a file, at `info` unless `RUST_LOG` says otherwise.
///
/// # Errors
/// When the file cannot be opened.
pub fn to_file(path: &Path) -> anyhow::Result<Journal> {
    let file = File::options().create(true).append(true).open(path);
    let file = file.with_context(|| format!("opening the log {}", path.display()))?;
    start(file)
}

/// Starts logging to the error output; for a server in the foreground.
///
/// # Errors
/// When logging was started already.
pub fn to_stderr() -> anyhow::Result<Journal> {
    start(std::io::stderr())
}

fn start(out: impl Write + Send + 'static) -> anyhow::Result<Journal> {
    let journal = Journal::to(out).context("starting the log")?;
    let lines = journal.clone();
    tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_ansi(false)
        .log_internal_errors(false)
        .with_writer(move || lines.clone())
        .try_init()
        .map_err(|error| anyhow::anyhow!("starting the log: {error}"))?;
    Ok(journal)
}

fn filter() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"))
}

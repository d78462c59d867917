//! The log: to a file, never to the screen.

use anyhow::Context;
use std::fs::File;
use std::path::Path;
use tracing_subscriber::EnvFilter;

/// Starts logging to a file, at `info` unless `RUST_LOG` says otherwise.
///
/// # Errors
/// When the file cannot be opened.
pub fn to_file(path: &Path) -> anyhow::Result<()> {
    let file = File::options().create(true).append(true).open(path);
    let file = file.with_context(|| format!("opening the log {}", path.display()))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_ansi(false)
        .with_writer(file)
        .try_init()
        .map_err(|error| anyhow::anyhow!("starting the log: {error}"))
}

/// Starts logging to the error output; for a server in the foreground.
///
/// # Errors
/// When logging was started already.
pub fn to_stderr() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(|error| anyhow::anyhow!("starting the log: {error}"))
}

fn filter() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"))
}

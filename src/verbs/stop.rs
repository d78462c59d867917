//! `jumpdeck stop`: ends this machine's own appliance and its agent.

use super::output;
use crate::link::{Client, Destination};
use crate::runtime::dirs::Places;
use crate::runtime::embedded;
use anyhow::bail;
use jumpdeck_appliance::DataDir;
use jumpdeck_protocol::rep::RepRequest;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Ends the appliance, its sessions and its agent, and waits until they are gone.
pub(super) async fn run(places: &Places) -> anyhow::Result<ExitCode> {
    if !places.data_path()?.join("appliance.lock").exists() {
        return output::print(|out| writeln!(out, "Nothing was running."));
    }
    let dir = places.data()?;
    let said = if end(&dir).await? { "Stopped." } else { "Nothing was running." };
    output::print(|out| writeln!(out, "{said}"))
}

/// Ends what runs on a data directory. Returns whether anything did.
pub(super) async fn end(dir: &DataDir) -> anyhow::Result<bool> {
    let was_running = stop_appliance(dir).await?;
    Ok(embedded::end_agent(dir).await? || was_running)
}

async fn stop_appliance(dir: &DataDir) -> anyhow::Result<bool> {
    if !dir.is_locked() {
        return Ok(false);
    }
    if embedded::reachable(dir).await.is_none() {
        bail!("the appliance holds {} but does not answer", dir.path().display());
    }
    let mut client = Client::connect(Destination::Embedded(dir.clone())).await?;
    client.ask(RepRequest::Stop).await?;
    let deadline = Instant::now() + embedded::END_PATIENCE;
    while dir.is_locked() {
        if Instant::now() > deadline {
            bail!("the appliance did not end within {} s", embedded::END_PATIENCE.as_secs());
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(true)
}

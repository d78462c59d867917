//! `jumpdeck stop`: ends this machine's own appliance and its agent.

use crate::link::{Client, Destination};
use crate::runtime::dirs::Places;
use crate::runtime::embedded;
use anyhow::bail;
use jumpdeck_agent::AgentDir;
use jumpdeck_appliance::{DataDir, DataDirError};
use jumpdeck_protocol::rep::RepRequest;
use rustix::process::{Pid, Signal, kill_process};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long the processes may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ends the appliance, its sessions and its agent, and waits until they are gone.
pub(super) async fn run(places: &Places) -> anyhow::Result<ExitCode> {
    if !places.data_path()?.join("appliance.lock").exists() {
        println!("Nothing was running.");
        return Ok(ExitCode::SUCCESS);
    }
    let dir = places.data()?;
    let was_running = stop_appliance(&dir).await?;
    let had_agent = stop_agent(&dir).await?;
    println!("{}", if was_running || had_agent { "Stopped." } else { "Nothing was running." });
    Ok(ExitCode::SUCCESS)
}

async fn stop_appliance(dir: &DataDir) -> anyhow::Result<bool> {
    if !is_locked(dir)? {
        return Ok(false);
    }
    if embedded::reachable(dir).await.is_none() {
        bail!("the appliance holds {} but does not answer", dir.path().display());
    }
    let mut client = Client::connect(Destination::Embedded(dir.clone())).await?;
    client.ask(RepRequest::Stop).await?;
    let deadline = Instant::now() + PATIENCE;
    while is_locked(dir)? {
        if Instant::now() > deadline {
            bail!("the appliance did not end within {} s", PATIENCE.as_secs());
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(true)
}

fn is_locked(dir: &DataDir) -> anyhow::Result<bool> {
    match dir.lock() {
        Ok(_) => Ok(false),
        Err(DataDirError::InUse { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// An agent that outlived its appliance is told by a signal.
async fn stop_agent(dir: &DataDir) -> anyhow::Result<bool> {
    let agent = AgentDir::create(&dir.agent())?;
    let Some(process) = agent.running() else {
        return Ok(false);
    };
    if let Some(process) = Pid::from_raw(process.cast_signed()) {
        // It may have ended this very moment.
        let _ = kill_process(process, Signal::TERM);
    }
    let deadline = Instant::now() + PATIENCE;
    while agent.running().is_some() {
        if Instant::now() > deadline {
            bail!("the local agent did not end within {} s", PATIENCE.as_secs());
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(true)
}

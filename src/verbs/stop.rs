//! `jumpdeck stop`: ends this machine's own appliance and its agent.

use super::output;
use crate::link::{Client, Destination};
use crate::runtime::dirs::Places;
use crate::runtime::ending::Ending;
use crate::runtime::{embedded, prompt};
use anyhow::bail;
use clap::Args;
use jumpdeck_appliance::DataDir;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::text::clean;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{sleep, timeout};

#[derive(Args, Debug)]
pub(crate) struct Stop {
    /// Do not ask, even if sessions are open.
    #[arg(short, long)]
    yes: bool,
}

/// Names of machines that a question lists.
const LISTED: usize = 5;

/// Ends the appliance, its sessions and its agent, and waits until they are gone.
pub(super) async fn run(stop: &Stop, places: &Places) -> anyhow::Result<ExitCode> {
    if !places.data_path()?.join("appliance.lock").exists() {
        return output::print(|out| writeln!(out, "Nothing was running."));
    }
    let dir = places.data()?;
    if !stop.yes && !may_end(&dir).await? {
        return Ok(ExitCode::FAILURE);
    }
    let said = if end(&dir).await? { "Stopped." } else { "Nothing was running." };
    output::print(|out| writeln!(out, "{said}"))
}

/// Ends what runs on a data directory. Returns whether anything did.
pub(super) async fn end(dir: &DataDir) -> anyhow::Result<bool> {
    let was_running = stop_appliance(dir).await?;
    Ok(embedded::end_agent(dir).await? || was_running)
}

/// Whether the sessions that are open may end: the rep says so.
async fn may_end(dir: &DataDir) -> anyhow::Result<bool> {
    if !dir.is_locked() || embedded::reachable(dir).await.is_none() {
        return Ok(true);
    }
    let mut client = Client::connect(Destination::Embedded(dir.clone())).await?;
    let sessions = client.fetch_sessions().await?.to_vec();
    client.close().await;
    if sessions.is_empty() {
        return Ok(true);
    }
    let names: Vec<_> =
        sessions.iter().take(LISTED).map(|view| clean(&view.item_name).into_owned()).collect();
    let more = if sessions.len() > LISTED { ", …" } else { "" };
    let open = match sessions.len() {
        1 => format!("1 session is open ({}).", names.join(", ")),
        many => format!("{many} sessions are open ({}{more}).", names.join(", ")),
    };
    if !prompt::somebody_is_there() {
        bail!("{open} `jumpdeck stop --yes` ends them");
    }
    let answer = prompt::line(&format!("{open} Stop and end them? y stop · n keep "))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

async fn stop_appliance(dir: &DataDir) -> anyhow::Result<bool> {
    if !dir.is_locked() {
        return Ok(false);
    }
    let Some(running) = embedded::reachable(dir).await else {
        bail!("the appliance holds {} but does not answer", dir.path().display());
    };
    let process = Ending::of(running.process);
    let mut client = Client::connect(Destination::Embedded(dir.clone())).await?;
    client.ask(request::Stop).await?;
    client.close().await;
    let ended = async {
        while dir.is_locked() {
            sleep(Duration::from_millis(10)).await;
        }
        process.wait().await;
    };
    if timeout(embedded::END_PATIENCE, ended).await.is_err() {
        bail!("the appliance did not end within {} s", embedded::END_PATIENCE.as_secs());
    }
    Ok(true)
}

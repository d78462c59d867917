//! `jumpdeck demo`: a throw-away appliance with simulated machines.

use super::connect::Connect;
use super::{console, output, stop};
use crate::runtime::demo::DemoFleet;
use crate::runtime::dirs::Places;
use crate::runtime::embedded;
use anyhow::{Context, bail};
use clap::Args;
use jumpdeck_appliance::DataDir;
use jumpdeck_server_sim::{DEFAULT, Scenario};
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Machines of a demo, at most.
const MOST: u64 = 100_000;

#[derive(Args, Debug)]
pub(super) struct Demo {
    /// What the machines are like: office, hard-names, quiet, restless, or a TOML file.
    #[arg(long, default_value = DEFAULT)]
    scenario: String,
    /// How many machines; else as many as the scenario says.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=MOST))]
    clients: Option<u64>,
}

impl Demo {
    pub(super) async fn run(self, places: &Places) -> anyhow::Result<ExitCode> {
        let scenario = self.scenario()?;
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            bail!("a demo needs a terminal");
        }
        let demos = places.data_path()?.join("demo");
        clear_away(&demos);
        let dir = DataDir::create(&demos.join(std::process::id().to_string()))?;
        DemoFleet { scenario, clients: self.clients, known: false }.keep(&dir)?;
        embedded::start(&dir).await?;
        let places = Places { data_dir: Some(dir.path().to_path_buf()), ..places.clone() };
        let outcome = console::open(&places, &Connect::default(), None).await;
        stop::end(&dir).await?;
        until_gone(dir.path()).await;
        // Only if no other demo runs.
        let _ = std::fs::remove_dir(&demos);
        match outcome?.sessions {
            0 => {}
            1 => output::say("The demo is over, and its session with it."),
            many => output::say(&format!("The demo is over, and its {many} sessions with it.")),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Demo {
    /// The scenario, as a process with another working directory finds it. One that is not right
    /// is reported here.
    fn scenario(&self) -> anyhow::Result<String> {
        Scenario::load(&self.scenario)?;
        if Scenario::names().any(|name| name == self.scenario) {
            return Ok(self.scenario.clone());
        }
        let path = std::path::absolute(&self.scenario)?;
        let text = path.to_str().context("the scenario's path is no Unicode text")?;
        Ok(text.to_owned())
    }
}

/// Waits until the appliance has taken its directory along.
async fn until_gone(dir: &Path) {
    let deadline = Instant::now() + embedded::END_PATIENCE;
    while dir.exists() && Instant::now() < deadline {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Removes what demos that were killed left behind.
fn clear_away(demos: &Path) {
    let Ok(entries) = std::fs::read_dir(demos) else {
        return;
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let unused = DataDir::create(&path).is_ok_and(|dir| dir.lock().is_ok());
        if unused {
            // Another demo may be doing the same.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

//! What a demo has besides an appliance: a simulated fleet in processes of its own, and a clock
//! that can be set back, so that machines were last seen long ago.

use anyhow::Context;
use jumpdeck_appliance::{
    Appliance, Clock, DataDir, InstallerSpec, JumpPolicy, RunningAddress, Schedule, TimeOfWeek,
    Uptime, WeeklyEntry,
};
use jumpdeck_protocol::{Timestamp, private_file};
use jumpdeck_server_sim::{Fleet, FleetCounts, InstallerKeys, Scenario};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// The hidden verb that is a part of a demo's fleet.
pub const FLEET_VERB: &str = "simulated-fleet";

/// Machines in one process, at most.
const PART: u64 = 8_000;
/// Files that the appliance needs besides one for each link.
const OTHER_FILES: u64 = 500;
/// Seconds an installer of a demo is valid: it must outlast a clock that is set back.
const VALID: u64 = 31_536_000;

/// Seconds that a machine has run for, so that its clock can be set back.
const AGES: u64 = 10 * 31_536_000;

/// The system's clock, or how it stood some time ago.
#[derive(Debug, Default)]
pub struct DemoClock(AtomicU64);

impl DemoClock {
    fn set_back(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        let back = i64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(0);
        Timestamp(Timestamp::from_system(SystemTime::now()).0 - back)
    }

    fn uptime(&self) -> Uptime {
        // Both clocks are set back: the machines that enrol meanwhile were really there.
        let back = self.0.load(Ordering::Relaxed);
        Uptime(Uptime::of_system().0.saturating_add(AGES).saturating_sub(back))
    }
}

/// Sets a clock right when it goes, whatever happened.
struct Present<'a>(&'a DemoClock);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.set_back(0);
    }
}

/// Which fleet a demo has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DemoFleet {
    /// A scenario by its name or file.
    pub scenario: String,
    /// How many machines; else as many as the scenario says.
    pub clients: Option<u64>,
    /// Those that are away have enrolled.
    pub known: bool,
}

impl DemoFleet {
    /// The fleet of the demo whose data directory this is, if it is one.
    pub fn of(dir: &DataDir) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(file(dir)).ok()?).ok()
    }

    /// Makes a data directory a demo's.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, dir: &DataDir) -> anyhow::Result<()> {
        let text = serde_json::to_vec(self)?;
        private_file::write(&file(dir), &text).context("writing what the demo is")
    }
}

fn file(dir: &DataDir) -> PathBuf {
    dir.path().join("demo.json")
}

/// A part of a fleet, as its process gets it.
#[derive(Serialize, Deserialize)]
struct DemoPart {
    scenario: String,
    numbers: Range<u64>,
    links: usize,
    url: String,
    fingerprint: String,
    keys: BTreeMap<String, String>,
}

impl DemoPart {
    fn fleet(&self) -> anyhow::Result<Fleet> {
        let scenario = Scenario::load(&self.scenario)?;
        let keys = InstallerKeys { by_group: self.keys.clone(), others: Vec::new() };
        let mut fleet = Fleet::new(scenario, &self.url, &self.fingerprint, keys);
        fleet.numbers = self.numbers.clone();
        fleet.links = self.links;
        fleet.absent_known = true;
        Ok(fleet)
    }
}

/// Brings a fleet to an appliance, if it is to have one, and keeps it until this is dropped.
pub(super) async fn fleet(
    appliance: Arc<Appliance>,
    address: RunningAddress,
    clock: Arc<DemoClock>,
    fleet: Option<DemoFleet>,
) {
    let Some(fleet) = fleet else {
        return;
    };
    match bring(&appliance, &address, &clock, &fleet).await {
        Ok(processes) => {
            let _processes = processes;
            std::future::pending::<()>().await;
        }
        Err(error) => tracing::error!(error = format!("{error:#}"), "no simulated fleet"),
    }
}

async fn bring(
    appliance: &Appliance,
    address: &RunningAddress,
    clock: &DemoClock,
    fleet: &DemoFleet,
) -> anyhow::Result<Vec<Child>> {
    policies(appliance).await?;
    let parts = parts(appliance, address, fleet).await?;
    let mut processes = Vec::new();
    for part in &parts {
        processes.push(start(part).await?);
    }
    if !fleet.known {
        let _present = Present(clock);
        for part in &parts {
            part.fleet()?.enrol_the_absent(|seconds| clock.set_back(seconds)).await?;
        }
        DemoFleet { known: true, ..fleet.clone() }.keep(appliance.data_dir())?;
    }
    Ok(processes)
}

/// Jump Policies as many a site has them.
async fn policies(appliance: &Appliance) -> anyhow::Result<()> {
    let daily = |day, start, end| WeeklyEntry {
        start: TimeOfWeek { day, minute: start },
        end: TimeOfWeek { day, minute: end },
    };
    let zone = jiff::tz::TimeZone::system();
    let zone = zone.iana_name().unwrap_or("UTC");
    let policy = |name: &str, entries: Vec<WeeklyEntry>, strict| JumpPolicy {
        display_name: name.to_owned(),
        code_name: name.to_lowercase().replace(' ', "-"),
        schedule: Some(Schedule { timezone: zone.to_owned(), entries, strict }),
        ..JumpPolicy::default()
    };
    let weekdays = (0..5).map(|day| daily(day, 8 * 60, 18 * 60)).collect();
    let nights = (0..7).map(|day| daily(day, 22 * 60, 24 * 60)).collect();
    appliance.put_jump_policy(policy("Weekdays", weekdays, false)).await?;
    appliance.put_jump_policy(policy("Maintenance nights", nights, true)).await?;
    Ok(())
}

/// Cuts a fleet into parts, and the links that the appliance can hold with it.
async fn parts(
    appliance: &Appliance,
    address: &RunningAddress,
    fleet: &DemoFleet,
) -> anyhow::Result<Vec<DemoPart>> {
    let scenario = Scenario::load(&fleet.scenario)?;
    let mut keys = BTreeMap::new();
    for group in scenario.groups() {
        let spec = InstallerSpec { group: Some(group.to_owned()), valid: VALID, local: false };
        keys.insert(group.to_owned(), appliance.create_installer(spec).await?.key);
    }
    let clients = fleet.clients.unwrap_or(scenario.clients as u64);
    let files = super::limits::open_files();
    let links = files.saturating_sub(OTHER_FILES);
    let count = clients.div_ceil(PART.min(links.max(1))).max(1);
    let part = |number: u64| DemoPart {
        scenario: fleet.scenario.clone(),
        numbers: clients * number / count..clients * (number + 1) / count,
        links: usize::try_from(links / count).unwrap_or(usize::MAX),
        url: address.url.clone(),
        fingerprint: address.fingerprint.clone(),
        keys: keys.clone(),
    };
    Ok((0..count).map(part).collect())
}

async fn start(part: &DemoPart) -> anyhow::Result<Child> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg(FLEET_VERB)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("starting a simulated fleet")?;
    let mut line = serde_json::to_vec(part)?;
    line.push(b'\n');
    if let Some(stdin) = &mut child.stdin {
        // It stays open: when this process ends, however it does, so does that one.
        stdin.write_all(&line).await?;
    }
    Ok(child)
}

/// Is a part of a demo's fleet until the standard input ends.
///
/// # Errors
/// When it cannot be started.
pub async fn part() -> anyhow::Result<()> {
    // The rep who looks at the demo comes first.
    let _ = rustix::process::nice(10);
    super::limits::open_files();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let line = lines.next_line().await?.context("no fleet was named")?;
    let part: DemoPart = serde_json::from_str(&line)?;
    let fleet = part.fleet()?;
    let network = fleet.network()?;
    tokio::select! {
        outcome = fleet.run(Arc::new(FleetCounts::default()), network) => outcome,
        _ = lines.next_line() => Ok(()),
    }
}

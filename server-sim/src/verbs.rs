//! What the program does besides measuring.

use anyhow::{Context, bail};
use clap::Args;
use jumpdeck_server_sim::hostile::{self, Offence, Target};
use jumpdeck_server_sim::{
    Counts, DEFAULT, Fleet, InstallerKeys, Login, Scenario, SimulatedConsole, WireFault,
};
use serde::Serialize;
use std::io::{ErrorKind, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::sleep;

/// Which appliance, and how to get in.
#[derive(Args)]
struct Appliance {
    /// Where the appliance is.
    #[arg(long)]
    url: String,
    /// The fingerprint of its key.
    #[arg(long)]
    fingerprint: String,
    /// Installer keys, KEY or GROUP=KEY, one for each Jump Group or one for all. They are better
    /// given in the variable JUMPDECK_INSTALLER_KEY, separated by commas.
    #[arg(long, env = "JUMPDECK_INSTALLER_KEY", value_delimiter = ',', hide_env_values = true)]
    key: Vec<String>,
}

/// Which machines.
#[derive(Args)]
struct Which {
    /// A scenario by its name (`server-sim scenarios` lists them) or a TOML file.
    #[arg(long, default_value = DEFAULT)]
    scenario: String,
    /// How many machines; else as many as the scenario says.
    #[arg(long)]
    clients: Option<usize>,
    /// The number of the first one: several processes can each take a part of one fleet.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// What makes this fleet differ from another; else what the scenario says.
    #[arg(long)]
    seed: Option<u64>,
}

impl Which {
    fn fleet(&self, url: &str, fingerprint: &str, keys: InstallerKeys) -> anyhow::Result<Fleet> {
        let scenario = Scenario::load(&self.scenario)?;
        let clients = self.clients.unwrap_or(scenario.clients) as u64;
        let mut fleet = Fleet::new(scenario, url, fingerprint, keys);
        fleet.numbers = self.first..self.first + clients;
        fleet.seed = self.seed.unwrap_or(fleet.seed);
        Ok(fleet)
    }
}

/// Link a fleet to an appliance and keep it living.
#[derive(Args)]
pub(crate) struct Run {
    #[command(flatten)]
    appliance: Appliance,
    #[command(flatten)]
    which: Which,
    /// Make the installer keys as this user, whose password is in JUMPDECK_PASSWORD.
    #[arg(long, conflicts_with = "key")]
    user: Option<String>,
    /// Machines that are linked at the most; the others enrol and are offline. One process can
    /// have as many as it may open files.
    #[arg(long)]
    links: Option<usize>,
    /// What is wrong with the wires: drop:BYTES, cut:BYTES, half-open:BYTES, slow:BYTES_A_SECOND
    /// or delay:MILLISECONDS.
    #[arg(long)]
    fault: Option<WireFault>,
    /// With how many of them, from 0 to 1.
    #[arg(long, default_value_t = 1.0, requires = "fault")]
    fault_share: f64,
    /// Local addresses to connect from, separated by commas.
    #[arg(long, value_delimiter = ',')]
    from: Vec<Ipv4Addr>,
    /// Listen here for magic packets that wake machines that are away.
    #[arg(long, value_name = "ADDR:PORT")]
    wake: Option<String>,
    /// Connections that are being made at the same time.
    #[arg(long, default_value_t = 64)]
    at_once: usize,
    /// End after this many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Report as JSON, a line each time something has changed.
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let keys = InstallerKeys::parse(&self.appliance.key);
        let mut fleet = self.which.fleet(&self.appliance.url, &self.appliance.fingerprint, keys)?;
        if let Some(user) = &self.user {
            fleet.keys = self.make_keys(user, &fleet.scenario).await?;
        } else if self.appliance.key.is_empty() {
            bail!("no installer key was given; set JUMPDECK_INSTALLER_KEY, or use --user");
        }
        fleet.links = self.links.unwrap_or_else(links_possible);
        fleet.fault = self.fault.map(|fault| (fault, self.fault_share));
        fleet.sources = self.from;
        fleet.at_once = self.at_once;
        let network = fleet.network()?;
        let counts = Arc::new(Counts::default());
        let socket = match &self.wake {
            Some(address) => Some(
                UdpSocket::bind(address)
                    .await
                    .with_context(|| format!("listening on {address} for magic packets"))?,
            ),
            None => None,
        };
        let listening = async {
            match &socket {
                Some(socket) => network.listen(socket).await,
                None => std::future::pending().await,
            }
        };
        let life = self.seconds.map_or(Duration::MAX, Duration::from_secs);
        tokio::select! {
            outcome = fleet.run(Arc::clone(&counts), Arc::clone(&network)) => outcome,
            outcome = listening => Ok(outcome?),
            outcome = report(&counts, self.json) => outcome,
            () = sleep(life) => Ok(()),
        }
    }

    async fn make_keys(&self, user: &str, scenario: &Scenario) -> anyhow::Result<InstallerKeys> {
        let password = std::env::var("JUMPDECK_PASSWORD")
            .context("the password is read from the variable JUMPDECK_PASSWORD")?;
        let Appliance { url, fingerprint, .. } = &self.appliance;
        let login = Login::with_password(url, fingerprint, user, &password);
        let mut console = SimulatedConsole::connect(&login).await?;
        Ok(InstallerKeys::make(&mut console, scenario).await?)
    }
}

/// Links that this process can hold: what it may open, without a few for itself.
fn links_possible() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    limit.saturating_sub(64)
}

#[derive(Serialize, PartialEq, Clone, Copy)]
struct Report {
    linked: usize,
    enrolled: usize,
    refused: usize,
}

/// Says how the fleet stands, whenever that has changed.
async fn report(counts: &Counts, json: bool) -> anyhow::Result<()> {
    let mut last = None;
    loop {
        let now = Report {
            linked: counts.linked.get(),
            enrolled: counts.enrolled.get(),
            refused: counts.refused.get(),
        };
        if last.replace(now) != Some(now) {
            let Report { linked, enrolled, refused } = now;
            let line = if json {
                serde_json::to_string(&now)?
            } else {
                format!("{linked} linked, let in {enrolled} times, {refused} refused")
            };
            say(&line)?;
        }
        sleep(Duration::from_millis(if json { 50 } else { 1000 })).await;
    }
}

/// Prints a line. A closed pipe ends the program without a word.
fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        outcome => Ok(outcome?),
    }
}

/// Print a fleet's machines.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    which: Which,
}

#[derive(Serialize)]
struct Listed<'a> {
    number: u64,
    name: &'a str,
    group: &'a str,
    tag: Option<&'a str>,
    hostname: &'a str,
    operating_system: &'a str,
    private_ip: &'a str,
    gateway_mac: &'a str,
    mac: String,
    #[serde(flatten)]
    start: jumpdeck_server_sim::Start,
}

impl List {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let fleet = self.which.fleet("", "", InstallerKeys::default())?;
        for machine in fleet.machines() {
            let mac: Vec<_> = machine.mac.iter().map(|byte| format!("{byte:02x}")).collect();
            say(&serde_json::to_string(&Listed {
                number: machine.number,
                name: &machine.name,
                group: &machine.group,
                tag: machine.tag.as_deref(),
                hostname: &machine.facts.hostname,
                operating_system: &machine.facts.operating_system,
                private_ip: &machine.facts.private_ip,
                gateway_mac: &machine.facts.gateway_mac,
                mac: mac.join(":"),
                start: machine.start,
            })?)?;
        }
        Ok(())
    }
}

/// Lists the scenarios.
pub(crate) fn scenarios() -> anyhow::Result<()> {
    for name in Scenario::names() {
        let scenario = Scenario::load(name)?;
        say(&format!("{name:12} {:>6} machines  {}", scenario.clients, scenario.about))?;
    }
    Ok(())
}

/// Break the protocol's rules at an appliance.
#[derive(Args)]
pub(crate) struct Offend {
    #[command(flatten)]
    appliance: Appliance,
    /// Which offences; all of them if none is named.
    offences: Vec<Offence>,
}

impl Offend {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let keys = InstallerKeys::parse(&self.appliance.key);
        let key = keys.others.first().or(keys.by_group.values().next());
        let target = Target {
            url: self.appliance.url,
            fingerprint: self.appliance.fingerprint,
            installer_key: key.cloned().context("an installer key is needed")?,
        };
        let offences = match self.offences.as_slice() {
            [] => Offence::ALL,
            named => named,
        };
        let mut wrong = 0;
        for offence in offences {
            let (word, about) = (offence.word(), offence.about());
            let (verdict, right) = match hostile::commit(*offence, &target).await {
                Ok(verdict) => {
                    let right = verdict == offence.verdict();
                    (verdict.to_string(), right)
                }
                Err(error) => (format!("{error:#}"), false),
            };
            wrong += usize::from(!right);
            let mark = if right { "as it must" } else { "WRONG" };
            say(&format!("{word:18} {mark:11} {verdict:34} {about}"))?;
        }
        Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

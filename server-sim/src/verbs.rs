//! What the program does besides measuring.

use anyhow::{Context, bail};
use clap::Args;
use jumpdeck_server_sim::hostile::{self, HostileTarget, Offence};
use jumpdeck_server_sim::{
    ConsoleLogin, DEFAULT, Fleet, FleetCounts, InstallerKeys, Scenario, SimulatedConsole, WireFault,
};
use serde::Serialize;
use std::io::{ErrorKind, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::sleep;

/// The highest number a machine may have.
const MOST: u64 = 10_000_000;

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "a number from 0 to 1".to_owned())?;
    (0.0..=1.0).contains(&share).then_some(share).ok_or_else(|| "it must lie from 0 to 1".into())
}

pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().map_err(|_| "a number from 1".to_owned())?;
    (number > 0).then_some(number).ok_or_else(|| "it must be 1 at least".into())
}

fn fingerprint(text: &str) -> Result<String, String> {
    let hash = text.strip_prefix("SHA256:");
    let right = hash.is_some_and(|hash| hash.len() == 43 && !hash.contains(char::is_whitespace));
    right.then(|| text.to_owned()).ok_or_else(|| "it looks like SHA256:… with 43 letters".into())
}

/// Which appliance, and how to get in.
#[derive(Args)]
struct Appliance {
    /// Where the appliance is.
    #[arg(long)]
    url: String,
    /// The fingerprint of its key.
    #[arg(long, value_parser = fingerprint)]
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
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=MOST))]
    clients: Option<u64>,
    /// The number of the first one: several processes can each take a part of one fleet.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=MOST))]
    first: u64,
    /// What makes this fleet differ from another; else what the scenario says.
    #[arg(long)]
    seed: Option<u64>,
}

impl Which {
    fn fleet(&self, url: &str, fingerprint: &str, keys: InstallerKeys) -> anyhow::Result<Fleet> {
        let scenario = Scenario::load(&self.scenario)?;
        let clients = self.clients.unwrap_or(scenario.clients as u64);
        let mut fleet = Fleet::new(scenario, url, fingerprint, keys);
        fleet.numbers = self.first..self.first + clients;
        fleet.seed = self.seed.unwrap_or(fleet.seed);
        Ok(fleet)
    }
}

/// Link a fleet to an appliance and keep it living.
#[derive(Args)]
pub(crate) struct RunVerb {
    #[command(flatten)]
    appliance: Appliance,
    #[command(flatten)]
    which: Which,
    /// Make the installer keys as this user, whose password is in JUMPDECK_PASSWORD.
    #[arg(long, conflicts_with = "key")]
    user: Option<String>,
    /// Machines that are linked at most; the others enrol and are offline. One process can
    /// have as many as it may open files.
    #[arg(long)]
    links: Option<usize>,
    /// What is wrong with the wires: drop:BYTES, cut:BYTES, half-open:BYTES, slow:BYTES_A_SECOND
    /// or delay:MILLISECONDS.
    #[arg(long)]
    fault: Option<WireFault>,
    /// With how many of them, from 0 to 1.
    #[arg(long, default_value_t = 1.0, requires = "fault", value_parser = share)]
    fault_share: f64,
    /// Local addresses to connect from, separated by commas.
    #[arg(long, value_delimiter = ',')]
    from: Vec<Ipv4Addr>,
    /// Listen here for magic packets that wake machines that are away.
    #[arg(long, value_name = "ADDR:PORT")]
    wake: Option<String>,
    /// Connections that are being made at the same time.
    #[arg(long, default_value_t = 64, value_parser = at_least_one)]
    at_once: usize,
    /// End after this many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Report as JSON, a line each time something has changed.
    #[arg(long)]
    json: bool,
}

impl RunVerb {
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
        let counts = Arc::new(FleetCounts::default());
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
        explain(&fleet);
        let life = self.seconds.map_or(Duration::MAX, Duration::from_secs);
        tokio::select! {
            outcome = fleet.run(Arc::clone(&counts), Arc::clone(&network)) => outcome?,
            outcome = listening => outcome?,
            outcome = report(&counts, self.json) => outcome?,
            outcome = tokio::signal::ctrl_c() => outcome?,
            () = sleep(life) => {}
        }
        if counts.enrolled.get() == 0 {
            bail!("no machine was let in: {}", counts.last_reason());
        }
        Ok(())
    }

    async fn make_keys(&self, user: &str, scenario: &Scenario) -> anyhow::Result<InstallerKeys> {
        let password = std::env::var("JUMPDECK_PASSWORD")
            .context("the password is read from the variable JUMPDECK_PASSWORD")?;
        let Appliance { url, fingerprint, .. } = &self.appliance;
        let login = ConsoleLogin::with_password(url, fingerprint, user, &password);
        let mut console = SimulatedConsole::connect(&login).await?;
        Ok(InstallerKeys::make(&mut console, scenario).await?)
    }
}

/// Says what will not be as the scenario has it.
fn explain(fleet: &Fleet) {
    let groups = fleet.scenario.groups().len();
    if fleet.keys.by_group.is_empty() && fleet.keys.others.len() < groups {
        let _ = writeln!(
            std::io::stderr(),
            "server-sim: the scenario has {groups} Jump Groups; the machines come to those of the \
             installer keys. GROUP=KEY names a group's key, --user makes one for each."
        );
    }
    let machines = fleet.numbers.end - fleet.numbers.start;
    if u64::try_from(fleet.links).is_ok_and(|links| links < machines) {
        let _ = writeln!(
            std::io::stderr(),
            "server-sim: at most {} machines are linked; the others enrol and are offline.",
            fleet.links
        );
    }
}

/// Links that this process can hold: what it may open, without a few for itself.
fn links_possible() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    limit.saturating_sub(64)
}

#[derive(Serialize, PartialEq, Clone)]
struct Report {
    linked: usize,
    enrolled: usize,
    refused: usize,
    failed: usize,
    last_reason: String,
}

impl Report {
    fn new(counts: &FleetCounts) -> Self {
        Self {
            linked: counts.linked.get(),
            enrolled: counts.enrolled.get(),
            refused: counts.refused.get(),
            failed: counts.failed.get(),
            last_reason: counts.last_reason(),
        }
    }

    fn words(&self) -> String {
        let Self { linked, enrolled, refused, failed, last_reason } = self;
        let words = format!("{linked} linked, let in {enrolled} times, {refused} refused");
        match refused + failed {
            0 => words,
            _ => format!("{words}, {failed} tries failed; the last reason: {last_reason}"),
        }
    }
}

/// Says how the fleet stands, whenever that has changed.
async fn report(counts: &FleetCounts, json: bool) -> anyhow::Result<()> {
    let mut last = None;
    loop {
        let now = Report::new(counts);
        if last.as_ref() != Some(&now) {
            say(&if json { serde_json::to_string(&now)? } else { now.words() })?;
            last = Some(now);
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
pub(crate) struct ListVerb {
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
    status: &'static str,
}

impl ListVerb {
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
                status: machine.start.status().word(),
            })?)?;
        }
        Ok(())
    }
}

/// Lists the scenarios, or prints one.
#[derive(Args)]
pub(crate) struct Scenarios {
    /// Print this one, to begin one of your own with.
    name: Option<String>,
}

impl Scenarios {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.name {
            None => scenarios(),
            Some(name) => match Scenario::text(&name) {
                Some(text) => say(text.trim_end()),
                None => Ok(Scenario::load(&name).map(drop)?),
            },
        }
    }
}

fn scenarios() -> anyhow::Result<()> {
    for name in Scenario::names() {
        let scenario = Scenario::load(name)?;
        say(&format!("{name:12} {:>6} machines  {}", scenario.clients, scenario.about))?;
    }
    Ok(())
}

/// Break the protocol's rules at an appliance, and check that it answers as it must.
///
/// Some offences begin with an honest link: machines named “hand-made” stay in the inventory.
#[derive(Args)]
pub(crate) struct Offend {
    #[command(flatten)]
    appliance: Appliance,
    /// Which offences; all of them if none is named.
    #[arg(value_parser = offences())]
    offences: Vec<Offence>,
}

fn offences() -> impl clap::builder::TypedValueParser<Value = Offence> {
    use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
    let values = Offence::ALL.iter().map(|o| PossibleValue::new(o.word()).help(o.about()));
    PossibleValuesParser::new(values).try_map(|word| word.parse())
}

impl Offend {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let keys = InstallerKeys::parse(&self.appliance.key);
        let key = keys.others.first().or(keys.by_group.values().next());
        let target = HostileTarget {
            url: self.appliance.url,
            fingerprint: self.appliance.fingerprint,
            installer_key: key.cloned().context("an installer key is needed")?,
        };
        hostile::reach(&target).await.context("the appliance cannot be tried")?;
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

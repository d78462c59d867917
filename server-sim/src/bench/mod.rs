//! Measures an appliance at scale: one of its own, in a process of its own, with a fleet in others.

mod figure;
mod inventory;
mod links;
mod place;
mod rights;
mod sessions;
mod storm;
mod watchers;
mod workers;

use clap::{Args, ValueEnum};
use figure::Table;
use place::BenchPlace;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::sleep;

/// Measure an appliance at scale: start one, bring a fleet, print a table.
///
/// Everything runs on this machine, over loopback with TLS, in a directory that is removed
/// afterwards. The fleet is spread over processes that each hold some thousand links from a
/// loopback address of their own.
#[derive(Args)]
pub(crate) struct Bench {
    /// What is measured; everything if nothing is named.
    #[arg(value_enum)]
    what: Vec<Measurement>,
    /// Agents that are linked at once.
    #[arg(long, default_value_t = 15_000, value_parser = crate::verbs::at_least_one)]
    agents: usize,
    /// Items in the inventory for a fresh console.
    #[arg(long, default_value_t = 100_000, value_parser = crate::verbs::at_least_one)]
    items: usize,
    /// Consoles that watch.
    #[arg(long, default_value_t = 100, value_parser = crate::verbs::at_least_one)]
    consoles: usize,
    /// Shells at once.
    #[arg(long, default_value_t = 200, value_parser = crate::verbs::at_least_one)]
    shells: usize,
    /// Seconds that a console is away before it resumes.
    #[arg(long, default_value_t = 60)]
    away: u64,
    /// How often each measure that can be repeated is taken.
    #[arg(long, default_value_t = 3, value_parser = crate::verbs::at_least_one)]
    runs: usize,
    /// The appliance's program [default: `jumpdeck` beside this one]
    #[arg(long)]
    program: Option<PathBuf>,
    /// Write the figures to this file as JSON, too.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Measurement {
    /// Agents that link with full authentication, each second.
    Connect,
    /// Memory and processor time for an idle agent.
    Idle,
    /// One agent goes offline: when do all consoles know?
    Presence,
    /// Measurements of watched machines.
    Statistics,
    /// Sessions that start, each second.
    Starts,
    /// Many shells at once.
    Shells,
    /// All agents come back after the appliance was killed.
    Storm,
    /// The inventory to a fresh console, and to one that was away.
    Inventory,
    /// Rights that change while many watch, and the audit under load.
    Rights,
}

impl Bench {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut table = Table::default();
        let linked = [
            Measurement::Connect,
            Measurement::Idle,
            Measurement::Presence,
            Measurement::Statistics,
            Measurement::Starts,
            Measurement::Shells,
            Measurement::Storm,
        ];
        if linked.iter().any(|measure| self.wants(*measure)) {
            self.with_links(&mut table).await?;
        }
        if self.wants(Measurement::Inventory) {
            inventory::measure(&self, &mut table).await?;
        }
        if self.wants(Measurement::Rights) {
            rights::measure(&self, &mut table).await?;
        }
        write!(std::io::stdout(), "{table}")?;
        if let Some(path) = &self.json {
            std::fs::write(path, table.json()?)?;
        }
        Ok(())
    }

    fn wants(&self, measure: Measurement) -> bool {
        self.what.is_empty() || self.what.contains(&measure)
    }

    async fn with_links(&self, table: &mut Table) -> anyhow::Result<()> {
        let mut place = BenchPlace::start(self.program.as_deref()).await?;
        let before = place.resident()?;
        let mut fleet = links::connect(self, &place, table).await?;
        if self.wants(Measurement::Idle) {
            links::idle(&place, before, self.agents, table).await?;
        }
        if self.wants(Measurement::Presence) {
            watchers::presence(self, &place, table).await?;
        }
        if self.wants(Measurement::Statistics) {
            watchers::statistics(&place, table).await?;
        }
        if self.wants(Measurement::Starts) {
            sessions::starts(self, &place, table).await?;
        }
        if self.wants(Measurement::Shells) {
            sessions::shells(self, &place, table).await?;
        }
        if self.wants(Measurement::Storm) {
            storm::measure(self, &mut place, &mut fleet, table).await?;
        }
        Ok(())
    }
}

/// Says what is under way; the table comes at the end.
fn progress(words: &str) {
    // Anyone who does not listen misses nothing but that.
    let _ = writeln!(std::io::stderr(), "· {words}");
}

/// Lets the appliance come to rest.
async fn rest(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

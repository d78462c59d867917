//! Agents that link, and agents that wait.

use super::figure::{BenchTarget, Table, float, median};
use super::place::BenchPlace;
use super::workers::{WorkerPart, Workers};
use super::{Bench, Measurement, progress, rest};
use jumpdeck_server_sim::Scenario;
use std::time::Instant;

/// The scenario of everything that is measured here.
pub(super) const QUIET: &str = "quiet";
/// Connections that each process is making at the same time.
const AT_ONCE: usize = 48;
/// Seconds over which an idle appliance is watched.
const WATCHED: u64 = 20;

/// Brings the fleet; measures how fast it is let in, first as newcomers, then as known machines.
pub(super) async fn connect(
    bench: &Bench,
    place: &BenchPlace,
    table: &mut Table,
) -> anyhow::Result<Workers> {
    let keys = place.keys(&Scenario::load(QUIET)?).await?;
    let part = WorkerPart {
        scenario: QUIET,
        machines: bench.agents,
        first: 0,
        links: usize::MAX >> 1,
        at_once: AT_ONCE,
    };
    let agents = bench.agents;
    progress(&format!("{agents} agents enrol"));
    let began = Instant::now();
    let mut fleet = Workers::start(place, &keys, &part)?;
    fleet.until(|fleet| fleet.linked() >= agents).await;
    let enrolling = float(agents) / began.elapsed().as_secs_f64();
    if !bench.wants(Measurement::Connect) {
        return Ok(fleet);
    }
    let how =
        format!("{agents} agents from {} processes, TLS 1.3, Ed25519 both ways", fleet.processes());
    table.add("agents enrolling, with full authentication", enrolling, "/s", None, how.clone());
    let mut rates = Vec::new();
    for _ in 0..bench.runs {
        fleet.end().await?;
        rest(3).await;
        progress("the same agents link again");
        let began = Instant::now();
        fleet = Workers::start(place, &keys, &part)?;
        fleet.until(|fleet| fleet.linked() >= agents).await;
        rates.push(float(agents) / began.elapsed().as_secs_f64());
    }
    let rate = median(&mut rates);
    let what = "agents connecting with full authentication";
    table.add(what, rate, "/s", Some(BenchTarget::AtLeast(1500.0)), how);
    Ok(fleet)
}

/// What an agent costs that does nothing.
pub(super) async fn idle(
    place: &BenchPlace,
    before: f64,
    agents: usize,
    table: &mut Table,
) -> anyhow::Result<()> {
    progress(&format!("the appliance rests, then is watched for {WATCHED} s"));
    rest(10).await;
    let each = (place.resident()? - before) / float(agents);
    let used = place.processor()?;
    rest(WATCHED).await;
    #[allow(clippy::cast_precision_loss, reason = "a few seconds")]
    let share = (place.processor()? - used) / WATCHED as f64 * 100.0;
    let how = format!("resident memory with {agents} of them, less that of an empty appliance");
    table.add(
        "appliance memory for an idle agent",
        each,
        "KiB",
        Some(BenchTarget::AtMost(40.0)),
        how,
    );
    let thousand = share * 1000.0 / float(agents);
    let how = format!("{share:.2} % of a core for {agents}, over {WATCHED} s");
    let what = "processor for 1,000 idle agents";
    table.add(what, thousand, "% of a core", Some(BenchTarget::AtMost(0.5)), how);
    Ok(())
}

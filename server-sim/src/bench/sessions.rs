//! Sessions: how fast they start, and many shells at once.

use super::figure::{Table, float, quantile};
use super::place::BenchPlace;
use super::watchers::subscribe;
use super::{Bench, progress, rest};
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{RepReply, RepRequest};
use jumpdeck_protocol::session::{ChannelKind, Size};
use jumpdeck_server_sim::{ConsoleHeard, SimulatedConsole, SimulatedShell};
use std::collections::HashMap;
use tokio::time::Instant;

/// Sessions that are started to see how fast that goes.
const STARTS: usize = 300;
/// Starts that are under way at once: as many as an appliance lets.
const TOGETHER: usize = 20;
/// Keys that are typed into each shell.
const KEYS: usize = 20;

/// Sessions started one after the other, and as many at once as may be.
pub(super) async fn starts(
    bench: &Bench,
    place: &BenchPlace,
    table: &mut Table,
) -> anyhow::Result<()> {
    progress("sessions start");
    let mut console = place.console().await?;
    let items = subscribe(&mut console).await?;
    let items: Vec<_> = items.into_iter().take(STARTS.min(bench.agents)).collect();
    let began = Instant::now();
    for item in &items {
        let shell = console.start(*item).await?;
        shell.end(&mut console).await?;
    }
    let alone = float(items.len()) / began.elapsed().as_secs_f64();
    table.add("sessions started, one after the other", alone, "/s", None, "each ended at once");
    let together = start_together(&mut console, &items).await?;
    let how = format!("{TOGETHER} under way at a time");
    table.add("sessions started, several at once", together, "/s", None, how);
    Ok(())
}

async fn start_together(console: &mut SimulatedConsole, items: &[ItemId]) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut waiting = items.iter();
    let (mut under_way, mut started) = (0, Vec::new());
    while started.len() < items.len() {
        while under_way < TOGETHER
            && let Some(item) = waiting.next()
        {
            let size = Size { columns: 80, rows: 24 };
            let (term, modes) = ("xterm".into(), TerminalModes::utf8());
            let kind = ChannelKind::Shell { size, term, modes };
            console.request(RepRequest::StartSession(request::StartSession {
                code: None,
                item: *item,
                kind,
                override_schedule: false,
                reason: None,
            }));
            under_way += 1;
        }
        let session = console.until(|heard| match heard {
            ConsoleHeard::Reply(
                _,
                jumpdeck_protocol::Outcome::Ok(RepReply::SessionStarted(view)),
            ) => Some(Ok(view.id)),
            ConsoleHeard::Reply(_, jumpdeck_protocol::Outcome::Refused(refusal)) => {
                Some(Err(refusal.clone()))
            }
            _ => None,
        });
        started.push(session.await??);
        under_way -= 1;
    }
    let rate = float(items.len()) / began.elapsed().as_secs_f64();
    for session in started {
        console.ask(RepRequest::EndSession(request::EndSession { session })).await?;
    }
    Ok(rate)
}

/// Keys typed into many shells at once, and when each came back.
pub(super) async fn shells(
    bench: &Bench,
    place: &BenchPlace,
    table: &mut Table,
) -> anyhow::Result<()> {
    progress(&format!("{} shells at once", bench.shells));
    let mut console = place.console().await?;
    let items = subscribe(&mut console).await?;
    let before = place.resident()?;
    let mut shells = HashMap::new();
    for item in items.into_iter().take(bench.shells.min(bench.agents)) {
        let mut shell = console.start(item).await?;
        shell.until(&mut console, "$ ").await?;
        shells.insert(shell.session.id, shell);
    }
    rest(1).await;
    let each = (place.resident()? - before) / float(shells.len());
    table.add("appliance memory for an open shell", each, "KiB", None, "after its prompt came");
    let mut delays = Vec::new();
    for _ in 0..KEYS {
        delays.extend(type_everywhere(&mut console, &mut shells).await?);
    }
    let how = format!(
        "a key typed into each of {} shells at the same moment; p50 {:.1} ms",
        shells.len(),
        quantile(&mut delays, 0.5)
    );
    table.add("echo with many shells, p99", quantile(&mut delays, 0.99), "ms", None, how);
    for shell in shells.into_values() {
        shell.end(&mut console).await?;
    }
    Ok(())
}

/// Types a key into each shell. Returns how long each echo took, in milliseconds.
async fn type_everywhere<K: std::hash::Hash + Eq + Copy>(
    console: &mut SimulatedConsole,
    shells: &mut HashMap<K, SimulatedShell>,
) -> anyhow::Result<Vec<f64>> {
    let began = Instant::now();
    let mut waiting: HashMap<K, usize> = HashMap::new();
    for (id, shell) in shells.iter_mut() {
        waiting.insert(*id, shell.output.len());
        shell.enter(console, "x");
    }
    let mut delays = Vec::new();
    while !waiting.is_empty() {
        let (at, heard) = console.next_at().await?;
        for (id, shell) in shells.iter_mut() {
            shell.take(console, &heard)?;
            if waiting.get(id).is_some_and(|before| shell.output.len() > *before) {
                waiting.remove(id);
                delays.push((at - began).as_secs_f64() * 1000.0);
            }
        }
    }
    Ok(delays)
}

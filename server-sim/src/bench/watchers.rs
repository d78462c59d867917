//! Consoles that watch: presence to many, measurements to one.

use super::figure::{BenchTarget, Table, float, quantile};
use super::place::BenchPlace;
use super::{Bench, progress};
use anyhow::Context;
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::inventory::Status;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepNotice, RepRequest};
use jumpdeck_server_sim::hostile::{HostileCaller, HostileTarget as Door};
use jumpdeck_server_sim::{ConsoleHeard, Scenario, SimulatedConsole};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// How often one agent goes offline.
const DEPARTURES: usize = 20;
/// Machines that are watched.
const WATCHED: usize = 40;
/// For how long.
const WATCHING: Duration = Duration::from_secs(10);

/// Subscribes and waits for the whole inventory. Returns its items' ids.
pub(super) async fn subscribe(console: &mut SimulatedConsole) -> anyhow::Result<Vec<ItemId>> {
    console.request(RepRequest::Subscribe(request::Subscribe { have: None, presence: None }));
    let mut items = Vec::new();
    let whole = console.until(|heard| match heard {
        ConsoleHeard::Notice(ApplianceNotice::Inventory(part)) => {
            items.extend(part.items.iter().map(|item| item.id));
            part.position.is_some().then_some(())
        }
        _ => None,
    });
    whole.await?;
    Ok(items)
}

/// One agent goes offline: when does each console know?
pub(super) async fn presence(
    bench: &Bench,
    place: &BenchPlace,
    table: &mut Table,
) -> anyhow::Result<()> {
    progress(&format!(
        "{} consoles watch one agent go offline, {DEPARTURES} times",
        bench.consoles
    ));
    let keys = place.keys(&Scenario::load(super::links::QUIET)?).await?;
    let installer_key = keys.by_group.values().next().cloned().context("no installer key")?;
    let door = Door { url: place.url(), fingerprint: place.fingerprint.clone(), installer_key };
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut watchers = JoinSet::new();
    for _ in 0..bench.consoles {
        watchers.spawn(watch(place.console().await?, tell.clone()));
    }
    for _ in 0..bench.consoles {
        told.recv().await;
    }
    let caller = HostileCaller::new(Some(&door.installer_key));
    let mut delays = Vec::new();
    for _ in 0..DEPARTURES {
        let link = caller.link(&door).await?;
        let item = link.item.context("an item")?;
        seen(&mut told, item, Status::Online, bench.consoles).await?;
        let began = Instant::now();
        drop(link);
        for at in seen(&mut told, item, Status::Offline, bench.consoles).await? {
            delays.push((at - began).as_secs_f64() * 1000.0);
        }
    }
    watchers.abort_all();
    let how = format!(
        "{} consoles, {} agents linked, {DEPARTURES} departures; p50 {:.1} ms",
        bench.consoles,
        bench.agents,
        quantile(&mut delays, 0.5)
    );
    let what = format!("one agent going offline, seen by {} consoles, p99", bench.consoles);
    table.add(what, quantile(&mut delays, 0.99), "ms", Some(BenchTarget::AtMost(100.0)), how);
    Ok(())
}

/// Tells what a console sees, first that it sees anything.
async fn watch(
    mut console: SimulatedConsole,
    tell: mpsc::UnboundedSender<(ItemId, Status, Instant)>,
) -> anyhow::Result<Infallible> {
    subscribe(&mut console).await?;
    let _ = tell.send((ItemId(0), Status::Online, Instant::now()));
    loop {
        let (at, heard) = console.next_at().await?;
        if let ConsoleHeard::Notice(ApplianceNotice::Presence { changes, .. }) = heard {
            for change in changes {
                let _ = tell.send((change.item, change.status, at));
            }
        }
    }
}

type Told = mpsc::UnboundedReceiver<(ItemId, Status, Instant)>;

/// When each of so many consoles saw this.
async fn seen(
    told: &mut Told,
    item: ItemId,
    status: Status,
    consoles: usize,
) -> anyhow::Result<Vec<Instant>> {
    let mut moments = Vec::new();
    while moments.len() < consoles {
        let next = timeout(Duration::from_secs(30), told.recv()).await;
        let (of, now, at) = next.context("a console saw nothing")?.context("no console is left")?;
        if (of, now) == (item, status) {
            moments.push(at);
        }
    }
    Ok(moments)
}

/// Measurements of the machines on one console's screen.
pub(super) async fn statistics(place: &BenchPlace, table: &mut Table) -> anyhow::Result<()> {
    progress(&format!("a console watches {WATCHED} machines"));
    let mut console = place.console().await?;
    let items: Vec<_> = subscribe(&mut console).await?.into_iter().take(WATCHED).collect();
    let count = items.len();
    let used = place.processor()?;
    console.tell(RepNotice::Watch { items });
    let began = Instant::now();
    let mut measurements = 0;
    while let Ok(heard) = timeout(WATCHING.saturating_sub(began.elapsed()), console.next_at()).await
    {
        if let (_, ConsoleHeard::Notice(ApplianceNotice::Statistics { .. })) = heard? {
            measurements += 1;
        }
        if began.elapsed() >= WATCHING {
            break;
        }
    }
    let used = (place.processor()? - used) / WATCHING.as_secs_f64() * 100.0;
    let rate = float(measurements) / WATCHING.as_secs_f64();
    let how = format!("{count} machines watched by one console; {used:.1} % of a core");
    table.add("measurements under interest", rate, "/s", None, how);
    Ok(())
}

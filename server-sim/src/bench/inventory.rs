//! The inventory to a fresh console, and to one that was away.

use super::figure::{BenchTarget, Table, float, median};
use super::place::BenchPlace;
use super::workers::{WorkerPart, Workers};
use super::{Bench, progress, rest};
use anyhow::Context;
use jumpdeck_protocol::inventory::{Position, PresencePosition};
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepRequest};
use jumpdeck_server_sim::hostile::{HostileCaller, HostileTarget as Door};
use jumpdeck_server_sim::{ConsoleHeard, Scenario};
use tokio::time::Instant;

/// Connections that each process is making at the same time.
const AT_ONCE: usize = 24;
/// Machines that change while a console is away.
const CHANGED: usize = 50;

/// A console's replica, as far as this needs it.
#[derive(Default)]
struct Replica {
    items: usize,
    first: Option<Instant>,
    position: Option<Position>,
    presence: Option<PresencePosition>,
}

impl Replica {
    /// Takes something in. Returns whether the replica is whole then.
    fn take(&mut self, at: Instant, heard: &ConsoleHeard) -> bool {
        match heard {
            ConsoleHeard::Notice(ApplianceNotice::Inventory(part)) => {
                self.items += part.items.len();
                self.first.get_or_insert(at);
                self.position = part.position.clone().or(self.position.take());
                part.position.is_some()
            }
            ConsoleHeard::Notice(ApplianceNotice::Presence { position, .. }) => {
                self.presence = position.or(self.presence);
                false
            }
            _ => false,
        }
    }
}

pub(super) async fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let place = BenchPlace::start(bench.program.as_deref()).await?;
    let scenario = Scenario::load(super::links::QUIET)?;
    let keys = place.keys(&scenario).await?;
    progress(&format!("{} machines enrol and leave", bench.items));
    let part = WorkerPart {
        scenario: super::links::QUIET,
        machines: bench.items,
        first: 0,
        links: 0,
        at_once: AT_ONCE,
    };
    let before = place.resident()?;
    let fleet = Workers::start(&place, &keys, &part)?;
    fleet.until(|fleet| fleet.enrolled() >= bench.items).await;
    fleet.end().await?;
    rest(5).await;
    let each = (place.resident()? - before) / float(bench.items);
    let how = format!("{} items, none of them linked", bench.items);
    table.add("appliance memory for an item", each, "KiB", None, how);
    fresh(bench, &place, table).await?;
    let installer_key = keys.by_group.values().next().cloned().context("no installer key")?;
    let door = Door { url: place.url(), fingerprint: place.fingerprint.clone(), installer_key };
    resumed(bench, &place, &door, table).await
}

/// A console that knows nothing yet.
async fn fresh(bench: &Bench, place: &BenchPlace, table: &mut Table) -> anyhow::Result<()> {
    progress("fresh consoles fetch the inventory");
    let (mut firsts, mut lasts) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs.max(1) + 2 {
        let mut console = place.console().await?;
        let mut replica = Replica::default();
        let began = Instant::now();
        console.request(RepRequest::Subscribe(request::Subscribe { have: None, presence: None }));
        loop {
            let (at, heard) = console.next_at().await?;
            if replica.take(at, &heard) {
                lasts.push((at - began).as_secs_f64() * 1000.0);
                break;
            }
        }
        anyhow::ensure!(replica.items >= bench.items, "only {} items came", replica.items);
        let first = replica.first.context("no item came")?;
        firsts.push((first - began).as_secs_f64() * 1000.0);
    }
    let items = bench.items;
    let how = "from the request to the first items, decoded".to_owned();
    let what = format!("first page of {items} items at a fresh console");
    table.add(what, median(&mut firsts), "ms", Some(BenchTarget::AtMost(150.0)), how);
    let how = "from the request to the last item, decoded; login (argon2id) apart".to_owned();
    let what = format!("{items} items at a fresh console");
    table.add(what, median(&mut lasts), "ms", Some(BenchTarget::AtMost(1000.0)), how);
    Ok(())
}

/// A console that comes back after a while.
async fn resumed(
    bench: &Bench,
    place: &BenchPlace,
    door: &Door,
    table: &mut Table,
) -> anyhow::Result<()> {
    let mut replica = Replica::default();
    let mut console = place.console().await?;
    console.request(RepRequest::Subscribe(request::Subscribe { have: None, presence: None }));
    let mut times = Vec::new();
    for _ in 0..bench.runs {
        // The first time this is the whole of it; later it is what came meanwhile.
        loop {
            let (at, heard) = console.next_at().await?;
            if replica.take(at, &heard) {
                break;
            }
        }
        drop(console);
        progress(&format!("a console is away for {} s", bench.away));
        for _ in 0..CHANGED {
            let caller = HostileCaller::new(Some(&door.installer_key));
            caller.link(door).await?;
        }
        rest(bench.away).await;
        console = place.console().await?;
        let began = Instant::now();
        let have = replica.position.clone();
        console.request(RepRequest::Subscribe(request::Subscribe {
            have,
            presence: replica.presence,
        }));
        let mut back = Replica { presence: replica.presence, ..Replica::default() };
        loop {
            let (at, heard) = console.next_at().await?;
            if back.take(at, &heard) {
                times.push((at - began).as_secs_f64() * 1000.0);
                break;
            }
        }
        anyhow::ensure!(back.items == CHANGED, "{} items came again", back.items);
        replica = back;
        console = place.console().await?;
        let have = replica.position.clone();
        console.request(RepRequest::Subscribe(request::Subscribe {
            have,
            presence: replica.presence,
        }));
    }
    let how = format!(
        "{CHANGED} machines came meanwhile; from the request to the last change, {} items in all",
        bench.items
    );
    let what = format!("resume after {} s away", bench.away);
    table.add(what, median(&mut times), "ms", Some(BenchTarget::AtMost(50.0)), how);
    Ok(())
}

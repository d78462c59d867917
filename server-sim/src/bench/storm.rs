//! The appliance is killed and started again: when is everybody back, and is everything there?

use super::figure::{BenchTarget, Table, float, median};
use super::place::BenchPlace;
use super::watchers::subscribe;
use super::workers::Workers;
use super::{Bench, progress, rest};
use anyhow::{Context, ensure};
use jumpdeck_protocol::inventory::Status;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepRequest};
use jumpdeck_protocol::{ItemId, RefusalCode};
use jumpdeck_server_sim::hostile::{HostileCaller, HostileTarget as Door};
use jumpdeck_server_sim::{ConsoleError, ConsoleHeard, ConsoleLogin, Scenario, SimulatedConsole};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Machines that are renamed by their users while the appliance is away.
const CHANGED: usize = 20;
/// Seconds between two storms.
const STEADY: u64 = 5;
/// How often a session is started during the storm.
const PACE: Duration = Duration::from_millis(100);

/// Kills and starts the appliance several times.
pub(super) async fn measure(
    bench: &Bench,
    place: &mut BenchPlace,
    fleet: &mut Workers,
    table: &mut Table,
) -> anyhow::Result<()> {
    let keys = place.keys(&Scenario::load(super::links::QUIET)?).await?;
    let installer_key = keys.by_group.values().next().cloned().context("no installer key")?;
    let door = Door { url: place.url(), fingerprint: place.fingerprint.clone(), installer_key };
    let mut changing: Vec<_> =
        (0..CHANGED).map(|_| HostileCaller::new(Some(&door.installer_key))).collect();
    for caller in &changing {
        caller.link(&door).await?;
    }
    let (mut times, tried) = (Vec::new(), Arc::<Tried>::default());
    for run in 0..bench.runs {
        let before = names(place).await?;
        progress(&format!("the appliance is killed with {} agents linked", fleet.linked()));
        place.kill().await?;
        rest(1).await;
        let began = Instant::now();
        place.restart().await?;
        progress(&format!("it listens again after {:.2} s", began.elapsed().as_secs_f64()));
        for caller in &mut changing {
            caller.facts.console_user = format!("user of run {run}").into();
            caller.link(&door).await?;
        }
        let starting = tokio::spawn(start_sessions(place.login(), Arc::clone(&tried)));
        until_online(place, bench.agents).await?;
        times.push(began.elapsed().as_secs_f64());
        progress(&format!("everybody is back after {:.1} s", began.elapsed().as_secs_f64()));
        starting.abort();
        if let Ok(outcome) = starting.await {
            outcome?;
        }
        let after = names(place).await?;
        ensure!(before.keys().eq(after.keys()), "an item was lost or came twice");
        let changed = format!("user of run {run}");
        let kept = after.values().filter(|user| **user == changed).count();
        ensure!(kept == CHANGED, "only {kept} of {CHANGED} changes were kept");
        // A link must stand for a while before its agent takes the next loss for the first.
        rest(STEADY).await;
    }
    let how = format!(
        "from its start to the last agent seen online by a console; {CHANGED} machines changed \
         meanwhile, all kept; no item lost or doubled"
    );
    let what = format!("{} agents back after kill -9 and restart", bench.agents);
    table.add(what, median(&mut times), "s", Some(BenchTarget::AtMost(15.0)), how);
    let starts = tried.all.load(Ordering::Relaxed);
    let busy = tried.busy.load(Ordering::Relaxed);
    let how = format!("of {starts} sessions started during the storms");
    let what = "starts refused for being busy in a storm";
    table.add(what, float(busy), "", Some(BenchTarget::AtMost(0.0)), how);
    Ok(())
}

/// Every item's name, and who its machine says is there.
async fn names(place: &BenchPlace) -> anyhow::Result<BTreeMap<ItemId, String>> {
    let mut console = place.console().await?;
    console.request(RepRequest::Subscribe(request::Subscribe { have: None, presence: None }));
    let mut names = BTreeMap::new();
    let whole = console.until(|heard| match heard {
        ConsoleHeard::Notice(ApplianceNotice::Inventory(part)) => {
            let items = part.items.iter();
            names.extend(items.map(|item| (item.id, item.facts.console_user.to_string())));
            part.position.is_some().then_some(())
        }
        _ => None,
    });
    whole.await?;
    Ok(names)
}

/// Waits until a console sees so many machines online, at least.
async fn until_online(place: &BenchPlace, agents: usize) -> anyhow::Result<()> {
    let mut console = place.console().await?;
    console.request(RepRequest::Subscribe(request::Subscribe { have: None, presence: None }));
    let mut seen: HashMap<ItemId, Status> = HashMap::new();
    let mut online = 0_usize;
    let all = console.until(|heard| {
        if let ConsoleHeard::Notice(ApplianceNotice::Presence { changes, .. }) = heard {
            for change in changes {
                let is = |status: Status| matches!(status, Status::Online | Status::InUse);
                let before = seen.insert(change.item, change.status);
                online -= usize::from(before.is_some_and(is));
                online += usize::from(is(change.status));
            }
        }
        (online >= agents).then_some(())
    });
    Ok(all.await?)
}

/// How many sessions were tried, and how many were refused because too many were starting.
#[derive(Debug, Default)]
struct Tried {
    all: AtomicUsize,
    busy: AtomicUsize,
}

/// A rep who works on during the storm: machine after machine, whichever is there.
async fn start_sessions(login: ConsoleLogin, tried: Arc<Tried>) -> anyhow::Result<()> {
    let mut console = SimulatedConsole::connect(&login).await?;
    let items = subscribe(&mut console).await?;
    for item in items.into_iter().cycle() {
        sleep(PACE).await;
        tried.all.fetch_add(1, Ordering::Relaxed);
        match console.start(item).await {
            Ok(shell) => shell.end(&mut console).await?,
            // A machine that is not back yet is no refusal of the appliance's.
            Err(ConsoleError::Refused(refusal)) if refusal.code == RefusalCode::ServerBusy => {
                tried.busy.fetch_add(1, Ordering::Relaxed);
            }
            Err(ConsoleError::Refused(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

//! The fleet in processes of its own: each has a part of it, and a loopback address.

use super::place::BenchPlace;
use anyhow::Context;
use jumpdeck_server_sim::InstallerKeys;
use serde::Deserialize;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;

/// Links of one process, at most.
const PART: usize = 6000;

/// How a part of a fleet is to be brought.
#[derive(Clone, Debug)]
pub(super) struct WorkerPart<'a> {
    pub scenario: &'a str,
    pub machines: usize,
    pub first: usize,
    /// Links at most; the others enrol and are away.
    pub links: usize,
    pub at_once: usize,
}

/// The processes.
pub(super) struct Workers {
    children: Vec<Child>,
    counts: Vec<Arc<Counted>>,
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Counted {
    linked: AtomicUsize,
    enrolled: AtomicUsize,
}

#[derive(Deserialize)]
struct WorkerReport {
    linked: usize,
    enrolled: usize,
}

impl Workers {
    /// Starts as many processes as it takes.
    pub(super) fn start(
        place: &BenchPlace,
        keys: &InstallerKeys,
        part: &WorkerPart<'_>,
    ) -> anyhow::Result<Self> {
        let mut workers =
            Self { children: Vec::new(), counts: Vec::new(), changed: Arc::default() };
        let count = part.machines.div_ceil(PART).clamp(1, 200);
        for number in 0..count {
            let first = part.machines * number / count;
            let machines = part.machines * (number + 1) / count - first;
            let own = WorkerPart { first: part.first + first, machines, ..part.clone() };
            workers.spawn(place, keys, &own, number)?;
        }
        Ok(workers)
    }

    fn spawn(
        &mut self,
        place: &BenchPlace,
        keys: &InstallerKeys,
        part: &WorkerPart<'_>,
        number: usize,
    ) -> anyhow::Result<()> {
        let keys: Vec<_> =
            keys.by_group.iter().map(|(group, key)| format!("{group}={key}")).collect();
        let mut child = Command::new(std::env::current_exe()?)
            .args(["run", "--json", "--url", &place.url(), "--fingerprint", &place.fingerprint])
            .args(["--scenario", part.scenario, "--clients", &part.machines.to_string()])
            .args(["--first", &part.first.to_string(), "--links", &part.links.to_string()])
            .args(["--at-once", &part.at_once.to_string(), "--seconds", "3600"])
            .args(["--from", &format!("127.0.0.{}", 2 + number % 250)])
            .env("JUMPDECK_INSTALLER_KEY", keys.join(","))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting a part of the fleet")?;
        let out = child.stdout.take().context("a part of the fleet has no output")?;
        let (counted, changed) = (Arc::<Counted>::default(), Arc::clone(&self.changed));
        self.counts.push(Arc::clone(&counted));
        self.children.push(child);
        tokio::spawn(async move {
            let mut lines = BufReader::new(out).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(report) = serde_json::from_str::<WorkerReport>(&line) {
                    counted.linked.store(report.linked, Ordering::Relaxed);
                    counted.enrolled.store(report.enrolled, Ordering::Relaxed);
                    changed.notify_one();
                }
            }
        });
        Ok(())
    }

    /// How many processes.
    pub(super) fn processes(&self) -> usize {
        self.children.len()
    }

    /// Machines that are linked.
    pub(super) fn linked(&self) -> usize {
        self.counts.iter().map(|counted| counted.linked.load(Ordering::Relaxed)).sum()
    }

    /// Times that a machine was let in.
    pub(super) fn enrolled(&self) -> usize {
        self.counts.iter().map(|counted| counted.enrolled.load(Ordering::Relaxed)).sum()
    }

    /// Waits until a condition holds; it is looked at whenever a count has changed.
    pub(super) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            self.changed.notified().await;
        }
    }

    /// Ends all of them.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        for child in &mut self.children {
            child.kill().await.context("ending a part of the fleet")?;
        }
        Ok(())
    }
}

//! What waits costs: an idle agent, and an appliance with many of them.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a bench that fails stops"
)]

mod common;

use common::{Home, kib, ticks};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Simulated agents, in steps.
const AGENTS: [u64; 2] = [200, 2200];

fn main() {
    let home = Home::new();
    let served = Served::start(&home);
    appliance(&home, &served);
    agent(&home, &served);
}

struct Served {
    child: Child,
    address: String,
    fingerprint: String,
    key: String,
}

impl Served {
    fn start(home: &Home) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut child = home
            .jumpdeck(&["serve", "--listen", &address])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (mut fingerprint, mut key) = (String::new(), String::new());
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap) {
            if let Some(rest) = line.strip_prefix("The fingerprint of its key: ") {
                fingerprint = rest.to_owned();
            } else if let Some(rest) = line.strip_prefix("JUMPDECK_INSTALLER_KEY=") {
                key = rest.split(' ').next().unwrap_or_default().to_owned();
                break;
            }
        }
        Self { child, address, fingerprint, key }
    }

    fn fleet(&self, clients: u64, seed: u64) -> Child {
        let mut child = Command::new(Home::sibling("server-sim"))
            .args([
                "--url",
                &format!("https://{}", self.address),
                "--fingerprint",
                &self.fingerprint,
            ])
            .args([
                "--clients",
                &clients.to_string(),
                "--seed",
                &seed.to_string(),
                "--seconds",
                "600",
            ])
            .env("JUMPDECK_INSTALLER_KEY", &self.key)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = child.stdout.take().unwrap();
        for line in BufReader::new(out).lines().map(Result::unwrap) {
            if line == format!("{clients} linked") {
                break;
            }
        }
        child
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn appliance(_home: &Home, served: &Served) {
    let process = served.child.id();
    let mut fleets = Vec::new();
    let mut resident = Vec::new();
    let mut linked = 0;
    for (seed, step) in (1..).zip(AGENTS) {
        let started = Instant::now();
        fleets.push(served.fleet(step - linked, seed));
        let rate = (step - linked) as f64 / started.elapsed().as_secs_f64();
        linked = step;
        println!(
            "{linked} agents enrolled and linked, {rate:.0} a second (the count is looked at once a second)"
        );
        std::thread::sleep(Duration::from_secs(5));
        resident.push(kib(process, "VmRSS"));
    }
    let before = ticks(process);
    std::thread::sleep(Duration::from_secs(20));
    let used = ticks(process) - before;
    if let ([few, many], [least, most]) = (AGENTS, resident.as_slice()) {
        let each = most.saturating_sub(*least) as f64 / (many - few) as f64;
        println!("appliance: {most} KiB resident with {many} agents, {each:.1} KiB for each more");
    }
    println!("appliance: {used} hundredths of a second of CPU in 20 s with {linked} idle agents");
    for mut fleet in fleets {
        let _ = fleet.kill();
        let _ = fleet.wait();
    }
}

/// Counts what passes through a path.
fn counted(target: String) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let passed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&passed);
    std::thread::spawn(move || {
        for inward in listener.incoming().flatten() {
            let outward = TcpStream::connect(&target).unwrap();
            let ways = [(inward.try_clone(), outward.try_clone()), (Ok(outward), Ok(inward))];
            for (from, to) in ways {
                let (mut from, mut to, count) = (from.unwrap(), to.unwrap(), Arc::clone(&count));
                std::thread::spawn(move || {
                    let mut buffer = [0; 16384];
                    while let Ok(size @ 1..) = from.read(&mut buffer) {
                        count.fetch_add(size as u64, Ordering::SeqCst);
                        let _ = to.write_all(buffer.get(..size).unwrap_or_default());
                    }
                });
            }
        }
    });
    (address, passed)
}

fn agent(home: &Home, served: &Served) {
    let (address, passed) = counted(served.address.clone());
    let mut child = Command::new(Home::sibling("jumpdeck-agent"))
        .args(["run", "--appliance", &format!("https://{address}")])
        .args(["--fingerprint", &served.fingerprint, "--data-dir"])
        .arg(home.path().join("agent"))
        .env("JUMPDECK_INSTALLER_KEY", &served.key)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let process = child.id();
    let (before, used) = (passed.load(Ordering::SeqCst), ticks(process));
    println!("agent: link made with {before} bytes both ways");
    std::thread::sleep(Duration::from_secs(120));
    let bytes = passed.load(Ordering::SeqCst) - before;
    let used = ticks(process) - used;
    println!(
        "agent idle: {bytes} bytes of TCP payload both ways in 120 s, {used} hundredths of a second of CPU"
    );
    println!(
        "agent idle: {} KiB resident, of it {} KiB its own",
        kib(process, "VmRSS"),
        kib(process, "RssAnon")
    );
    let _ = child.kill();
    let _ = child.wait();
}

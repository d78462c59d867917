//! What waits costs: an idle agent. (An appliance with many of them: `server-sim bench idle`.)
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench that fails stops"
)]

mod common;

use common::{Home, Served, kib, ticks};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn main() {
    let home = Home::new();
    let served = Served::start(&home);
    agent(&home, &served);
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

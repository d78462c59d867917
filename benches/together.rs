//! A session with several consoles: how soon a console that comes back shows its screen, how soon
//! a colleague reads what was written, and whether a console drowns in output.
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

use common::{Home, Screen, Served, millis, quantile};
use std::process::Command;
use std::time::{Duration, Instant};

/// How often each thing is done.
const ROUNDS: usize = 50;
/// A frame is drawn as one synchronized update.
const FRAME: &[u8] = b"\x1b[?2026h";
/// How long frames are counted.
const WATCHED: Duration = Duration::from_secs(5);

fn main() {
    let home = Home::new();
    let served = Served::start(&home);
    let mut agent = Command::new(Home::sibling("jumpdeck-agent"));
    agent
        .args(["run", "--appliance", &served.url(), "--fingerprint", &served.fingerprint])
        .args(["--jc-name", "box", "--data-dir"])
        .arg(home.path().join("agent"))
        .env("JUMPDECK_INSTALLER_KEY", &served.key)
        .stderr(std::process::Stdio::null());
    let mut agent = agent.spawn().unwrap();
    let password = add_user(&home, &served, "bob");
    let mut alice = Screen::start(&served.rep(&home));
    alice.wait_until_shown("● online");
    alice.send("\r");
    alice.wait_until_shown("Ctrl-] then d");
    alice.send("PS1='$ '; clear; ls --color=always -la /usr/bin | head -2000; echo all''there\r");
    alice.wait_until_shown("allthere");
    alice.drain(Duration::from_millis(300));
    println!("                                      p50      p99   (ms, {ROUNDS} rounds)");
    reattach(&home, &served, &mut alice);
    messages(&home, &served, &password, &mut alice);
    flood(&mut alice);
    agent.kill().unwrap();
    agent.wait().unwrap();
}

fn add_user(home: &Home, served: &Served, name: &str) -> String {
    let output = served.rep(home).args(["user", "add", name]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let first = printed.split_whitespace().last().unwrap().to_owned();
    let chosen = format!("{first} and more");
    let mut passwd = served.rep(home);
    passwd.args(["passwd", "--as", name]).env("JUMPDECK_PASSWORD", &first);
    assert!(passwd.env("JUMPDECK_NEW_PASSWORD", &chosen).status().unwrap().success());
    chosen
}

fn row(what: &str, mut delays: Vec<f64>) {
    let (p50, p99) = (quantile(&mut delays, 0.5), quantile(&mut delays, 0.99));
    println!("{what:34} {p50:8.2} {p99:8.2}");
}

/// A second console of the same rep, as from another machine: it goes into the session.
fn reattach(home: &Home, served: &Served, alice: &mut Screen) {
    let mut delays = Vec::new();
    for _ in 0..ROUNDS {
        let mut other = Screen::start(&served.rep(home));
        other.wait_until_shown("in use");
        other.drain(Duration::from_millis(30));
        other.send("\x1b1");
        let asked = Instant::now();
        delays.push(millis(other.wait_until_shown("allthere") - asked));
    }
    alice.drain(Duration::from_millis(100));
    row("re-attach to a drawn screen", delays);
}

fn messages(home: &Home, served: &Served, password: &str, alice: &mut Screen) {
    let mut bob = home.jumpdeck(&["--connect", &served.url(), "--as", "bob"]);
    bob.args(["--fingerprint", &served.fingerprint]).env("JUMPDECK_PASSWORD", password);
    let mut bob = Screen::start(&bob);
    bob.wait_until_shown("in use");
    alice.send("\x1dS");
    alice.wait_until_shown("Share with");
    alice.send("\r");
    bob.wait_until_shown("session with box");
    bob.send("\x1b1");
    bob.wait_until_shown("allthere");
    let mut delays = Vec::new();
    for round in 0..ROUNDS {
        alice.send("\x1dc");
        alice.wait_until_shown("Words for the others");
        let words = format!("round-{round}-said");
        alice.send(&words);
        alice.wait_until_shown(&words);
        bob.drain(Duration::from_millis(5));
        alice.send("\r");
        let sent = Instant::now();
        delays.push(millis(bob.wait_until_shown(&words) - sent));
        alice.drain(Duration::from_millis(20));
    }
    row("a message to a participant", delays);
}

/// `yes` at full speed: the prefix key still answers, and frames are few.
fn flood(alice: &mut Screen) {
    alice.send("yes\r");
    alice.next(Duration::from_secs(5)).unwrap();
    let mut delays = Vec::new();
    for _ in 0..ROUNDS {
        alice.send("\x1d");
        let asked = Instant::now();
        delays.push(millis(alice.wait_until_shown("look back") - asked));
        alice.send("\x1b");
        alice.drain_for(Duration::from_millis(50));
    }
    row("prefix key under `yes`", delays);
    let frames = alice.drain_for(WATCHED).windows(FRAME.len()).filter(|w| *w == FRAME).count();
    println!("frames a second under `yes`        {:8.1}", frames as f64 / WATCHED.as_secs_f64());
    alice.send("\x03");
    alice.drain(Duration::from_millis(300));
}

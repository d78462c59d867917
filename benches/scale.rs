//! The real console over a large inventory: start, memory, keys, bytes to the terminal.
//!
//! An appliance of the bench's own gets so many simulated machines that enrol and leave; then the
//! console is run in a terminal against it. `-- 10000` measures with another number of machines.
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

use common::{Home, Screen, Served, fill, kib, millis, quantile};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Machines, unless another number is given.
const ITEMS: usize = 100_000;
/// Keys of each kind that are pressed.
const KEYS: usize = 200;

fn main() {
    let items = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(ITEMS);
    let home = Home::new();
    let served = Served::start(&home);
    fill(&served, items);
    let rep = served.rep(&home);
    first_login(&rep);
    for _ in 0..3 {
        start(&rep, items);
    }
    keys(&rep, items);
}

/// Accepts the appliance's key, once.
fn first_login(rep: &Command) {
    let mut ls = Command::new(rep.get_program());
    ls.arg("ls").args(rep.get_args()).arg("nothing-is-called-so");
    for (name, value) in rep.get_envs() {
        ls.env(name, value.unwrap_or_default());
    }
    assert!(ls.stdout(Stdio::null()).status().unwrap().success());
}

/// From the program's start to the first items, and to all of them.
fn start(rep: &Command, items: usize) {
    let began = Instant::now();
    let mut screen = Screen::start(rep);
    let linked = screen.wait_until_shown("● linked");
    let first = screen.wait_until_shown("ONE-");
    let whole = screen.wait_until_shown(&format!("{} items", number(items)));
    screen.drain(Duration::from_secs(2));
    println!(
        "start with {items} items: linked after {:.0} ms, first items {:.0} ms later, all {:.0} ms later; {:.1} MiB resident",
        millis(linked - began),
        millis(first - linked),
        millis(whole - linked),
        kib(screen.child.id(), "VmRSS") as f64 / 1024.0,
    );
    screen.send("q");
    screen.drain(Duration::from_millis(300));
}

/// Keys, each after the console came to rest: until the last byte of its frame.
fn keys(rep: &Command, items: usize) {
    let mut screen = Screen::start(rep);
    screen.wait_until_shown(&format!("{} items", number(items)));
    screen.drain(Duration::from_secs(2));
    // The selection moves by a row; what follows from where it rests comes after that.
    measure(
        &mut screen,
        "selection one row down, within the page",
        (0..30).map(|_| "j".to_owned()),
    );
    measure(
        &mut screen,
        "selection one row down, the list scrolls",
        (0..KEYS).map(|_| "j".to_owned()),
    );
    screen.send("/");
    screen.drain(Duration::from_millis(300));
    let words = ["one-0", "desk", "srv 12", "10.40.1", "debian web", "zzz"];
    let typed = words.iter().cycle().flat_map(|word| {
        word.chars().map(String::from).chain(word.chars().map(|_| "\x7f".to_owned()))
    });
    measure(&mut screen, "key in the search", typed.take(KEYS));
    screen.send("\x15\x1b");
    screen.drain(Duration::from_millis(300));
    screen.send("\x10");
    screen.drain(Duration::from_millis(300));
    let words = ["one12", "tosrv", "o", "pc00", "two-9", "lab"];
    let typed = words.iter().cycle().flat_map(|word| {
        word.chars().map(String::from).chain(word.chars().map(|_| "\x7f".to_owned()))
    });
    measure(&mut screen, "key in the fuzzy jump", typed.take(KEYS));
    println!("after that: {:.1} MiB resident", kib(screen.child.id(), "VmRSS") as f64 / 1024.0);
}

fn measure(screen: &mut Screen, what: &str, keys: impl Iterator<Item = String>) {
    let (mut times, mut bytes) = (Vec::new(), Vec::new());
    for key in keys {
        let began = Instant::now();
        screen.send(&key);
        // What follows from where the selection rests (figures, history) comes after a pause.
        let (count, last) = screen.drain(Duration::from_millis(30));
        screen.drain(Duration::from_millis(100));
        if let Some(last) = last {
            times.push(millis(last - began));
            bytes.push(count as f64);
        }
    }
    println!(
        "{what}: p50 {:.1} ms, p99 {:.1} ms to the last byte; p50 {:.0} bytes, p99 {:.0} bytes ({} keys)",
        quantile(&mut times, 0.5),
        quantile(&mut times, 0.99),
        quantile(&mut bytes, 0.5),
        quantile(&mut bytes, 0.99),
        times.len(),
    );
}

fn number(value: usize) -> String {
    jumpdeck_console::view::text::number(value)
}

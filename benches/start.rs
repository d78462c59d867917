//! From the command to the first complete frame, and what an idle console writes.
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

use common::{Home, Screen, millis, quantile, ticks};
use jumpdeck_protocol::session::Size;
use jumpdeck_terminal::terminal::Terminal;
use std::time::{Duration, Instant};

fn main() {
    let home = Home::new();
    assert!(home.jumpdeck(&["ls"]).status().unwrap().success());
    println!("start to first complete frame, ms (median of 15)");
    let mut joined = Vec::new();
    let mut keeper = Screen::start(&home.jumpdeck(&[]));
    keeper.wait_for("1 online");
    for _ in 0..15 {
        joined.push(start(&home));
    }
    println!("  the appliance runs already      {:8.1}", quantile(&mut joined, 0.5));
    idle(&mut keeper);
    drop(keeper);
    let mut fresh = Vec::new();
    for _ in 0..15 {
        home.jumpdeck(&["stop", "--yes"]).output().unwrap();
        fresh.push(start(&home));
    }
    println!("  the appliance is started too    {:8.1}", quantile(&mut fresh, 0.5));
    let mut control = Vec::new();
    for _ in 0..15 {
        let started = Instant::now();
        let mut screen =
            Screen::start(std::process::Command::new("sh").args(["-c", "echo on''line."]));
        control.push(millis(screen.wait_for("1 online") - started));
    }
    println!("  control: sh -c echo             {:8.1}", quantile(&mut control, 0.5));
}

/// The counts line is the last thing that a frame needs data for.
fn start(home: &Home) -> f64 {
    let started = Instant::now();
    let mut screen = Screen::start(&home.jumpdeck(&[]));
    let mut terminal = Terminal::new(Size { columns: 120, rows: 40 });
    let complete = loop {
        let (at, chunk) = screen.next(Duration::from_secs(30)).unwrap();
        terminal.take(&chunk);
        let cells = terminal.term().renderable_content().display_iter.map(|cell| cell.c);
        if cells.collect::<String>().contains(" 1 online") {
            break at;
        }
    };
    screen.send("q");
    let _ = screen.child.wait();
    millis(complete - started)
}

fn idle(screen: &mut Screen) {
    // A search that finds nothing leaves no live figures on the screen.
    screen.send("/nothing-is-called-so");
    screen.wait_for("matches");
    screen.drain(Duration::from_secs(2));
    let process = screen.child.id();
    let (before, started) = (ticks(process), Instant::now());
    let mut bytes = 0;
    while started.elapsed() < Duration::from_secs(20) {
        bytes += screen.next(Duration::from_secs(1)).map_or(0, |(_, chunk)| chunk.len());
    }
    let used = ticks(process) - before;
    println!(
        "console idle for 20 s: {bytes} bytes to the terminal (a new minute is one), {used} ms·10 of CPU"
    );
}

//! Runs a console in the local terminal.

use super::handoff::Counter;
use super::runner::{Input, Runner, Seat};
use super::screen::{self, Writer};
use super::suspend::{has_shell, suspend};
use super::{keys, report};
use anyhow::Context;
use crossterm::event::{Event as Told, EventStream};
use futures_util::StreamExt;
use jumpdeck_protocol::script::Script;
use jumpdeck_protocol::session::Size;
use rustix::process::Signal;
use std::io;
use std::path::PathBuf;
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

pub use super::runner::{Left, Outfit};

/// Runs until the rep leaves or the terminal closes. If the worst happens, a report goes to
/// `reports`.
///
/// # Errors
/// When the terminal cannot be used.
pub async fn run(
    outfit: Outfit,
    counter: Option<Counter>,
    reports: PathBuf,
) -> anyhow::Result<Left> {
    let size = size().context("this is no terminal")?;
    report::on_panic(reports);
    screen::enter().context("taking the terminal over")?;
    let outcome = match start(outfit, counter, size) {
        Ok(runner) => runner.run().await,
        Err(error) => Err(error.into()),
    };
    screen::restore();
    outcome
}

fn start(outfit: Outfit, counter: Option<Counter>, size: Size) -> io::Result<Runner<LocalSeat>> {
    Runner::new(outfit, LocalSeat::new(counter)?, Writer::to_terminal()?, size)
}

fn size() -> io::Result<Size> {
    let (columns, rows) = crossterm::terminal::size()?;
    Ok(Size { columns, rows })
}

/// The local terminal, and the signals that matter to a program in one.
struct LocalSeat {
    events: EventStream,
    counter: Option<Counter>,
    hang_up: SignalStream,
    interrupt: SignalStream,
    quit: SignalStream,
    terminate: SignalStream,
    stop: SignalStream,
    go_on: SignalStream,
    /// Crossterm tells of sizes too, but misses one that changes in the moment a key is pressed.
    resized: SignalStream,
}

impl LocalSeat {
    fn new(counter: Option<Counter>) -> io::Result<Self> {
        Ok(Self {
            events: EventStream::new(),
            counter,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            stop: signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?,
            go_on: signal(SignalKind::from_raw(Signal::CONT.as_raw()))?,
            resized: signal(SignalKind::window_change())?,
        })
    }
}

impl Seat for LocalSeat {
    async fn next(&mut self) -> Option<Input> {
        loop {
            let told = tokio::select! {
                biased;
                _ = self.resized.recv() => match size() {
                    Ok(size) => return Some(Input::Resize(size)),
                    Err(_) => continue,
                },
                told = self.events.next() => told?.ok()?,
                Some(script) = handed(&mut self.counter) => return Some(Input::Script(script)),
                _ = self.hang_up.recv() => return Some(Input::Signal(Signal::HUP.as_raw())),
                _ = self.interrupt.recv() => return Some(Input::Signal(Signal::INT.as_raw())),
                _ = self.quit.recv() => return Some(Input::Signal(Signal::QUIT.as_raw())),
                _ = self.terminate.recv() => return Some(Input::Signal(Signal::TERM.as_raw())),
                _ = self.stop.recv() => return Some(Input::Suspend),
                _ = self.go_on.recv() => return Some(Input::Resume),
            };
            if let Some(input) = input(told) {
                return Some(input);
            }
        }
    }

    fn has_shell(&self) -> bool {
        has_shell()
    }

    fn suspend(&mut self) -> io::Result<()> {
        Ok(suspend()?)
    }

    fn resume(&mut self) -> io::Result<Size> {
        screen::enter()?;
        size()
    }

    fn has_files(&self) -> bool {
        true
    }
}

/// The next script that is handed over; never, where none can be.
async fn handed(counter: &mut Option<Counter>) -> Option<Script> {
    match counter {
        Some(counter) => counter.scripts.recv().await,
        None => std::future::pending().await,
    }
}

/// What has a meaning of what a terminal tells.
fn input(told: Told) -> Option<Input> {
    match told {
        Told::Key(event) => keys::key(event).map(Input::Key),
        Told::Paste(text) => Some(Input::Paste(text)),
        Told::Mouse(event) => keys::mouse(event).map(Input::Mouse),
        Told::Resize(..) | Told::FocusGained | Told::FocusLost => None,
    }
}

//! Runs a console in the local terminal.

use super::handoff::Counter;
use super::report;
use super::runner::{Runner, RunnerInput, Seat};
use super::screen::{self, Writer};
use super::suspend::{has_shell, suspend};
use super::typed::Typing;
use super::watched::Watched;
use anyhow::Context;
use jumpdeck_protocol::script::Script;
use jumpdeck_protocol::session::Size;
use rustix::process::Signal;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
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
    let mut runner = match start(outfit, counter, size) {
        Ok(runner) => runner,
        Err(error) => {
            screen::restore();
            return Err(error.into());
        }
    };
    let outcome = runner.run().await;
    screen::restore();
    runner.leave().await;
    outcome
}

fn start(outfit: Outfit, counter: Option<Counter>, size: Size) -> io::Result<Runner<LocalSeat>> {
    Runner::new(outfit, LocalSeat::new(counter)?, Writer::to_terminal()?, size)
}

fn size() -> io::Result<Size> {
    let (columns, rows) = crossterm::terminal::size()?;
    Ok(Size { columns, rows })
}

/// How long the rest of a sequence may take: a terminal near sends it at once.
const PATIENCE: Duration = Duration::from_millis(25);

/// The local terminal, and the signals that matter to a program in one.
struct LocalSeat {
    keyboard: Watched,
    typing: Typing,
    counter: Option<Counter>,
    hang_up: SignalStream,
    interrupt: SignalStream,
    quit: SignalStream,
    terminate: SignalStream,
    stop: SignalStream,
    go_on: SignalStream,
    resized: SignalStream,
}

impl LocalSeat {
    fn new(counter: Option<Counter>) -> io::Result<Self> {
        Ok(Self {
            keyboard: Watched::stdin()?,
            typing: Typing::new(PATIENCE),
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
    async fn next(&mut self) -> Option<RunnerInput> {
        loop {
            if let Some(input) = self.typing.next() {
                return Some(input);
            }
            tokio::select! {
                biased;
                _ = self.resized.recv() => {
                    if let Ok(size) = size() {
                        return Some(RunnerInput::Resize(size));
                    }
                }
                bytes = self.keyboard.read() => match bytes {
                    Ok(bytes) if !bytes.is_empty() => self.typing.take(bytes),
                    // The terminal is gone; its signal may come later, or never.
                    _ => return Some(RunnerInput::Signal(Signal::HUP.as_raw())),
                },
                () = self.typing.settle() => {}
                Some(script) = handed(&mut self.counter) => return Some(RunnerInput::Script(script)),
                _ = self.hang_up.recv() => return Some(RunnerInput::Signal(Signal::HUP.as_raw())),
                _ = self.interrupt.recv() => return Some(RunnerInput::Signal(Signal::INT.as_raw())),
                _ = self.quit.recv() => return Some(RunnerInput::Signal(Signal::QUIT.as_raw())),
                _ = self.terminate.recv() => return Some(RunnerInput::Signal(Signal::TERM.as_raw())),
                _ = self.stop.recv() => return Some(RunnerInput::Suspend),
                _ = self.go_on.recv() => return Some(RunnerInput::Resume),
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

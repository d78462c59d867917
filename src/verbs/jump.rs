//! `jumpdeck jump`: a shell on a machine, straight in this terminal.

use super::connect::Connect;
use super::exec::exit_code;
use super::outlet::{Outlet, Stream};
use super::output;
use super::select;
use super::transfer::{Happened, Program};
use crate::runtime::dirs::Places;
use anyhow::Context;
use clap::Args;
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use jumpdeck_protocol::session::{ChannelKind, ExitStatus, Size};
use jumpdeck_protocol::{limits, text};
use std::io::IsTerminal;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, Interest};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::interval;

/// Ctrl-], as in telnet.
const PREFIX: u8 = 0x1d;

#[derive(Args, Debug)]
pub(super) struct Jump {
    /// Start although the Jump Policy is closed, where that may be overridden. It is logged.
    #[arg(long = "override")]
    override_schedule: bool,
    /// The machine: its name, its host name, a part of either, or # and its number.
    name: String,
}

/// How the terminal was left.
enum Left {
    /// The shell ended.
    Ended(ExitStatus),
    /// The rep left it running.
    Detached,
    /// The rep ended it.
    Closed,
}

impl Jump {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let mut client = connect.client(places).await?;
        client.fetch_inventory().await?;
        let item = select::one(&client.inventory, &self.name)?;
        let term = std::env::var("TERM").unwrap_or_else(|_| "dumb".to_owned());
        let kind = ChannelKind::Shell { size: size(), term };
        let mut program = Program::start(client, item, kind, self.override_schedule).await?;
        let raw = std::io::stdin().is_terminal();
        if raw {
            enable_raw_mode().context("taking the terminal over")?;
        }
        let outcome = attend(&mut program).await;
        if raw {
            disable_raw_mode()?;
        }
        match outcome {
            Ok(Left::Ended(status)) => {
                program.close().await;
                Ok(exit_code(status.as_code()))
            }
            Ok(Left::Detached) => {
                program.leave().await;
                output::say("\nThe session goes on; `jumpdeck` comes back to it.");
                Ok(ExitCode::SUCCESS)
            }
            Ok(Left::Closed) => {
                program.close().await;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                // The shell is not to blame; it goes on.
                program.leave().await;
                Err(error)
            }
        }
    }
}

async fn attend(program: &mut Program) -> anyhow::Result<Left> {
    let mut keyboard = Keyboard::new();
    let mut keys = Keys::default();
    let mut outlet = Outlet::new()?;
    let mut resized = signal(SignalKind::window_change())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut ends = interval(Duration::from_secs(1));
    let mut open = true;
    loop {
        if let Some(status) = program.finished().filter(|_| outlet.is_empty()) {
            return Ok(Left::Ended(status));
        }
        // Input is read no faster than the machine takes it.
        let may_read = open && program.backlog() < limits::INPUT_WINDOW;
        tokio::select! {
            happened = program.next(), if program.finished().is_none() => match happened? {
                Happened::Ended(status) => return Ok(Left::Ended(status)),
                happened => show(program, &mut outlet, happened)?,
            },
            written = outlet.written() => {
                written.context("writing to the terminal")?;
                program.taken(outlet.pending());
            }
            bytes = keyboard.read(), if may_read => {
                let bytes = bytes?;
                open = !bytes.is_empty();
                if !open && std::io::stdin().is_terminal() {
                    // The terminal is gone; the shell is not.
                    return Ok(Left::Detached);
                }
                match keys.take(&bytes) {
                    Typed::Input(bytes) => program.write(&bytes),
                    Typed::Detach => return Ok(Left::Detached),
                    Typed::Close => return Ok(Left::Closed),
                }
            }
            // As a terminal would: the end of the input is Ctrl-D. A shell that is still starting
            // loses it, so it is said again.
            _ = ends.tick(), if !open => program.write(b"\x04"),
            _ = resized.recv() => program.resize(size()),
            _ = hang_up.recv() => return Ok(Left::Detached),
            _ = terminate.recv() => return Ok(Left::Detached),
        }
    }
}

fn show(program: &mut Program, outlet: &mut Outlet, happened: Happened) -> anyhow::Result<()> {
    // What we have to say goes the way of the output, or it would stand in the middle of it.
    let mut say = |words: String| {
        let line = format!("\r\n[{words}]\r\n");
        outlet.put(Stream::Errors, line.into()).context("writing to the terminal")
    };
    match happened {
        Happened::Output(bytes) | Happened::Errors(bytes) => {
            outlet.put(Stream::Output, bytes).context("writing to the terminal")?;
            program.taken(outlet.pending());
        }
        Happened::Missed(bytes) => {
            say(format!("{bytes} bytes of output came meanwhile and are not kept"))?;
        }
        Happened::Waiting(reason) => {
            let reason = text::clean(&reason);
            say(format!("no link: {reason}; trying again. Ctrl-] d leaves."))?;
        }
        Happened::Back => say("the link is back".to_owned())?,
        Happened::Pushed(bytes) => say(format!(
            "another console types here now; {bytes} bytes you typed did not reach the shell"
        ))?,
        Happened::Said(words) => say(words)?,
        Happened::Repeated => program.taken(outlet.pending()),
        Happened::Ended(_) | Happened::Nothing => {}
    }
    Ok(())
}

fn size() -> Size {
    let (columns, rows) = crossterm::terminal::size().unwrap_or((80, 24));
    Size { columns, rows }.clamped()
}

/// The standard input, read as soon as something is typed.
enum Keyboard {
    /// A terminal or pipe, watched by the event loop itself: no thread stands in between.
    Watched(AsyncFd<OwnedFd>),
    /// Anything else, a file say.
    Threaded(tokio::io::Stdin),
}

impl Keyboard {
    fn new() -> Self {
        let copy = std::io::stdin().as_fd().try_clone_to_owned();
        // The descriptor is ours and lives as long as its registration, which is all that the
        // newer, unsafe constructor asks for.
        #[expect(deprecated, reason = "the replacement is unsafe, which this workspace forbids")]
        let watched = copy.and_then(|fd| AsyncFd::with_interest(fd, Interest::READABLE));
        watched.map_or_else(|_| Self::Threaded(tokio::io::stdin()), Self::Watched)
    }

    /// What was typed; nothing at the end.
    async fn read(&mut self) -> std::io::Result<Vec<u8>> {
        let mut buffer = vec![0; 4096];
        let count = match self {
            Self::Threaded(stdin) => stdin.read(&mut buffer).await?,
            Self::Watched(fd) => {
                let mut ready = fd.readable().await?;
                // It is ready, so this does not block, whatever the descriptor's mode.
                let count = rustix::io::read(fd.get_ref(), &mut buffer)?;
                if count < buffer.len() {
                    ready.clear_ready();
                }
                count
            }
        };
        buffer.truncate(count);
        Ok(buffer)
    }
}

/// Watches for the prefix in what is typed.
#[derive(Default)]
struct Keys {
    prefixed: bool,
}

/// What typed bytes mean.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    Input(Vec<u8>),
    Detach,
    Close,
}

impl Keys {
    fn take(&mut self, bytes: &[u8]) -> Typed {
        let mut input = Vec::with_capacity(bytes.len());
        for byte in bytes {
            match (std::mem::take(&mut self.prefixed), *byte) {
                (false, PREFIX) => self.prefixed = true,
                (true, b'd' | b'.') => return Typed::Detach,
                (true, b'x') => return Typed::Close,
                (true, PREFIX) | (false, _) => input.push(*byte),
                (true, other) => input.extend([PREFIX, other]),
            }
        }
        Typed::Input(input)
    }
}

#[cfg(test)]
mod tests {
    use super::{Keys, Typed};

    #[test]
    fn the_prefix_works_even_when_its_keys_arrive_apart() {
        let mut keys = Keys::default();
        assert_eq!(keys.take(b"ls\x1d"), Typed::Input(b"ls".to_vec()));
        assert_eq!(keys.take(b"d"), Typed::Detach);
        assert_eq!(keys.take(b"\x1d\x1d"), Typed::Input(b"\x1d".to_vec()));
        assert_eq!(keys.take(b"\x1dq"), Typed::Input(b"\x1dq".to_vec()));
        assert_eq!(keys.take(b"\x1dx"), Typed::Close);
    }
}

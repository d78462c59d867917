//! `jumpdeck jump`: a shell on a machine, straight in this terminal.

use super::desk::Desk;
use super::modes::Modes;
use super::outlet::{Outlet, Stream};
use super::overriding::Overriding;
use super::select;
use super::status::Status;
use super::stdio::{Outside, Stdio};
use super::transfer::{Happened, Program};
use anyhow::Context;
use clap::Args;
use jumpdeck_protocol::session::{ChannelKind, ExitStatus};
use jumpdeck_protocol::{limits, text};
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::interval;

/// Ctrl-], as in telnet.
const PREFIX: u8 = 0x1d;

/// What may follow it.
const HELP: &str = "Ctrl-] and d: leave it running, x: end it, t: type here, Ctrl-]: send Ctrl-]";

#[derive(Args, Debug)]
pub(crate) struct Jump {
    #[command(flatten)]
    overriding: Overriding,
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
    /// A jump to an item.
    pub(super) fn to(name: String) -> Self {
        Self { overriding: Overriding::default(), name }
    }

    pub(super) async fn run(self, desk: &mut Desk) -> anyhow::Result<Status> {
        let mut client = desk.client().await?;
        client.fetch_inventory().await?;
        let item = select::one(&client.inventory, &self.name)?;
        let kind = ChannelKind::Shell { size: desk.io.size(), term: desk.io.term() };
        let io = &mut desk.io;
        let reason = self.overriding.reason(io).await?;
        let program = Program::start(client, item, kind, reason, io).await?;
        stay(program, io).await
    }
}

/// Shows a shell in the terminal until it ends or the rep leaves.
pub(super) async fn stay(mut program: Program, io: &mut Stdio) -> anyhow::Result<Status> {
    io.raw(true)?;
    let mut modes = Modes::default();
    let outcome = attend(&mut program, io, &mut modes).await;
    if !matches!(outcome, Ok(Left::Ended(ExitStatus::Code(_)))) {
        // Nobody else puts back what the program changed; whose terminal is gone misses nothing.
        drop(io.echo(&modes.undo()).await);
    }
    io.raw(false)?;
    match outcome {
        Ok(Left::Ended(status)) => {
            program.close().await;
            Ok(Status::of(status.as_code()))
        }
        Ok(Left::Detached) => {
            program.leave().await;
            io.say("\nThe session goes on; `jumpdeck` comes back to it.").await;
            Ok(Status::DONE)
        }
        Ok(Left::Closed) => {
            program.close().await;
            io.say("\nThe session is over.").await;
            Ok(Status::by_signal(Signal::HUP.as_raw()))
        }
        Err(error) => {
            // The shell is not to blame; it goes on.
            program.leave().await;
            Err(error)
        }
    }
}

async fn attend(program: &mut Program, io: &mut Stdio, modes: &mut Modes) -> anyhow::Result<Left> {
    let mut keys = Keys::default();
    let mut outlet = Outlet::new(io)?;
    let (mut keyboard, mut ears) = io.ears(true)?;
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
                happened => {
                    if let Happened::Output(bytes) = &happened {
                        modes.take(bytes);
                    }
                    show(program, &mut outlet, happened)?;
                }
            },
            written = outlet.written() => {
                written.context("writing to the terminal")?;
                program.taken(outlet.pending());
            }
            bytes = keyboard.read(), if may_read => {
                let bytes = bytes?;
                open = !bytes.is_empty();
                if !open && ears.is_gone() {
                    // The terminal is gone; the shell is not.
                    return Ok(Left::Detached);
                }
                match keys.take(&bytes) {
                    Typed::Input(bytes) => program.type_in(&bytes),
                    Typed::Take => program.take_keyboard(),
                    Typed::Help => show(program, &mut outlet, Happened::Said(HELP.to_owned()))?,
                    Typed::Detach => return Ok(Left::Detached),
                    Typed::Close => return Ok(Left::Closed),
                }
            }
            // As a terminal would: the end of the input is Ctrl-D. A shell that is still starting
            // loses it, so it is said again.
            _ = ends.tick(), if !open => program.write(b"\x04"),
            outside = ears.next() => match outside {
                Outside::Resized(size) => program.resize(size),
                // In raw mode Ctrl-C is a key; a signal comes from elsewhere.
                Outside::Signal(_) => return Ok(Left::Detached),
            },
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

/// Watches for the prefix in what is typed.
#[derive(Default)]
struct Keys {
    prefixed: bool,
}

/// What typed bytes mean.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    Input(Vec<u8>),
    Take,
    Help,
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
                (true, b't') => return Typed::Take,
                (true, b'?') => return Typed::Help,
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
        assert_eq!(keys.take(b"\x1dt"), Typed::Take);
    }
}

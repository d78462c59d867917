//! `jumpdeck exec`: a command on a machine, its streams and its status passed through.

use super::desk::Desk;
use super::outlet::{Outlet, Stream};
use super::select;
use super::status::Status;
use super::stdio::{Outside, Stdio};
use super::transfer::{Happened, Program};
use anyhow::bail;
use clap::Args;
use jumpdeck_protocol::limits;
use jumpdeck_protocol::session::ChannelKind;
use std::io::ErrorKind;

#[derive(Args, Debug)]
pub(crate) struct Exec {
    /// Start although the Jump Policy is closed, where that may be overridden. It is logged.
    #[arg(long = "override")]
    override_schedule: bool,
    /// The machine: its name, its host name, a part of either, or # and its number.
    name: String,
    /// The command and its arguments, run as they are; a shell only if you call one.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<String>,
}

impl Exec {
    /// A command on an item.
    pub(super) const fn on(name: String, command: Vec<String>) -> Self {
        Self { override_schedule: false, name, command }
    }

    pub(super) async fn run(self, desk: &mut Desk) -> anyhow::Result<Status> {
        let mut client = desk.client().await?;
        client.fetch_inventory().await?;
        let item = select::one(&client.inventory, &self.name)?;
        let kind = ChannelKind::Exec { argv: self.command };
        let io = &mut desk.io;
        let mut program = Program::start(client, item, kind, self.override_schedule, io).await?;
        let outcome = attend(&mut program, io).await;
        program.close().await;
        outcome
    }
}

/// Passes everything through until the command ends.
async fn attend(program: &mut Program, io: &mut Stdio) -> anyhow::Result<Status> {
    let mut outlet = Outlet::new(io)?;
    let (mut keyboard, mut ears) = io.ears(false)?;
    let mut open = true;
    loop {
        if let Some(status) = program.finished().filter(|_| outlet.is_empty()) {
            return Ok(Status::of(status.as_code()));
        }
        // Input is read no faster than the machine takes it.
        let may_read = open && program.backlog() < limits::INPUT_WINDOW;
        let written = tokio::select! {
            happened = program.next(), if program.finished().is_none() => match happened? {
                Happened::Output(bytes) => outlet.put(Stream::Output, bytes),
                Happened::Errors(bytes) => outlet.put(Stream::Errors, bytes),
                Happened::Ended(status) => return Ok(Status::of(status.as_code())),
                Happened::Pushed(_) => {
                    bail!("another console took the command over; its input is not whole")
                }
                Happened::Missed(bytes) => {
                    bail!("{bytes} bytes of output are lost: the machine keeps only the last MiB")
                }
                Happened::Waiting(_)
                | Happened::Back
                | Happened::Said(_)
                | Happened::Repeated
                | Happened::Nothing => Ok(()),
            },
            written = outlet.written() => written,
            bytes = keyboard.read(), if may_read => {
                let bytes = bytes?;
                open = !bytes.is_empty();
                if open { program.write(&bytes) } else { program.end_input() }
                Ok(())
            }
            outside = ears.next() => match outside {
                Outside::Resized(_) => Ok(()),
                Outside::Signal(signal) => return Ok(Status::by_signal(signal)),
            },
        };
        match written {
            Ok(()) => program.taken(outlet.pending()),
            // Nobody reads it any more.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                return Ok(Status::by_signal(13));
            }
            Err(error) => return Err(anyhow::Error::from(error).context("writing the output")),
        }
    }
}

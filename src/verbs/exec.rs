//! `jumpdeck exec`: a command on a machine, its streams and its status passed through.

use super::connect::Connect;
use super::outlet::{Outlet, Stream};
use super::select;
use super::transfer::{Happened, Program};
use crate::runtime::dirs::Places;
use anyhow::bail;
use clap::Args;
use jumpdeck_protocol::limits;
use jumpdeck_protocol::session::ChannelKind;
use std::io::ErrorKind;
use std::process::ExitCode;
use tokio::io::{AsyncReadExt, Stdin};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Args, Debug)]
pub(super) struct Exec {
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
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let mut client = connect.client(places).await?;
        client.fetch_inventory().await?;
        let item = select::one(&client.inventory, &self.name)?;
        let kind = ChannelKind::Exec { argv: self.command };
        let mut program = Program::start(client, item, kind, self.override_schedule).await?;
        let outcome = attend(&mut program).await;
        program.close().await;
        outcome
    }
}

/// Passes everything through until the command ends.
async fn attend(program: &mut Program) -> anyhow::Result<ExitCode> {
    let mut input =
        Input { stdin: tokio::io::stdin(), buffer: vec![0; limits::DATA_PAYLOAD], open: true };
    let mut outlet = Outlet::new()?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        if let Some(status) = program.finished().filter(|_| outlet.is_empty()) {
            return Ok(exit_code(status.as_code()));
        }
        // Input is read no faster than the machine takes it.
        let may_read = input.open && program.backlog() < limits::INPUT_WINDOW;
        let written = tokio::select! {
            happened = program.next(), if program.finished().is_none() => match happened? {
                Happened::Output(bytes) => outlet.put(Stream::Output, bytes),
                Happened::Errors(bytes) => outlet.put(Stream::Errors, bytes),
                Happened::Ended(status) => return Ok(exit_code(status.as_code())),
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
            bytes = input.read(), if may_read => {
                match bytes? {
                    Some(bytes) => program.write(&bytes),
                    None => program.end_input(),
                }
                Ok(())
            }
            _ = interrupt.recv() => return Ok(ExitCode::from(128 + 2)),
            _ = terminate.recv() => return Ok(ExitCode::from(128 + 15)),
        };
        match written {
            Ok(()) => program.taken(outlet.pending()),
            // Nobody reads it any more.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                return Ok(ExitCode::from(128 + 13));
            }
            Err(error) => return Err(anyhow::Error::from(error).context("writing the output")),
        }
    }
}

struct Input {
    stdin: Stdin,
    buffer: Vec<u8>,
    open: bool,
}

impl Input {
    /// The next input; nothing at its end.
    async fn read(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let count = self.stdin.read(&mut self.buffer).await?;
        if count == 0 {
            self.open = false;
            return Ok(None);
        }
        Ok(self.buffer.get(..count).map(<[u8]>::to_vec))
    }
}

/// A status as a process can have it.
pub(super) fn exit_code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code & 0xff).unwrap_or(255))
}

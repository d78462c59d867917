//! `jumpdeck exec`: a command on a machine, its streams and its status passed through.

use super::connect::Connect;
use super::select;
use super::transfer::{Happened, Program};
use crate::runtime::dirs::Places;
use clap::Args;
use jumpdeck_protocol::limits;
use jumpdeck_protocol::session::ChannelKind;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use tokio::io::{AsyncReadExt, Stdin};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Args, Debug)]
pub(super) struct Exec {
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
        let item = select::one(&mut client.inventory, &self.name)?;
        let kind = ChannelKind::Exec { argv: self.command };
        let mut program = Program::start(client, item, kind).await?;
        let outcome = attend(&mut program).await;
        program.close().await;
        outcome
    }
}

/// Passes everything through until the command ends.
async fn attend(program: &mut Program) -> anyhow::Result<ExitCode> {
    let mut input =
        Input { stdin: tokio::io::stdin(), buffer: vec![0; limits::DATA_PAYLOAD], open: true };
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        // Input is read no faster than the machine takes it.
        let may_read = input.open && program.backlog() < limits::INPUT_WINDOW;
        tokio::select! {
            happened = program.next() => {
                let happened = happened?;
                if let Happened::Ended(status) = happened {
                    return Ok(exit_code(status.as_code()));
                }
                let reader_gone = show(program, happened)?;
                if reader_gone {
                    return Ok(ExitCode::from(128 + 13));
                }
                if let Some(status) = program.finished() {
                    return Ok(exit_code(status.as_code()));
                }
            }
            bytes = input.read(), if may_read => match bytes? {
                Some(bytes) => program.write(&bytes),
                None => program.end_input(),
            },
            _ = interrupt.recv() => return Ok(ExitCode::from(128 + 2)),
            _ = terminate.recv() => return Ok(ExitCode::from(128 + 15)),
        }
    }
}

/// Writes what came. Returns whether nobody reads it any more.
fn show(program: &mut Program, happened: Happened) -> anyhow::Result<bool> {
    let written = match happened {
        Happened::Output(bytes) => {
            let mut out = std::io::stdout();
            out.write_all(&bytes).and_then(|()| out.flush())
        }
        Happened::Errors(bytes) => std::io::stderr().write_all(&bytes),
        Happened::Waiting(_) | Happened::Back | Happened::Nothing | Happened::Ended(_) => Ok(()),
    };
    match written {
        Ok(()) => {
            program.taken();
            Ok(false)
        }
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(anyhow::Error::from(error).context("writing the output")),
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

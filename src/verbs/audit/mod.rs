//! `jumpdeck audit`: what was done that has consequences, and whether all of it is still there.

mod format;
mod verify;

use super::connect::Connect;
use super::output::{self, NewFile};
use crate::link::Client;
use crate::runtime::dirs::Places;
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use jumpdeck_protocol::audit::{AuditEvent, Chain, Seal};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct AuditVerb {
    #[command(subcommand)]
    what: AuditAction,
}

#[derive(Subcommand, Debug)]
enum AuditAction {
    /// List the events, the oldest first.
    Ls {
        /// Print one JSON object per line.
        #[arg(long)]
        json: bool,
    },
    /// Follow the chain, and name the first event that is missing or changed. A file needs --key: who
    /// changes an export could seal it with another key.
    Verify {
        /// An export as JSON Lines, which is verified without the appliance [default: the
        /// appliance's own]
        file: Option<PathBuf>,
        /// The fingerprint that the appliance's key must have.
        #[arg(long, value_name = "SHA256:…")]
        key: Option<String>,
    },
    /// Write all events to a file.
    Export {
        /// The file; `-` is the standard output.
        file: PathBuf,
        /// How they are written; only JSON Lines can be verified.
        #[arg(long, value_enum, default_value_t = Format::Jsonl)]
        format: Format,
    },
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// JSON Lines, sealed at the end.
    Jsonl,
    /// ArcSight's Common Event Format.
    Cef,
    /// Syslog, RFC 5424.
    Syslog,
}

impl AuditVerb {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        if let AuditAction::Verify { file: Some(file), key } = &self.what {
            return offline(file, key.as_deref());
        }
        let mut client = connect.client(places).await?;
        let outcome = match self.what {
            AuditAction::Ls { json } => list(&mut client, json).await,
            AuditAction::Verify { key, .. } => live(&mut client, key.as_deref()).await,
            AuditAction::Export { file, format } => export(&mut client, &file, format).await,
        };
        client.close().await;
        outcome
    }
}

/// Asks for all events, and gives each to `take`. Returns the seal.
async fn each(
    client: &mut Client,
    mut take: impl FnMut(&AuditEvent) -> anyhow::Result<()>,
) -> anyhow::Result<Seal> {
    let mut after = 0;
    loop {
        let answer = client.ask(request::Audit { after }).await?;
        let reply::AuditPart { events, seal } = answer;
        events.iter().try_for_each(&mut take)?;
        if let Some(seal) = seal {
            return Ok(*seal);
        }
        let last = events.last().context("the appliance has told of no event and no end")?;
        after = last.number;
    }
}

async fn list(client: &mut Client, json: bool) -> anyhow::Result<ExitCode> {
    let mut events = Vec::new();
    each(client, |event| {
        events.push(event.clone());
        Ok(())
    })
    .await?;
    output::print(|out| {
        if json {
            return events.iter().try_for_each(|event| format::json(event, out));
        }
        let rows: Vec<_> = events.iter().map(format::cells).collect();
        output::table(["NUMBER", "TIME", "WHO", "ACTION", "SUBJECT", "DETAIL"], &rows, out)
    })
}

async fn live(client: &mut Client, key: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut chain = Chain::default();
    let seal = each(client, |event| Ok(chain.follow(event)?)).await?;
    chain.ends_with(&seal)?;
    if key.is_some() {
        verify::is_of(&seal, key)?;
    }
    whole(&seal)
}

fn offline(file: &Path, key: Option<&str>) -> anyhow::Result<ExitCode> {
    let opened = File::open(file).with_context(|| file.display().to_string())?;
    let seal = verify::lines(BufReader::new(opened))?;
    verify::is_of(&seal, key)?;
    whole(&seal)
}

fn whole(seal: &Seal) -> anyhow::Result<ExitCode> {
    output::print(|out| {
        let appliance = jumpdeck_protocol::text::clean(&seal.appliance);
        let at = jiff::Timestamp::from_second(seal.at.0).unwrap_or_default();
        let count = seal.events;
        writeln!(out, "{count} events, all of them whole; sealed at {at} by {appliance}")
    })
}

async fn export(client: &mut Client, file: &Path, format: Format) -> anyhow::Result<ExitCode> {
    if file == Path::new("-") {
        let mut all = Vec::new();
        write(client, format, &mut all).await?;
        return output::print(|out| out.write_all(&all));
    }
    let mut new = NewFile::create(file)?;
    write(client, format, &mut new).await?;
    new.keep()?;
    output::print(|out| writeln!(out, "{}", file.display()))
}

/// Writes everything. What does not fit together is not exported as if it did.
async fn write(client: &mut Client, format: Format, out: &mut impl Write) -> anyhow::Result<()> {
    let mut chain = Chain::default();
    let host = format::host();
    let seal = each(client, |event| {
        chain.follow(event)?;
        match format {
            Format::Jsonl => format::json(event, out)?,
            Format::Cef => format::cef(event, out)?,
            Format::Syslog => format::syslog(event, &host, out)?,
        }
        Ok(())
    })
    .await?;
    chain.ends_with(&seal)?;
    if format == Format::Jsonl {
        format::json(&seal, out)?;
    }
    Ok(())
}

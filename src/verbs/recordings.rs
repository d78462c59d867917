//! `jumpdeck recordings`: what was recorded, and the files of it.

use super::connect::Connect;
use super::output;
use crate::link::Client;
use crate::runtime::dirs::Places;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use jumpdeck_console::view::text;
use jumpdeck_protocol::ChannelId;
use jumpdeck_protocol::log::Recording;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use ring::digest;
use serde::Serialize;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct RecordingsVerb {
    #[command(subcommand)]
    what: Option<RecordingsAction>,
}

#[derive(Subcommand, Debug)]
enum RecordingsAction {
    /// List the recordings of your sessions, the newest first.
    Ls {
        /// Print one JSON object per line.
        #[arg(long)]
        json: bool,
    },
    /// Write a recording to a file, as asciicast v2 (asciinema plays it), and check its hash.
    Export {
        /// Its number, as `ls` shows it.
        number: u64,
        /// The file; `-` is the standard output [default: NUMBER.cast]
        file: Option<PathBuf>,
    },
}

/// A recording as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct RecordingRow<'a> {
    number: u64,
    session: u64,
    item: &'a str,
    user: &'a str,
    /// Seconds since 1970.
    started: i64,
    /// Nothing while it goes on.
    ended: Option<i64>,
    bytes: u64,
    sha256: Option<&'a str>,
}

impl RecordingsVerb {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let mut client = connect.client(places).await?;
        let outcome = match self.what {
            None => list(&mut client, false).await,
            Some(RecordingsAction::Ls { json }) => list(&mut client, json).await,
            Some(RecordingsAction::Export { number, file }) => {
                export(&mut client, number, file).await
            }
        };
        client.close().await;
        outcome
    }
}

async fn all(client: &mut Client) -> anyhow::Result<Vec<Recording>> {
    let mut all: Vec<Recording> = Vec::new();
    loop {
        let before = all.last().map(|recording| recording.channel);
        let reply::RecordingsPart { recordings, more } =
            client.ask(request::Recordings { before }).await?;
        let more = more && !recordings.is_empty();
        all.extend(recordings);
        if !more {
            return Ok(all);
        }
    }
}

async fn list(client: &mut Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let recordings = all(client).await?;
    output::print(|out| if as_json { json(&recordings, out) } else { table(&recordings, out) })
}

fn json(recordings: &[Recording], out: &mut dyn Write) -> io::Result<()> {
    for recording in recordings {
        let entry = RecordingRow {
            number: recording.channel.0,
            session: recording.session.0,
            item: &recording.item_name,
            user: &recording.user,
            started: recording.started.0,
            ended: recording.ended.map(|ended| ended.0),
            bytes: recording.bytes,
            sha256: recording.sha256.as_deref(),
        };
        serde_json::to_writer(&mut *out, &entry)?;
        writeln!(out)?;
    }
    Ok(())
}

fn table(recordings: &[Recording], out: &mut dyn Write) -> io::Result<()> {
    let cells = |recording: &Recording| {
        let started = jiff::Timestamp::from_second(recording.started.0).unwrap_or_default();
        let started = started.to_zoned(jiff::tz::TimeZone::system());
        let size = match recording.ended {
            Some(_) => text::number(usize::try_from(recording.bytes).unwrap_or(usize::MAX)),
            None => "goes on".to_owned(),
        };
        [
            recording.channel.to_string(),
            recording.session.to_string(),
            started.strftime("%Y-%m-%d %H:%M").to_string(),
            size,
            recording.user.to_string(),
            jumpdeck_protocol::text::clean(&recording.item_name).into_owned(),
        ]
    };
    let table: Vec<_> = recordings.iter().map(cells).collect();
    output::table(["NUMBER", "SESSION", "STARTED", "BYTES", "USER", "ITEM"], &table, out)
}

async fn export(
    client: &mut Client,
    number: u64,
    file: Option<PathBuf>,
) -> anyhow::Result<ExitCode> {
    let file = file.unwrap_or_else(|| PathBuf::from(format!("{number}.cast")));
    let channel = ChannelId(number);
    let known = all(client).await?.into_iter().find(|recording| recording.channel == channel);
    let recording = known
        .with_context(|| format!("there is no recording {number}; `recordings ls` lists them"))?;
    if file == Path::new("-") {
        let mut out = io::stdout().lock();
        let fetched = fetch(client, &recording, &mut out).await;
        return match fetched.and_then(|()| Ok(out.flush()?)) {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
            Err(error) => Err(error),
        };
    }
    let mut whole = output::NewFile::create(&file)?;
    fetch(client, &recording, &mut whole).await?;
    whole.keep()?;
    if recording.ended.is_none() {
        output::say("jumpdeck: the recording goes on; the file holds it as far as it is written.");
    }
    output::print(|out| writeln!(out, "{}", file.display()))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Fetches a recording piece by piece. What differs from what was hashed when it was closed is
/// refused.
async fn fetch(
    client: &mut Client,
    recording: &Recording,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let channel = recording.channel;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut offset = 0;
    loop {
        let answer = client.ask(request::ReadRecording { channel, offset }).await?;
        let reply::RecordingPiece { bytes } = answer;
        if bytes.is_empty() {
            break;
        }
        offset += u64::try_from(bytes.len())?;
        context.update(&bytes);
        out.write_all(&bytes)?;
    }
    let found = data_encoding::HEXLOWER.encode(context.finish().as_ref());
    match recording.sha256.as_deref() {
        Some(kept) if kept != found => {
            bail!("recording {channel} was changed after it was closed: its SHA-256 is not {kept}")
        }
        _ => Ok(()),
    }
}

//! `jumpdeck recordings`: what was recorded, and the files of it.

use super::connect::Connect;
use super::history::{self, HistoryArgs};
use super::output;
use crate::link::Client;
use crate::runtime::dirs::Places;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use jumpdeck_console::view::text;
use jumpdeck_protocol::history::SessionRecord;
use jumpdeck_protocol::log::Recording;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::{ChannelId, SessionId};
use ring::digest;
use serde::Serialize;
use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

#[derive(Args, Debug)]
pub(super) struct RecordingsVerb {
    #[command(subcommand)]
    what: Option<RecordingsAction>,
}

#[derive(Subcommand, Debug)]
enum RecordingsAction {
    /// List the recordings of your sessions, the newest first.
    Ls {
        #[command(flatten)]
        which: HistoryArgs,
        /// Print one JSON object per line.
        #[arg(long)]
        json: bool,
    },
    /// Write a recording to a file, as asciicast v2 (asciinema plays it), and check its hash.
    Export {
        /// The recording, as `ls` shows it: its number, or its session's number and its own in that, as
        /// 47.1.
        recording: RecordingName,
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
    /// Its session's number and its own in that, as `play` takes it.
    name: String,
    /// Its file was removed: it was kept as long as it had to be.
    removed: bool,
}

/// How a recording is named: by a number of its own, or within its session.
#[derive(Clone, Copy, Debug)]
enum RecordingName {
    Number(ChannelId),
    Part(SessionId, u32),
}

impl FromStr for RecordingName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse().ok();
        let name = match text.split_once('.') {
            Some((session, part)) => number(session)
                .zip(part.parse().ok())
                .map(|(session, part)| Self::Part(SessionId(session), part)),
            None => number(text).map(|number| Self::Number(ChannelId(number))),
        };
        name.ok_or("a recording is named by its session and its number in it, such as 47.1")
    }
}

impl RecordingName {
    fn is(self, recording: &Recording) -> bool {
        match self {
            Self::Number(channel) => recording.channel == channel,
            Self::Part(session, part) => recording.session == session && recording.part == part,
        }
    }
}

impl fmt::Display for RecordingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(channel) => channel.fmt(f),
            Self::Part(session, part) => write!(f, "{session}.{part}"),
        }
    }
}

impl RecordingsVerb {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let mut client = connect.client(places).await?;
        let outcome = match self.what {
            None => list(&mut client, &HistoryArgs::default(), false).await,
            Some(RecordingsAction::Ls { which, json }) => list(&mut client, &which, json).await,
            Some(RecordingsAction::Export { recording, file }) => {
                export(&mut client, recording, file).await
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

async fn list(client: &mut Client, which: &HistoryArgs, as_json: bool) -> anyhow::Result<ExitCode> {
    let recordings = if which.is_empty() {
        all(client).await?
    } else {
        let sessions = history::sessions(client, &which.filter()?, None).await?;
        let of = |record: SessionRecord| record.recordings.into_iter().rev();
        sessions.into_iter().flat_map(of).collect()
    };
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
            name: recording.name(),
            removed: recording.removed,
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
            Some(_) if recording.removed => "removed".to_owned(),
            Some(_) => text::number(usize::try_from(recording.bytes).unwrap_or(usize::MAX)),
            None => "running".to_owned(),
        };
        [
            recording.channel.to_string(),
            recording.name(),
            started.strftime("%Y-%m-%d %H:%M").to_string(),
            size,
            recording.user.to_string(),
            jumpdeck_protocol::text::clean(&recording.item_name).into_owned(),
        ]
    };
    let table: Vec<_> = recordings.iter().map(cells).collect();
    // The number of its own is for programs: people would take it for the session's.
    if io::stdout().is_terminal() {
        let named = table.into_iter();
        let named = named.map(|[_, name, at, size, user, item]| [name, at, size, user, item]);
        return output::table(
            ["RECORDING", "STARTED", "BYTES", "USER", "ITEM"],
            &named.collect::<Vec<_>>(),
            out,
        );
    }
    output::table(["NUMBER", "RECORDING", "STARTED", "BYTES", "USER", "ITEM"], &table, out)
}

async fn export(
    client: &mut Client,
    name: RecordingName,
    file: Option<PathBuf>,
) -> anyhow::Result<ExitCode> {
    let file = file.unwrap_or_else(|| PathBuf::from(format!("{name}.cast")));
    let known = all(client).await?.into_iter().find(|recording| name.is(recording));
    let recording = known
        .with_context(|| format!("there is no recording {name}; `recordings ls` lists them"))?;
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

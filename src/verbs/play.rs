//! `jumpdeck play`: a session, watched as if one had been there.

use super::connect::Connect;
use super::{console, history};
use crate::runtime::dirs::Places;
use anyhow::{anyhow, bail};
use clap::Args;
use jumpdeck_protocol::SessionId;
use jumpdeck_protocol::history::{HistoryFilter, SessionRecord};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::str::FromStr;

#[derive(Args, Debug)]
pub(super) struct Play {
    /// The session's number, or with a dot which of its recordings: 47, 47.2. `jumpdeck history` lists
    /// both.
    session: PlayedSession,
}

/// A session, and maybe which of its recordings.
#[derive(Clone, Copy, Debug)]
struct PlayedSession {
    session: SessionId,
    part: Option<u32>,
}

impl FromStr for PlayedSession {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_prefix('#').unwrap_or(text);
        let (session, part) = text.split_once('.').map_or((text, None), |(s, p)| (s, Some(p)));
        let wrong = |_| "a session is a number such as 47; 47.2 is its second recording";
        let part = part.map(str::parse).transpose().map_err(wrong)?;
        Ok(Self { session: SessionId(session.parse().map_err(wrong)?), part })
    }
}

impl Play {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let PlayedSession { session, part } = self.session;
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            bail!("`play` needs a terminal; `recordings export` writes a recording to a file");
        }
        let mut client = console::link(places, connect).await?;
        let filter = HistoryFilter { session: Some(session), ..HistoryFilter::default() };
        let found = history::sessions(&mut client, &filter, Some(1)).await?.pop();
        let record = found.ok_or_else(|| {
            anyhow!(
                "there is no session {session} that you took part in; `jumpdeck history` lists them"
            )
        })?;
        if let Some(reason) = why_not(&record, part) {
            client.close().await;
            bail!(reason);
        }
        console::play(places, client, (record, part)).await
    }
}

/// Why it is not played, if it is not.
fn why_not(record: &SessionRecord, part: Option<u32>) -> Option<String> {
    let session = record.session;
    if let Some(reason) = jumpdeck_console::core::not_playable(record) {
        return Some(reason);
    }
    let part = part?;
    match record.recordings.iter().find(|recording| recording.part == part) {
        None => {
            let count = record.recordings.len();
            Some(match count {
                1 => format!("session {session} has one recording, {session}.1"),
                _ => format!(
                    "the recordings of session {session} are {session}.1 to {session}.{count}"
                ),
            })
        }
        Some(recording) if recording.removed => Some(format!(
            "recording {session}.{part} was removed: it was kept as long as it had to be"
        )),
        Some(_) => None,
    }
}

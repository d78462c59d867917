//! `jumpdeck log`: what happened in a session.

use super::context::VerbContext;
use super::status::VerbStatus;
use clap::Args;
use jumpdeck_console::core::together::entry_text;
use jumpdeck_protocol::SessionId;
use jumpdeck_protocol::log::{LogEntry, ShellNumbers};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use std::io::Write;

#[derive(Args, Debug)]
pub(crate) struct LogVerb {
    /// The session's number, as its log in the console and `recordings ls` show it.
    session: u64,
    /// Print one JSON object per line: `number`, `at` (seconds since 1970), `who`, `event`.
    #[arg(long)]
    json: bool,
}

impl LogVerb {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let mut client = context.client().await?;
        let session = SessionId(self.session);
        let mut all: Vec<LogEntry> = Vec::new();
        loop {
            let after = all.last().map_or(0, |entry| entry.number);
            let answer = client.ask(request::Log { session, after }).await;
            let (entries, more) = match answer {
                Ok(reply::LogPart { entries, more }) => (entries, more),
                Err(error) => return Err(error.into()),
            };
            let more = more && !entries.is_empty();
            all.extend(entries);
            if !more {
                break;
            }
        }
        client.close().await;
        let shells = ShellNumbers::of(all.iter());
        context
            .io
            .print(|out| all.iter().try_for_each(|entry| self.line(entry, &shells, out)))
            .await
    }

    fn line(
        &self,
        entry: &LogEntry,
        shells: &ShellNumbers,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        if self.json {
            serde_json::to_writer(&mut *out, entry)?;
            return writeln!(out);
        }
        let time = jiff::Timestamp::from_second(entry.at.0).unwrap_or_default();
        let time = time.to_zoned(jiff::tz::TimeZone::system());
        writeln!(out, "{}  {}", time.strftime("%Y-%m-%d %H:%M:%S"), entry_text(entry, shells))
    }
}

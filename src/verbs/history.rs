//! `jumpdeck history`: the sessions of the past, by what is known of them.

use super::context::VerbContext;
use super::output;
use super::status::VerbStatus;
use crate::link::Client;
use anyhow::anyhow;
use clap::Args;
use jumpdeck_console::core::past;
use jumpdeck_console::view::text;
use jumpdeck_protocol::history::{HistoryFilter, SessionRecord};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::text::clean;
use serde::Serialize;

/// Which sessions to list.
#[derive(Args, Debug, Default)]
pub(crate) struct HistoryArgs {
    /// Words in the item's name or the rep's, tags, times such as `last tuesday`, and `rep:`, `item:`,
    /// `group:`, `tag:`, `time:` and `command:` with a value; `#47` is session 47.
    #[arg(value_name = "FILTER")]
    words: Vec<String>,
    /// Sessions of this rep.
    #[arg(long, value_name = "USER")]
    rep: Option<String>,
    /// Sessions with items whose name has this text.
    #[arg(long, value_name = "TEXT")]
    item: Option<String>,
    /// Sessions with items of this Jump Group.
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Sessions with items that have this tag.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Sessions at this time: `today`, `last tuesday`, `7d`, `2026-11-20`, `2026-11-20..`
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Sessions in which a command line with this text was run.
    #[arg(long, value_name = "TEXT")]
    command: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct HistoryVerb {
    #[command(flatten)]
    which: HistoryArgs,
    /// Print so many, the newest, at most.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

/// A session as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct HistoryLine<'a> {
    session: u64,
    item: u64,
    name: &'a str,
    owner: &'a str,
    others: &'a [Box<str>],
    /// Seconds since 1970.
    started: i64,
    /// Nothing while it is open.
    ended: Option<i64>,
    /// Why it ended.
    reason: Option<String>,
    commands: u32,
    /// You took part in it: its log and its recordings are yours to see.
    took_part: bool,
    /// As `play` and `recordings export` take them.
    recordings: Vec<String>,
}

impl HistoryArgs {
    /// Whether anything is asked for.
    pub(super) fn is_empty(&self) -> bool {
        let Self { words, rep, item, group, tag, time, command } = self;
        let fields = [rep, item, group, tag, time, command];
        words.is_empty() && fields.iter().all(|field| field.is_none())
    }

    pub(super) fn filter(&self) -> anyhow::Result<HistoryFilter> {
        let now = jiff::Zoned::now();
        let words: Vec<_> = self.words.iter().map(|word| requoted(word)).collect();
        let mut filter = past::read(&words.join(" "), &now).map_err(|what| anyhow!(what))?;
        let Self { rep, item, group, tag, time, command, .. } = self;
        let fields = [rep, item, group, tag, time, command];
        for (field, value) in past::FIELDS.into_iter().zip(fields) {
            if let Some(value) = value {
                past::take(&mut filter, field, value, &now).map_err(|what| anyhow!(what))?;
            }
        }
        Ok(filter)
    }
}

/// The shell has taken the quotes from `time:"last tuesday"`.
fn requoted(word: &str) -> String {
    match word.split_once(':') {
        Some((field, value)) if value.contains(' ') && !value.contains('"') => {
            format!("{field}:\"{value}\"")
        }
        _ => word.to_owned(),
    }
}

/// The matching sessions, the newest first, up to the limit.
pub(super) async fn sessions(
    client: &mut Client,
    filter: &HistoryFilter,
    limit: Option<usize>,
) -> anyhow::Result<Vec<SessionRecord>> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut all: Vec<SessionRecord> = Vec::new();
    loop {
        let before = all.last().map(|record| record.session);
        let request = request::PastSessions { filter: filter.clone(), before };
        let reply::PastSessionsPart { sessions, more } = client.ask(request).await?;
        let more = more && !sessions.is_empty();
        all.extend(sessions);
        if !more || all.len() >= limit {
            all.truncate(limit);
            return Ok(all);
        }
    }
}

impl HistoryVerb {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let filter = self.which.filter()?;
        let mut client = context.client().await?;
        let records = sessions(&mut client, &filter, self.limit).await?;
        client.close().await;
        let person = context.io.is_terminal();
        let print = context.io.print(|out| {
            if self.json {
                for record in &records {
                    serde_json::to_writer(&mut *out, &HistoryLine::of(record))?;
                    writeln!(out)?;
                }
                return Ok(());
            }
            let rows: Vec<_> = records.iter().map(row).collect();
            let headings =
                ["SESSION", "STARTED", "LASTED", "REP", "ITEM", "COMMANDS", "RECORDINGS"];
            output::table_for(person, headings, &rows, out)
        });
        print.await
    }
}

impl<'a> HistoryLine<'a> {
    fn of(record: &'a SessionRecord) -> Self {
        Self {
            session: record.session.0,
            item: record.item.0,
            name: &record.item_name,
            owner: &record.owner,
            others: &record.others,
            started: record.started.0,
            ended: record.ended.map(|ended| ended.0),
            reason: record.reason.as_ref().map(jumpdeck_protocol::session::EndReason::words),
            commands: record.commands,
            took_part: record.took_part,
            recordings: kept(record),
        }
    }
}

/// The names of the recordings that are still there.
fn kept(record: &SessionRecord) -> Vec<String> {
    let there = record.recordings.iter().filter(|recording| !recording.removed);
    there.map(jumpdeck_protocol::log::Recording::name).collect()
}

fn row(record: &SessionRecord) -> [String; 7] {
    let started = jiff::Timestamp::from_second(record.started.0).unwrap_or_default();
    let started = started.to_zoned(jiff::tz::TimeZone::system());
    let lasted = match record.ended {
        Some(ended) => text::span(ended.since(record.started)),
        None => "open".to_owned(),
    };
    [
        record.session.to_string(),
        started.strftime("%Y-%m-%d %H:%M").to_string(),
        lasted,
        clean(&record.owner).into_owned(),
        clean(&record.item_name).into_owned(),
        record.commands.to_string(),
        kept(record).join(" "),
    ]
}

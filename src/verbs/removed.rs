//! `jumpdeck removed` and `jumpdeck take-back`: items that were removed because their machine was
//! away for too long.

use super::connect::Connect;
use super::output;
use crate::link::Client;
use crate::runtime::dirs::Places;
use clap::Args;
use jiff::tz::TimeZone;
use jumpdeck_console::core::form::time_text;
use jumpdeck_console::view::text::span;
use jumpdeck_protocol::rep::RemovedItem;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::text::clean;
use serde::Serialize;
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct RemovedVerb {
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(super) struct TakeBack {
    /// The items: # and a number, or a name, as `jumpdeck removed` lists them.
    #[arg(required_unless_present = "all", value_name = "NAME")]
    names: Vec<String>,
    /// All of them.
    #[arg(long, conflicts_with = "names")]
    all: bool,
}

/// An item as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct RemovedRow<'a> {
    id: u64,
    name: &'a str,
    group: &'a str,
    /// Seconds since 1970.
    removed: i64,
    /// Seconds for which it can be taken back.
    left: u64,
}

impl RemovedVerb {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let mut client = connect.client(places).await?;
        let items = removed(&mut client).await;
        client.close().await;
        let (items, zone) = (items?, TimeZone::system());
        output::print(|out| {
            if self.json {
                return items.iter().try_for_each(|item| {
                    let entry = RemovedRow {
                        id: item.item.0,
                        name: &item.name,
                        group: &item.place,
                        removed: item.removed.0,
                        left: item.left,
                    };
                    serde_json::to_writer(&mut *out, &entry)?;
                    writeln!(out)
                });
            }
            let row = |item: &RemovedItem| {
                let removed = time_text(item.removed, &zone);
                let number = format!("#{}", item.item);
                [
                    number,
                    clean(&item.name).into(),
                    clean(&item.place).into(),
                    removed,
                    span(item.left),
                ]
            };
            let rows: Vec<_> = items.iter().map(row).collect();
            output::table(["NUMBER", "NAME", "GROUP", "REMOVED", "LEFT"], &rows, out)
        })
    }
}

impl TakeBack {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let mut client = connect.client(places).await?;
        let outcome = self.with(&mut client).await;
        client.close().await;
        outcome
    }

    async fn with(&self, client: &mut Client) -> anyhow::Result<ExitCode> {
        let known = removed(client).await?;
        let mut items = Vec::new();
        if self.all {
            items.extend(known.iter().map(|item| item.item));
        }
        for name in &self.names {
            let called =
                |item: &&RemovedItem| format!("#{}", item.item) == *name || *item.name == **name;
            let meant: Vec<_> = known.iter().filter(called).map(|item| item.item).collect();
            match meant.as_slice() {
                [] => anyhow::bail!(
                    "no removed item is called {name:?}; `jumpdeck removed` lists them"
                ),
                [one] => items.push(*one),
                _ => anyhow::bail!(
                    "{} removed items are called {name:?}; say # and a number",
                    meant.len()
                ),
            }
        }
        let mut status = ExitCode::SUCCESS;
        for some in items.chunks(jumpdeck_protocol::limits::ITEMS_PER_REQUEST) {
            let request = request::TakeBack { items: some.to_vec() };
            let reply::BulkDone { refused } = client.ask(request).await?;
            for (item, refusal) in refused {
                output::say(&format!("jumpdeck: #{item}: {refusal}"));
                status = ExitCode::FAILURE;
            }
        }
        Ok(status)
    }
}

async fn removed(client: &mut Client) -> anyhow::Result<Vec<RemovedItem>> {
    Ok(client.ask(request::RemovedItems).await?.items)
}

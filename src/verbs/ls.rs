//! `jumpdeck ls`: the inventory in lines.

use super::context::VerbContext;
use super::select::Selected;
use super::status::VerbStatus;
use super::{output, select};
use clap::Args;
use jumpdeck_console::core::inventory::{Inventory, Item, List};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Args, Debug)]
pub(crate) struct Ls {
    /// What to look for: words, `tag:office`, `status:online`, `seen<7d`, `cpu>80`, `or`, `( )`; after
    /// `--` also `-word`.
    query: Vec<String>,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

/// An item as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct ItemRow<'a> {
    id: u64,
    name: &'a str,
    group: &'a str,
    tag: &'a str,
    comments: &'a str,
    status: &'static str,
    method: &'static str,
    hostname: &'a str,
    private_ip: &'a str,
    public_ip: &'a str,
    operating_system: &'a str,
    console_user: &'a str,
    /// Seconds since 1970; nothing if the status never changed.
    status_since: Option<i64>,
}

impl Ls {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let mut client = context.client().await?;
        client.fetch_inventory().await?;
        let query = self.query.join(" ");
        let Selected { items: rows, whole } =
            select::found(&mut client, select::read(&query)?, &context.io).await?;
        let person = context.io.is_terminal();
        let outcome = context.io.print(|out| {
            if self.json {
                json(&client.inventory, &rows, out)
            } else {
                table(person, &client.inventory, &rows, out)
            }
        });
        let outcome = outcome.await;
        client.close().await;
        Ok(whole.outcome(outcome?))
    }
}

fn json(inventory: &Inventory, rows: &List, out: &mut dyn Write) -> io::Result<()> {
    for item in rows.iter() {
        let presence = inventory.presence(item.id());
        let entry = ItemRow {
            id: item.id().0,
            name: item.name(),
            group: item.group(),
            tag: item.tag(),
            comments: item.comments(),
            status: presence.status.word(),
            method: item.method().title(),
            hostname: item.hostname(),
            private_ip: item.private_ip(),
            public_ip: item.public_ip(),
            operating_system: item.operating_system(),
            console_user: item.console_user(),
            status_since: presence.since.map(|since| since.0),
        };
        serde_json::to_writer(&mut *out, &entry)?;
        writeln!(out)?;
    }
    Ok(())
}

fn table(person: bool, inventory: &Inventory, rows: &List, out: &mut dyn Write) -> io::Result<()> {
    let cells = |item: Item<'_>| {
        let status = inventory.presence(item.id()).status.word().to_owned();
        let fields = [item.name(), item.hostname(), item.group(), item.tag()];
        let [name, host, group, tag] = fields.map(str::to_owned);
        [name, status, host, group, tag]
    };
    let table: Vec<_> = rows.iter().map(cells).collect();
    output::table_for(person, ["NAME", "STATUS", "HOST", "GROUP", "TAG"], &table, out)
}

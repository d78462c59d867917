//! `jumpdeck show`: all that is known of an item.

use super::context::VerbContext;
use super::select;
use super::status::VerbStatus;
use clap::Args;
use jiff::tz::TimeZone;
use jumpdeck_console::core::form::time_text;
use jumpdeck_console::core::inventory::{Inventory, Item};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::text::clean;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The item: its name, its host name, a part of either, or # and its number.
    name: String,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

/// An item as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct ItemDetails<'a> {
    id: u64,
    name: &'a str,
    group: &'a str,
    tag: &'a str,
    comments: &'a str,
    status: &'static str,
    /// Seconds since 1970; nothing if the status never changed.
    status_since: Option<i64>,
    method: &'static str,
    hostname: &'a str,
    fqdn: &'a str,
    domain: &'a str,
    private_ip: &'a str,
    public_ip: &'a str,
    mac: Option<String>,
    operating_system: &'a str,
    console_user: &'a str,
    version: &'a str,
    /// Bytes.
    memory: u64,
    processors: u16,
    jump_policy: &'a str,
    /// Seconds since 1970.
    created: i64,
    /// Seconds since 1970; nothing if it stays.
    expires: Option<i64>,
    /// What should be known of its machine before anything else.
    warning: Option<&'a str>,
}

impl<'a> ItemDetails<'a> {
    fn of(inventory: &Inventory, item: &Item<'a>, warning: Option<&'a str>) -> Self {
        let presence = inventory.presence(item.id());
        Self {
            id: item.id().0,
            name: item.name(),
            group: item.group(),
            tag: item.tag(),
            comments: item.comments(),
            status: presence.status.word(),
            status_since: presence.since.map(|since| since.0),
            method: item.method().title(),
            hostname: item.hostname(),
            fqdn: item.fqdn(),
            domain: item.domain(),
            private_ip: item.private_ip(),
            public_ip: item.public_ip(),
            mac: item.mac().map(|mac| mac.to_string()),
            operating_system: item.operating_system(),
            console_user: item.console_user(),
            version: item.version(),
            memory: item.memory(),
            processors: item.processors(),
            jump_policy: item.policy_name(),
            created: item.created().0,
            expires: item.expires().map(|time| time.0),
            warning,
        }
    }

    /// For a person; what is not known is left out.
    fn lines(&self, out: &mut dyn Write) -> io::Result<()> {
        let zone = TimeZone::system();
        let time = |seconds: i64| time_text(jumpdeck_protocol::Timestamp(seconds), &zone);
        let since = self.status_since.map(|since| format!(", since {}", time(since)));
        let memory = |bytes: u64| format!("{} MiB", bytes / 1024 / 1024);
        let several = |count: u16| count.to_string();
        let rows = [
            ("Warning", self.warning.map(|words| clean(words).into_owned()).unwrap_or_default()),
            ("Name", self.name.to_owned()),
            ("Number", format!("#{}", self.id)),
            ("Status", format!("{}{}", self.status, since.unwrap_or_default())),
            ("Method", self.method.to_owned()),
            ("Jump Group", self.group.to_owned()),
            ("Tag", self.tag.to_owned()),
            ("Comments", self.comments.replace('\n', "\n              ")),
            ("Hostname", self.hostname.to_owned()),
            ("FQDN", self.fqdn.to_owned()),
            ("Domain", self.domain.to_owned()),
            ("Private IP", self.private_ip.to_owned()),
            ("Public IP", self.public_ip.to_owned()),
            ("MAC", self.mac.clone().unwrap_or_default()),
            ("System", self.operating_system.to_owned()),
            ("Memory", Some(self.memory).filter(|m| *m > 0).map(memory).unwrap_or_default()),
            (
                "Processors",
                Some(self.processors).filter(|p| *p > 0).map_or_else(String::new, several),
            ),
            ("Console user", self.console_user.to_owned()),
            ("Version", self.version.to_owned()),
            ("Jump Policy", self.jump_policy.to_owned()),
            ("Made", time(self.created)),
            ("Expires", self.expires.map(time).unwrap_or_default()),
        ];
        let known = rows.iter().filter(|(_, value)| !value.is_empty());
        known.into_iter().try_for_each(|(name, value)| writeln!(out, "{name:<13} {value}"))
    }
}

impl Show {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let mut client = context.client().await?;
        client.fetch_inventory().await?;
        let id = select::one(&client.inventory, &self.name)?;
        let json = self.json;
        // An older appliance says nothing of it.
        let warning = match client.ask(request::History { item: id }).await {
            Ok(reply::ItemHistory { warning, .. }) => warning,
            _ => None,
        };
        let item = client.inventory.item(id);
        let print = context.io.print(|out| {
            let Some(item) = item else {
                return Ok(());
            };
            let entry = ItemDetails::of(&client.inventory, &item, warning.as_deref());
            if json {
                serde_json::to_writer(&mut *out, &entry)?;
                return writeln!(out);
            }
            entry.lines(out)
        });
        let outcome = print.await;
        client.close().await;
        outcome
    }
}

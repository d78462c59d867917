//! `jumpdeck simulate`: what would a session grant, and which layer says so?

use super::context::VerbContext;
use super::status::VerbStatus;
use super::{explain, output, select};
use clap::{Args, ValueEnum};
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::configuration::Simulation;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::Whom;
use jumpdeck_protocol::session_policy::{Simulated, StartMethod};
use jumpdeck_protocol::text::clean;
use std::io::{self, Write};

#[derive(Args, Debug)]
pub(crate) struct Simulate {
    /// The item: its name, its host, or `#NUMBER`.
    #[arg(required_unless_present = "named", conflicts_with = "named")]
    item: Option<String>,
    /// The same, as an option.
    #[arg(id = "named", long = "item", value_name = "ITEM")]
    named: Option<String>,
    /// Whose session [default: yours]. Only administrators ask about others.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// How it comes about.
    #[arg(long, value_enum, default_value_t = How::Unattended)]
    start: How,
    /// Whether somebody is at the machine [default: as it was seen last]
    #[arg(long, value_enum, value_name = "PRESENCE")]
    customer: Option<CustomerPresence>,
    /// When: 2027-01-31T09:00Z, or 2027-01-31 09:00 in your time zone [default: now]
    #[arg(long, value_name = "TIME", value_parser = explain::moment)]
    at: Option<Timestamp>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum How {
    /// The representative jumps.
    Unattended,
    /// The customer starts it with a session key.
    Attended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CustomerPresence {
    /// Somebody is there.
    Present,
    /// Nobody is.
    NotPresent,
}

impl Simulate {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let mut client = context.client().await?;
        client.fetch_inventory().await?;
        let item = self.item.or(self.named).unwrap_or_default();
        let item = select::one(&client.inventory, &item)?;
        let whom = self.user.map_or(Whom::Me, |user| Whom::User(user.into()));
        let method = match self.start {
            How::Unattended => StartMethod::Unattended,
            How::Attended => StartMethod::Attended,
        };
        let present = self.customer.map(|presence| presence == CustomerPresence::Present);
        let request = request::Simulate { whom, item, method, present, at: self.at };
        let answer = client.ask(request).await;
        client.close().await;
        let simulation = answer?;
        let json = self.json;
        let person = context.io.is_terminal();
        let print = context.io.print(|out| {
            if json {
                serde_json::to_writer(&mut *out, &simulation)?;
                return writeln!(out);
            }
            write(person, &simulation, out)
        });
        print.await
    }
}

fn write(person: bool, simulation: &Simulation, out: &mut dyn Write) -> io::Result<()> {
    explain::line(&simulation.start, false, out)?;
    let there = if simulation.customer_present { "is" } else { "is not" };
    writeln!(out, "The customer {there} present.\n")?;
    let row = |one: &Simulated| {
        let lower = one.lower.iter().map(|lower| {
            let says = lower.value.as_deref().unwrap_or("not defined");
            format!("{}: {says}", lower.layer.title())
        });
        let by = format!("{} ({})", clean(&one.policy), one.layer.title());
        let lower = clean(&lower.collect::<Vec<_>>().join(" · ")).into_owned();
        [one.permission.as_str().to_owned(), clean(&one.value).into_owned(), by, lower]
    };
    let rows: Vec<_> = simulation.permissions.iter().map(row).collect();
    output::table_for(person, ["PERMISSION", "VALUE", "SAID BY", "LOWER LAYERS"], &rows, out)
}

//! `jumpdeck explain`: why may somebody do something with an item, and who may.

use super::context::VerbContext;
use super::select;
use super::status::VerbStatus;
use clap::Args;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::{Answer, Permission, Whom};
use jumpdeck_protocol::text::clean;
use std::io::{self, Write};

#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The item: its name, its host, or `#NUMBER`.
    #[arg(required_unless_present = "named", conflicts_with = "named")]
    item: Option<String>,
    /// The same, as an option.
    #[arg(id = "named", long = "item", value_name = "ITEM")]
    named: Option<String>,
    /// Whom it is about [default: you]. Only administrators ask about others.
    #[arg(long, value_name = "NAME", conflicts_with = "everybody")]
    user: Option<String>,
    /// About everybody: who may?
    #[arg(long)]
    everybody: bool,
    /// What is to be done, as perm_start [default: everything]
    #[arg(long, value_name = "PERMISSION", value_parser = action)]
    action: Option<Permission>,
    /// When: 2027-01-31T09:00Z, or 2027-01-31 09:00 in your time zone [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<Timestamp>,
    /// Print one JSON object per line: `user`, `action`, `allowed`, `because`.
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let mut client = context.client().await?;
        client.fetch_inventory().await?;
        let item = self.item.or(self.named).unwrap_or_default();
        let item = select::one(&client.inventory, &item)?;
        let whom = match (self.everybody, self.user) {
            (true, _) => Whom::Everybody,
            (false, Some(user)) => Whom::User(user.into()),
            (false, None) => Whom::Me,
        };
        let (action, at) = (self.action, self.at);
        let answer = client.ask(request::Explain { whom, item, action, at }).await;
        client.close().await;
        let reply::Explained { mut answers } = answer?;
        // What is asked most comes first: whether a session can be started.
        if !self.everybody {
            answers.sort_by_key(|answer| answer.action != Permission::PermStart);
        }
        let json = self.json;
        context.io.print(|out| answers.iter().try_for_each(|answer| line(answer, json, out))).await
    }
}

pub(super) fn line(answer: &Answer, json: bool, out: &mut dyn Write) -> io::Result<()> {
    if json {
        serde_json::to_writer(&mut *out, answer)?;
        return writeln!(out);
    }
    let may = if answer.allowed { "may" } else { "may not" };
    let action = answer.action;
    writeln!(out, "{} {may} {} ({})", clean(&answer.user), action.title(), action.as_str())?;
    for step in &answer.because {
        writeln!(out, "    {} {}", clean(&step.source), clean(&step.says))?;
    }
    Ok(())
}

fn action(text: &str) -> Result<Permission, String> {
    let known = Permission::ALL.iter().copied();
    let all: Vec<_> = known.clone().map(Permission::as_str).collect();
    let found = known.into_iter().find(|permission| permission.as_str() == text);
    found.ok_or_else(|| format!("it is one of {}", all.join(", ")))
}

pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong = || "times look like 2027-01-31T09:00Z or 2027-01-31 09:00".to_owned();
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp(instant.as_second()));
    }
    let civil: DateTime = text.parse().map_err(|_| wrong())?;
    let zoned = civil.to_zoned(TimeZone::system()).map_err(|_| wrong())?;
    Ok(Timestamp(zoned.timestamp().as_second()))
}

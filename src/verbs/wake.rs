//! `jumpdeck wake`: machines are woken by a neighbour of theirs.

use super::context::VerbContext;
use super::status::VerbStatus;
use super::targets::Targets;
use crate::link::{Client, ClientError};
use anyhow::Context;
use clap::Args;
use jumpdeck_console::core::LinkEvent;
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::inventory::Status as Stand;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::text::clean;
use jumpdeck_protocol::wake::SecureOn;
use serde::Serialize;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The variable with what the machine wants to hear.
const SECURE_ON: &str = "JUMPDECK_SECURE_ON";

#[derive(Args, Debug)]
pub(crate) struct WakeVerb {
    #[command(flatten)]
    targets: Targets,
    /// Wait until they are online, for so many seconds at most; not in time: exit status 1.
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
    /// Print one JSON object per line: what came of each.
    #[arg(long)]
    json: bool,
}

/// What came of a machine, as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct WakeReport<'a> {
    id: u64,
    name: &'a str,
    /// Who sent it the magic packet.
    helper: Option<&'a str>,
    /// Why nobody did, or that it did not come up in time.
    error: Option<&'a str>,
}

impl WakeVerb {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let password = context.io.variable(SECURE_ON);
        let password = password.map(|text| text.parse::<SecureOn>()).transpose();
        let password = password.with_context(|| SECURE_ON.to_owned())?;
        let mut client = context.client().await?;
        let (items, whole) = self.targets.find(&mut client, &context.io).await?;
        if !self.targets.are_meant(&items, &client, &mut context.io, "Wake").await? {
            client.close().await;
            let said =
                if self.targets.only_lists() { VerbStatus::DONE } else { VerbStatus::FAILED };
            return Ok(whole.outcome(said));
        }
        let mut status = VerbStatus::DONE;
        let mut called = Vec::new();
        for item in items {
            let name = client.inventory.name(item).unwrap_or_default().to_owned();
            match client.ask(request::Wake { item, password }).await {
                Ok(reply::WakeHelper { helper }) => {
                    called.push(item);
                    self.tell(context, (item, &name), Ok(&clean(&helper))).await?;
                }
                Err(ClientError::Refused(refusal)) => {
                    status = VerbStatus::FAILED;
                    self.tell(context, (item, &name), Err(&refusal.to_string())).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(seconds) = self.wait {
            let missing = wait(&mut client, &called, Duration::from_secs(seconds)).await?;
            for item in missing {
                status = VerbStatus::FAILED;
                let name = client.inventory.name(item).unwrap_or_default();
                let why = format!("it did not come up within {seconds} s");
                self.tell(context, (item, name), Err(&why)).await?;
            }
        }
        client.close().await;
        Ok(whole.outcome(status))
    }
}

impl WakeVerb {
    /// Says who called a machine, or why nobody did.
    async fn tell(
        &self,
        context: &VerbContext,
        (item, name): (ItemId, &str),
        outcome: Result<&str, &str>,
    ) -> anyhow::Result<()> {
        if self.json {
            let (helper, error) = (outcome.ok(), outcome.err());
            let line = serde_json::to_string(&WakeReport { id: item.0, name, helper, error })?;
            context.io.print(|out| writeln!(out, "{line}")).await?;
            return Ok(());
        }
        let words = match outcome {
            Ok(helper) => format!("{name}: {helper} has sent it the magic packet."),
            Err(why) => format!("jumpdeck: {name}: {why}"),
        };
        context.io.say(&words).await;
        Ok(())
    }
}

/// Waits until machines are online. Returns those that are not.
async fn wait(
    client: &mut Client,
    called: &[ItemId],
    patience: Duration,
) -> anyhow::Result<Vec<ItemId>> {
    let deadline = Instant::now() + patience;
    loop {
        let up = |item: &ItemId| {
            matches!(client.inventory.presence(*item).status, Stand::Online | Stand::InUse)
        };
        let missing: Vec<_> = called.iter().copied().filter(|item| !up(item)).collect();
        if missing.is_empty() {
            return Ok(missing);
        }
        match timeout_at(deadline, client.next()).await {
            Ok(Ok(LinkEvent::Down { reason })) => return Err(ClientError::NoLink(reason).into()),
            Ok(event) => drop(event?),
            Err(_) => return Ok(missing),
        }
    }
}

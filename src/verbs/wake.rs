//! `jumpdeck wake`: machines are woken by a neighbour of theirs.

use super::desk::Desk;
use super::select;
use super::status::Status;
use crate::core::LinkEvent;
use crate::link::{Client, ClientError};
use anyhow::Context;
use clap::Args;
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::inventory::Status as Stand;
use jumpdeck_protocol::rep::{RepReply, RepRequest};
use jumpdeck_protocol::text::clean;
use jumpdeck_protocol::wake::SecureOn;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The variable with what the machine wants to hear.
const SECURE_ON: &str = "JUMPDECK_SECURE_ON";

#[derive(Args, Debug)]
pub(crate) struct Wake {
    /// The machines: a name, a host name, a part of either, or # and a number. A SecureOn password
    /// is read from the variable JUMPDECK_SECURE_ON.
    #[arg(required = true)]
    names: Vec<String>,
    /// Wait until they are online, for so many seconds at the most; not in time: exit status 1.
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
}

impl Wake {
    pub(super) async fn run(self, desk: &mut Desk) -> anyhow::Result<Status> {
        let password = desk.io.variable(SECURE_ON);
        let password = password.map(|text| text.parse::<SecureOn>()).transpose();
        let password = password.with_context(|| SECURE_ON.to_owned())?;
        let mut client = desk.client().await?;
        client.fetch_inventory().await?;
        let items = self.names.iter().map(|name| select::one(&client.inventory, name));
        let items = items.collect::<anyhow::Result<Vec<_>>>()?;
        let mut status = Status::DONE;
        let mut called = Vec::new();
        for item in items {
            let name = client.inventory.name(item).unwrap_or_default().to_owned();
            let words = match client.ask(RepRequest::Wake { item, password }).await {
                Ok(RepReply::Waking { helper }) => {
                    called.push(item);
                    format!("{name}: {} has sent it the magic packet.", clean(&helper))
                }
                Ok(_) => return Err(ClientError::OddAnswer.into()),
                Err(ClientError::Refused(refusal)) => {
                    status = Status::FAILED;
                    format!("jumpdeck: {name}: {refusal}")
                }
                Err(error) => return Err(error.into()),
            };
            desk.io.say(&words).await;
        }
        if let Some(seconds) = self.wait {
            let missing = wait(&mut client, &called, Duration::from_secs(seconds)).await?;
            for item in missing {
                status = Status::FAILED;
                let name = client.inventory.name(item).unwrap_or_default();
                desk.io.say(&format!("jumpdeck: {name} did not come up within {seconds} s")).await;
            }
        }
        client.close().await;
        Ok(status)
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
        let up = |item: &ItemId| client.inventory.presence(*item).status == Stand::Online;
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

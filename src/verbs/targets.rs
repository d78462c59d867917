//! The machines that a verb acts on: none by mistake, and many only when that is meant.

use super::select::{self, Whole};
use super::stdio::Stdio;
use crate::link::Client;
use anyhow::bail;
use clap::Args;
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::text::clean;
use std::collections::HashSet;

/// So many are acted on without a question.
const FEW: usize = 10;
/// Names that a question lists.
const LISTED: usize = 5;

#[derive(Args, Debug, Default)]
pub(crate) struct Targets {
    /// Also every item that this query finds, as `ls` understands it; one that is empty or not
    /// finished is refused.
    #[arg(long, value_name = "QUERY", conflicts_with = "all", allow_hyphen_values = true)]
    query: Option<String>,
    /// Every item that you may see.
    #[arg(long)]
    all: bool,
    /// List the machines, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask, however many machines there are. Without it, more than ten are confirmed at a
    /// terminal and refused without one.
    #[arg(short, long)]
    yes: bool,
    /// The machines: a name, a host name, a part of either, or # and a number.
    #[arg(required_unless_present_any = ["query", "all"], value_name = "NAME")]
    names: Vec<String>,
}

impl Targets {
    /// One machine.
    pub(super) fn one(name: String) -> Self {
        Self { names: vec![name], ..Self::default() }
    }

    /// Whether they were named one by one.
    pub(super) const fn are_named(&self) -> bool {
        self.query.is_none() && !self.all
    }

    /// Whether nothing is to be done.
    pub(super) const fn only_lists(&self) -> bool {
        self.dry_run
    }

    /// Which they are, each once, in the order in which they were said; and whether a query could
    /// judge them all.
    ///
    /// # Errors
    /// When a name or the query fits none, or a query would find more than was meant.
    pub(super) async fn find(
        &self,
        client: &mut Client,
        io: &Stdio,
    ) -> anyhow::Result<(Vec<ItemId>, Whole)> {
        client.fetch_inventory().await?;
        let (mut items, mut whole) = (Vec::new(), Whole::Yes);
        for name in &self.names {
            items.push(select::one(&client.inventory, name)?);
        }
        if let Some(query) = &self.query {
            let found = select::acted_on(client, query, io).await?;
            items.extend(found.items.iter().map(|item| item.id()));
            whole = found.whole;
        }
        if self.all {
            let all = select::matching(&client.inventory, "")?;
            items.extend(all.iter().map(|item| item.id()));
        }
        let mut seen = HashSet::new();
        items.retain(|item| seen.insert(*item));
        if items.is_empty() {
            bail!("no item matches; `jumpdeck ls` lists them");
        }
        Ok((items, whole))
    }

    /// Whether to go on: not if they are only to be listed, or the rep says no to so many. `what`
    /// is done to them, as in “Run it on”.
    ///
    /// # Errors
    /// When they are many and nobody is there to be asked.
    pub(super) async fn are_meant(
        &self,
        items: &[ItemId],
        client: &Client,
        io: &mut Stdio,
        what: &str,
    ) -> anyhow::Result<bool> {
        let name =
            |item: &ItemId| clean(client.inventory.name(*item).unwrap_or_default()).into_owned();
        if self.dry_run {
            let names: Vec<_> = items.iter().map(|item| (item, name(item))).collect();
            io.print(|out| {
                names.iter().try_for_each(|(item, name)| writeln!(out, "#{item} {name}"))
            })
            .await?;
            return Ok(false);
        }
        if items.len() <= FEW || self.yes {
            return Ok(true);
        }
        if !io.somebody_is_there() {
            bail!("these are {} machines; --yes says that so many are meant", items.len());
        }
        let names: Vec<_> = items.iter().take(LISTED).map(name).collect();
        let (count, names) = (items.len(), names.join(", "));
        let answer = io.line(&format!("{what} {count} machines ({names}, …)? y/n ")).await?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}

//! From a name on the command line to one item.

use super::status::VerbStatus;
use super::stdio::Stdio;
use crate::link::Client;
use anyhow::{anyhow, bail};
use jumpdeck_console::core::inventory::{Inventory, Item, List, Look, Scope, matching as search};
use jumpdeck_console::core::query::Query;
use jumpdeck_protocol::{ItemId, Timestamp};
use std::time::SystemTime;

/// What a query found.
pub(super) struct Selected {
    /// The items.
    pub items: List,
    /// Whether that is all.
    pub whole: Whole,
}

/// Whether a query could judge every item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// It could.
    Yes,
    /// Machines did not send the figures that it asks for.
    FiguresMissing,
}

impl Whole {
    /// How a verb ends that ended so with what was found: what is not known of some is no success.
    pub(super) fn outcome(self, status: VerbStatus) -> VerbStatus {
        if status == VerbStatus::DONE && self == Self::FiguresMissing {
            VerbStatus::FAILED
        } else {
            status
        }
    }
}

/// Names that an ambiguity lists at most.
const LISTED: usize = 10;

/// Reads a query.
///
/// # Errors
/// When it means nothing; the text says what would be right.
pub(super) fn read(query: &str) -> anyhow::Result<Query> {
    Ok(query.parse()?)
}

/// The items that a query finds, in the order of their names.
///
/// # Errors
/// When the query means nothing; the text says what would be right.
pub(super) fn matching(inventory: &Inventory, query: &str) -> anyhow::Result<List> {
    let now = Timestamp::from_system(SystemTime::now());
    Ok(search(inventory.picture(), &Look::at(Scope::All, read(query)?, now)))
}

/// The items that something is to be done to.
///
/// # Errors
/// When the query is empty, not finished, or means nothing; the text says what would be right.
pub(super) async fn acted_on(
    client: &mut Client,
    query: &str,
    io: &Stdio,
) -> anyhow::Result<Selected> {
    let whole = Query::whole(query);
    let query = whole.map_err(|error| anyhow!("--query: {error} `--all` says every item."))?;
    found(client, query, io).await
}

/// The items that a query finds, once the machines were measured, if it asks for that.
///
/// # Errors
/// When the link is gone.
pub(super) async fn found(
    client: &mut Client,
    query: Query,
    io: &Stdio,
) -> anyhow::Result<Selected> {
    let missing = if query.depends_on_figures() { client.fetch_figures().await? } else { 0 };
    if missing > 0 {
        let machines = if missing == 1 { "machine" } else { "machines" };
        let words = format!(
            "jumpdeck: {missing} {machines} did not send figures in time; the result may be incomplete."
        );
        io.say(&words).await;
    }
    let now = Timestamp::from_system(SystemTime::now());
    let items = search(client.inventory.picture(), &Look::at(Scope::All, query, now));
    let whole = if missing == 0 { Whole::Yes } else { Whole::FiguresMissing };
    Ok(Selected { items, whole })
}

/// The one item of this name: by its number, its name, its host name (either as it is written, then in
/// any case), or a part of either.
///
/// # Errors
/// When none or several fit; the text says which.
pub(super) fn one(inventory: &Inventory, name: &str) -> anyhow::Result<ItemId> {
    if name.trim().is_empty() {
        bail!("an empty name means no item");
    }
    let all = matching(inventory, "")?;
    let lower = name.to_lowercase();
    let number = name.strip_prefix('#').and_then(|id| id.parse().ok()).map(ItemId);
    let number = |item: &Item<'_>| Some(item.id()) == number;
    let exact = |item: &Item<'_>| item.name() == name;
    let named = |item: &Item<'_>| item.name().to_lowercase() == lower;
    let exact_host = |item: &Item<'_>| item.hostname() == name;
    let host = |item: &Item<'_>| item.hostname().to_lowercase() == lower;
    let part = |item: &Item<'_>| {
        item.name().to_lowercase().contains(&lower)
            || item.hostname().to_lowercase().contains(&lower)
    };
    // The nearer a name is to what was said, the more it counts.
    let tiers: [&dyn Fn(&Item<'_>) -> bool; 6] =
        [&number, &exact, &named, &exact_host, &host, &part];
    let fitting = tiers.iter().map(|fits| all.iter().filter(|item| fits(item)).collect::<Vec<_>>());
    let fitting = fitting.into_iter().find(|items| !items.is_empty()).unwrap_or_default();
    match fitting.as_slice() {
        [] => bail!("no item is called {name:?}; `jumpdeck ls` lists them"),
        [only] => Ok(only.id()),
        several => {
            let names = several.iter().take(LISTED);
            let names: Vec<_> =
                names.map(|item| format!("{} (#{})", item.name(), item.id())).collect();
            let more = several.len().saturating_sub(LISTED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            bail!("{name:?} fits {} items: {}{more}", several.len(), names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpdeck_protocol::inventory::{InventoryPart, ItemView};
    use std::sync::Arc;

    /// Items of these names and host names, numbered from one.
    fn inventory(items: &[(&str, &str)]) -> Inventory {
        let item = |(index, (name, host)): (usize, &(&str, &str))| {
            let mut item = ItemView { name: (*name).into(), ..ItemView::default() };
            item.id = ItemId(index as u64 + 1);
            item.facts.hostname = (*host).into();
            Arc::new(item)
        };
        let items = items.iter().enumerate().map(item).collect();
        let mut inventory = Inventory::default();
        inventory.take(InventoryPart { reset: true, items, ..InventoryPart::default() });
        inventory
    }

    fn pick(name: &str, items: &[(&str, &str)]) -> Result<u64, String> {
        one(&inventory(items), name).map(|item| item.0).map_err(|error| error.to_string())
    }

    #[test]
    fn the_nearest_name_wins() {
        let names = [("vm", ""), ("VM", ""), ("vm-two", ""), ("#1", "")];
        assert_eq!(pick("vm", &names), Ok(1));
        assert_eq!(pick("VM", &names), Ok(2));
        assert_eq!(pick("vm-t", &names), Ok(3));
        assert_eq!(pick("#1", &names), Ok(1), "a number cannot be taken by a name");
        assert!(pick("Vm", &names).unwrap_err().contains("fits 2 items"));
    }

    #[test]
    fn a_name_beats_another_items_host_name() {
        let items = [("vm", ""), ("web", "vm")];
        assert_eq!(pick("vm", &items), Ok(1));
        assert_eq!(pick("VM", &items), Ok(1));
    }

    #[test]
    fn an_empty_name_means_nothing() {
        assert!(pick("", &[]).is_err() && pick("  ", &[]).is_err());
    }
}

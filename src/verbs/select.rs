//! From a name on the command line to one item.

use crate::core::inventory::{Inventory, Row};
use crate::core::search::{Job, Scope, Wanted, run};
use anyhow::bail;
use jumpdeck_protocol::ItemId;
use std::sync::Arc;

/// Names that an ambiguity lists at the most.
const LISTED: usize = 10;

/// The items that a query finds, in the order of their names.
pub(super) fn matching(inventory: &mut Inventory, query: &str) -> Arc<Vec<Arc<Row>>> {
    let rows = inventory.sorted();
    run(Job { generation: 0, rows, wanted: Wanted::Words(Scope::All, query.to_owned()) }).rows
}

/// The one item of this name: by its number, its exact name or host, either in any case, or a part
/// of either.
///
/// # Errors
/// When none or several fit; the text says which.
pub(super) fn one(inventory: &mut Inventory, name: &str) -> anyhow::Result<ItemId> {
    if name.trim().is_empty() {
        bail!("an empty name means no item");
    }
    let rows = inventory.sorted();
    let lower = name.to_lowercase();
    let number = |row: &Row| name.strip_prefix('#').is_some_and(|id| id == row.view.id.to_string());
    let exact = |row: &Row| *row.view.name == *name || *row.view.facts.hostname == *name;
    let whole = |row: &Row| {
        row.view.name.to_lowercase() == lower || row.view.facts.hostname.to_lowercase() == lower
    };
    let part = |row: &Row| {
        row.view.name.to_lowercase().contains(&lower)
            || row.view.facts.hostname.to_lowercase().contains(&lower)
    };
    // The nearer a name is to what was said, the more it counts.
    let tiers: [&dyn Fn(&Row) -> bool; 4] = [&number, &exact, &whole, &part];
    let fitting = tiers.iter().map(|fits| rows.iter().filter(|row| fits(row)).collect::<Vec<_>>());
    let fitting = fitting.into_iter().find(|rows| !rows.is_empty()).unwrap_or_default();
    match fitting.as_slice() {
        [] => bail!("no item is called {name:?}; `jumpdeck ls` lists them"),
        [only] => Ok(only.view.id),
        several => {
            let names = several.iter().take(LISTED);
            let names: Vec<_> =
                names.map(|row| format!("{} (#{})", row.view.name, row.view.id)).collect();
            let more = several.len().saturating_sub(LISTED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            bail!("{name:?} fits {} items: {}{more}", several.len(), names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::sample;

    fn pick(name: &str, rename: &[(usize, &str)]) -> Result<u64, String> {
        let mut part = sample();
        for (index, name) in rename {
            part.items[*index].name = (*name).into();
        }
        let mut inventory = Inventory::default();
        inventory.take(part);
        one(&mut inventory, name).map(|item| item.0).map_err(|error| error.to_string())
    }

    #[test]
    fn the_nearest_name_wins() {
        let names = [(0, "vm"), (1, "VM"), (2, "vm-two"), (3, "#1")];
        assert_eq!(pick("vm", &names), Ok(1));
        assert_eq!(pick("VM", &names), Ok(2));
        assert_eq!(pick("vm-t", &names), Ok(3));
        assert_eq!(pick("#1", &names), Ok(1), "a number cannot be taken by a name");
        assert!(pick("Vm", &names).unwrap_err().contains("fits 2 items"));
    }

    #[test]
    fn an_empty_name_means_nothing() {
        assert!(pick("", &[]).is_err() && pick("  ", &[]).is_err());
    }
}

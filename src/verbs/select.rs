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

/// The one item of this name: by its number, its exact name or host, or, if only one matches, by
/// a part of either.
///
/// # Errors
/// When none or several fit; the text says which.
pub(super) fn one(inventory: &mut Inventory, name: &str) -> anyhow::Result<ItemId> {
    let rows = inventory.sorted();
    let exact = |row: &&Arc<Row>| {
        row.view.name.eq_ignore_ascii_case(name)
            || row.view.facts.hostname.eq_ignore_ascii_case(name)
            || name.strip_prefix('#').is_some_and(|id| id == row.view.id.to_string())
    };
    let mut fitting: Vec<_> = rows.iter().filter(exact).cloned().collect();
    if fitting.is_empty() {
        let wanted = name.to_lowercase();
        let part = |row: &&Arc<Row>| {
            row.view.name.to_lowercase().contains(&wanted)
                || row.view.facts.hostname.to_lowercase().contains(&wanted)
        };
        fitting = rows.iter().filter(part).cloned().collect();
    }
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

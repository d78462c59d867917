//! The jump screen: the tree, the list and the search.

use super::input::Input;
use super::inventory::{Counts, Inventory, Item, List};
use super::query::{Query, QueryError};
use super::tree::Tree;
use jumpdeck_protocol::ItemId;
use std::collections::BTreeSet;

/// Which pane the keys go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// The tree.
    Tree,
    /// The list.
    #[default]
    List,
    /// The search line above the list.
    Search,
    /// The line in which a row of the tree is looked for.
    TreeFind,
}

/// The state of the jump screen.
#[derive(Debug, Default)]
pub struct Jump {
    /// Where the keys go.
    pub focus: Focus,
    /// The tree.
    pub tree: Tree,
    /// What is looked for in the tree.
    pub find: Input,
    /// Nothing is called so.
    pub find_missed: bool,
    /// The items that are marked.
    pub marked: BTreeSet<ItemId>,
    /// How many of them the list does not show.
    pub hidden_marks: usize,
    /// What is searched for, as it is typed.
    pub search: Input,
    /// What that means; if it means nothing, what it meant before.
    pub query: Query,
    /// What is wrong with it.
    pub mistake: Option<QueryError>,
    /// The items that fit, in the order of the list.
    pub rows: List,
    /// How many of them there are of each kind.
    pub counts: Counts,
    /// The selected item; it stays selected when the list changes around it.
    pub selected: Option<ItemId>,
    /// The first row of the list on the screen.
    pub top: usize,
    /// Rows of the list that fit on the screen.
    pub height: usize,
    /// Details lie over the list, where the screen is too narrow for both.
    pub details: bool,
    position: usize,
    /// The rep chose the selected row; else the first one is selected, whatever it is.
    chosen: bool,
    /// To be selected once it is in the list.
    awaited: Option<ItemId>,
}

impl Jump {
    /// An empty screen whose list has room for `height` rows.
    pub fn new(height: usize) -> Self {
        Self { height, ..Self::default() }
    }

    /// The selected row's number.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// The selected row.
    pub fn row(&self) -> Option<Item<'_>> {
        self.rows.get(self.position)
    }

    /// Reads what is typed. Returns whether it means anything.
    pub fn read_query(&mut self) -> bool {
        match self.search.text().parse() {
            Ok(query) => {
                self.query = query;
                self.mistake = None;
                true
            }
            Err(mistake) => {
                self.mistake = Some(mistake);
                false
            }
        }
    }

    /// Takes a new list and keeps the selection, by identity where it can.
    pub fn show(&mut self, rows: List, inventory: &Inventory) {
        let selected = self.selected.filter(|_| self.chosen);
        let awaited = self.awaited.and_then(|id| inventory.find(&rows, id));
        if awaited.is_some() {
            (self.awaited, self.chosen) = (None, true);
        }
        let same = awaited.or_else(|| selected.and_then(|id| inventory.find(&rows, id)));
        let former = if self.chosen { self.position } else { 0 };
        self.rows = rows;
        self.counts = inventory.count(&self.rows);
        self.go_to(same.unwrap_or(former));
    }

    /// An item is on its way: it will be selected.
    pub const fn select_when_there(&mut self, item: ItemId) {
        self.awaited = Some(item);
    }

    /// Another list is on its way: its first row will be selected.
    pub const fn start_over(&mut self) {
        self.chosen = false;
    }

    /// The rep selects a row by its number.
    pub fn select(&mut self, position: usize) {
        self.chosen = true;
        self.go_to(position);
    }

    fn go_to(&mut self, position: usize) {
        self.position = position.min(self.rows.len().saturating_sub(1));
        self.selected = self.row().map(|item| item.id());
        self.reveal();
    }

    /// Scrolls so that the selected row is on the screen.
    pub fn reveal(&mut self) {
        let height = self.height.max(1);
        let lowest = (self.position + 1).saturating_sub(height);
        let highest = self.rows.len().saturating_sub(height);
        self.top = self.top.clamp(lowest, self.position).min(highest.max(lowest));
    }
}

//! The jump screen: the tree, the list and the search.

use super::input::Input;
use super::inventory::{Inventory, Item, List, TreeCounts};
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

/// How firmly a row is selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hold {
    /// It is the first of a list that is still to come.
    #[default]
    First,
    /// It was shown to the rep, or chosen.
    Seen,
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
    /// The rows of the list: the items that fit, in their order, and maybe one that is kept.
    pub rows: List,
    /// The items that fit.
    pub fitting: List,
    /// The selected item, while it is in the list only because it is selected: it fitted when the
    /// rep saw it, and the cursor does not slide to another by itself.
    pub kept: Option<ItemId>,
    /// The name of the item under the cursor that is there no more; nothing is selected.
    pub gone: Option<String>,
    /// How many of them there are of each kind.
    pub counts: TreeCounts,
    /// The selected item; it stays selected when the list changes around it.
    pub selected: Option<ItemId>,
    /// The first row of the list on the screen.
    pub top: usize,
    /// Rows of the list that fit on the screen.
    pub height: usize,
    /// Details lie over the list, where the screen is too narrow for both.
    pub details: bool,
    position: usize,
    /// Whether the selected row was seen or chosen; else the first one is selected, whatever it is.
    hold: Hold,
    /// To be selected once it is in the list.
    awaited: Option<ItemId>,
}

impl Jump {
    /// The line that is typed here: what is searched for, or looked for in the tree.
    pub(super) const fn input(&mut self) -> &mut Input {
        match self.focus {
            Focus::TreeFind => &mut self.find,
            _ => &mut self.search,
        }
    }

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
        let held = self.hold == Hold::Seen;
        let selected = self.selected.filter(|_| held);
        let awaited = self.awaited.and_then(|id| inventory.find(&rows, id));
        if awaited.is_some() {
            (self.awaited, self.hold) = (None, Hold::Seen);
        }
        let same = awaited.or_else(|| selected.and_then(|id| inventory.find(&rows, id)));
        let former = if held { self.position } else { 0 };
        let name = self.row().filter(|row| Some(row.id()) == selected);
        let name = name.map(|row| row.name().to_owned());
        self.counts = inventory.count(&rows);
        self.kept = None;
        self.gone = self.gone.take().filter(|_| held && same.is_none());
        self.fitting = rows.clone();
        self.rows = rows;
        if let (Some(id), None) = (selected, same) {
            match inventory.held(&self.rows, id, former) {
                Some(rows) => (self.rows, self.kept) = (rows, Some(id)),
                None if self.rows.is_empty() => {}
                None => self.gone = name,
            }
        }
        // While the inventory is still coming, whatever is first is selected.
        if inventory.position().is_some() && !self.rows.is_empty() {
            self.hold = Hold::Seen;
        }
        self.go_to(same.unwrap_or(former));
        if self.gone.is_some() {
            self.selected = None;
        }
    }

    /// Takes a row out that was only kept, once the cursor has left it.
    fn let_go(&mut self) {
        self.gone = None;
        let stays = self.kept.is_some_and(|kept| self.selected == Some(kept));
        if stays || self.kept.take().is_none() {
            return;
        }
        self.rows = self.fitting.clone();
        let selected = self.selected;
        let at = self.rows.iter().position(|item| Some(item.id()) == selected);
        self.go_to(at.unwrap_or(self.position));
    }

    /// An item is on its way: it will be selected.
    pub const fn select_when_there(&mut self, item: ItemId) {
        self.awaited = Some(item);
    }

    /// Another list is on its way: its first row will be selected.
    pub fn start_over(&mut self) {
        (self.hold, self.kept, self.gone) = (Hold::First, None, None);
    }

    /// The rep selects a row by its number.
    pub fn select(&mut self, position: usize) {
        self.hold = Hold::Seen;
        self.go_to(position);
        self.let_go();
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

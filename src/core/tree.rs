//! The tree: all items, the personal list, the Jump Groups and their tags.

use super::inventory::{Inventory, PlaceCount};
use super::search::Scope;
use jumpdeck_protocol::inventory::Place;
use std::collections::BTreeSet;

/// A row of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The items it stands for.
    pub scope: Scope,
    /// Its name.
    pub name: String,
    /// How many items it stands for.
    pub count: usize,
    /// Whether it is unfolded; nothing if there is nothing below it.
    pub unfolded: Option<bool>,
    /// How deep it stands.
    pub depth: u16,
}

/// The tree and where the rep is in it.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    unfolded: BTreeSet<Place>,
    selected: Scope,
}

impl Tree {
    /// The rows.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The items whose row is selected.
    pub const fn selected(&self) -> &Scope {
        &self.selected
    }

    /// The selected row's number.
    pub fn position(&self) -> usize {
        self.nodes.iter().position(|node| node.scope == self.selected).unwrap_or(0)
    }

    /// The selected row.
    pub fn node(&self) -> Option<&Node> {
        self.nodes.get(self.position())
    }

    /// Moves the selection.
    pub fn select(&mut self, position: usize) {
        if let Some(node) = self.nodes.get(position.min(self.nodes.len().saturating_sub(1))) {
            self.selected = node.scope.clone();
        }
    }

    /// Folds or unfolds the selected group. Returns whether there was anything to do.
    pub fn set_unfolded(&mut self, unfold: bool) -> bool {
        let Some(node) = self.node() else {
            return false;
        };
        match (node.scope.clone(), node.unfolded) {
            (Scope::Place(place), Some(now)) if now != unfold => {
                if unfold {
                    self.unfolded.insert(place)
                } else {
                    self.unfolded.remove(&place)
                }
            }
            (Scope::Tag(place, _), _) if !unfold => {
                self.selected = Scope::Place(place);
                self.unfolded.remove(&place)
            }
            _ => false,
        }
    }

    /// Reckons the rows anew.
    pub fn rebuild(&mut self, inventory: &Inventory) {
        self.nodes = vec![node(Scope::All, "All Items", inventory.len(), 0)];
        for PlaceCount { place, name, count, tags } in inventory.places() {
            let unfolded = self.unfolded.contains(&place);
            let mut group = node(Scope::Place(place), name, count, 0);
            group.unfolded = (!tags.is_empty()).then_some(unfolded);
            self.nodes.push(group);
            for (tag, count) in tags.into_iter().filter(|_| unfolded) {
                self.nodes.push(node(Scope::Tag(place, tag.into()), tag, count, 1));
            }
        }
        if !self.nodes.iter().any(|node| node.scope == self.selected) {
            self.selected = Scope::All;
        }
    }
}

fn node(scope: Scope, name: &str, count: usize, depth: u16) -> Node {
    Node { scope, name: name.to_owned(), count, unfolded: None, depth }
}

//! The tree: all items, what was used, saved searches, the own list, the Jump Groups and their
//! tags, and below them the lists of others.

use super::inventory::{Inventory, PlaceCount};
use super::search::Scope;
use jumpdeck_protocol::inventory::Place;
use std::collections::BTreeSet;

/// A row of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The items it stands for; nothing for a heading.
    pub scope: Option<Scope>,
    /// Its name.
    pub name: String,
    /// How many items it stands for, where that is known.
    pub count: Option<usize>,
    /// Whether it is unfolded; nothing if there is nothing below it.
    pub unfolded: Option<bool>,
    /// How deep it stands.
    pub depth: u16,
    /// It is there only because it is selected: its group, or its tag, is no more.
    pub gone: bool,
}

/// A saved search as the tree shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dynamic {
    /// Its name.
    pub name: Box<str>,
    /// How many items it finds, once that was reckoned.
    pub count: Option<usize>,
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
        let selected = Some(&self.selected);
        self.nodes.iter().position(|node| node.scope.as_ref() == selected).unwrap_or(0)
    }

    /// The selected row.
    pub fn node(&self) -> Option<&Node> {
        self.nodes.get(self.position())
    }

    /// Moves the selection; past a heading, in the same direction.
    pub fn select(&mut self, position: usize) {
        let last = self.nodes.len().saturating_sub(1);
        let position = position.min(last);
        let down = position >= self.position();
        let is_scope = |n: &usize| self.nodes.get(*n).is_some_and(|node| node.scope.is_some());
        let found = if down {
            (position..=last).find(is_scope).or_else(|| (0..position).rev().find(is_scope))
        } else {
            (0..=position).rev().find(is_scope)
        };
        if let Some(scope) = found.and_then(|n| self.nodes.get(n)?.scope.clone()) {
            self.select_scope(scope);
        }
    }

    /// Selects what a scope stands for.
    pub fn select_scope(&mut self, scope: Scope) {
        self.nodes.retain(|node| !node.gone || node.scope.as_ref() == Some(&scope));
        self.selected = scope;
    }

    /// Folds or unfolds the selected group. Returns whether there was anything to do.
    pub fn set_unfolded(&mut self, unfold: bool) -> bool {
        let Some(node) = self.node() else {
            return false;
        };
        match (node.scope.clone(), node.unfolded) {
            (Some(Scope::Place(place)), Some(now)) if now != unfold => {
                if unfold {
                    self.unfolded.insert(place)
                } else {
                    self.unfolded.remove(&place)
                }
            }
            (Some(Scope::Tag(place, _)), _) if !unfold => {
                self.selected = Scope::Place(place);
                self.unfolded.remove(&place)
            }
            _ => false,
        }
    }

    /// The places that are unfolded.
    pub fn unfolded(&self) -> Vec<Place> {
        self.unfolded.iter().copied().collect()
    }

    /// Takes over which places are unfolded.
    pub fn remember(&mut self, unfolded: &[Place]) {
        self.unfolded = unfolded.iter().copied().collect();
    }

    /// Selects the row whose name is most like a text: that begins with it, else holds it. Tags of
    /// folded groups count too. Returns whether there is one.
    pub fn find(&mut self, text: &str, inventory: &Inventory, saved: &[Dynamic]) -> bool {
        let wanted = text.to_lowercase();
        let mut names: Vec<(Scope, String)> = saved
            .iter()
            .map(|one| (Scope::Saved(one.name.clone()), one.name.to_string()))
            .collect();
        for PlaceCount { place, name, tags, .. } in inventory.places() {
            names.push((Scope::Place(place), name.to_owned()));
            names.extend(
                tags.iter().map(|(t, _)| (Scope::Tag(place, (*t).into()), (*t).to_owned())),
            );
        }
        for (_, name) in &mut names {
            *name = name.to_lowercase();
        }
        let begins = names.iter().find(|(_, name)| name.starts_with(&wanted));
        let holds = || names.iter().find(|(_, name)| name.contains(&wanted));
        let Some((scope, _)) = begins.or_else(holds) else {
            return false;
        };
        if let Scope::Tag(place, _) = scope {
            self.unfolded.insert(*place);
        }
        self.select_scope(scope.clone());
        true
    }

    /// Reckons the rows again.
    pub fn rebuild(&mut self, inventory: &Inventory, recent: usize, saved: &[Dynamic]) {
        let former = (self.position(), self.node().cloned());
        self.nodes = vec![node(Scope::All, "All Items", inventory.len())];
        self.nodes.push(node(Scope::Recent, "Recently Used", recent));
        for one in saved {
            let scope = Scope::Saved(one.name.clone());
            self.nodes.push(Node { count: one.count, ..node(scope, &one.name, 0) });
        }
        let mut headed = false;
        for PlaceCount { place, name, count, tags } in inventory.places() {
            if inventory.is_anothers(place) && !std::mem::replace(&mut headed, true) {
                self.nodes.push(heading("Representatives"));
            }
            let unfolded = self.unfolded.contains(&place);
            let mut group = node(Scope::Place(place), name, count);
            group.unfolded = (!tags.is_empty()).then_some(unfolded);
            self.nodes.push(group);
            for (tag, count) in tags.into_iter().filter(|_| unfolded) {
                let tag = node(Scope::Tag(place, tag.into()), tag, count);
                self.nodes.push(Node { depth: 1, ..tag });
            }
        }
        if !self.has_selected() {
            self.keep(former);
        }
    }

    fn has_selected(&self) -> bool {
        self.nodes.iter().any(|node| node.scope.as_ref() == Some(&self.selected))
    }

    /// Keeps the row of a group or a tag that others removed, while it is selected: the list must not
    /// change to another by itself. A group the rep folded, or a search they forgot, is left instead.
    fn keep(&mut self, (position, node): (usize, Option<Node>)) {
        let folded = match &self.selected {
            Scope::Tag(place, _) if !self.unfolded.contains(place) => Some(*place),
            _ => None,
        };
        let gone = node.filter(|node| node.scope.as_ref() == Some(&self.selected));
        match (folded, gone) {
            (None, Some(node)) if matches!(self.selected, Scope::Place(_) | Scope::Tag(..)) => {
                let mut node = Node { gone: true, count: Some(0), unfolded: None, ..node };
                if let Scope::Tag(place, _) = &self.selected
                    && !self.nodes.iter().any(|node| node.scope == Some(Scope::Place(*place)))
                {
                    // Its group is gone as well: it does not belong to the one that is there now.
                    node.depth = 0;
                }
                self.nodes.insert(position.min(self.nodes.len()), node);
            }
            (Some(place), _) => self.selected = Scope::Place(place),
            (None, _) => self.selected = Scope::All,
        }
        if !self.has_selected() {
            self.selected = Scope::All;
        }
    }
}

fn node(scope: Scope, name: &str, count: usize) -> Node {
    let (name, count) = (name.to_owned(), Some(count));
    Node { scope: Some(scope), name, count, unfolded: None, depth: 0, gone: false }
}

fn heading(name: &str) -> Node {
    Node { scope: None, name: name.to_owned(), count: None, unfolded: None, depth: 0, gone: false }
}

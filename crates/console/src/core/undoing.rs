//! What was done to items can be undone for a minute: properties, moves and copies.

use super::Console;
use super::batch::BatchEdit;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::item::{ItemChange, ItemEdit};
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::{ItemId, Timestamp};
use std::collections::BTreeSet;

/// Seconds for which something can be undone.
const PATIENCE: u64 = 60;

/// What undoes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inverse {
    /// Changes, the other way round.
    Edits(Vec<ItemEdit>),
    /// The copies that were made are removed: those in this place that bear these names and came after
    /// this item.
    Copies { to: Place, originals: Vec<(ItemId, String)>, after: ItemId },
}

/// The last thing that can be undone.
#[derive(Clone, Debug)]
pub(super) struct Undoable {
    /// What it was, as a sentence has it: `50 items were moved to Tills`.
    what: String,
    inverse: Inverse,
    done: Timestamp,
}

impl Inverse {
    /// What undoes these edits.
    pub(super) fn of(edits: &[ItemEdit]) -> Self {
        let inverse = |change: &ItemChange| ItemChange {
            field: change.field,
            from: change.to.clone(),
            to: change.from.clone(),
        };
        let edit = |edit: &ItemEdit| ItemEdit {
            item: edit.item,
            changes: edit.changes.iter().rev().map(inverse).collect(),
        };
        Self::Edits(edits.iter().map(edit).collect())
    }

    /// Leaves out what was not done.
    fn without(self, refused: &BTreeSet<ItemId>) -> Self {
        match self {
            Self::Edits(mut edits) => {
                edits.retain(|edit| !refused.contains(&edit.item));
                Self::Edits(edits)
            }
            Self::Copies { to, mut originals, after } => {
                originals.retain(|(item, _)| !refused.contains(item));
                Self::Copies { to, originals, after }
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Edits(edits) => edits.is_empty(),
            Self::Copies { originals, .. } => originals.is_empty(),
        }
    }
}

impl Console {
    /// Something was done that can be undone. Returns what is to be said of that.
    pub(super) fn can_undo(
        &mut self,
        what: String,
        inverse: Inverse,
        refused: &BTreeSet<ItemId>,
    ) -> String {
        let inverse = inverse.without(refused);
        if inverse.is_empty() {
            return String::new();
        }
        self.list.undoable = Some(Undoable { what, inverse, done: self.now });
        format!(" {} undoes it.", self.key_of("undo"))
    }

    pub(super) fn no_undo(&self) -> Option<String> {
        let patience = |undoable: &&Undoable| self.now.since(undoable.done) <= PATIENCE;
        match self.list.undoable.as_ref().filter(patience) {
            Some(_) => self.no_link(),
            None => Some(format!("Nothing was changed, moved or copied in the last {PATIENCE} s.")),
        }
    }

    pub(super) fn undo(&mut self) {
        let Some(Undoable { what, inverse, .. }) = self.list.undoable.take() else {
            return;
        };
        self.say(&format!("Undoing: {what} …"));
        match inverse {
            Inverse::Edits(edits) => {
                let weigh = super::form::weight;
                let request = |edits| request::EditItems { edits };
                self.begin_batch(BatchEdit::Undo("restored"), edits, weigh, request);
            }
            Inverse::Copies { to, originals, after } => {
                let names: BTreeSet<String> = originals.into_iter().map(|(_, name)| name).collect();
                let items = self.list.inventory.items_after(after);
                let copies = items.filter(|item| item.place() == to && names.contains(item.name()));
                let items: Vec<ItemId> = copies.map(|item| item.id()).collect();
                let request = |items| request::RemoveItems { items };
                self.begin_batch(BatchEdit::Undo("removed again"), items, |_| 16, request);
            }
        }
    }
}

//! Parts of the inventory as they go over the wire, kept for a while: many consoles get the same one,
//! and it is encoded once.

use bytes::Bytes;
use jumpdeck_protocol::control;
use jumpdeck_protocol::inventory::InventoryPart;
use jumpdeck_protocol::rep::{ApplianceNotice, ToRep};
use jumpdeck_protocol::{ItemId, JumpGroupId, Revision};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Copies that are kept at most; each has at most half a message's bytes.
const KEPT: usize = 48;

/// What a part holds. With the World's revision that says what its bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Contents {
    revision: Revision,
    reset: bool,
    last: bool,
    groups: Vec<JumpGroupId>,
    gone_groups: Vec<JumpGroupId>,
    items: Vec<(ItemId, Revision)>,
    gone: Vec<ItemId>,
}

/// The copies, and the order in which they came.
#[derive(Debug, Default)]
struct EncodedParts {
    copies: HashMap<Contents, Bytes>,
    order: VecDeque<Contents>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Copies(Mutex<EncodedParts>);

impl Copies {
    /// A part of the World at `revision`, as a message.
    pub(crate) fn message(&self, revision: Revision, part: InventoryPart) -> Bytes {
        let contents = Contents {
            revision,
            reset: part.reset,
            last: part.position.is_some(),
            groups: part.groups.iter().map(|group| group.id).collect(),
            gone_groups: part.gone_groups.clone(),
            items: part.items.iter().map(|item| (item.id, item.revision)).collect(),
            gone: part.gone.clone(),
        };
        if let Some(copy) = self.lock().copies.get(&contents) {
            return copy.clone();
        }
        // Encoded without the lock: two who come at once both do it, and nobody waits.
        let message: ToRep =
            jumpdeck_protocol::Control::Notice { body: ApplianceNotice::Inventory(part) };
        let bytes = control::encode(&message);
        let mut shelf = self.lock();
        if shelf.copies.insert(contents.clone(), bytes.clone()).is_none() {
            shelf.order.push_back(contents);
        }
        while shelf.order.len() > KEPT {
            if let Some(oldest) = shelf.order.pop_front() {
                shelf.copies.remove(&oldest);
            }
        }
        bytes
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, EncodedParts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpdeck_protocol::inventory::{GroupView, Position};

    fn part(gone: u64, last: bool) -> InventoryPart {
        let position = Position { epoch: "e".into(), revision: Revision(7) };
        InventoryPart {
            groups: vec![GroupView { id: JumpGroupId(1), name: "Lab".into() }],
            gone: vec![ItemId(gone)],
            position: last.then_some(position),
            ..InventoryPart::default()
        }
    }

    #[test]
    fn the_same_part_is_encoded_once_and_another_one_is_another() {
        let copies = Copies::default();
        let first = copies.message(Revision(7), part(1, true));
        let again = copies.message(Revision(7), part(1, true));
        assert_eq!(first.as_ptr(), again.as_ptr());
        for other in [
            copies.message(Revision(7), part(2, true)),
            copies.message(Revision(7), part(1, false)),
        ] {
            assert_ne!(first, other);
        }
        assert_ne!(first.as_ptr(), copies.message(Revision(8), part(1, true)).as_ptr());
    }

    #[test]
    fn only_the_last_ones_are_kept() {
        let copies = Copies::default();
        let first = copies.message(Revision(1), part(1, true));
        for revision in 2..100 {
            copies.message(Revision(revision), part(1, true));
        }
        assert_eq!(copies.lock().copies.len(), KEPT);
        assert_ne!(first.as_ptr(), copies.message(Revision(1), part(1, true)).as_ptr());
    }
}

//! Whether items can be reached: beside the items, because it changes more often.

use super::chunk::CHUNK;
use super::picture::{Slot, place};
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::inventory::Status;
use std::sync::Arc;

/// An item's presence, without its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub status: Status,
    pub since: Option<Timestamp>,
}

/// The presence of the items in all slots. A copy costs a pointer for every few hundred items.
#[derive(Clone, Debug, Default)]
pub(super) struct Standings(Vec<Arc<[Standing; CHUNK]>>);

impl Standings {
    /// The presence of the item in a slot.
    pub(super) fn of(&self, slot: Slot) -> Standing {
        let (chunk, index) = place(slot);
        self.0.get(chunk).and_then(|chunk| chunk.get(index)).copied().unwrap_or_default()
    }

    /// Takes it in.
    pub(super) fn set(&mut self, slot: Slot, standing: Standing) {
        let (chunk, index) = place(slot);
        if chunk >= self.0.len() {
            self.0.resize_with(chunk + 1, || Arc::new([Standing::default(); CHUNK]));
        }
        let chunk = self.0.get_mut(chunk).map(Arc::make_mut);
        if let Some(place) = chunk.and_then(|chunk| chunk.get_mut(index)) {
            *place = standing;
        }
    }

    /// Forgets all of it.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

//! Whether items can be reached: beside the items, because it changes more often.

use super::chunk::CHUNK;
use super::picture::{Slot, place};
use super::pool::Pool;
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::inventory::Status;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An item's presence, without its id, and its figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ItemStanding {
    pub status: Status,
    pub since: Option<Timestamp>,
    pub figures: ItemFigures,
}

/// The figures that are searched for, in percent, where they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ItemFigures {
    known: bool,
    cpu: u8,
    disk: u8,
}

impl ItemFigures {
    pub(super) const fn new(cpu: u8, disk: u8) -> Self {
        Self { known: true, cpu, disk }
    }

    pub(super) fn cpu(self) -> Option<u8> {
        self.known.then_some(self.cpu)
    }

    pub(super) fn disk(self) -> Option<u8> {
        self.known.then_some(self.disk)
    }
}

/// The presence of the items in all slots. A copy costs a pointer for every few hundred items.
#[derive(Clone, Debug, Default)]
pub(super) struct Standings {
    chunks: Vec<Arc<[ItemStanding; CHUNK]>>,
    /// Those that changed since they were shared.
    touched: BTreeSet<usize>,
}

impl Standings {
    /// The presence of the item in a slot.
    pub(super) fn of(&self, slot: Slot) -> ItemStanding {
        let (chunk, index) = place(slot);
        self.chunks.get(chunk).and_then(|chunk| chunk.get(index)).copied().unwrap_or_default()
    }

    /// Takes it in; its figures stay.
    pub(super) fn set(&mut self, slot: Slot, status: Status, since: Option<Timestamp>) {
        let is_linked = matches!(status, Status::Online | Status::InUse);
        self.change(slot, |place| {
            (place.status, place.since) = (status, since);
            // What a machine measured that is away now says nothing.
            if !is_linked {
                place.figures = ItemFigures::default();
            }
        });
    }

    /// Takes all of it in.
    pub(super) fn put(&mut self, slot: Slot, standing: ItemStanding) {
        self.change(slot, |place| *place = standing);
    }

    /// Takes figures in.
    pub(super) fn measured(&mut self, slot: Slot, figures: ItemFigures) {
        self.change(slot, |place| place.figures = figures);
    }

    fn change(&mut self, slot: Slot, change: impl FnOnce(&mut ItemStanding)) {
        let (chunk, index) = place(slot);
        if chunk >= self.chunks.len() {
            self.chunks.resize_with(chunk + 1, || Arc::new([ItemStanding::default(); CHUNK]));
        }
        self.touched.insert(chunk);
        let chunk = self.chunks.get_mut(chunk).map(Arc::make_mut);
        if let Some(place) = chunk.and_then(|chunk| chunk.get_mut(index)) {
            change(place);
        }
    }

    /// Holds together with other replicas what they hold as well.
    pub(super) fn share(&mut self, pool: &Pool) {
        for chunk in std::mem::take(&mut self.touched) {
            if let Some(chunk) = self.chunks.get_mut(chunk) {
                pool.standings(chunk);
            }
        }
    }

    /// Forgets all figures.
    pub(super) fn forget_figures(&mut self) {
        self.touched.extend(0..self.chunks.len());
        for place in self.chunks.iter_mut().flat_map(Arc::make_mut) {
            place.figures = ItemFigures::default();
        }
    }

    /// Forgets all of it but the figures.
    pub(super) fn clear(&mut self) {
        self.touched.extend(0..self.chunks.len());
        for place in self.chunks.iter_mut().flat_map(Arc::make_mut) {
            *place = ItemStanding { figures: place.figures, ..ItemStanding::default() };
        }
    }
}

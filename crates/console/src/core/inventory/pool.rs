//! What many replicas in one process hold alike is held once: reps who see the same items have the
//! same chunks of them.

use super::chunk::{CHUNK, Chunk};
use super::standing::ItemStanding;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Offers between two looks for those that nobody holds any more.
const SWEEP: usize = 1024;

/// What the replicas of one process share.
#[derive(Debug, Default)]
pub struct Pool {
    chunks: PoolPart<Chunk>,
    standings: PoolPart<[ItemStanding; CHUNK]>,
}

impl Pool {
    pub(super) fn chunk(&self, mine: &mut Arc<Chunk>) {
        self.chunks.share(mine);
    }

    pub(super) fn standings(&self, mine: &mut Arc<[ItemStanding; CHUNK]>) {
        self.standings.share(mine);
    }
}

/// What says quickly whether two of a kind can be the same.
pub(super) trait Mark {
    fn mark(&self, to: &mut DefaultHasher);
}

impl Mark for Chunk {
    fn mark(&self, to: &mut DefaultHasher) {
        self.texts.bytes().hash(to);
        self.letters.hash(to);
    }
}

impl Mark for [ItemStanding; CHUNK] {
    fn mark(&self, to: &mut DefaultHasher) {
        for standing in self {
            standing.since.map(|since| since.0).hash(to);
        }
    }
}

/// Things of one kind, by their marks. Nothing is kept alive by standing here.
#[derive(Debug)]
struct PoolPart<T>(Mutex<Known<T>>);

/// How many were offered since the last sweep, and what is here.
type Known<T> = (usize, HashMap<u64, Vec<Weak<T>>>);

impl<T> Default for PoolPart<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Mark + PartialEq> PoolPart<T> {
    /// Puts the one that others hold in the place of an equal one, or offers it to others.
    fn share(&self, mine: &mut Arc<T>) {
        let mut hasher = DefaultHasher::new();
        mine.mark(&mut hasher);
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (offered, shelf) = &mut *shelf;
        if *offered >= SWEEP {
            *offered = 0;
            shelf.retain(|_, alike| alike.iter().any(|one| one.strong_count() > 0));
        }
        let alike = shelf.entry(hasher.finish()).or_default();
        alike.retain(|one| one.strong_count() > 0);
        match alike.iter().filter_map(Weak::upgrade).find(|other| **other == **mine) {
            Some(other) => *mine = other,
            None => {
                *offered += 1;
                alike.push(Arc::downgrade(mine));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::inventory::Inventory;
    use crate::fixtures::sample;
    use jumpdeck_protocol::inventory::InventoryPart;

    fn replica(pool: &Arc<Pool>) -> Inventory {
        let mut inventory = Inventory::default();
        inventory.share(Arc::clone(pool));
        inventory.take(sample());
        inventory
    }

    fn held_together(one: &Inventory, other: &Inventory) -> bool {
        one.chunks.iter().zip(&other.chunks).all(|(one, other)| Arc::ptr_eq(one, other))
    }

    #[test]
    fn replicas_of_the_same_hold_it_together_and_each_changes_its_own() {
        let pool = Arc::new(Pool::default());
        let (mut one, mut other) = (replica(&pool), replica(&pool));
        assert!(held_together(&one, &other));
        let mut change = InventoryPart { position: sample().position, ..InventoryPart::default() };
        let mut item = sample().items[0].clone();
        Arc::make_mut(&mut item).name = "renamed".into();
        change.items.push(item);
        let id = change.items[0].id;
        one.take(change.clone());
        assert!(!held_together(&one, &other));
        assert_eq!(one.name(id), Some("renamed"));
        assert_ne!(other.name(id), Some("renamed"));
        other.take(change);
        assert!(held_together(&one, &other), "together again, once both know");
        let last = one.chunks.len();
        drop((one, other));
        let gone = pool.chunks.0.lock().unwrap();
        assert!(last > 0 && gone.1.values().flatten().all(|one| one.strong_count() == 0));
    }
}

//! Whoever guesses has to wait.

use jumpdeck_protocol::Timestamp;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Failures after which somebody has to wait.
const PATIENCE: u32 = 5;
/// How long, in seconds.
const PAUSE: u64 = 60;
/// How many are remembered at the most.
const REMEMBERED: usize = 10_000;

/// How often each has failed lately.
#[derive(Debug)]
pub(crate) struct Throttle<K>(Mutex<HashMap<K, (u32, Timestamp)>>);

impl<K> Default for Throttle<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> Throttle<K> {
    /// Whether somebody may try at this moment.
    pub(crate) fn admits(&self, who: &K, now: Timestamp) -> bool {
        let failures = self.failures();
        let waits =
            |(count, last): &(u32, Timestamp)| *count >= PATIENCE && now.since(*last) < PAUSE;
        !failures.get(who).is_some_and(waits)
    }

    /// Counts a try; one that succeeds is taken back with [`Throttle::forgive`].
    pub(crate) fn count(&self, who: K, now: Timestamp) {
        let mut failures = self.failures();
        if failures.len() >= REMEMBERED {
            failures.retain(|_, (_, last)| now.since(*last) < PAUSE);
        }
        let entry = failures.entry(who).or_default();
        if now.since(entry.1) >= PAUSE {
            entry.0 = 0;
        }
        *entry = (entry.0 + 1, now);
    }

    /// A try succeeded.
    pub(crate) fn forgive(&self, who: &K) {
        self.failures().remove(who);
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<K, (u32, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

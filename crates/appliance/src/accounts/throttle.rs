//! Anyone who guesses has to wait, and longer each time.

use crate::clock::Uptime;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Failures after which somebody has to wait.
const PATIENCE: u32 = 5;
/// How long, in seconds; twice as long after each further failure.
const PAUSE: u64 = 60;
/// How long at most, and until failures are forgotten.
const LONGEST: u64 = 3600;
/// How many are remembered at most.
const REMEMBERED: usize = 10_000;

/// How often each has failed lately.
#[derive(Debug)]
pub(crate) struct Throttle<K>(Mutex<HashMap<K, (u32, Uptime)>>);

impl<K> Default for Throttle<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> Throttle<K> {
    /// Whether somebody may try at this moment.
    pub(crate) fn admits(&self, who: &K, now: Uptime) -> bool {
        let failures = self.failures();
        let waits =
            |(count, last): &(u32, Uptime)| *count >= PATIENCE && now.since(*last) < pause(*count);
        !failures.get(who).is_some_and(waits)
    }

    /// How often somebody has failed within the last hour.
    pub(crate) fn count_of(&self, who: &K, now: Uptime) -> u32 {
        let failures = self.failures();
        let lately = failures.get(who).filter(|(_, last)| now.since(*last) < LONGEST);
        lately.map_or(0, |(count, _)| *count)
    }

    /// Counts a try; one that succeeds is taken back with [`Throttle::forgive`].
    pub(crate) fn count(&self, who: K, now: Uptime) {
        let mut failures = self.failures();
        if failures.len() >= REMEMBERED {
            failures.retain(|_, (_, last)| now.since(*last) < LONGEST);
            if failures.len() >= REMEMBERED {
                // Anyone who guesses under thousands of names finds out little about each.
                failures.retain(|_, (count, last)| *count >= PATIENCE && now.since(*last) < PAUSE);
            }
        }
        let entry = failures.entry(who).or_default();
        let forgotten = if entry.0 < PATIENCE { PAUSE } else { LONGEST };
        if now.since(entry.1) >= forgotten {
            entry.0 = 0;
        }
        *entry = (entry.0 + 1, now);
    }

    /// A try succeeded.
    pub(crate) fn forgive(&self, who: &K) {
        self.failures().remove(who);
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<K, (u32, Uptime)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds to wait after so many failures.
fn pause(count: u32) -> u64 {
    let doublings = count.saturating_sub(PATIENCE).min(16);
    (PAUSE << doublings).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_further_failure_doubles_the_wait_up_to_an_hour() {
        let throttle = Throttle::default();
        let mut now = 0_u64;
        for _ in 0..PATIENCE {
            assert!(throttle.admits(&"alice", Uptime(now)));
            throttle.count("alice", Uptime(now));
        }
        for wait in [60, 120, 240, 480, 960, 1920, 3600] {
            assert!(!throttle.admits(&"alice", Uptime(now + wait - 1)), "{wait}");
            assert!(throttle.admits(&"alice", Uptime(now + wait)), "{wait}");
            now += wait;
            throttle.count("alice", Uptime(now));
        }
        throttle.forgive(&"alice");
        assert!(throttle.admits(&"alice", Uptime(now)));
        assert!(throttle.admits(&"bob", Uptime(now)));
    }
}

//! How often somebody may ask.

use crate::clock::Uptime;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

/// Requests from one address in a minute, if nothing else is said.
const MOST: u32 = 600;
/// Addresses that are counted each in a minute; those beyond count as one.
const APART: usize = 10_000;

/// How often each has asked in this minute.
#[derive(Debug)]
pub(crate) struct Rates {
    most: AtomicU32,
    counts: Mutex<(u64, HashMap<Option<IpAddr>, u32>)>,
}

impl Default for Rates {
    fn default() -> Self {
        Self { most: MOST.into(), counts: Mutex::default() }
    }
}

impl Rates {
    /// So many requests in a minute from one address.
    pub(crate) fn limit(&self, most: u32) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Counts a request. Returns how many seconds to wait, if it is one too many.
    pub(crate) fn take(&self, from: IpAddr, now: Uptime) -> Result<(), u32> {
        let minute = now.0 / 60;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.0 != minute {
            *counts = (minute, HashMap::new());
        }
        let known = counts.1.contains_key(&Some(from)) || counts.1.len() < APART;
        let count = counts.1.entry(known.then_some(from)).or_default();
        if *count >= self.most.load(Ordering::Relaxed) {
            return Err(u32::try_from(60 - now.0 % 60).unwrap_or(60));
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_too_often_waits_for_the_next_minute() {
        let rates = Rates::default();
        rates.limit(2);
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        assert_eq!(rates.take(one, Uptime(60)), Ok(()));
        assert_eq!(rates.take(one, Uptime(61)), Ok(()));
        assert_eq!(rates.take(one, Uptime(62)), Err(58));
        assert_eq!(rates.take(other, Uptime(62)), Ok(()));
        assert_eq!(rates.take(one, Uptime(120)), Ok(()));
    }
}

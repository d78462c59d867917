//! When to try again: full jitter, so that thousands of agents never come back in step.

use std::time::Duration;

/// Delays between attempts. The first is zero; the n-th is drawn evenly from zero to
/// `base · 2^n`, never more than `most`.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    /// Delays that start at `base` and end at `most`.
    pub const fn new(base: Duration, most: Duration) -> Self {
        Self { base, most, failures: 0 }
    }

    /// The delay before the next attempt; `random` is drawn evenly from all `u64`.
    pub fn next(&mut self, random: u64) -> Duration {
        let ceiling = self.ceiling();
        self.failures = self.failures.saturating_add(1);
        let span = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(random % span.saturating_add(1))
    }

    /// Success: the next delay is zero again.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }

    fn ceiling(&self) -> Duration {
        match self.failures.checked_sub(1) {
            None => Duration::ZERO,
            Some(n) => self.base.saturating_mul(1 << n.min(20)).min(self.most),
        }
    }
}

/// A random number from the system. Zero if it has none to give, which only costs jitter.
pub fn random() -> u64 {
    getrandom::u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use std::time::Duration;

    #[test]
    fn the_first_try_is_at_once_and_later_ones_stay_below_a_growing_ceiling() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let delays: Vec<_> = (0..7).map(|_| backoff.next(u64::MAX - 1).as_millis()).collect();
        assert_eq!(delays[0], 0);
        for (delay, ceiling) in delays[1..].iter().zip([100, 200, 400, 800, 1000, 1000]) {
            assert!(*delay <= ceiling);
        }
        backoff.reset();
        assert_eq!(backoff.next(7), Duration::ZERO);
    }
}

//! When to try again: full jitter, so that thousands of agents never come back in step.

use std::time::Duration;

/// For so long after a link was lost, tries are never far apart.
const HURRY: Duration = Duration::from_secs(30);
/// How far apart they are then, at most, where few come back.
const CLOSE: Duration = Duration::from_millis(500);

/// Delays between attempts. The first is zero; the n-th is drawn evenly from zero to
/// `base · 2^n`, never more than `most`. After a link that stood was lost, the other side is most
/// often back soon: for 30 s the delays stay below half a second, or below the time over which
/// many are to come back.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    most: Duration,
    failures: u32,
    /// A link was lost: over what time those who had one are to come back.
    spread: Option<Duration>,
    /// What was waited since.
    waited: Duration,
}

impl Backoff {
    /// Delays that start at `base` and end at `most`.
    pub const fn new(base: Duration, most: Duration) -> Self {
        Self { base, most, failures: 0, spread: None, waited: Duration::ZERO }
    }

    /// The delay before the next attempt; `random` is drawn evenly from all `u64`.
    pub fn next(&mut self, random: u64) -> Duration {
        let ceiling = self.ceiling();
        self.failures = self.failures.saturating_add(1);
        let span = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
        let delay = Duration::from_millis(random % span.saturating_add(1));
        self.waited = self.waited.saturating_add(delay);
        delay
    }

    /// A link that stood was lost. Those who had one are to come back within `spread`.
    pub const fn lost(&mut self, spread: Duration) {
        (self.failures, self.spread, self.waited) = (0, Some(spread), Duration::ZERO);
    }

    /// Success: the next delay is zero again.
    pub const fn reset(&mut self) {
        (self.failures, self.spread) = (0, None);
    }

    fn ceiling(&self) -> Duration {
        let grown = |n: u32| self.base.saturating_mul(1 << n.min(20)).min(self.most);
        match (self.failures.checked_sub(1), self.spread.filter(|_| self.waited < HURRY)) {
            // Many do not come in step, not even the first time.
            (None, Some(spread)) if spread > CLOSE => spread,
            (None, _) => Duration::ZERO,
            (Some(n), Some(spread)) => grown(n).min(spread.max(CLOSE)),
            (Some(n), None) => grown(n),
        }
    }
}

/// A random number from the system. Zero if it has none to give, which only costs jitter.
pub fn random() -> u64 {
    getrandom::u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
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

    #[test]
    fn after_a_loss_tries_stay_close_for_a_while_and_many_are_spread() {
        let new = || Backoff::new(Duration::from_millis(250), Duration::from_secs(120));
        let mut few = new();
        few.lost(Duration::ZERO);
        assert_eq!(few.next(u64::MAX - 1), Duration::ZERO);
        let mut waited = Duration::ZERO;
        while waited < HURRY {
            // The longest that is drawn below half a second.
            let delay = few.next(500);
            assert!(delay <= CLOSE, "{delay:?} after {waited:?}");
            waited += delay.max(Duration::from_millis(1));
        }
        assert!((0..20).any(|_| few.next(60_000) > CLOSE), "it does not hurry for ever");
        let mut many = new();
        many.lost(Duration::from_secs(6));
        assert_eq!(many.next(6000), Duration::from_secs(6));
    }
}

//! How much output of a shell may be under way.
//!
//! Whatever is under way is still shown after Ctrl-C, so it should be little. On a long path that would
//! be slow: the sender uses up its credit and then waits for the next one. How long it waits tells a
//! long path from a slow line or a slow program.

use crate::limits;
use std::time::{Duration, Instant};

/// A sender that waits longer than this for its credit is far away.
const LONG: Duration = Duration::from_millis(15);

/// What one end knows of its path.
#[derive(Clone, Debug)]
pub(crate) struct Tuning {
    ahead: u64,
    credit: Option<Credit>,
    clock: fn() -> Instant,
}

/// A credit of which nothing has been used yet, as far as is known.
#[derive(Clone, Copy, Debug)]
struct Credit {
    /// Where the one before it ends.
    before: u64,
    /// Since when the sender has stood there.
    waits: Option<Instant>,
}

impl Tuning {
    /// Nothing is known yet: a short path.
    pub(crate) const fn new() -> Self {
        Self { ahead: limits::SHELL_AHEAD, credit: None, clock: Instant::now }
    }

    /// Bytes that may be under way in a window of `window` bytes. Only a shell's is tuned.
    pub(crate) fn ahead(&self, window: u64) -> u64 {
        self.ahead.clamp(limits::least_ahead(window), window)
    }

    /// More was allowed than up to `before`, when everything up to `received` had come.
    pub(crate) fn allowed(&mut self, before: u64, received: u64) {
        let waits = (received >= before).then(self.clock);
        self.credit.get_or_insert(Credit { before, waits });
    }

    /// Output came up to `end`.
    pub(crate) fn came(&mut self, end: u64) {
        let Some(credit) = &mut self.credit else {
            return;
        };
        if end <= credit.before {
            credit.waits = (end == credit.before).then(self.clock);
            return;
        }
        let waited = credit
            .waits
            .is_some_and(|since| (self.clock)().saturating_duration_since(since) > LONG);
        let ahead = if waited { self.ahead * 2 } else { self.ahead / 2 };
        self.ahead = ahead.clamp(limits::SHELL_AHEAD, limits::SHELL_WINDOW);
        self.credit = None;
    }

    /// The link was lost, or the output goes on elsewhere: what was measured until now means nothing.
    pub(crate) const fn forget(&mut self) {
        self.credit = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::sync::LazyLock;

    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

    thread_local! {
        static GONE_BY: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    fn tuning() -> Tuning {
        Tuning { clock: || *BEGINNING + GONE_BY.get(), ..Tuning::new() }
    }

    fn advance(by: u64) {
        GONE_BY.set(GONE_BY.get() + Duration::from_millis(by));
    }

    const STEP: u64 = 12 * 1024;

    /// Output that comes after `stall` from a sender which had used all it was allowed.
    fn stalls(tuning: &mut Tuning, stall: u64) -> u64 {
        tuning.allowed(STEP, 0);
        tuning.came(STEP);
        advance(stall);
        tuning.came(STEP + 1);
        tuning.ahead(limits::SHELL_WINDOW)
    }

    #[test]
    fn a_long_path_gets_the_whole_window_and_a_short_one_little() {
        let mut tuning = tuning();
        assert_eq!(stalls(&mut tuning, 3), limits::SHELL_AHEAD);
        assert_eq!(stalls(&mut tuning, 100), 2 * limits::SHELL_AHEAD);
        assert_eq!(stalls(&mut tuning, 100), limits::SHELL_WINDOW);
        assert_eq!(stalls(&mut tuning, 3), limits::SHELL_WINDOW / 2);
        assert_eq!(stalls(&mut tuning, 3), limits::SHELL_AHEAD);
        assert_eq!(tuning.ahead(limits::BULK_WINDOW), limits::BULK_WINDOW);
    }

    #[test]
    fn a_slow_program_on_a_short_path_gets_little() {
        let mut tuning = tuning();
        for _ in 0..10 {
            tuning.allowed(STEP, 0);
            for end in 1..=STEP / 1024 + 1 {
                advance(20);
                // It never is at the limit: what comes stands before it, then after it.
                tuning.came(end * 1024 - 1);
            }
            tuning.came(STEP + 512);
        }
        assert_eq!(tuning.ahead(limits::SHELL_WINDOW), limits::SHELL_AHEAD);
    }

    #[test]
    fn a_console_that_gives_its_credit_late_is_no_long_path() {
        let mut tuning = tuning();
        advance(500);
        tuning.allowed(STEP, STEP);
        advance(3);
        tuning.came(STEP + 1);
        assert_eq!(tuning.ahead(limits::SHELL_WINDOW), limits::SHELL_AHEAD);
    }

    #[test]
    fn an_outage_is_no_long_path() {
        let mut tuning = tuning();
        tuning.allowed(STEP, 0);
        tuning.came(STEP);
        advance(60_000);
        tuning.forget();
        tuning.came(STEP + 1);
        assert_eq!(tuning.ahead(limits::SHELL_WINDOW), limits::SHELL_AHEAD);
    }
}

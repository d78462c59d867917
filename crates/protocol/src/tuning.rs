//! How much output of a shell may be under way.
//!
//! Whatever is under way is still shown after Ctrl-C, so it is little; but on a long path little is
//! slow. The time from a credit to the first byte that only it allowed says which of the two it is.

use crate::limits;
use std::time::Duration;
use tokio::time::Instant;

/// A path on which credit takes longer than this is a long one.
const LONG: Duration = Duration::from_millis(25);

/// What one end knows of its path.
#[derive(Clone, Debug)]
pub(crate) struct Tuning {
    ahead: u64,
    /// The end of what was allowed before, and when more was.
    credit: Option<(u64, Instant)>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self::new()
    }
}

impl Tuning {
    /// Nothing is known yet: a short one.
    pub(crate) const fn new() -> Self {
        Self { ahead: limits::SHELL_AHEAD, credit: None }
    }

    /// Bytes that may be under way in a window of `window` bytes. Only a shell's is tuned.
    pub(crate) fn ahead(&self, window: u64) -> u64 {
        if window == limits::SHELL_WINDOW { self.ahead } else { window }
    }

    /// More was allowed than up to `before`.
    pub(crate) fn allowed(&mut self, before: u64) {
        self.credit.get_or_insert_with(|| (before, Instant::now()));
    }

    /// Output came up to `end`.
    pub(crate) fn came(&mut self, end: u64) {
        let Some((_, at)) = self.credit.take_if(|(before, _)| end > *before) else {
            return;
        };
        let ahead = if at.elapsed() > LONG { self.ahead * 2 } else { self.ahead / 2 };
        self.ahead = ahead.clamp(limits::SHELL_AHEAD, limits::SHELL_WINDOW);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_path_gets_the_whole_window_and_a_short_one_little() {
        let mut tuning = Tuning::default();
        let mut end = 0;
        let mut round = async |path: u64| {
            tuning.allowed(end);
            tokio::time::advance(Duration::from_millis(path)).await;
            tuning.came(end);
            end += 1;
            tuning.came(end);
            tuning.ahead(limits::SHELL_WINDOW)
        };
        assert_eq!(round(3).await, limits::SHELL_AHEAD);
        assert_eq!(round(100).await, 2 * limits::SHELL_AHEAD);
        assert_eq!(round(100).await, limits::SHELL_WINDOW);
        assert_eq!(round(3).await, limits::SHELL_WINDOW / 2);
        assert_eq!(round(3).await, limits::SHELL_AHEAD);
        assert_eq!(Tuning::default().ahead(limits::BULK_WINDOW), limits::BULK_WINDOW);
    }
}

//! How far output may run ahead of a client's terminal.
//!
//! SSH's own window is megabytes, and all of it would still be shown after Ctrl-C. A client opens its
//! window again by what its terminal has taken, and that is what counts here. A report may be missing:
//! the library drops one that finds its channel's queue full.

use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// Bytes that may be on their way to a terminal, or wait for it. OpenSSH tells after 48 KiB.
const AHEAD: u64 = 64 * 1024;
/// Bytes beyond what a client takes before it tells so.
const MORE: u64 = 16 * 1024;
/// A client that tells nothing for so long may be far away, or tell later than others: it is given
/// twice as much.
const PATIENCE: Duration = Duration::from_millis(25);

/// What is known of one channel.
#[derive(Debug, Default)]
pub(super) struct Pace {
    state: Mutex<PaceState>,
    told: Notify,
}

#[derive(Debug)]
struct PaceState {
    /// Bytes that were sent.
    sent: u64,
    /// The window as the client told last, and what had been sent by then.
    window: Option<(u64, u64)>,
    /// The widest one so far: hardly anything was on its way.
    widest: u64,
    /// Bytes that may be ahead for now.
    ahead: u64,
    /// That was too little since the client told last.
    stalled: bool,
}

impl Default for PaceState {
    fn default() -> Self {
        Self { sent: 0, window: None, widest: 0, ahead: AHEAD, stalled: false }
    }
}

impl PaceState {
    /// Bytes that the terminal has not taken yet, as far as is known.
    fn waiting(&self) -> u64 {
        match self.window {
            None => self.sent,
            Some((window, sent)) => self.widest - window + (self.sent - sent),
        }
    }

    /// The client opened its window to this.
    fn told(&mut self, window: u64) {
        let opened = self
            .window
            .map_or(0, |(before, sent)| (window + (self.sent - sent)).saturating_sub(before));
        // One that tells in large steps has to be given more than such a step.
        let least = AHEAD.max(opened + MORE);
        let stalled = std::mem::take(&mut self.stalled);
        // What was learned of a long path is forgotten little by little.
        self.ahead = if stalled { self.ahead } else { self.ahead - self.ahead / 4 }.max(least);
        self.window = Some((window, self.sent));
        self.widest = self.widest.max(window);
    }
}

impl Pace {
    /// Waits until there is room for more, and counts these bytes. What goes out at once is not split:
    /// it may be more than there is room for.
    pub(super) async fn room_for(&self, bytes: u64) {
        loop {
            let told = self.told.notified();
            {
                let mut state = self.state();
                if state.waiting() < state.ahead {
                    state.sent += bytes;
                    return;
                }
            }
            if timeout(PATIENCE, told).await.is_err() {
                let mut state = self.state();
                state.ahead = state.ahead.saturating_mul(2);
                state.stalled = true;
            }
        }
    }

    /// The client opened its window to this.
    pub(super) fn told(&self, window: u32) {
        self.state().told(window.into());
        self.told.notify_waiters();
    }

    fn state(&self) -> std::sync::MutexGuard<'_, PaceState> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::time::Instant;

    const STEP: u64 = 48 * 1024;
    const WINDOW: u64 = 1024 * 1024;

    #[tokio::test(start_paused = true)]
    async fn no_more_goes_ahead_than_a_terminal_takes() {
        let pace = Arc::new(Pace::default());
        pace.room_for(AHEAD).await;
        let waiting = tokio::spawn({
            let pace = Arc::clone(&pace);
            async move { pace.room_for(1).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let before = Instant::now();
        pace.told(u32::try_from(WINDOW - AHEAD + STEP).unwrap());
        waiting.await.unwrap();
        assert!(before.elapsed().is_zero(), "it was the client's word, not the clock's");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_terminal_has_not_taken_is_never_more_than_a_little() {
        let pace = Pace::default();
        let (mut sent, mut taken) = (0, 0);
        for _ in 0..200 {
            let before = Instant::now();
            let has_room = || {
                let state = pace.state();
                state.waiting() < state.ahead
            };
            while has_room() {
                pace.room_for(8192).await;
                sent += 8192;
            }
            assert!(before.elapsed().is_zero());
            assert!(sent - taken <= AHEAD + STEP + 8192, "{}", sent - taken);
            taken += STEP;
            pace.told(u32::try_from(WINDOW - (sent - taken)).unwrap());
        }
    }

    /// Bytes a second to a client so far away, whose terminal takes everything at once.
    async fn rate(path: Duration) -> f64 {
        let pace = Arc::new(Pace::default());
        let arrived = Arc::new(Mutex::new((0, 0)));
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            // SSH's own window holds as well.
            while pace.state().sent - arrived.lock().unwrap().0 >= WINDOW - 8192 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            pace.room_for(8192).await;
            // A sender has a speed of its own: 40 MB/s.
            tokio::time::sleep(Duration::from_micros(200)).await;
            let (pace, arrived) = (Arc::clone(&pace), Arc::clone(&arrived));
            tokio::spawn(async move {
                tokio::time::sleep(path).await;
                let mut arrived = arrived.lock().unwrap();
                arrived.0 += 8192;
                if arrived.0 - arrived.1 >= STEP {
                    arrived.1 = arrived.0;
                    let sent = pace.state().sent;
                    pace.told(u32::try_from(WINDOW - (sent - arrived.0)).unwrap());
                }
            });
        }
        let (arrived, _) = *arrived.lock().unwrap();
        f64::from(u32::try_from(arrived).unwrap()) / start.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_far_away_gets_more_than_a_near_one_has_ahead() {
        assert!(rate(Duration::from_millis(40)).await > 2e6);
        assert!(rate(Duration::from_millis(200)).await > 1e6);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_tells_late_is_hardly_slowed() {
        let pace = Pace::default();
        let start = Instant::now();
        let step = WINDOW / 2;
        for _ in 0..40 {
            for _ in 0..step / 8192 {
                pace.room_for(8192).await;
            }
            pace.told(u32::try_from(WINDOW).unwrap());
        }
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    }
}

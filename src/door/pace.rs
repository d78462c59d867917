//! How far output may run ahead of a client's terminal.
//!
//! SSH's own window is megabytes, and all of it would still be shown after Ctrl-C. A client opens its
//! window again by what its terminal has taken, and that is what counts here.

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
const PATIENCE: Duration = Duration::from_millis(50);

/// What is known of one channel.
#[derive(Debug, Default)]
pub(super) struct Pace {
    state: Mutex<State>,
    told: Notify,
}

#[derive(Debug)]
struct State {
    /// Bytes that were sent.
    sent: u64,
    /// The window as the client told last, and what had been sent by then.
    window: Option<(u64, u64)>,
    /// The widest one so far: hardly anything was on its way.
    widest: u64,
    /// Bytes that may be ahead for now.
    ahead: u64,
}

impl Default for State {
    fn default() -> Self {
        Self { sent: 0, window: None, widest: 0, ahead: AHEAD }
    }
}

impl State {
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
        self.ahead = AHEAD.max(opened + MORE);
        self.window = Some((window, self.sent));
        self.widest = self.widest.max(window);
    }
}

impl Pace {
    /// Waits until so many more bytes may be sent.
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
            }
        }
    }

    /// The client opened its window to this.
    pub(super) fn told(&self, window: u32) {
        self.state().told(window.into());
        self.told.notify_waiters();
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
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
        pace.told(u32::try_from(WINDOW - AHEAD + STEP).unwrap());
        waiting.await.unwrap();
        assert!(Instant::now().elapsed().is_zero());
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

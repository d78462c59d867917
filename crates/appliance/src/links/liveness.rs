//! Whether a machine that is linked answers: one that hangs looks linked for minutes, and what is
//! typed vanishes in it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of whether an agent answers.
#[derive(Debug, Default)]
pub(crate) struct Liveness(Mutex<LivenessState>);

#[derive(Debug, Default)]
struct LivenessState {
    /// Questions so far.
    asked: u64,
    /// One is open.
    waiting: bool,
    silent: bool,
}

impl Liveness {
    /// The agent said something. Returns whether it was silent before.
    pub(crate) fn heard(&self) -> bool {
        let mut state = self.state();
        state.waiting = false;
        std::mem::take(&mut state.silent)
    }

    /// It is to be asked; the number of the question, unless one is open.
    pub(crate) fn ask(&self) -> Option<u64> {
        let mut state = self.state();
        if state.waiting {
            return None;
        }
        state.waiting = true;
        state.asked += 1;
        Some(state.asked)
    }

    /// The time for an answer is over. Returns whether none came.
    pub(crate) fn is_over(&self, question: u64) -> bool {
        let mut state = self.state();
        state.silent = state.waiting && state.asked == question;
        state.silent
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.state().silent
    }

    fn state(&self) -> MutexGuard<'_, LivenessState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Liveness;

    #[test]
    fn only_the_question_that_is_open_tells_silence() {
        let liveness = Liveness::default();
        assert!(!liveness.heard(), "no ping was due");
        let first = liveness.ask().unwrap();
        assert_eq!(liveness.ask(), None);
        assert!(!liveness.heard(), "it answered in time");
        let second = liveness.ask().unwrap();
        assert!(!liveness.is_over(first), "that was answered");
        assert!(liveness.is_over(second) && liveness.is_silent());
        assert!(liveness.heard() && !liveness.is_silent());
    }
}

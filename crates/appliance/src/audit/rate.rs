//! How often what anybody can bring about is written down.

use jumpdeck_protocol::audit::Action;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Events of one kind in a minute, where anybody can bring them about.
const OFTEN: u32 = 60;

/// What anybody brought about in this minute.
#[derive(Debug, Default)]
pub(crate) struct Rate(Mutex<MinuteCounts>);

#[derive(Debug, Default)]
struct MinuteCounts {
    minute: i64,
    of: HashMap<Action, u32>,
}

impl Rate {
    /// Counts an event. Nothing if there were too many of its kind in this minute; otherwise how
    /// many of the minute before were left out, once.
    pub(crate) fn count(&self, minute: i64, action: Action) -> Option<u32> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let omitted = if counts.minute == minute {
            0
        } else {
            let omitted = counts.of.values().map(|count| count.saturating_sub(OFTEN)).sum();
            *counts = MinuteCounts { minute, ..MinuteCounts::default() };
            omitted
        };
        let count = counts.of.entry(action).or_default();
        *count += 1;
        (*count <= OFTEN).then_some(omitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_left_out_and_counted_in_the_next_minute() {
        let rate = Rate::default();
        for _ in 0..OFTEN {
            assert_eq!(rate.count(1, Action::LoginFailed), Some(0));
        }
        assert_eq!(rate.count(1, Action::LoginFailed), None);
        assert_eq!(rate.count(1, Action::LoginFailed), None);
        assert_eq!(rate.count(1, Action::AgentRefused), Some(0));
        assert_eq!(rate.count(2, Action::LoginFailed), Some(2));
        assert_eq!(rate.count(2, Action::LoginFailed), Some(0));
    }
}

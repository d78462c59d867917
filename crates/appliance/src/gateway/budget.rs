//! How much an agent may say unasked: what is more than any honest one has to say ends its link.

use jumpdeck_link::LinkEnd;
use std::time::Duration;
use tokio::time::Instant;

/// Control messages that an agent may send unasked in a second, in the long run.
const SUSTAINED: u32 = 100;
/// Control messages that it may send at once.
const BURST: u32 = 2000;
/// Time for one more message.
const EACH: Duration = Duration::from_millis(1000 / SUSTAINED as u64);

/// A bucket that fills with time and empties with messages.
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
    filled: Instant,
}

impl Budget {
    /// A full one.
    pub(super) fn new() -> Self {
        Self { left: BURST, filled: Instant::now() }
    }

    /// One more message has come.
    ///
    /// # Errors
    /// [`LinkEnd::Violation`] when there are too many.
    pub(super) fn spend(&mut self) -> Result<(), LinkEnd> {
        if self.left == 0 {
            let periods = self.filled.elapsed().as_millis() / EACH.as_millis();
            let earned = u32::try_from(periods).unwrap_or(BURST).min(BURST);
            if earned == 0 {
                let flood = format!("more than {SUSTAINED} unasked messages a second");
                return Err(LinkEnd::Violation(flood));
            }
            self.left = earned;
            self.filled = Instant::now();
        }
        self.left -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_never_stops_talking_is_cut_off_and_a_lively_one_is_not() {
        let mut lively = Budget::new();
        for _ in 0..20_000 {
            tokio::time::advance(EACH).await;
            lively.spend().unwrap();
        }
        let mut flood = Budget::new();
        let heard = (0..20_000).take_while(|_| flood.spend().is_ok()).count();
        assert_eq!(heard, usize::try_from(BURST).unwrap());
    }
}

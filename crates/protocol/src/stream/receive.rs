//! The receiving half of a stream.

use super::StreamError;

/// Where a stream's receiver stands, and what it has allowed the sender.
#[derive(Clone, Debug)]
pub struct ReceiveStream {
    received: u64,
    /// How far the sender has come since it last said where it goes on: behind `received` while it
    /// repeats what is known.
    run: u64,
    limit: u64,
    window: u64,
    end: Option<u64>,
}

/// What to do with bytes that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Use them, but for the first `skip`, which came before.
    Take {
        /// Bytes at the front that are already known.
        skip: usize,
    },
    /// All of them came before.
    Duplicate,
    /// Bytes before these are missing: pass over them; the sender sends them again when asked.
    Gap,
}

impl ReceiveStream {
    /// A receiver that starts at the stream's beginning and grants `window` bytes.
    pub const fn new(window: u64) -> Self {
        Self { received: 0, run: 0, limit: window, window, end: None }
    }

    /// Everything before this has arrived.
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// What the sender may fill.
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// How many bytes may be under way.
    pub const fn window(&self) -> u64 {
        self.window
    }

    /// From the next restart on, this many bytes may be under way.
    pub const fn set_window(&mut self, window: u64) {
        self.window = window;
    }

    /// Judges `length` bytes that are at `offset`, and counts those that are to be used.
    ///
    /// # Errors
    /// [`StreamError::WindowExceeded`] when more came than was allowed.
    pub fn accept(&mut self, offset: u64, length: usize) -> Result<Accept, StreamError> {
        let end = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if end > self.limit {
            return Err(StreamError::WindowExceeded { end, limit: self.limit });
        }
        if offset > self.received {
            return Ok(Accept::Gap);
        }
        if offset <= self.run {
            self.run = self.run.max(end);
        }
        if end <= self.received {
            return Ok(Accept::Duplicate);
        }
        let skip = usize::try_from(self.received - offset).unwrap_or(length);
        self.received = end;
        Ok(Accept::Take { skip })
    }

    /// The credit to send now that everything up to `used` was dealt with; `None` while the old
    /// one is still good for more than three quarters of the window.
    pub fn credit(&mut self, used: u64) -> Option<(u64, u64)> {
        self.credit_within(used, self.window)
    }

    /// The same where less than the window is to be under way.
    pub fn credit_within(&mut self, used: u64, ahead: u64) -> Option<(u64, u64)> {
        let limit = used.min(self.run).saturating_add(ahead.min(self.window));
        if limit.saturating_sub(self.limit) < ahead.min(self.window) / 4 {
            return None;
        }
        self.limit = limit;
        Some((self.received.min(self.run), limit))
    }

    /// The credit that acknowledges everything up to `used`, whether one is due or not.
    pub fn acknowledge(&mut self, used: u64) -> (u64, u64) {
        let dealt_with = used.min(self.run);
        self.limit = self.limit.max(dealt_with.saturating_add(self.window));
        (dealt_with.min(self.received), self.limit)
    }

    /// The sender goes on at `from`. Before what has arrived, it repeats; after it, what stood
    /// between is not to be had any more.
    pub fn restart(&mut self, from: u64) {
        self.received = self.received.max(from);
        self.run = from;
        self.limit = from.saturating_add(self.window);
    }

    /// Everything before `from` is here by another way, and the sender goes on there.
    pub const fn skip_to(&mut self, from: u64) {
        self.received = from;
        self.run = from;
        self.limit = from.saturating_add(self.window);
    }

    /// The stream ends at this offset.
    pub const fn ends_at(&mut self, end: u64) {
        self.end = Some(end);
    }

    /// Whether the end is known and everything before it has arrived.
    pub fn is_complete(&self) -> bool {
        self.end.is_some_and(|end| self.received >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::{Accept, ReceiveStream};

    #[test]
    fn overlapping_bytes_are_used_once() {
        let mut stream = ReceiveStream::new(100);
        assert_eq!(stream.accept(0, 4), Ok(Accept::Take { skip: 0 }));
        assert_eq!(stream.accept(2, 4), Ok(Accept::Take { skip: 2 }));
        assert_eq!(stream.accept(1, 3), Ok(Accept::Duplicate));
        assert_eq!(stream.accept(9, 1), Ok(Accept::Gap));
        assert_eq!(stream.received(), 6);
    }

    #[test]
    fn bytes_past_the_window_are_refused() {
        let mut stream = ReceiveStream::new(4);
        assert!(stream.accept(0, 5).is_err());
        assert!(stream.accept(u64::MAX, 5).is_err());
    }

    #[test]
    fn credit_is_renewed_in_steps_not_for_every_byte() {
        let mut stream = ReceiveStream::new(100);
        stream.accept(0, 20).unwrap();
        assert_eq!(stream.credit(20), None);
        stream.accept(20, 10).unwrap();
        assert_eq!(stream.credit(30), Some((30, 130)));
    }

    #[test]
    fn a_sender_that_repeats_what_is_known_is_given_credit_for_it() {
        let mut stream = ReceiveStream::new(100);
        stream.accept(0, 90).unwrap();
        stream.restart(0);
        assert_eq!(stream.accept(0, 50), Ok(Accept::Duplicate));
        assert_eq!(stream.credit(90), Some((50, 150)));
        assert_eq!(stream.accept(50, 50), Ok(Accept::Take { skip: 40 }));
        assert_eq!(stream.credit(100), Some((100, 200)));
    }

    #[test]
    fn a_stream_is_complete_when_its_last_byte_came() {
        let mut stream = ReceiveStream::new(100);
        stream.ends_at(3);
        assert!(!stream.is_complete());
        stream.accept(0, 3).unwrap();
        assert!(stream.is_complete());
    }
}

//! The sending half of a stream.

use super::StreamError;
use crate::limits;
use std::collections::VecDeque;

/// Bytes on their way out: what is acknowledged is let go, but for the last `retain` bytes, which
/// stay for a receiver that attaches again.
#[derive(Clone, Debug)]
pub struct SendStream {
    kept: VecDeque<u8>,
    start: u64,
    sent: u64,
    acknowledged: u64,
    limit: u64,
    retain: usize,
    capacity: usize,
    held: bool,
}

impl SendStream {
    /// A stream that holds at most `capacity` bytes that nobody acknowledged, and keeps the last
    /// `retain` bytes in any case. Nothing is sent before the first credit.
    pub const fn new(capacity: usize, retain: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            start: 0,
            sent: 0,
            acknowledged: 0,
            limit: 0,
            retain,
            capacity,
            held: true,
        }
    }

    /// Where the next written byte will stand.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(as_u64(self.kept.len()))
    }

    /// Bytes that were written and never sent.
    pub fn unsent(&self) -> u64 {
        self.end().saturating_sub(self.sent)
    }

    /// The oldest byte still kept.
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// Everything before this was acknowledged.
    pub const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// How many bytes may be written now.
    pub fn room(&self) -> usize {
        if !self.held {
            return self.capacity;
        }
        let waiting = self.end().saturating_sub(self.acknowledged);
        let room = self.capacity.saturating_sub(usize::try_from(waiting).unwrap_or(usize::MAX));
        if self.limit == 0 {
            return room;
        }
        // What was read for somebody who takes no more of it is still shown after an interrupt.
        let most = self.limit.saturating_add(as_u64(limits::READ_AHEAD));
        room.min(usize::try_from(most.saturating_sub(self.end())).unwrap_or(usize::MAX))
    }

    /// Takes bytes to send. More than [`Self::room`] is taken too, so ask first.
    pub fn write(&mut self, bytes: &[u8]) {
        self.kept.extend(bytes);
        self.let_go();
    }

    /// Whether somebody relies on every byte. If not, the oldest bytes make room for new ones.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
        self.let_go();
    }

    /// The next bytes to send, at most `most` of them, with their offset.
    pub fn take(&mut self, most: usize) -> Option<(u64, Vec<u8>)> {
        let offset = self.sent;
        let until = self.end().min(self.limit).min(offset.saturating_add(as_u64(most)));
        let length = usize::try_from(until.checked_sub(offset)?).ok()?;
        if length == 0 {
            return None;
        }
        let skip = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.sent = until;
        Some((offset, self.copy(skip, length)))
    }

    /// A part of what is kept, in two strokes at most.
    fn copy(&self, skip: usize, length: usize) -> Vec<u8> {
        let (front, back) = self.kept.as_slices();
        let mut bytes = Vec::with_capacity(length);
        let first = front.get(skip..).unwrap_or_default();
        bytes.extend_from_slice(first.get(..length).unwrap_or(first));
        let skip = skip.saturating_sub(front.len());
        let second = back.get(skip..skip + length - bytes.len()).unwrap_or_default();
        bytes.extend_from_slice(second);
        bytes
    }

    /// The receiver has everything before `received` and will take what stands before `limit`.
    ///
    /// # Errors
    /// [`StreamError::AcknowledgedUnsent`] when it claims what it cannot have.
    pub fn credit(&mut self, received: u64, limit: u64) -> Result<(), StreamError> {
        if received > self.sent {
            return Err(StreamError::AcknowledgedUnsent { received, sent: self.sent });
        }
        self.acknowledged = self.acknowledged.max(received);
        self.limit = self.limit.max(limit);
        self.let_go();
        Ok(())
    }

    /// A receiver attaches: sending goes on at `received`, or at the oldest byte kept when that
    /// is gone or none is named, and may fill `window` bytes. Returns where it goes on.
    ///
    /// # Errors
    /// [`StreamError::AcknowledgedUnsent`] when it claims more than was ever written.
    pub fn attach(&mut self, received: Option<u64>, window: u64) -> Result<u64, StreamError> {
        let from = received.unwrap_or(self.start).max(self.start);
        if from > self.end() {
            return Err(StreamError::AcknowledgedUnsent { received: from, sent: self.end() });
        }
        self.held = true;
        self.sent = from;
        self.acknowledged = from;
        self.limit = from.saturating_add(window);
        Ok(from)
    }

    /// The link is back and the peer has everything before `received`: what it lacks is sent again.
    pub fn resume_at(&mut self, received: u64, limit: u64) {
        let skip = usize::try_from(received.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.kept.drain(..skip.min(self.kept.len()));
        self.begin_at(received, limit);
    }

    /// The first byte written here is at `received`: the peer already has that many from a
    /// predecessor of this stream.
    pub const fn begin_at(&mut self, received: u64, limit: u64) {
        self.start = received;
        self.sent = received;
        self.acknowledged = received;
        self.limit = limit;
    }

    /// No credit any more: the link is gone. Sending waits until somebody attaches.
    pub const fn detach(&mut self) {
        self.limit = 0;
    }

    fn let_go(&mut self) {
        let droppable =
            if self.held { self.acknowledged.saturating_sub(self.start) } else { u64::MAX };
        let surplus = self.kept.len().saturating_sub(self.retain);
        let drop = surplus.min(usize::try_from(droppable).unwrap_or(usize::MAX));
        self.kept.drain(..drop);
        self.start = self.start.saturating_add(as_u64(drop));
        self.sent = self.sent.max(self.start);
        self.acknowledged = self.acknowledged.max(self.start);
    }
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::SendStream;

    #[test]
    fn nothing_is_sent_without_credit() {
        let mut stream = SendStream::new(100, 0);
        stream.write(b"abc");
        assert_eq!(stream.take(10), None);
        stream.credit(0, 2).unwrap();
        assert_eq!(stream.take(10), Some((0, b"ab".to_vec())));
        assert_eq!(stream.take(10), None);
    }

    #[test]
    fn acknowledged_bytes_beyond_the_retained_ones_are_let_go() {
        let mut stream = SendStream::new(100, 2);
        stream.write(b"abcdef");
        stream.credit(0, 100).unwrap();
        stream.take(10).unwrap();
        stream.credit(6, 100).unwrap();
        assert_eq!((stream.start(), stream.end()), (4, 6));
        assert_eq!(stream.attach(Some(0), 10), Ok(4));
        assert_eq!(stream.take(10), Some((4, b"ef".to_vec())));
    }

    #[test]
    fn a_held_stream_has_room_only_for_what_it_may_keep() {
        let mut stream = SendStream::new(4, 4);
        stream.write(b"abcd");
        assert_eq!(stream.room(), 0);
        stream.hold(false);
        stream.write(b"ef");
        assert_eq!((stream.start(), stream.room()), (2, 4));
    }

    #[test]
    fn little_is_read_beyond_what_somebody_takes() {
        let mut stream = SendStream::new(1 << 20, 1 << 20);
        assert_eq!(stream.room(), 1 << 20, "nobody is there");
        stream.attach(None, 1000).unwrap();
        assert_eq!(stream.room(), 1000 + super::limits::READ_AHEAD);
        stream.write(&[b'x'; 9192]);
        assert_eq!(stream.room(), 0);
        stream.take(2000).unwrap();
        stream.credit(1000, 2000).unwrap();
        assert_eq!(stream.room(), 1000);
        stream.detach();
        assert!(stream.room() > 1000, "it goes on while nobody is there");
    }

    #[test]
    fn an_acknowledgement_of_unsent_bytes_is_refused() {
        let mut stream = SendStream::new(4, 0);
        stream.write(b"ab");
        assert!(stream.credit(1, 9).is_err());
        assert!(stream.attach(Some(3), 9).is_err());
    }

    #[test]
    fn typed_input_waits_while_detached_and_goes_on_where_the_agent_stands() {
        let mut stream = SendStream::new(100, 0);
        stream.write(b"old");
        stream.credit(0, 100).unwrap();
        stream.take(10).unwrap();
        stream.detach();
        stream.write(b"new");
        assert_eq!(stream.take(10), None);
        stream.resume_at(2, 100);
        assert_eq!(stream.take(10), Some((2, b"dnew".to_vec())));
    }
}

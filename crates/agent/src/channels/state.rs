//! Where a channel stands. Pure.

use bytes::Bytes;
use jumpdeck_protocol::limits;
use jumpdeck_protocol::session::ExitStatus;
use jumpdeck_protocol::stream::{Accept, ReceiveStream, SendStream, StreamError};
use std::collections::VecDeque;

/// Both streams of a channel, and what became of its program.
#[derive(Debug)]
pub(super) struct State {
    /// Towards the console.
    pub output: SendStream,
    /// From the console.
    pub input: ReceiveStream,
    waiting: VecDeque<Bytes>,
    used: u64,
    input_end: Option<u64>,
    pub exit: Option<ExitStatus>,
}

/// What the program is to read next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ChannelInput {
    /// These bytes.
    Bytes(Bytes),
    /// Nothing any more.
    End,
    /// Nothing yet.
    Wait,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            output: SendStream::new(limits::RING, limits::RING),
            input: ReceiveStream::new(limits::INPUT_WINDOW),
            waiting: VecDeque::new(),
            used: 0,
            input_end: None,
            exit: None,
        }
    }

    /// Bytes arrived; what is new waits for the program.
    pub(super) fn take_input(&mut self, offset: u64, bytes: &Bytes) -> Result<(), StreamError> {
        if let Accept::Take { skip } = self.input.accept(offset, bytes.len())? {
            self.waiting.push_back(bytes.slice(skip..));
        }
        Ok(())
    }

    /// The input ends at this offset.
    pub(super) fn end_input(&mut self, offset: u64) {
        self.input_end = Some(offset);
    }

    /// The next input for the program.
    pub(super) fn next_input(&mut self) -> ChannelInput {
        match self.waiting.pop_front() {
            Some(bytes) => ChannelInput::Bytes(bytes),
            None if self.input_end.is_some_and(|end| self.input.received() >= end) => {
                ChannelInput::End
            }
            None => ChannelInput::Wait,
        }
    }

    /// The program has read this many more bytes. Returns the credit that is due.
    pub(super) fn used(&mut self, count: usize) -> Option<(u64, u64)> {
        self.used = self.used.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        self.input.credit(self.used)
    }

    /// The same, with a credit in any case.
    pub(super) fn used_and_acknowledged(&mut self, count: usize) -> (u64, u64) {
        self.used = self.used.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        self.input.acknowledge(self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::{ChannelInput, State};
    use bytes::Bytes;

    #[test]
    fn input_sent_twice_reaches_the_program_once_and_then_ends() {
        let mut state = State::new();
        state.take_input(0, &Bytes::from_static(b"abc")).unwrap();
        state.take_input(1, &Bytes::from_static(b"bcd")).unwrap();
        state.end_input(4);
        assert_eq!(state.next_input(), ChannelInput::Bytes(Bytes::from_static(b"abc")));
        assert_eq!(state.next_input(), ChannelInput::Bytes(Bytes::from_static(b"d")));
        assert_eq!(state.next_input(), ChannelInput::End);
    }

    #[test]
    fn the_end_of_input_waits_for_what_is_still_under_way() {
        let mut state = State::new();
        state.end_input(2);
        state.take_input(0, &Bytes::from_static(b"a")).unwrap();
        assert_eq!(state.next_input(), ChannelInput::Bytes(Bytes::from_static(b"a")));
        assert_eq!(state.next_input(), ChannelInput::Wait);
        state.take_input(1, &Bytes::from_static(b"b")).unwrap();
        assert_eq!(state.next_input(), ChannelInput::Bytes(Bytes::from_static(b"b")));
        assert_eq!(state.next_input(), ChannelInput::End);
    }
}

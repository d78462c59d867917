//! The console's end of a channel: sends input, receives output, survives the loss of the link.
//!
//! Pure state, used by every kind of console and by the verbs.

use crate::session::{ChannelOrder, ChannelReport, ExitStatus, Keyboard};
use crate::stream::{Accept, ReceiveStream, SendStream, StreamError};
use crate::tuning::Tuning;
use crate::{ChannelId, Refusal, frame, limits};
use bytes::Bytes;

/// One end of a channel.
#[derive(Clone, Debug)]
pub struct Endpoint {
    channel: ChannelId,
    input: SendStream,
    output: ReceiveStream,
    fresh: bool,
    typing: TypedInput,
    /// The number of the last attach.
    attempt: u32,
    tuning: Tuning,
    /// The agent has said where it goes on; what came before that belongs to an earlier link.
    attached: bool,
    live_from: u64,
    input_ended: bool,
    exit: Option<ExitStatus>,
}

/// How this end stands to the keyboard.
#[derive(Clone, Copy, Debug)]
struct TypedInput {
    /// What is asked for at the next attach.
    wish: Keyboard,
    /// We have it, or wait for it.
    ours: bool,
    /// The appliance's last word, while we wait.
    denied: bool,
    /// Nothing of our input is under way: the agent says where the first byte stands.
    fresh: bool,
}

/// What a report of the agent means for anyone who shows the channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Output goes on, after `missed` bytes that nobody keeps any more.
    Attached {
        /// Bytes of output that are lost to this console.
        missed: u64,
    },
    /// The program ended; its output may still be under way.
    Exited(ExitStatus),
    /// Something may print what is typed, or nothing does.
    Echo(bool),
    /// The channel cannot be used any more.
    Gone(Refusal),
}

impl Endpoint {
    /// An end that has seen nothing yet and wants to type. `window` is how much output may be under
    /// way, in bytes.
    pub const fn new(channel: ChannelId, window: u64) -> Self {
        Self::wishing(channel, window, Keyboard::Take)
    }

    /// An end with another wish for the keyboard.
    pub const fn wishing(channel: ChannelId, window: u64, wish: Keyboard) -> Self {
        Self {
            typing: TypedInput {
                wish,
                ours: matches!(wish, Keyboard::Take),
                denied: false,
                fresh: true,
            },
            channel,
            input: SendStream::new(usize::MAX, 0),
            output: ReceiveStream::new(window),
            tuning: Tuning::new(),
            fresh: true,
            attempt: 0,
            attached: false,
            live_from: 0,
            input_ended: false,
            exit: None,
        }
    }

    /// The channel's id.
    pub const fn channel(&self) -> ChannelId {
        self.channel
    }

    /// Asks for the output from where this end stands; to be sent whenever a link came up.
    pub fn attach(&mut self) -> ChannelOrder {
        self.attached = false;
        self.attempt = self.attempt.wrapping_add(1);
        ChannelOrder::Attach {
            attempt: self.attempt,
            channel: self.channel,
            received: (!self.fresh).then(|| self.output.received()),
            window: self.output.window(),
            keyboard: self.typing.wish,
        }
    }

    /// Whether this console types.
    pub const fn types(&self) -> bool {
        self.typing.ours
    }

    /// Asks for the keyboard at the next attach, no matter who has it. `window` is how much output may be
    /// under way from then on, in bytes.
    pub fn want_keyboard(&mut self, window: u64) {
        self.typing.wish = Keyboard::Take;
        self.output.set_window(window);
        if !self.typing.ours {
            self.begin_typing(true);
        }
    }

    /// What was typed until now is not for this stretch of typing.
    fn begin_typing(&mut self, types: bool) {
        self.typing.ours = types;
        self.input = SendStream::new(usize::MAX, 0);
        self.typing.fresh = true;
    }

    /// The appliance says whether this console types. Returns how many typed bytes were not even
    /// sent when somebody else took the keyboard.
    pub fn keyboard_is(&mut self, ours: bool) -> u64 {
        if !ours && self.typing.wish == Keyboard::Take && self.typing.ours {
            // It was said before our wish was heard, or the wish is not granted: the answer to the
            // attach will tell.
            self.typing.denied = true;
            return 0;
        }
        self.typing.denied = false;
        let lost = if ours { 0 } else { self.input.unsent() };
        if ours != self.typing.ours {
            self.begin_typing(ours);
        }
        // After a loss of the link it is ours again, unless somebody took it meanwhile.
        self.typing.wish = if ours { Keyboard::IfFree } else { Keyboard::Watch };
        lost
    }

    /// What the terminal shows may be drawn again from a picture: output goes on at this offset.
    /// Returns whether it is to be drawn: not while the answer to an attach is awaited, which asked
    /// for the output from before it.
    pub const fn pictured(&mut self, offset: u64) -> bool {
        if self.attached {
            self.output.skip_to(offset);
            self.tuning.forget();
            self.fresh = false;
            self.live_from = offset;
        }
        self.attached
    }

    /// The link is gone: nothing is sent until the agent says where it stands.
    pub const fn link_lost(&mut self) {
        self.attached = false;
        self.input.detach();
        self.tuning.forget();
    }

    /// Takes a report of the agent.
    pub fn report(&mut self, report: &ChannelReport) -> Option<Event> {
        match report {
            // It answers an earlier attach; the answer to the last one follows.
            ChannelReport::Attached { attempt, .. } if *attempt != self.attempt => None,
            ChannelReport::Attached { from, end, input_received, input_limit, .. } => {
                let missed = from.saturating_sub(self.output.received());
                let missed = if self.fresh { *from } else { missed };
                if self.fresh {
                    self.live_from = *end;
                }
                self.attached = true;
                self.output.restart(*from);
                self.tuning.forget();
                self.fresh = false;
                if std::mem::take(&mut self.typing.denied) {
                    self.begin_typing(false);
                    self.typing.wish = Keyboard::Watch;
                }
                if !self.typing.ours {
                    self.input.begin_at(*input_received, *input_received);
                } else if std::mem::take(&mut self.typing.fresh) {
                    self.input.begin_at(*input_received, *input_limit);
                } else {
                    self.input.resume_at(*input_received, *input_limit);
                }
                Some(Event::Attached { missed })
            }
            ChannelReport::Exited { end, status, .. } => {
                self.output.ends_at(*end);
                self.exit = Some(*status);
                Some(Event::Exited(*status))
            }
            ChannelReport::Gone { refusal, .. } => Some(Event::Gone(refusal.clone())),
            ChannelReport::Echo { on, .. } => Some(Event::Echo(*on)),
        }
    }

    /// Takes output. Returns the part that is new, and whether it is *live*: output that was
    /// already there when this end attached must not be answered (a terminal's queries).
    ///
    /// # Errors
    /// [`StreamError`] when the agent sent what was not allowed.
    pub fn data(
        &mut self,
        offset: u64,
        bytes: &Bytes,
    ) -> Result<Option<(Bytes, bool)>, StreamError> {
        if !self.attached {
            return Ok(None);
        }
        match self.output.accept(offset, bytes.len())? {
            Accept::Take { skip } => {
                self.tuning.came(self.output.received());
                let live = self.output.received() > self.live_from;
                Ok(Some((bytes.slice(skip..), live)))
            }
            Accept::Duplicate | Accept::Gap => Ok(None),
        }
    }

    /// Whether all output that was there before this end attached has arrived.
    pub const fn is_history_over(&self) -> bool {
        self.attached && self.output.received() >= self.live_from
    }

    /// The credit message that is due when all output but the last `pending` bytes was dealt with.
    pub fn credit(&mut self, pending: u64) -> Option<Bytes> {
        let dealt_with = self.output.received().saturating_sub(pending);
        let (before, ahead) = (self.output.limit(), self.tuning.ahead(self.output.window()));
        let (received, limit) = self.output.credit_within(dealt_with, ahead)?;
        self.tuning.allowed(before, received);
        Some(frame::credit(self.channel, received, limit))
    }

    /// The agent has our input up to `received` and takes more up to `limit`.
    ///
    /// # Errors
    /// [`StreamError`] when it claims what was never sent.
    pub fn credited(&mut self, received: u64, limit: u64) -> Result<(), StreamError> {
        if self.typing.fresh {
            // It is about input of an earlier stretch of typing.
            return Ok(());
        }
        self.input.credit(received, limit)
    }

    /// Input for the program.
    pub fn write(&mut self, bytes: &[u8]) {
        if !self.input_ended && self.typing.ours {
            self.input.write(bytes);
        }
    }

    /// Bytes of input so far.
    pub fn input_end(&self) -> u64 {
        self.input.end()
    }

    /// Bytes of input that the agent has said it has.
    pub fn input_acknowledged(&self) -> u64 {
        self.input.acknowledged()
    }

    /// Bytes of input that the agent has not yet said it has.
    pub fn unsent_input(&self) -> u64 {
        self.input.end().saturating_sub(self.input.acknowledged())
    }

    /// No more input will come. Returns the order to send, now and again after each attach.
    pub fn end_input(&mut self) -> ChannelOrder {
        self.input_ended = true;
        ChannelOrder::InputEnd { channel: self.channel, offset: self.input.end() }
    }

    /// The next data message to send, while the agent takes any.
    pub fn next_message(&mut self) -> Option<Bytes> {
        let (offset, bytes) = self.input.take(limits::DATA_CHUNK)?;
        Some(frame::data(self.channel, offset, &bytes))
    }

    /// How the program ended, once all its output is here.
    pub fn finished(&self) -> Option<ExitStatus> {
        self.exit.filter(|_| self.output.is_complete())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attached(endpoint: &mut Endpoint, from: u64) {
        let (end, input_received, input_limit) = (from, 0, 100);
        let channel = endpoint.channel();
        let attempt = endpoint.attempt;
        let report =
            ChannelReport::Attached { channel, attempt, from, end, input_received, input_limit };
        endpoint.report(&report);
    }

    fn new_bytes(endpoint: &mut Endpoint, offset: u64, bytes: &'static [u8]) -> Option<Bytes> {
        endpoint.data(offset, &Bytes::from_static(bytes)).unwrap().map(|(bytes, _)| bytes)
    }

    #[test]
    fn what_an_earlier_link_still_delivers_is_not_used_twice() {
        let mut endpoint = Endpoint::new(ChannelId(1), 100);
        endpoint.attach();
        attached(&mut endpoint, 0);
        assert_eq!(new_bytes(&mut endpoint, 0, b"ab").unwrap(), "ab");
        endpoint.link_lost();
        endpoint.attach();
        assert_eq!(new_bytes(&mut endpoint, 2, b"cd"), None, "a late frame of the old link");
        attached(&mut endpoint, 2);
        assert_eq!(new_bytes(&mut endpoint, 2, b"cd").unwrap(), "cd");
    }

    #[test]
    fn output_that_comes_before_the_answer_to_an_attach_breaks_nothing() {
        let mut endpoint = Endpoint::new(ChannelId(1), 4);
        endpoint.attach();
        assert_eq!(new_bytes(&mut endpoint, 1_000_000, b"flood"), None);
        attached(&mut endpoint, 7);
        assert_eq!(new_bytes(&mut endpoint, 7, b"ok").unwrap(), "ok");
    }
}

//! What the console said: the last of it in the footer, all of it on F2.

use jumpdeck_protocol::{Refusal, Timestamp, text};
use std::collections::VecDeque;

/// Seconds a message stays in the footer.
const SHOWN: u64 = 8;
/// Messages that are kept.
const KEPT: usize = 500;

/// How grave a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something went as it should.
    Info,
    /// Something deserves a look.
    Warning,
    /// Something failed.
    Error,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// When it was said.
    pub at: Timestamp,
    /// How grave it is.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// All of them, oldest first.
#[derive(Debug, Default)]
pub struct Messages {
    all: VecDeque<Message>,
    settled: bool,
}

impl Messages {
    /// Says something.
    pub fn say(&mut self, at: Timestamp, level: Level, text: &str) {
        if self.all.len() == KEPT {
            self.all.pop_front();
        }
        self.settled = false;
        self.all.push_back(Message { at, level, text: text::clean(text).into_owned() });
    }

    /// Puts something into the history without showing it.
    pub fn note(&mut self, at: Timestamp, level: Level, text: &str) {
        let message = Message { at, level, text: text::clean(text).into_owned() };
        let before_last = self.all.len().saturating_sub(1);
        self.all.insert(before_last, message);
        if self.all.len() > KEPT {
            self.all.pop_front();
        }
    }

    /// Says that something was refused.
    pub fn refused(&mut self, at: Timestamp, what: &str, refusal: &Refusal) {
        self.say(at, Level::Error, &format!("{what}: {refusal}"));
    }

    /// The last message need not be shown any longer.
    pub const fn settle(&mut self) {
        self.settled = true;
    }

    /// The message for the footer, if the last one is fresh.
    pub fn current(&self, now: Timestamp) -> Option<&Message> {
        self.all.back().filter(|message| !self.settled && now.since(message.at) < SHOWN)
    }

    /// All messages, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.all.iter()
    }
}

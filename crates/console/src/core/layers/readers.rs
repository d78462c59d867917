//! What is read: help, messages, a session's log, the reasons for a right.

use crate::core::Console;
use crate::core::help;
use crate::core::keymap::Context;
use crate::core::room::{Room, moved};
use crate::core::why;
use crate::core::why::lines_of_window;
use jumpdeck_protocol::{ItemId, SessionId};

/// The keys that work in a context.
#[derive(Debug)]
pub struct Help {
    /// Where it was asked for.
    pub context: Context,
    /// What is looked for; empty shows everything.
    pub query: String,
    /// Lines scrolled down.
    pub scroll: usize,
}

impl Room for Help {
    fn context(&self) -> Context {
        Context::Reader
    }

    fn rows(&self, console: &Console) -> usize {
        help::lines(console, self.context, &self.query).len()
    }

    fn scroll(&mut self, by: isize, most: usize) {
        self.scroll = moved(self.scroll, by, most);
    }
}

/// All messages.
#[derive(Debug)]
pub struct MessageHistory {
    /// Messages scrolled down from the newest.
    pub scroll: usize,
}

impl Room for MessageHistory {
    fn context(&self) -> Context {
        Context::Reader
    }

    fn rows(&self, console: &Console) -> usize {
        console.messages().all().count()
    }

    fn scroll(&mut self, by: isize, most: usize) {
        self.scroll = moved(self.scroll, by, most);
    }
}

/// A session's log.
#[derive(Debug)]
pub struct LogReader {
    /// The session.
    pub session: SessionId,
    /// Lines scrolled up from the newest.
    pub scroll: usize,
}

impl Room for LogReader {
    fn context(&self) -> Context {
        Context::Reader
    }

    fn is_of_session(&self) -> bool {
        true
    }

    fn rows(&self, console: &Console) -> usize {
        let tab = console.tabs().iter().find(|tab| tab.id == self.session);
        tab.map_or(0, |tab| tab.log.len())
    }

    fn scroll(&mut self, by: isize, most: usize) {
        self.scroll = moved(self.scroll, -by, most);
    }
}

/// What the rep may do with an item, and why.
#[derive(Debug)]
pub struct Why {
    /// The item.
    pub item: ItemId,
    /// Lines scrolled down.
    pub scroll: usize,
}

impl Room for Why {
    fn context(&self) -> Context {
        Context::Reader
    }

    fn rows(&self, console: &Console) -> usize {
        lines_of_window(console, &why::lines(console, self.item))
    }

    fn scroll(&mut self, by: isize, most: usize) {
        self.scroll = moved(self.scroll, by, most);
    }
}

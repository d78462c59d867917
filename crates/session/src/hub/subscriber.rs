//! One console's end of a channel.

use super::{Console, ToConsole};
use bytes::Bytes;
use jumpdeck_protocol::session::Size;
use jumpdeck_protocol::{LinkId, UserId};

/// Where a console is in a channel's output.
#[derive(Debug)]
pub(super) struct Subscriber<W> {
    pub link: LinkId,
    pub user: UserId,
    pub name: Box<str>,
    pub way: W,
    pub stand: Phase,
    /// Everything before this is on its way.
    pub sent: u64,
    /// Everything before this has arrived.
    pub received: u64,
    /// Nothing at or past this may be sent.
    pub limit: u64,
    pub window: u64,
    /// The number of its last attach.
    pub attempt: u32,
    /// The agent was asked for output since it attached.
    pub asked: bool,
    /// It only watches and was too slow: a picture will bring it up to date.
    pub behind: bool,
    /// The size of its pane.
    pub size: Option<Size>,
}

/// Whether output flows to a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It waits for the agent to say where it goes on.
    Waiting {
        /// Where it stands; nothing if it has seen nothing.
        wanted: Option<u64>,
    },
    /// It does.
    Live,
    /// The agent went away; the console has to attach again.
    Idle,
}

impl<W: ToConsole> Subscriber<W> {
    pub(super) fn new(
        console: Console<W>,
        received: Option<u64>,
        window: u64,
        attempt: u32,
        size: Option<Size>,
    ) -> Self {
        let Console { link, user, name, way } = console;
        let stand = Phase::Waiting { wanted: received };
        Self {
            link,
            user,
            name,
            way,
            stand,
            sent: 0,
            received: 0,
            limit: 0,
            window,
            attempt,
            asked: false,
            behind: false,
            size,
        }
    }

    /// Output flows from here on.
    pub(super) const fn go_on(&mut self, from: u64) {
        self.stand = Phase::Live;
        self.sent = from;
        self.received = from;
        self.limit = from.saturating_add(self.window);
        self.behind = false;
    }

    /// Sends a message with the output from `offset` to `end`, if that is new to it and it takes
    /// so much. The one that types is waited for, so it always does.
    pub(super) fn pass(&mut self, offset: u64, end: u64, message: &Bytes, types: bool) {
        if self.stand != Phase::Live || self.behind || end <= self.sent {
            return;
        }
        if types || (offset <= self.sent && end <= self.limit) {
            self.sent = end;
            self.way.frame(message.clone());
        } else {
            self.behind = true;
        }
    }

    /// It has everything before `received` and takes what stands before `limit`.
    pub(super) fn credit(&mut self, received: u64, limit: u64) {
        self.received = self.received.max(received.min(self.sent));
        self.limit = self.limit.max(limit.min(self.received.saturating_add(self.window)));
    }

    /// Everything before this has arrived there; nothing if it never got anything.
    pub(super) fn stands_at(&self) -> Option<u64> {
        match self.stand {
            Phase::Waiting { wanted } => wanted,
            Phase::Live => Some(self.received),
            Phase::Idle => (self.received > 0).then_some(self.received),
        }
    }

    /// It is behind, and has what it was sent, as far as it says so.
    pub(super) fn may_catch_up(&self) -> bool {
        self.stand == Phase::Live
            && self.behind
            && self.sent.saturating_sub(self.received) < self.window / 4
    }
}

//! A question, and what a yes means.

use crate::core::keymap::Context;
use crate::core::room::Room;
use jumpdeck_protocol::{ChannelId, ItemId, SessionId};

/// A question, and what a yes means.
#[derive(Debug, PartialEq, Eq)]
pub enum Question {
    /// End this session?
    EndSession {
        /// The session.
        session: SessionId,
        /// The item's name.
        name: String,
    },
    /// End this shell?
    CloseShell {
        /// Its channel.
        channel: ChannelId,
        /// Its number in the session.
        number: usize,
        /// The item's name.
        name: String,
    },
    /// Take no part in this session any more?
    Leave {
        /// The session.
        session: SessionId,
        /// The item's name.
        name: String,
        /// Whose session it is.
        owner: String,
    },
    /// Give this session away?
    Transfer {
        /// The session.
        session: SessionId,
        /// The item's name.
        name: String,
        /// To whom.
        to: String,
    },
    /// Turn this machine away?
    TurnAway {
        /// The machine.
        item: ItemId,
        /// Its name.
        name: String,
    },
    /// Undo the pin of the session's machine?
    Unpin {
        /// The session.
        session: SessionId,
        /// The item's name.
        name: String,
    },
    /// Remove these?
    Remove {
        /// The items.
        items: Vec<ItemId>,
        /// Their names and groups, the first few.
        names: Vec<(String, String)>,
        /// How many of them the list does not show, in words.
        not_shown: String,
    },
    /// Wake all of these?
    Wake {
        /// The machines.
        items: Vec<ItemId>,
        /// Their names, the first few.
        names: Vec<String>,
    },
    /// Wake it, and start a session once it is up?
    WakeAndJump {
        /// The machine.
        item: ItemId,
        /// Its name.
        name: String,
    },
    /// Start sessions with all of these?
    Start {
        /// The items and their names.
        items: Vec<(ItemId, String)>,
        /// How many of them the list does not show, in words.
        not_shown: String,
    },
    /// Throw away what was typed into a form?
    Discard,
    /// Forget this saved search?
    Forget {
        /// Its name.
        name: Box<str>,
    },
}

impl Room for Question {
    fn context(&self) -> Context {
        Context::Confirm
    }

    fn is_of_session(&self) -> bool {
        matches!(
            self,
            Self::EndSession { .. }
                | Self::CloseShell { .. }
                | Self::Transfer { .. }
                | Self::Unpin { .. }
                | Self::Leave { .. }
        )
    }
}

//! A line of text that is asked for.

use crate::core::input::Input;
use crate::core::keymap::Context;
use crate::core::room::Room;
use jumpdeck_protocol::{ItemId, SessionId};

/// A line of text that is asked for.
#[derive(Debug)]
pub struct Prompt {
    /// What it is for.
    pub purpose: Ask,
    /// What was typed.
    pub input: Input,
    /// What is wrong with it.
    pub mistake: Option<String>,
}

/// What a line of text is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The name of a saved search.
    SearchName,
    /// Where the list is written to.
    ExportPath,
    /// Words for the others in a session.
    Chat {
        /// The session.
        session: SessionId,
        /// The item's name.
        name: String,
    },
    /// A note for a session's log.
    Note {
        /// The session.
        session: SessionId,
        /// The item's name.
        name: String,
    },
    /// What is looked for in a shell's lines.
    LineWith,
    /// How many items are removed, to be sure.
    RemoveCount {
        /// The items.
        items: Vec<ItemId>,
        /// Their names and groups, the first few.
        names: Vec<(String, String)>,
    },
    /// What is looked for in a recording.
    Played,
    /// What is looked for in the help.
    HelpWith,
    /// Where a shell's lines are written to.
    LinesPath,
    /// Where a session's log is written to.
    LogPath {
        /// The session.
        session: SessionId,
    },
    /// A code of the second factor, before a session starts.
    Code {
        /// The item.
        item: ItemId,
        /// Its name.
        name: String,
        /// Why its Jump Policy is overridden, if it is closed.
        reason: Option<String>,
    },
    /// Why a session is started although the Jump Policy is closed.
    Reason {
        /// The item.
        item: ItemId,
        /// Its name.
        name: String,
        /// The policy's name, and when it opens.
        policy: String,
    },
    /// Whose session is simulated.
    SimulatedUser,
    /// When it is simulated.
    SimulatedTime,
    /// What the machine wants to hear before it wakes.
    WakePassword {
        /// The machines.
        items: Vec<ItemId>,
        /// What to call them.
        name: String,
    },
}

impl Ask {
    /// Whether nobody may read what is typed.
    pub const fn is_secret(&self) -> bool {
        matches!(self, Self::WakePassword { .. } | Self::Code { .. })
    }
}

impl Room for Prompt {
    fn context(&self) -> Context {
        Context::Prompt
    }

    fn is_of_session(&self) -> bool {
        matches!(
            self.purpose,
            Ask::Chat { .. }
                | Ask::Note { .. }
                | Ask::LineWith
                | Ask::Played
                | Ask::LinesPath
                | Ask::LogPath { .. }
        )
    }

    fn takes_text(&self) -> bool {
        true
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }

    fn edited(&mut self) {
        self.mistake = None;
    }
}

//! The selected row of the sessions screen.

use jumpdeck_protocol::{ItemId, SessionId};

/// A row of the sessions' screen, by its number among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRow {
    /// A session one takes part in, by the number of its tab.
    Tab(usize),
    /// A machine that waits.
    Waiting(usize),
    /// A session of a team.
    Team(usize),
    /// What was selected and is there no more; the next row does not slide under the cursor.
    Gone,
}

/// What a row stands for, whatever row it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowOf {
    Session(SessionId),
    Waiting(ItemId),
    Team(SessionId),
}

/// The selection on the sessions' screen: it stays with what was selected.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    pub(super) of: Option<RowOf>,
    /// Its machine.
    pub(super) name: String,
    /// Where it stood last.
    pub(super) row: SessionRow,
}

impl Default for Selection {
    fn default() -> Self {
        Self { of: None, name: String::new(), row: SessionRow::Tab(0) }
    }
}

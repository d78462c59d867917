//! Things that are on or off.

use crate::core::keymap::Context;
use crate::core::query::Field;
use crate::core::room::Room;
use jumpdeck_protocol::preferences::Column;

/// Things that are on or off.
#[derive(Debug)]
pub struct Toggles {
    /// What they are.
    pub kind: ToggleKind,
    /// The selected one.
    pub selected: usize,
}

/// What can be on or off.
#[derive(Debug, PartialEq, Eq)]
pub enum ToggleKind {
    /// The columns of the list: those that are shown first, in their order.
    Columns(Vec<Column>),
    /// The fields that bare words are looked for in.
    Fields(Vec<Field>),
}

impl Toggles {
    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.kind {
            ToggleKind::Columns(columns) => columns.len(),
            ToggleKind::Fields(fields) => fields.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Room for Toggles {
    fn context(&self) -> Context {
        Context::Toggles
    }
}

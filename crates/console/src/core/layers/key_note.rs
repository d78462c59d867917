//! A session key that was made.

use crate::core::keymap::Context;
use crate::core::room::Room;
use jumpdeck_protocol::queue::SessionKey;

/// A session key that was made, as it is shown.
pub struct KeyNote {
    /// The key and what belongs to it.
    pub key: SessionKey,
    /// What the person at the machine types.
    pub line: String,
}

impl std::fmt::Debug for KeyNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyNote").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Room for KeyNote {
    fn context(&self) -> Context {
        Context::Reader
    }
}

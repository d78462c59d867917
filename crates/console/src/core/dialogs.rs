//! What lies over the screen, and what is said.

use super::layers::Layer;
use super::lock::Lock;
use super::messages::Messages;

/// Layers, messages, and the lock over all of it.
#[derive(Debug, Default)]
pub(super) struct Dialogs {
    /// Topmost last.
    pub layers: Vec<Layer>,
    pub messages: Messages,
    pub last_form: u64,
    pub lock: Lock,
}

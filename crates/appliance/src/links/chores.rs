//! What has to be done after something else, one thing after the other.

use jumpdeck_protocol::EndpointId;
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Something to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    /// The last session with this machine is over.
    LetGo(EndpointId),
    /// What goes on besides people's own sessions may have changed.
    TellLobby,
}

/// The chores that wait.
#[derive(Debug)]
pub(crate) struct Chores {
    chores: UnboundedSender<Chore>,
    waiting: Mutex<Option<UnboundedReceiver<Chore>>>,
}

impl Default for Chores {
    fn default() -> Self {
        let (chores, waiting) = unbounded_channel();
        Self { chores, waiting: Mutex::new(Some(waiting)) }
    }
}

impl Chores {
    /// What waits, for the one that does it.
    pub(crate) fn taken(&self) -> Option<UnboundedReceiver<Chore>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn add(&self, chore: Chore) {
        // It ends with the appliance, and then nothing is left to be done.
        let _ = self.chores.send(chore);
    }

    /// A machine without sessions may be let go: soon, and in its turn.
    pub(crate) fn let_go_soon(&self, endpoint: EndpointId) {
        self.add(Chore::LetGo(endpoint));
    }

    /// What goes on besides people's own sessions may have changed: they are told soon.
    pub(crate) fn tell_lobby_soon(&self) {
        self.add(Chore::TellLobby);
    }
}

//! The bus: what has happened, for services that have to do something about it. Anyone who publishes
//! does not know who listens. Listeners are called at once, in their order, on the publisher's
//! task: what one task publishes first is told first.

use jumpdeck_protocol::log::{LogEntry, Summary};
use jumpdeck_protocol::session::{EndReason, Terms};
use jumpdeck_protocol::{EndpointId, SessionId, UserId};
use std::sync::{Arc, OnceLock, Weak};

/// Something that has happened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ApplianceEvent<'a> {
    /// A session is in the book and in the history; its first channel is not open yet.
    SessionStarted { endpoint: EndpointId },
    /// Its first channel is open.
    SessionOpened { session: SessionId, owner: UserId },
    /// Its channels, their consoles or its owner changed.
    SessionChanged { session: SessionId },
    /// This user may take part in a session, or may not any more.
    PartChanged { session: SessionId, user: UserId },
    /// It is not in the book any more.
    SessionEnded(&'a SessionEnd<'a>),
    /// An entry of a session's log was written.
    Logged { session: SessionId, entry: &'a LogEntry },
    /// Nothing but its place in a queue may keep this machine any more.
    MachineFree { endpoint: EndpointId },
    /// An agent is linked.
    AgentCame { endpoint: EndpointId, is_visitor: bool },
    /// It is not any more, and no other link took its place.
    AgentLeft { endpoint: EndpointId, is_visitor: bool },
    /// Somebody waits in a queue or does not any more, or who serves it changed.
    QueuesChanged,
    /// A console is ready to be told how things stand.
    ConsoleCame,
}

/// The end of a session.
#[derive(Debug)]
pub(crate) struct SessionEnd<'a> {
    pub session: SessionId,
    pub endpoint: EndpointId,
    /// Who took part, the owner first.
    pub users: &'a [UserId],
    pub terms: &'a Terms,
    pub summary: &'a Summary,
    pub reason: &'a EndReason,
    /// The last entry of its log.
    pub entry: &'a LogEntry,
}

/// A service that has to do something about events.
pub(crate) trait EventListener: Send + Sync {
    /// Is called while the publisher waits: what takes long goes into a task of its own.
    fn on(self: Arc<Self>, event: ApplianceEvent<'_>);
}

/// The way to all listeners; cheap to copy.
#[derive(Clone, Default)]
pub(crate) struct Bus(Arc<OnceLock<Vec<Weak<dyn EventListener>>>>);

impl Bus {
    /// Who listens from now on. The first call counts: all services are made then.
    pub(crate) fn connect(&self, listeners: Vec<Arc<dyn EventListener>>) {
        let listeners = listeners.iter().map(Arc::downgrade).collect();
        if self.0.set(listeners).is_err() {
            tracing::error!("the bus was connected twice");
        }
    }

    /// Tells the listeners what has happened; nobody before they are connected.
    pub(crate) fn publish(&self, event: ApplianceEvent<'_>) {
        for listener in self.0.get().into_iter().flatten() {
            // One that is gone went with the appliance.
            if let Some(listener) = listener.upgrade() {
                listener.on(event);
            }
        }
    }
}

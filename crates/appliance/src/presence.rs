//! Who is linked: agents, and what their items' status is.

use crate::store::Seen;
use jumpdeck_protocol::agent::{AgentOrder, AgentRequest, Opened, ToAgent};
use jumpdeck_protocol::inventory::{Presence, Status};
use jumpdeck_protocol::link::Outbox;
use jumpdeck_protocol::{ItemId, LinkId, Outcome, Refusal, RefusalCode, RequestId, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{broadcast, oneshot};

/// Changes that may queue up for a feed before it starts over with a full picture.
const CHANGES: usize = 4096;

/// An agent's live link.
#[derive(Debug)]
pub(crate) struct AgentLink {
    pub id: LinkId,
    pub outbox: Outbox,
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    last: RequestId,
    waiting: HashMap<RequestId, oneshot::Sender<Result<Opened, Refusal>>>,
}

impl AgentLink {
    pub(crate) fn new(id: LinkId, outbox: Outbox) -> Self {
        Self { id, outbox, calls: Mutex::default() }
    }

    /// Tells the agent something.
    pub(crate) fn order(&self, order: AgentOrder) {
        self.outbox.send(&ToAgent::Notice { body: order });
    }

    /// Asks the agent something and waits for its answer.
    pub(crate) async fn call(
        &self,
        request: AgentRequest,
        patience: Duration,
    ) -> Result<Opened, Refusal> {
        let (answer, answered) = oneshot::channel();
        let id = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.last = calls.last.next();
            let id = calls.last;
            calls.waiting.insert(id, answer);
            id
        };
        self.outbox.send(&ToAgent::Request { id, body: request });
        let outcome = tokio::time::timeout(patience, answered).await;
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).waiting.remove(&id);
        match outcome {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(RefusalCode::JumpClientOffline.because("its link was lost just now")),
            Err(_) => Err(RefusalCode::SpawnTimeout.plain()),
        }
    }

    /// The answer to a call arrived.
    pub(crate) fn answered(&self, id: RequestId, outcome: Outcome<Opened>) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = calls.waiting.remove(&id) {
            // Whoever asked may have given up.
            let _ = waiting.send(outcome.into());
        }
    }

    /// The link is gone: whoever waits is told.
    pub(crate) fn hang_up(&self) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).waiting.clear();
    }
}

#[derive(Debug, Default)]
struct Entry {
    link: Option<Arc<AgentLink>>,
    since: Option<Timestamp>,
    sessions: usize,
}

impl Entry {
    const fn status(&self) -> Status {
        match (&self.link, self.sessions) {
            (None, _) => Status::Offline,
            (Some(_), 0) => Status::Online,
            (Some(_), _) => Status::InUse,
        }
    }
}

/// The presence of every item that was ever seen.
#[derive(Debug)]
pub(crate) struct Presences {
    entries: RwLock<HashMap<ItemId, Entry>>,
    changes: broadcast::Sender<Presence>,
}

impl Presences {
    pub(crate) fn new(seen: &[Seen]) -> Self {
        let entry = |seen: &Seen| (seen.item, Entry { since: Some(seen.at), ..Entry::default() });
        Self {
            entries: RwLock::new(seen.iter().map(entry).collect()),
            changes: broadcast::channel(CHANGES).0,
        }
    }

    /// Every change from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Presence> {
        self.changes.subscribe()
    }

    /// The presence of every item that was ever seen.
    pub(crate) fn all(&self) -> Vec<Presence> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.iter().map(|(item, entry)| picture(*item, entry)).collect()
    }

    /// The item's link, if it has one.
    pub(crate) fn link(&self, item: ItemId) -> Option<Arc<AgentLink>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(&item)?.link.clone()
    }

    /// An agent is linked. Returns the link it replaces.
    pub(crate) fn arrived(
        &self,
        item: ItemId,
        link: Arc<AgentLink>,
        sessions: usize,
        now: Timestamp,
    ) -> Option<Arc<AgentLink>> {
        self.update(item, |entry| {
            entry.sessions = sessions;
            if entry.link.is_none() {
                entry.since = Some(now);
            }
            entry.link.replace(link)
        })
    }

    /// A link is gone. Returns whether it was the item's current one.
    pub(crate) fn left(&self, item: ItemId, link: LinkId, now: Timestamp) -> bool {
        self.update(item, |entry| {
            let current = entry.link.as_ref().is_some_and(|current| current.id == link);
            if current {
                entry.link = None;
                entry.since = Some(now);
            }
            current
        })
    }

    /// The item has this many sessions now.
    pub(crate) fn in_sessions(&self, item: ItemId, sessions: usize) {
        self.update(item, |entry| entry.sessions = sessions);
    }

    /// Every live link.
    pub(crate) fn links(&self) -> Vec<(ItemId, Arc<AgentLink>)> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let live = |(item, entry): (&ItemId, &Entry)| Some((*item, entry.link.clone()?));
        entries.iter().filter_map(live).collect()
    }

    fn update<T>(&self, item: ItemId, change: impl FnOnce(&mut Entry) -> T) -> T {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(item).or_default();
        let before = entry.status();
        let outcome = change(entry);
        if entry.status() != before {
            // Nobody may be listening.
            let _ = self.changes.send(picture(item, entry));
        }
        outcome
    }
}

const fn picture(item: ItemId, entry: &Entry) -> Presence {
    Presence { item, status: entry.status(), since: entry.since }
}

//! Follow-up work, in order: machines without sessions go, and reps are told how queues stand.

use crate::book::Book;
use crate::bus::{ApplianceEvent, EventListener};
use crate::links::Links;
use crate::visitors::queues::Queues;
use crate::vitals::Vitals;
use jumpdeck_protocol::EndpointId;
use jumpdeck_protocol::agent::AgentOrder;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Something to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chore {
    /// The last session with this machine is over.
    LetGo(EndpointId),
    /// What goes on besides people's own sessions may have changed.
    TellLobby,
}

/// Does what follows from events and may wait: one task, one thing after the other.
pub(crate) struct Departures {
    links: Arc<Links>,
    book: Arc<Book>,
    queues: Arc<Queues>,
    vitals: Vitals,
    chores: UnboundedSender<Chore>,
    waiting: Mutex<Option<UnboundedReceiver<Chore>>>,
}

impl Departures {
    pub(super) fn new(
        links: &Arc<Links>,
        book: &Arc<Book>,
        queues: &Arc<Queues>,
        vitals: &Vitals,
    ) -> Self {
        let (chores, waiting) = unbounded_channel();
        Self {
            links: Arc::clone(links),
            book: Arc::clone(book),
            queues: Arc::clone(queues),
            vitals: vitals.clone(),
            chores,
            waiting: Mutex::new(Some(waiting)),
        }
    }

    /// Does chores for as long as the appliance is there.
    pub(crate) fn do_chores(self: &Arc<Self>) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut waiting) = waiting else {
            return;
        };
        let (departures, vital) = (Arc::downgrade(self), self.vitals.part("departures"));
        tokio::spawn(async move {
            while let Some(first) = waiting.recv().await {
                let Some(departures) = departures.upgrade() else {
                    break;
                };
                let mut chores = vec![first];
                while let Ok(chore) = waiting.try_recv() {
                    chores.push(chore);
                }
                departures.do_those(&chores).await;
            }
            vital.ends();
        });
    }

    async fn do_those(&self, chores: &[Chore]) {
        let mut gone = BTreeSet::new();
        for chore in chores {
            if let Chore::LetGo(endpoint) = chore {
                gone.insert(*endpoint);
            }
        }
        for endpoint in gone {
            match self.queues.let_go(endpoint).await {
                Ok(true) => {}
                Ok(false) => self.tell_sessions_over(endpoint),
                Err(refusal) => {
                    tracing::error!(endpoint = endpoint.0, %refusal, "a machine was not let go");
                }
            }
        }
        // One who was let go is no news to anybody before it is.
        self.queues.tell_queues_now();
    }

    /// Where a person sits at a Jump Client, its own service may take over.
    fn tell_sessions_over(&self, endpoint: EndpointId) {
        let agent = self.links.agents.link(endpoint).filter(|agent| agent.attended);
        if let Some(agent) = agent.filter(|_| self.book.count(endpoint) == 0) {
            agent.order(AgentOrder::SessionsOver);
        }
    }
}

impl EventListener for Departures {
    fn on(self: Arc<Self>, event: ApplianceEvent<'_>) {
        let chore = match event {
            ApplianceEvent::SessionEnded(end) => Chore::LetGo(end.endpoint),
            ApplianceEvent::MachineFree { endpoint } => Chore::LetGo(endpoint),
            ApplianceEvent::AgentCame { endpoint, is_visitor: false } => {
                // It may not have heard of the end of the last one.
                return self.tell_sessions_over(endpoint);
            }
            ApplianceEvent::AgentCame { is_visitor: true, .. }
            | ApplianceEvent::AgentLeft { is_visitor: true, .. }
            | ApplianceEvent::SessionStarted { .. }
            | ApplianceEvent::PartChanged { .. }
            | ApplianceEvent::QueuesChanged
            | ApplianceEvent::ConsoleCame => Chore::TellLobby,
            ApplianceEvent::AgentLeft { is_visitor: false, .. }
            | ApplianceEvent::SessionOpened { .. }
            | ApplianceEvent::SessionChanged { .. }
            | ApplianceEvent::Logged { .. } => return,
        };
        // It ends with the appliance, and then nothing is left to be done.
        let _ = self.chores.send(chore);
    }
}

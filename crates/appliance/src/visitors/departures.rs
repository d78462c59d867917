//! Follow-up work, in order: machines without sessions go, and reps are told how queues stand.

use crate::book::Book;
use crate::links::Links;
use crate::links::chores::Chore;
use crate::visitors::queues::Queues;
use crate::vitals::Vitals;
use jumpdeck_protocol::EndpointId;
use jumpdeck_protocol::agent::AgentOrder;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Does the follow-up work that waits in `links::chores`.
pub(crate) struct Departures {
    pub(super) links: Arc<Links>,
    pub(super) book: Arc<Book>,
    pub(super) queues: Arc<Queues>,
    pub(super) vitals: Vitals,
}

impl Departures {
    /// Does chores for as long as the appliance is there.
    pub(crate) fn do_chores(self: &Arc<Self>) {
        let Some(mut waiting) = self.links.chores.taken() else {
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
        self.queues.tell_lobby_now();
    }

    /// Where a person sits at a Jump Client, its own service may take over.
    pub(crate) fn tell_sessions_over(&self, endpoint: EndpointId) {
        let agent = self.links.agents.link(endpoint).filter(|agent| agent.attended);
        if let Some(agent) = agent.filter(|_| self.book.count(endpoint) == 0) {
            agent.order(AgentOrder::SessionsOver);
        }
    }
}

//! What has to be done after something else, one thing after the other: whom to let go, whom to
//! tell what goes on.

use crate::app::Appliance;
use crate::links::chores::Chore;
use jumpdeck_protocol::agent::AgentOrder;
use jumpdeck_protocol::{EndpointId, Refusal};
use jumpdeck_store::{Draft, History};
use jumpdeck_world::{DocumentId, Removed};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Appliance {
    /// Does chores for as long as the appliance is there.
    pub(crate) fn do_chores(self: &Arc<Self>) {
        let Some(mut waiting) = self.chores.taken() else {
            return;
        };
        let (appliance, vital) = (Arc::downgrade(self), self.vitals.part("departures"));
        tokio::spawn(async move {
            while let Some(first) = waiting.recv().await {
                let Some(appliance) = appliance.upgrade() else {
                    break;
                };
                let mut chores = vec![first];
                while let Ok(chore) = waiting.try_recv() {
                    chores.push(chore);
                }
                appliance.do_those(&chores).await;
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
            match self.let_go(endpoint).await {
                Ok(true) => {}
                Ok(false) => self.tell_sessions_over(endpoint),
                Err(refusal) => {
                    tracing::error!(endpoint = endpoint.0, %refusal, "a machine was not let go");
                }
            }
        }
        // One who was let go is no news to anybody before it is.
        self.tell_lobby_now();
    }

    /// A machine without sessions may be let go: soon, and in its turn.
    pub(crate) fn dismiss(&self, endpoint: EndpointId) {
        self.chores.add(Chore::LetGo(endpoint));
    }

    /// What goes on besides people's own sessions may have changed: they are told soon.
    pub(crate) fn tell_lobby(&self) {
        self.chores.add(Chore::TellLobby);
    }

    /// A machine that came for one session goes; a Jump Client stays. Returns whether it went.
    pub(crate) async fn let_go(&self, endpoint: EndpointId) -> Result<bool, Refusal> {
        if self.sessions.count(endpoint) > 0 {
            return Ok(false);
        }
        let at = self.now();
        let edit = move |draft: &mut Draft| {
            let items: Vec<_> = draft.items_of(endpoint).cloned().collect();
            let visitors: Vec<_> = items.into_iter().filter(|item| item.is_visitor()).collect();
            for item in &visitors {
                if let Some(key) = item.key {
                    draft.put(Removed { endpoint, key, at })?;
                    draft.history(History::Forgotten(endpoint));
                }
                draft.remove(DocumentId::Item(item.view.id));
            }
            Ok(!visitors.is_empty())
        };
        let went = self.store.edit(edit).await?;
        if went {
            if let Some(agent) = self.presences.link(endpoint) {
                agent.order(AgentOrder::Uninstall);
                agent.outbox.close();
            }
            self.presences.forget(endpoint);
        }
        Ok(went)
    }

    /// Where a person sits at a Jump Client, its own service may take over.
    pub(crate) fn tell_sessions_over(&self, endpoint: EndpointId) {
        let agent = self.presences.link(endpoint).filter(|agent| agent.attended);
        if let Some(agent) = agent.filter(|_| self.sessions.count(endpoint) == 0) {
            agent.order(AgentOrder::SessionsOver);
        }
    }
}

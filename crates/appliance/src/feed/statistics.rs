//! Statistics go only to consoles that look, and agents measure only while one does: often while
//! the machine is on somebody's screen, now and then while somebody searches for figures.

use crate::jobs::{Every, Jobs};
use crate::links::Links;
use jumpdeck_protocol::EndpointId;
use jumpdeck_protocol::agent::AgentOrder;
use std::sync::Arc;

/// Tells machines how often to measure, by who watches.
pub(crate) struct Interest {
    pub(super) links: Arc<Links>,
}

impl Interest {
    /// Tells machines how often to measure.
    pub(crate) fn settle_interest(&self, changed: &[EndpointId]) {
        for endpoint in changed {
            if let Some(agent) = self.links.agents.link(*endpoint) {
                let interval = self.links.watching.interval(*endpoint);
                agent.order(AgentOrder::Interest { interval });
            }
        }
    }

    /// Tells all machines how often to measure, without holding anybody up.
    pub(crate) fn settle_everybodys_interest(self: &Arc<Self>) {
        let interest = Arc::clone(self);
        tokio::spawn(async move {
            for (endpoint, agent) in interest.links.agents.links() {
                let interval = interest.links.watching.interval(endpoint);
                agent.order(AgentOrder::Interest { interval });
                tokio::task::consume_budget().await;
            }
        });
    }

    pub(crate) fn jobs(self: &Arc<Self>, jobs: &mut Jobs) {
        jobs.add(Every::Look, self, |interest| async move {
            if interest.links.watching.settle_search() {
                interest.settle_everybodys_interest();
            }
        });
    }
}

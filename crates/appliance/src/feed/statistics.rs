//! Statistics go only to consoles that look, and agents measure only while one does: often while
//! the machine is on somebody's screen, now and then while somebody searches for figures.

use crate::app::Appliance;
use jumpdeck_protocol::EndpointId;
use jumpdeck_protocol::agent::AgentOrder;
use std::sync::Arc;

impl Appliance {
    /// Tells machines how often to measure.
    pub(crate) fn settle_interest(&self, changed: &[EndpointId]) {
        for endpoint in changed {
            if let Some(agent) = self.presences.link(*endpoint) {
                let interval = self.watching.interval(*endpoint);
                agent.order(AgentOrder::Interest { interval });
            }
        }
    }

    /// Tells all machines how often to measure, without holding anybody up.
    pub(crate) fn settle_everybodys_interest(self: &Arc<Self>) {
        let appliance = Arc::clone(self);
        tokio::spawn(async move {
            for (endpoint, agent) in appliance.presences.links() {
                let interval = appliance.watching.interval(endpoint);
                agent.order(AgentOrder::Interest { interval });
                tokio::task::consume_budget().await;
            }
        });
    }
}

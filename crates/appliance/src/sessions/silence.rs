//! Anyone who shows the shells of a machine asks whether it answers, and is told after two seconds of
//! silence.

use crate::book::Book;
use crate::links::Links;
use crate::links::agent::AgentLink;
use crate::links::consoles::RepLink;
use jumpdeck_protocol::EndpointId;
use jumpdeck_protocol::rep::ApplianceNotice;
use std::sync::Arc;
use std::time::Duration;

/// An agent that lives answers a ping within this.
const SILENT: Duration = Duration::from_secs(2);

/// Asks machines whether they answer, for consoles that show their programs.
pub(crate) struct AgentSilence {
    pub(super) links: Arc<Links>,
    pub(super) book: Arc<Book>,
}

impl AgentSilence {
    /// A console asks whether it is answered: so is every machine whose programs it shows.
    pub(crate) fn check_agents_of(self: &Arc<Self>, rep: &RepLink) {
        let mut shown = self.book.channels_for(rep.user);
        shown.retain(|channel| channel.hub().has_subscriber(rep.id));
        for channel in shown {
            let Some(link) = self.links.agents.link(channel.endpoint) else {
                continue;
            };
            if link.liveness.is_silent() {
                // It may have come after that was told.
                let notice = ApplianceNotice::AgentSilent { channel: channel.id, silent: true };
                channel.hub().tell(rep.id, notice);
            } else if let Some(question) = link.liveness.ask() {
                link.outbox.probe();
                let silence = Arc::clone(self);
                tokio::spawn(async move {
                    tokio::time::sleep(SILENT).await;
                    let is_current = || {
                        let current = silence.links.agents.link(channel.endpoint);
                        current.is_some_and(|current| current.id == link.id)
                    };
                    if link.liveness.is_over(question) && is_current() {
                        silence.tell_of_silence(channel.endpoint, true);
                    }
                });
            }
        }
    }

    /// An agent said something.
    pub(crate) fn heard_from_agent(&self, link: &AgentLink, endpoint: EndpointId) {
        if link.liveness.heard() {
            self.tell_of_silence(endpoint, false);
        }
    }

    fn tell_of_silence(&self, endpoint: EndpointId, silent: bool) {
        for channel in self.book.channels_at(endpoint) {
            channel.hub().tell_all(&ApplianceNotice::AgentSilent { channel: channel.id, silent });
        }
    }
}

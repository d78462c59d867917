//! Whether a machine that is linked answers: one that hangs looks linked for minutes, and what is
//! typed vanishes in it. Whoever shows its shells asks; it is told after two seconds of silence.

use crate::appliance::Appliance;
use crate::links::consoles::RepLink;
use crate::links::presence::AgentLink;
use jumpdeck_protocol::EndpointId;
use jumpdeck_protocol::rep::ApplianceNotice;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// An agent that lives answers a ping within this.
const SILENT: Duration = Duration::from_secs(2);

/// What is known of whether an agent answers.
#[derive(Debug, Default)]
pub(crate) struct Liveness(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Questions so far.
    asked: u64,
    /// One is open.
    waiting: bool,
    silent: bool,
}

impl Liveness {
    /// The agent said something. Returns whether it was silent before.
    fn heard(&self) -> bool {
        let mut state = self.state();
        state.waiting = false;
        std::mem::take(&mut state.silent)
    }

    /// It is to be asked; the number of the question, unless one is open.
    fn ask(&self) -> Option<u64> {
        let mut state = self.state();
        if state.waiting {
            return None;
        }
        state.waiting = true;
        state.asked += 1;
        Some(state.asked)
    }

    /// The time for an answer is over. Returns whether none came.
    fn is_over(&self, question: u64) -> bool {
        let mut state = self.state();
        state.silent = state.waiting && state.asked == question;
        state.silent
    }

    fn is_silent(&self) -> bool {
        self.state().silent
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Appliance {
    /// A console asks whether it is answered: so is every machine whose programs it shows.
    pub(crate) fn check_agents_of(self: &Arc<Self>, rep: &RepLink) {
        let mut shown = self.sessions.channels_for(rep.user);
        shown.retain(|channel| channel.hub().has_subscriber(rep.id));
        for channel in shown {
            let Some(link) = self.presences.link(channel.endpoint) else {
                continue;
            };
            if link.liveness.is_silent() {
                // It may have come after that was told.
                let notice = ApplianceNotice::AgentSilent { channel: channel.id, silent: true };
                channel.hub().tell(rep.id, notice);
            } else if let Some(question) = link.liveness.ask() {
                link.outbox.probe();
                let appliance = Arc::clone(self);
                tokio::spawn(async move {
                    tokio::time::sleep(SILENT).await;
                    let is_current = || {
                        let current = appliance.presences.link(channel.endpoint);
                        current.is_some_and(|current| current.id == link.id)
                    };
                    if link.liveness.is_over(question) && is_current() {
                        appliance.tell_of_silence(channel.endpoint, true);
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
        for channel in self.sessions.channels_at(endpoint) {
            channel.hub().tell_all(&ApplianceNotice::AgentSilent { channel: channel.id, silent });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Liveness;

    #[test]
    fn only_the_question_that_is_open_tells_silence() {
        let liveness = Liveness::default();
        assert!(!liveness.heard(), "nobody asked");
        let first = liveness.ask().unwrap();
        assert_eq!(liveness.ask(), None);
        assert!(!liveness.heard(), "it answered in time");
        let second = liveness.ask().unwrap();
        assert!(!liveness.is_over(first), "that was answered");
        assert!(liveness.is_over(second) && liveness.is_silent());
        assert!(liveness.heard() && !liveness.is_silent());
    }
}

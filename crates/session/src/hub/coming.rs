//! Agents and consoles that come and go.

use super::subscriber::{Phase, Subscriber};
use super::{Hub, ToConsole, ToMachine};
use jumpdeck_protocol::LinkId;
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::session::Size;

impl<W: ToConsole> Hub<W> {
    /// The agent went away: nothing flows before it says where it goes on.
    pub fn agent_left(&mut self) {
        self.start_over();
        self.tell_all(&ApplianceNotice::AgentLink { channel: self.channel, linked: false });
    }

    /// The agent is there: consoles attach again, and what is recorded goes on by itself.
    pub fn agent_came(&mut self, agent: &impl ToMachine) {
        self.start_over();
        if self.recording.is_some() {
            self.begin(agent);
        }
        self.tell_all(&ApplianceNotice::AgentLink { channel: self.channel, linked: true });
    }

    /// Nothing is known of the agent any more.
    pub(super) fn start_over(&mut self) {
        self.run = None;
        self.attaching = 0;
        self.again = false;
        self.told = None;
        for subscriber in &mut self.subscribers {
            subscriber.stand = Phase::Idle;
        }
    }
    /// A console does not show it any more. Returns the terminal's new size if that changes it.
    pub fn detach(&mut self, link: LinkId, linked: bool) -> Option<Size> {
        if self.keyboard == Some(link) {
            self.held = self.subscriber(link).and_then(Subscriber::stands_at).or(self.held);
            self.keyboard = None;
        }
        self.subscribers.retain(|subscriber| subscriber.link != link);
        if self.subscribers.iter().all(|subscriber| self.keyboard == Some(subscriber.link)) {
            self.screen = None;
        }
        self.fit(linked)
    }
}

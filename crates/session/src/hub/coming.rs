//! Agents and consoles that come and go.

use super::subscriber::{Phase, Subscriber};
use super::{Hub, ToConsole, ToMachine};
use jumpdeck_protocol::LinkId;
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::session::Size;

impl<W: ToConsole, M: ToMachine> Hub<W, M> {
    /// Whether this is the agent's link as the hub knows it.
    pub(super) fn is_agent(&self, link: LinkId) -> bool {
        self.agent.as_ref().is_some_and(|agent| agent.link() == link)
    }

    /// The program is about to be started over this way.
    pub fn born_with(&mut self, agent: Option<M>) {
        if self.subscribers.is_empty() {
            self.agent = agent;
        } else {
            // Somebody was faster, and was told that there is no agent.
            self.agent_is(agent);
        }
    }

    /// The agent's link is this one now, or none. That of which the hub knows is not told again.
    pub fn agent_is(&mut self, agent: Option<M>) {
        match agent {
            Some(agent) if !self.is_agent(agent.link()) => self.agent_came(agent),
            None if self.agent.is_some() => self.agent_left(),
            Some(_) | None => {}
        }
    }

    /// The agent went away: nothing flows before it says where it goes on.
    fn agent_left(&mut self) {
        self.agent = None;
        self.start_over();
        self.tell_all(&ApplianceNotice::AgentLink { channel: self.channel, linked: false });
    }

    /// The agent is there: consoles attach again, and what is recorded goes on by itself.
    fn agent_came(&mut self, agent: M) {
        self.agent = Some(agent);
        self.start_over();
        if self.recording.is_some() {
            self.begin();
        }
        self.tell_all(&ApplianceNotice::AgentLink { channel: self.channel, linked: true });
    }

    /// Nothing is known of the agent any more.
    fn start_over(&mut self) {
        self.run = None;
        self.attaching = 0;
        self.again = false;
        self.told = None;
        for subscriber in &mut self.subscribers {
            subscriber.stand = Phase::Idle;
        }
    }

    /// A console does not show it any more. Returns the terminal's new size if that changes it.
    pub fn detach(&mut self, link: LinkId) -> Option<Size> {
        if self.keyboard == Some(link) {
            self.held = self.subscriber(link).and_then(Subscriber::stands_at).or(self.held);
            self.keyboard = None;
        }
        self.subscribers.retain(|subscriber| subscriber.link != link);
        if self.subscribers.iter().all(|subscriber| self.keyboard == Some(subscriber.link)) {
            self.screen = None;
        }
        self.give_credit();
        self.fit()
    }
}

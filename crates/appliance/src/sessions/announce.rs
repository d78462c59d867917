//! Telling reps, and the person at a machine, how their sessions stand.

use crate::base::Base;
use crate::book::Book;
use crate::links::Links;
use jumpdeck_protocol::agent::AgentOrder;
use jumpdeck_protocol::inventory::StartMode;
use jumpdeck_protocol::log::LogEntry;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::session::Terms;
use jumpdeck_protocol::{EndpointId, SessionId, UserId};
use std::sync::Arc;

/// Who it is in a session's log. No user name has a blank in it.
pub(super) const CUSTOMER: &str = "the customer";

/// Tells consoles, and the person at a machine, how sessions stand.
pub(crate) struct Announcer {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) book: Arc<Book>,
}

impl Announcer {
    /// Tells everyone who sees a machine whether it is in a session.
    pub(crate) fn tell_in_sessions(&self, endpoint: EndpointId) {
        self.links.agents.in_sessions(endpoint, self.book.count(endpoint), self.base.moment());
    }

    /// Tells a rep's consoles which sessions are open.
    pub(crate) fn tell_sessions(&self, user: UserId) {
        let sessions = self.book.of(user, &self.base.world());
        for rep in self.links.consoles.those(|rep| rep.user == user) {
            rep.tell(ApplianceNotice::Sessions { sessions: sessions.clone() });
        }
    }

    /// Tells everybody who takes part in a session how it stands.
    pub(crate) fn tell_session(&self, session: SessionId) {
        for user in self.book.users(session) {
            self.tell_sessions(user);
        }
    }

    /// Tells the person at a session's machine what happened, if somebody is there who wants to
    /// know.
    pub(crate) fn tell_customer(&self, session: SessionId, entry: &LogEntry) {
        let target = self.book.target(session).zip(self.book.terms(session));
        if let Some(((endpoint, _), terms)) = target {
            self.tell_customer_of(endpoint, &terms, entry);
        }
    }

    /// Tells the person at a machine what happened in a session with these terms.
    pub(crate) fn tell_customer_of(&self, endpoint: EndpointId, terms: &Terms, entry: &LogEntry) {
        let Some(agent) = self.links.agents.link(endpoint).filter(|agent| agent.attended) else {
            return;
        };
        if let Some(text) = words(entry, terms.start_mode) {
            agent.order(AgentOrder::Say { text: text.into() });
        }
    }
}

/// An entry of a session's log, as the person at the machine is told it.
fn words(entry: &LogEntry, mode: StartMode) -> Option<String> {
    let who = entry.who.as_deref().unwrap_or("Nobody");
    let brief = match &entry.event {
        LogEvent::Started => Some(format!("{who} is in a session with this machine.")),
        LogEvent::Ended { reason } => Some(format!("The session is over: {}.", reason.words())),
        _ => None,
    };
    if let LogEvent::Chat { text } = &entry.event {
        // What is meant for the person reaches the person.
        return (who != CUSTOMER).then(|| format!("{who}: {text}"));
    }
    match mode {
        StartMode::Hidden => return None,
        StartMode::Minimized => return brief,
        StartMode::Normal => {}
    }
    brief.or_else(|| match &entry.event {
        LogEvent::Joined => Some(format!("{who} is here.")),
        LogEvent::Left => Some(format!("{who} is gone.")),
        LogEvent::Shared { with, observe: true } => Some(format!("{who} lets {with} look on.")),
        LogEvent::Shared { with, observe: false } => Some(format!("{who} lets {with} take part.")),
        LogEvent::Transferred { to } => Some(format!("The session is {to}'s from now on.")),
        LogEvent::ShellOpened { .. } => Some(format!("{who} opened a shell.")),
        LogEvent::Executed { command, channel: Some(_) } => {
            Some(format!("{who} opened a shell for: {command}"))
        }
        LogEvent::ShellClosed { .. } => Some("A shell was closed.".to_owned()),
        LogEvent::Entered => Some(format!("{who} may take part.")),
        LogEvent::EndsSoon { minutes, .. } => Some(format!("The session ends in {minutes} min.")),
        LogEvent::Unpinned => Some(format!("{who} unpinned this machine.")),
        _ => None,
    })
}

//! Telling reps how their sessions stand.

use crate::base::Base;
use crate::links::Links;
use crate::sessions::book::Book;
use crate::sessions::customer::words;
use jumpdeck_protocol::agent::AgentOrder;
use jumpdeck_protocol::log::LogEntry;
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::session::Terms;
use jumpdeck_protocol::{EndpointId, SessionId, UserId};
use std::sync::Arc;

pub(crate) struct Announcer {
    pub(crate) base: Base,
    pub(crate) links: Arc<Links>,
    pub(crate) book: Arc<Book>,
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

//! Telling reps, and the person at a machine, how their sessions stand.

use crate::base::Base;
use crate::book::Book;
use crate::bus::{ApplianceEvent, EventListener, SessionEnd};
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
    fn tell_in_sessions(&self, endpoint: EndpointId) {
        self.links.agents.in_sessions(endpoint, self.book.count(endpoint), self.base.moment());
    }

    /// Tells a rep's consoles which sessions are open.
    fn tell_sessions(&self, user: UserId) {
        let sessions = self.book.of(user, &self.base.world());
        for rep in self.links.consoles.those(|rep| rep.user == user) {
            rep.tell(ApplianceNotice::Sessions { sessions: sessions.clone() });
        }
    }

    /// Tells everybody who takes part in a session how it stands.
    fn tell_session(&self, session: SessionId) {
        for user in self.book.users(session) {
            self.tell_sessions(user);
        }
    }

    /// Tells those who take part in a session what was written into its log, and the person there.
    fn tell_logged(&self, session: SessionId, entry: &LogEntry) {
        let users = self.book.users(session);
        for rep in self.links.consoles.those(|rep| users.contains(&rep.user)) {
            rep.tell(ApplianceNotice::Logged { session, entry: entry.clone() });
        }
        let target = self.book.target(session).zip(self.book.terms(session));
        if let Some(((endpoint, _), terms)) = target {
            self.tell_customer(endpoint, &terms, entry);
        }
    }

    /// Tells the person at a machine what happened in a session with these terms, if somebody is
    /// there who wants to know.
    fn tell_customer(&self, endpoint: EndpointId, terms: &Terms, entry: &LogEntry) {
        let Some(agent) = self.links.agents.link(endpoint).filter(|agent| agent.attended) else {
            return;
        };
        if let Some(text) = words(entry, terms.start_mode) {
            agent.order(AgentOrder::Say { text: text.into() });
        }
    }

    fn tell_end(&self, end: &SessionEnd<'_>) {
        self.tell_in_sessions(end.endpoint);
        self.tell_customer(end.endpoint, end.terms, end.entry);
        for rep in self.links.consoles.those(|rep| end.users.contains(&rep.user)) {
            let (reason, summary) = (end.reason.clone(), Some(end.summary.clone()));
            rep.tell(ApplianceNotice::SessionEnded { session: end.session, reason, summary });
        }
        for user in end.users {
            self.tell_sessions(*user);
        }
    }
}

impl EventListener for Announcer {
    fn on(self: Arc<Self>, event: ApplianceEvent<'_>) {
        match event {
            ApplianceEvent::SessionStarted { endpoint } => self.tell_in_sessions(endpoint),
            ApplianceEvent::SessionOpened { session, .. }
            | ApplianceEvent::SessionChanged { session } => {
                self.tell_session(session);
            }
            ApplianceEvent::PartChanged { session, user } => {
                self.tell_session(session);
                // Who may not take part any more is not among those.
                if self.book.part(session, user).is_none() {
                    self.tell_sessions(user);
                }
            }
            ApplianceEvent::Logged { session, entry } => self.tell_logged(session, entry),
            ApplianceEvent::SessionEnded(end) => self.tell_end(end),
            ApplianceEvent::MachineFree { .. }
            | ApplianceEvent::AgentCame { .. }
            | ApplianceEvent::AgentLeft { .. }
            | ApplianceEvent::QueuesChanged
            | ApplianceEvent::ConsoleCame => {}
        }
    }
}

/// An entry of a session's log, as the person at the machine reads it.
fn words(entry: &LogEntry, mode: StartMode) -> Option<String> {
    let who = entry.who.as_deref().unwrap_or("Nobody");
    let brief = match &entry.event {
        LogEvent::Started => Some(format!("{who} started a session with this computer.")),
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
        LogEvent::Joined => Some(format!("{who} joined.")),
        LogEvent::Left => Some(format!("{who} left.")),
        LogEvent::Shared { with, observe: true } => Some(format!("{who} lets {with} watch.")),
        LogEvent::Shared { with, observe: false } => Some(format!("{who} lets {with} join.")),
        LogEvent::Transferred { to } => Some(format!("{to} is now in charge of the session.")),
        LogEvent::ShellOpened { .. } => Some(format!("{who} opened a shell.")),
        LogEvent::Executed { command, channel: Some(_) } => {
            Some(format!("{who} opened a shell for: {command}"))
        }
        LogEvent::ShellClosed { .. } => Some("A shell was closed.".to_owned()),
        LogEvent::Entered => Some(format!("{who} can join.")),
        LogEvent::EndsSoon { minutes, .. } => Some(format!("The session ends in {minutes} min.")),
        LogEvent::Unpinned => Some(format!("{who} unpinned this machine.")),
        _ => None,
    })
}

//! The person at a machine: asked, told, heard.

use crate::appliance::Appliance;
use crate::presence::AgentLink;
use jumpdeck_protocol::agent::{AgentOrder, AgentReply, AgentRequest};
use jumpdeck_protocol::inventory::{Place, StartMode};
use jumpdeck_protocol::log::{LogEntry, LogEvent};
use jumpdeck_protocol::session::EndReason;
use jumpdeck_protocol::{EndpointId, Refusal, RefusalCode, SessionId, limits, text};
use std::time::Duration;

/// Who it is in a session's log. No user name has a blank in it.
const CUSTOMER: &str = "the customer";

/// How long an answer may take on its way, besides the time to think.
const WAY: Duration = Duration::from_secs(10);

/// Asks the agent of a machine something that its person answers.
///
/// # Errors
/// [`RefusalCode::CustomerRefused`] when nobody answers in time, or what the agent says.
pub(crate) async fn ask(agent: &AgentLink, request: AgentRequest) -> Result<AgentReply, Refusal> {
    agent.call(request, limits::CUSTOMER_PATIENCE + WAY).await.map_err(|refusal| {
        match refusal.code {
            RefusalCode::SpawnTimeout => RefusalCode::CustomerRefused.because("nobody answered"),
            _ => refusal,
        }
    })
}

impl Appliance {
    /// Asks the person at a machine whether a rep may come in.
    pub(crate) async fn ask_in(&self, agent: &AgentLink, rep: &str) -> Result<(), Refusal> {
        match ask(agent, AgentRequest::Ask { rep: rep.into() }).await? {
            AgentReply::Answered { yes: true } => Ok(()),
            _ => Err(RefusalCode::CustomerRefused.plain()),
        }
    }

    /// The person at a machine wants no session any more.
    pub(crate) fn customer_stopped(&self, endpoint: EndpointId) {
        for session in self.sessions.with_machine(endpoint) {
            self.end_session(session, EndReason::EndedByCustomer);
        }
        self.dismiss(endpoint);
    }

    /// The person at a machine says something to the reps.
    pub(crate) fn customer_said(&self, endpoint: EndpointId, words: &str) {
        let text: Box<str> = text::bounded(words.trim(), limits::COMMENTS).into();
        if text.is_empty() {
            return;
        }
        for session in self.sessions.with_machine(endpoint) {
            self.log_as(session, CUSTOMER, LogEvent::Chat { text: text.clone() });
        }
    }

    /// Tells the person at a session's machine what happened, if somebody is there who wants to
    /// know.
    pub(crate) fn tell_customer(&self, session: SessionId, entry: &LogEntry) {
        let Some((endpoint, _)) = self.sessions.target(session) else {
            return;
        };
        self.tell_customer_of(endpoint, entry);
    }

    pub(crate) fn tell_customer_of(&self, endpoint: EndpointId, entry: &LogEntry) {
        let Some(agent) = self.presences.link(endpoint).filter(|agent| agent.attended) else {
            return;
        };
        let world = self.world();
        let item = world.items_of(endpoint).next();
        let visits = item.is_some_and(|item| matches!(item.view.place, Place::Queue(_)));
        let mode = item.map_or(StartMode::Normal, |item| item.view.start_mode);
        let mode = if visits { StartMode::Normal } else { mode };
        if let Some(text) = words(entry, mode) {
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
        LogEvent::ShellClosed { .. } => Some("A shell was closed.".to_owned()),
        LogEvent::Chat { text } if who != CUSTOMER => Some(format!("{who}: {text}")),
        LogEvent::Unpinned => Some(format!("{who} undid the installation on this machine.")),
        _ => None,
    })
}

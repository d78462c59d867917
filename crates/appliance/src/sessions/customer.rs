//! The person at a machine: asked and heard. What that person is told is in `announce`.

use crate::base::Base;
use crate::book::Book;
use crate::bus::ApplianceEvent;
use crate::links::agent::AgentLink;
use crate::sessions::announce::CUSTOMER;
use crate::sessions::end::Endings;
use crate::sessions::log::SessionLog;
use jumpdeck_protocol::agent::{AgentOrder, AgentReply, AgentRequest};
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::session::EndReason;
use jumpdeck_protocol::session_policy::{Often, SessionPermission};
use jumpdeck_protocol::{EndpointId, Refusal, RefusalCode, SessionId, UserId, limits, text};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take on its way, besides the time to think.
const WAY: Duration = Duration::from_secs(10);

/// Asks the person at a machine, and hears what that person says.
pub(crate) struct Customers {
    pub(super) base: Base,
    pub(super) book: Arc<Book>,
    pub(super) endings: Arc<Endings>,
    pub(super) log: Arc<SessionLog>,
}

impl Customers {
    /// Asks the person at a machine whether a rep may come in.
    pub(crate) async fn ask_in(&self, agent: &AgentLink, rep: &str) -> Result<(), Refusal> {
        let request = AgentRequest::Ask { rep: rep.into(), what: None, patience: 0 };
        match agent.call(request, limits::CUSTOMER_PATIENCE + WAY).await {
            Ok(AgentReply::Answered { yes: true, .. }) => Ok(()),
            Ok(_) => Err(RefusalCode::CustomerRefused.plain()),
            Err(refusal) if refusal.code == RefusalCode::SpawnTimeout => {
                Err(RefusalCode::CustomerRefused.because("nobody answered"))
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Asks the person at a session's machine whether a tool may be used, where the session
    /// policies want that. Where nobody is there to be asked, or nobody answers, what they say for
    /// that case counts.
    pub(crate) async fn ask_customer(
        &self,
        session: SessionId,
        tool: SessionPermission,
        agent: &AgentLink,
        user: UserId,
    ) -> Result<(), Refusal> {
        let terms = self.book.terms(session).unwrap_or_default();
        let prompting = &terms.granted.prompting;
        if !prompting.asks(tool) {
            return Ok(());
        }
        let once = prompting.often == Often::Once;
        let known = if once { self.book.answered(session, tool) } else { None };
        let assumed = prompting.on_timeout.is_allowed();
        let allowed = match known {
            Some(answer) => answer,
            None if !agent.attended => assumed,
            None => {
                let patience = prompting.timeout.seconds();
                let what: Box<str> = format!("to use this: {}", tool.title()).into();
                let rep = self.base.world().username(user);
                let request = AgentRequest::Ask { rep, what: Some(what.clone()), patience };
                let wait = Duration::from_secs(patience.into()) + WAY;
                let allowed = match agent.call(request, wait).await {
                    Ok(AgentReply::Answered { yes, silent: false }) => yes,
                    // Nobody answered, or nobody is there any more.
                    Ok(_) | Err(_) => assumed,
                };
                self.log.log(session, Some(user), LogEvent::Asked { what, allowed });
                allowed
            }
        };
        if once {
            self.book.remember_answer(session, tool, allowed);
        }
        let detail = format!("{}, as its session policies want it asked", tool.title());
        if allowed { Ok(()) } else { Err(RefusalCode::CustomerRefused.because(detail)) }
    }

    /// The person at a machine wants no session any more.
    pub(crate) fn customer_stopped(&self, endpoint: EndpointId) {
        for session in self.book.with_machine(endpoint) {
            self.endings.end_session(session, EndReason::EndedByCustomer);
        }
        self.base.bus.publish(ApplianceEvent::MachineFree { endpoint });
    }

    /// The person at a machine says something to the reps.
    pub(crate) fn customer_said(&self, link: &AgentLink, endpoint: EndpointId, words: &str) {
        let text: Box<str> = text::bounded(words.trim(), limits::COMMENTS).into();
        if text.is_empty() || !link.may_speak(self.base.uptime()) {
            return;
        }
        let sessions = self.book.with_machine(endpoint);
        if sessions.is_empty() {
            let text = "Nobody is here yet to read that.".into();
            link.order(AgentOrder::Say { text });
        }
        for session in sessions {
            self.log.log_as(session, CUSTOMER, LogEvent::Chat { text: text.clone() });
        }
    }
}

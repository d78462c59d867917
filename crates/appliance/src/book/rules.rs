//! What somebody may do in a session that is open.

use super::Book;
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::RefusalCode;
use jumpdeck_protocol::limits;
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::session_policy::SessionPermission;
use jumpdeck_protocol::{SessionId, UserId};

impl Book {
    /// Whether a user takes part in a session, at least so far.
    pub(crate) fn takes_part(
        &self,
        session: SessionId,
        user: UserId,
        least: Part,
    ) -> Result<(), Refusal> {
        match self.part(session, user) {
            None => Err(RefusalCode::SessionGone.plain()),
            Some(part) if part >= least => Ok(()),
            Some(_) if least == Part::Owner => Err(RefusalCode::NotOwner.plain()),
            Some(_) => Err(RefusalCode::NotOwner.because("you may look, but not take part")),
        }
    }

    /// Whether a session grants something that is allowed or denied as a whole.
    pub(crate) fn session_allows(
        &self,
        session: SessionId,
        permission: SessionPermission,
    ) -> Result<(), Refusal> {
        let terms = self.terms(session);
        let terms = terms.ok_or_else(|| RefusalCode::SessionGone.plain())?;
        if terms.granted.grants(permission) {
            return Ok(());
        }
        let name = permission.as_str();
        let detail = format!("the session policies denied {name} when this session started");
        Err(RefusalCode::PermissionDenied.because(detail))
    }

    /// Whether so many more fit into a session.
    pub(crate) fn room_for(&self, session: SessionId, more: usize) -> Result<(), Refusal> {
        let most = limits::PARTICIPANTS;
        if more > 0 && self.users(session).len() + more > most {
            let detail = format!("{most} people take part already, the limit.");
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        Ok(())
    }
}

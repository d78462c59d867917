//! What somebody may do in a session that is open.

use super::Book;
use crate::book::session::BookSession;
use jumpdeck_protocol::EndpointId;
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::RefusalCode;
use jumpdeck_protocol::limits;
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::session_policy::SessionPermission;
use jumpdeck_protocol::{SessionId, UserId};
use jumpdeck_world::rights::Other;

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
            Some(_) => Err(RefusalCode::NotOwner.because("you can watch, but not type")),
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
            let detail = format!("{most} people are in it already, the limit.");
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        Ok(())
    }

    /// Whether a session was started through an item.
    pub(crate) fn goes_through(&self, item: ItemId) -> bool {
        self.read(|book| book.sessions.values().any(|session| session.item == item))
    }

    /// The sessions with a machine.
    pub(crate) fn with_machine(&self, endpoint: EndpointId) -> Vec<SessionId> {
        self.read(|book| {
            let there = book.sessions.iter().filter(|(_, s)| s.endpoint == endpoint);
            there.map(|(id, _)| *id).collect()
        })
    }

    /// The sessions that other users have with a machine, the first one first.
    pub(crate) fn of_others(&self, endpoint: EndpointId, user: UserId) -> Vec<Other> {
        let other = |(id, session): (&SessionId, &BookSession)| Other {
            session: *id,
            owner: session.owner,
            item: session.item,
            attended: session.terms.attended,
        };
        self.read(|book| {
            let theirs = |s: &&BookSession| s.endpoint == endpoint && s.owner != user;
            book.sessions.iter().filter(|(_, s)| theirs(s)).map(other).collect()
        })
    }
}

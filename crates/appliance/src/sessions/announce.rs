//! Telling reps how their sessions stand.

use crate::app::Appliance;
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::{EndpointId, SessionId, UserId};

impl Appliance {
    /// Tells everyone who sees a machine whether it is in a session.
    pub(crate) fn tell_in_sessions(&self, endpoint: EndpointId) {
        self.presences.in_sessions(endpoint, self.sessions.count(endpoint), self.moment());
    }

    /// Tells a rep's consoles which sessions are open.
    pub(crate) fn tell_sessions(&self, user: UserId) {
        let sessions = self.sessions.of(user, &self.world());
        for rep in self.reps.those(|rep| rep.user == user) {
            rep.tell(ApplianceNotice::Sessions { sessions: sessions.clone() });
        }
    }

    /// Tells everybody who takes part in a session how it stands.
    pub(crate) fn tell_session(&self, session: SessionId) {
        for user in self.sessions.users(session) {
            self.tell_sessions(user);
        }
    }
}

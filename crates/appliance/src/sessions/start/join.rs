//! A start that becomes a part in somebody else's session.

use super::Starting;
use crate::links::consoles::RepLink;
use crate::sessions::beside::{Beside, beside};
use crate::sessions::open::may_run;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::session::{ChannelKind, SessionView};
use jumpdeck_protocol::session_policy::StartMethod;
use jumpdeck_protocol::{Refusal, RefusalCode};
use jumpdeck_world::{Item, Share};

impl Starting {
    /// Where the Jump Policy wants it, the one who comes second joins the first, or is turned away.
    pub(super) fn join_instead(
        &self,
        rep: &RepLink,
        item: &Item,
        kind: &ChannelKind,
    ) -> Result<Option<SessionView>, Refusal> {
        let world = self.base.world();
        let user = world.user(rep.user).ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
        // What runs by itself has nothing to join.
        let alone = kind.terminal().is_none();
        let other = match beside(&self.book, &world, (user, item), self.base.now()).0 {
            Beside::Alone => return Ok(None),
            Beside::Joins(_) | Beside::Denied { joinable: true, .. } if alone => return Ok(None),
            Beside::Denied { owner, .. } => return Err(join_denied(owner, "")),
            Beside::Joins(other) => other,
        };
        if kind.command().is_some() {
            let owner = Some(world.username(other.owner));
            return Err(join_denied(owner, ", which is joined: by `jumpdeck jump`"));
        }
        let session = other.session;
        if self.book.part(session, rep.user).is_none() {
            // Anyone who may not have a shell alone has none together with others.
            let terms = self.book.terms(session).unwrap_or_default();
            let through = world.item(other.item).map_or(item, AsRef::as_ref);
            let (method, present) = (StartMethod::Unattended, terms.customer_present);
            for item in [item, through] {
                let layers = world.layers(rep.user, item.view.policies, method, present);
                may_run(&layers.granted(), kind, || layers.because(kind.nature().permission))?;
            }
            self.book.room_for(session, 1)?;
            self.sharing.let_in(session, rep.user, Share::Jumped(item.view.id));
            if self.book.part(session, rep.user).is_none() {
                return Err(RefusalCode::SessionGone.plain());
            }
            let subject = format!("session {session}");
            self.base.audit.record(Some(rep.user), Action::SessionJoined, &subject, "by a jump");
        }
        Ok(self.book.view(session, &world))
    }
}

fn join_denied(owner: Option<Box<str>>, more: &str) -> Refusal {
    let owner = owner.unwrap_or_else(|| "somebody".into());
    RefusalCode::JoinDenied.because(format!("{owner} is in a session with it{more}"))
}

//! Working together: who else may take part in a session, and whose it is.

use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::bus::ApplianceEvent;
use crate::links::consoles::RepLink;
use crate::sessions::log::SessionLog;
use crate::sessions::relay::Relay;
use crate::sessions::withdraw::Withdrawal;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::{Refusal, RefusalCode, SessionId, UserId, text};
use jumpdeck_store::{Draft, History};
use jumpdeck_world::Share;
use jumpdeck_world::USERNAME;
use std::sync::Arc;

/// Decides who else takes part in a session, and whose it is.
pub(crate) struct Sharing {
    pub(super) base: Base,
    pub(super) book: Arc<Book>,
    pub(super) log: Arc<SessionLog>,
    pub(super) relay: Arc<Relay>,
    pub(super) withdrawal: Arc<Withdrawal>,
}

impl Sharing {
    /// The user of this name who may log in.
    fn colleague(&self, name: &str) -> Result<UserId, Refusal> {
        let world = self.base.world();
        let user = world.user_by_name(name.trim()).filter(|user| user.enabled);
        user.map(|user| user.id)
            .ok_or_else(|| RefusalCode::NoSuchUser.because(text::bounded(name, USERNAME)))
    }

    /// Lets another rep take part, changes how far, or takes it back.
    pub(crate) async fn share(
        self: &Arc<Self>,
        rep: &RepLink,
        session: SessionId,
        with: &str,
        part: Option<Part>,
    ) -> Result<(), Refusal> {
        self.book.takes_part(session, rep.user, Part::Owner)?;
        let user = self.colleague(with)?;
        let refused = |detail: &str| Err(RefusalCode::InvalidValue.because(detail));
        if user == rep.user {
            return refused("It is your session already.");
        }
        if part == Some(Part::Owner) {
            return refused("Sharing does not give a session away; transfer does.");
        }
        let new = part.is_some() && self.book.part(session, user).is_none();
        self.book.room_for(session, usize::from(new))?;
        let share = part.map(Share::Invited);
        let before = self.book.share_of(session, user);
        let write = move |draft: &mut Draft| {
            draft.history(History::Part { session, user, part: share });
        };
        let edit = move |draft: &mut Draft| {
            write(draft);
            Ok(())
        };
        self.base.store.edit(edit).await?;
        let former = self.book.share(session, user, share);
        if former != before {
            // Somebody was shown out meanwhile, and that was written after this.
            self.base.store.note(write);
        }
        if former == share {
            return Ok(());
        }
        let with = self.base.world().username(user);
        let how = match part {
            Some(Part::Observer) => "can watch",
            Some(_) => "can type",
            None => "takes part no more",
        };
        let (subject, detail) = (format!("session {session}"), format!("{with} {how}"));
        self.base.audit.record(Some(rep.user), Action::SessionShared, &subject, &detail);
        let event = match part {
            Some(part) => LogEvent::Shared { with, observe: part == Part::Observer },
            None => LogEvent::Unshared { with },
        };
        if part != Some(Part::Participant) {
            // Anyone who may not type any more does not keep the keyboard.
            self.relay.expel(session, user);
        }
        self.base.bus.publish(ApplianceEvent::PartChanged { session, user });
        self.log.log(session, Some(rep.user), event);
        Ok(())
    }

    /// Lets a user in who came by another way than an invitation.
    pub(crate) fn let_in(self: &Arc<Self>, session: SessionId, user: UserId, share: Share) {
        if self.book.share(session, user, Some(share)) != Some(share) {
            self.base.store.note(move |draft| {
                draft.history(History::Part { session, user, part: Some(share) });
            });
            self.base.bus.publish(ApplianceEvent::PartChanged { session, user });
            // A right that went meanwhile was not seen by the one who looks after that.
            self.withdrawal.show_out();
        }
    }

    /// Gives a session to another rep.
    pub(crate) async fn transfer(
        self: &Arc<Self>,
        rep: &RepLink,
        session: SessionId,
        to: &str,
    ) -> Result<(), Refusal> {
        self.book.takes_part(session, rep.user, Part::Owner)?;
        let (user, former) = (self.colleague(to)?, rep.user);
        if user == former {
            return Ok(());
        }
        if !self.withdrawal.may_have(session, user) {
            let detail = format!("{} may not have sessions with that item", to.trim());
            return Err(RefusalCode::PermissionDenied.because(detail));
        }
        self.withdrawal.could_start(session, user)?;
        let edit = move |draft: &mut Draft| {
            draft.history(History::Owner { session, user, former });
            Ok(())
        };
        self.base.store.edit(edit).await?;
        self.book.transfer(session, user);
        let to = self.base.world().username(user);
        self.base.audit.record(
            Some(former),
            Action::SessionTransferred,
            &format!("session {session}"),
            &to,
        );
        // How it stands now is known before it is said that it changed.
        self.base.bus.publish(ApplianceEvent::PartChanged { session, user });
        self.log.log(session, Some(former), LogEvent::Transferred { to });
        // Anyone who came in over the former one's head may not outrank this one.
        self.withdrawal.show_out();
        Ok(())
    }

    /// A rep leaves a session of another one for good.
    pub(crate) async fn leave(
        self: &Arc<Self>,
        rep: &RepLink,
        session: SessionId,
    ) -> Result<(), Refusal> {
        self.book.takes_part(session, rep.user, Part::Observer)?;
        if self.book.part(session, rep.user) == Some(Part::Owner) {
            let detail = "It is your session: end it or transfer it.";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let user = rep.user;
        let edit = move |draft: &mut Draft| {
            draft.history(History::Part { session, user, part: None });
            Ok(())
        };
        self.base.store.edit(edit).await?;
        self.book.share(session, user, None);
        self.relay.expel(session, user);
        self.base.bus.publish(ApplianceEvent::PartChanged { session, user });
        Ok(())
    }

    /// The names of those whom a rep could work with, and of the rep's teams.
    fn colleagues(&self, rep: &RepLink) -> reply::Colleagues {
        let world = self.base.world();
        let others = world.users().filter(|user| user.enabled && user.id != rep.user);
        let names = others.map(|user| user.username.as_str().into()).collect();
        let teams = world.teams_of(rep.user).map(|team| team.name.as_str().into()).collect();
        reply::Colleagues { names, teams }
    }
}

impl Answered for request::Colleagues {
    type By = Sharing;

    async fn answer(
        self,
        sharing: &Arc<Sharing>,
        rep: &RepLink,
    ) -> Result<reply::Colleagues, Refusal> {
        Ok(sharing.colleagues(rep))
    }
}

impl Answered for request::Share {
    type By = Sharing;

    async fn answer(self, sharing: &Arc<Sharing>, rep: &RepLink) -> Result<(), Refusal> {
        sharing.share(rep, self.session, &self.with, self.part).await
    }
}

impl Answered for request::Transfer {
    type By = Sharing;

    async fn answer(self, sharing: &Arc<Sharing>, rep: &RepLink) -> Result<(), Refusal> {
        sharing.transfer(rep, self.session, &self.to).await
    }
}

impl Answered for request::Leave {
    type By = Sharing;

    async fn answer(self, sharing: &Arc<Sharing>, rep: &RepLink) -> Result<(), Refusal> {
        sharing.leave(rep, self.session).await
    }
}

//! Working together: who else may take part in a session, and whose it is.

use crate::accounts::hashing::Whose;
use crate::accounts::keys;
use crate::app::Appliance;
use crate::links::consoles::RepLink;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::rep::{NewUser, RepReply};
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::{Refusal, RefusalCode, SessionId, UserId, limits, text};
use jumpdeck_store::{Draft, History};
use jumpdeck_world::Share;
use jumpdeck_world::{Account, USERNAME, User, username};
use std::sync::Arc;

impl Appliance {
    /// Whether a user takes part in a session, at least so far.
    pub(crate) fn takes_part(
        &self,
        session: SessionId,
        user: UserId,
        least: Part,
    ) -> Result<(), Refusal> {
        match self.sessions.part(session, user) {
            None => Err(RefusalCode::SessionGone.plain()),
            Some(part) if part >= least => Ok(()),
            Some(_) if least == Part::Owner => Err(RefusalCode::NotOwner.plain()),
            Some(_) => Err(RefusalCode::NotOwner.because("you may look, but not take part")),
        }
    }

    /// The user of this name who may log in.
    fn colleague(&self, name: &str) -> Result<UserId, Refusal> {
        let world = self.world();
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
        self.takes_part(session, rep.user, Part::Owner)?;
        let user = self.colleague(with)?;
        let refused = |detail: &str| Err(RefusalCode::InvalidValue.because(detail));
        if user == rep.user {
            return refused("It is your session already.");
        }
        if part == Some(Part::Owner) {
            return refused("Sharing does not give a session away; transfer does.");
        }
        let new = part.is_some() && self.sessions.part(session, user).is_none();
        self.room_for(session, usize::from(new))?;
        let share = part.map(Share::Invited);
        let before = self.sessions.share_of(session, user);
        let write = move |draft: &mut Draft| {
            draft.history(History::Part { session, user, part: share });
        };
        let edit = move |draft: &mut Draft| {
            write(draft);
            Ok(())
        };
        self.store.edit(edit).await?;
        let former = self.sessions.share(session, user, share);
        if former != before {
            // Somebody was shown out meanwhile, and that was written after this.
            self.store.note(write);
        }
        if former == share {
            return Ok(());
        }
        let with = self.world().username(user);
        let how = match part {
            Some(Part::Observer) => "may look on",
            Some(_) => "may take part",
            None => "takes part no more",
        };
        let (subject, detail) = (format!("session {session}"), format!("{with} {how}"));
        self.audit(Some(rep.user), Action::SessionShared, &subject, &detail);
        let event = match part {
            Some(part) => LogEvent::Shared { with, observe: part == Part::Observer },
            None => LogEvent::Unshared { with },
        };
        if part != Some(Part::Participant) {
            // Whoever may not type any more does not keep the keyboard.
            self.expel(session, user);
        }
        self.log(session, Some(rep.user), event);
        self.tell_session(session);
        self.tell_sessions(user);
        self.tell_lobby();
        Ok(())
    }

    /// Whether so many more fit into a session.
    pub(crate) fn room_for(&self, session: SessionId, more: usize) -> Result<(), Refusal> {
        let most = limits::PARTICIPANTS;
        if more > 0 && self.sessions.users(session).len() + more > most {
            let detail = format!("{most} people take part already, the limit.");
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        Ok(())
    }

    /// Lets a user in who came by another way than an invitation.
    pub(crate) fn let_in(self: &Arc<Self>, session: SessionId, user: UserId, share: Share) {
        if self.sessions.share(session, user, Some(share)) != Some(share) {
            self.store.note(move |draft| {
                draft.history(History::Part { session, user, part: Some(share) });
            });
            self.tell_session(session);
            self.tell_lobby();
            // A right that went meanwhile was not seen by whoever looks after that.
            self.show_out();
        }
    }

    /// Gives a session to another rep.
    pub(crate) async fn transfer(
        self: &Arc<Self>,
        rep: &RepLink,
        session: SessionId,
        to: &str,
    ) -> Result<(), Refusal> {
        self.takes_part(session, rep.user, Part::Owner)?;
        let (user, former) = (self.colleague(to)?, rep.user);
        if user == former {
            return Ok(());
        }
        if !self.may_have(session, user) {
            let detail = format!("{} may not have sessions with that item", to.trim());
            return Err(RefusalCode::PermissionDenied.because(detail));
        }
        self.could_start(session, user)?;
        let edit = move |draft: &mut Draft| {
            draft.history(History::Owner { session, user, former });
            Ok(())
        };
        self.store.edit(edit).await?;
        self.sessions.transfer(session, user);
        let to = self.world().username(user);
        self.audit(Some(former), Action::SessionTransferred, &format!("session {session}"), &to);
        self.log(session, Some(former), LogEvent::Transferred { to });
        // Whoever came in over the former one's head may not outrank this one.
        self.show_out();
        self.tell_session(session);
        self.tell_lobby();
        Ok(())
    }

    /// A rep leaves a session of another one for good.
    pub(crate) async fn leave(
        self: &Arc<Self>,
        rep: &RepLink,
        session: SessionId,
    ) -> Result<(), Refusal> {
        self.takes_part(session, rep.user, Part::Observer)?;
        if self.sessions.part(session, rep.user) == Some(Part::Owner) {
            let detail = "It is your session: end it or transfer it.";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let user = rep.user;
        let edit = move |draft: &mut Draft| {
            draft.history(History::Part { session, user, part: None });
            Ok(())
        };
        self.store.edit(edit).await?;
        self.sessions.share(session, user, None);
        self.expel(session, user);
        self.tell_session(session);
        self.tell_sessions(user);
        self.tell_lobby();
        Ok(())
    }

    /// The names of those whom a rep could work with, and of the rep's teams.
    pub(crate) fn colleagues(&self, rep: &RepLink) -> RepReply {
        let world = self.world();
        let others = world.users().filter(|user| user.enabled && user.id != rep.user);
        let names = others.map(|user| user.username.as_str().into()).collect();
        let teams = world.teams_of(rep.user).map(|team| team.name.as_str().into()).collect();
        RepReply::Colleagues { names, teams }
    }

    /// Makes a user, in the name of the first one. The password in the answer is not kept.
    pub(crate) async fn add_user(&self, rep: &RepLink, name: &str) -> Result<NewUser, Refusal> {
        if !self.world().administers(rep.user) {
            return Err(RefusalCode::PermissionDenied.because("only an administrator makes users"));
        }
        if self.is_embedded() {
            let detail = "an embedded appliance has one user; `jumpdeck serve` is for many";
            return Err(RefusalCode::PermissionDenied.because(detail));
        }
        let name = username(name)?;
        let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
        let secret = keys::secret().map_err(failed)?;
        let hash = self.login.hasher.hash(Whose::User(rep.user), secret.clone()).await?;
        let (made, maker, now) = (name.clone(), rep.user, self.now());
        let edit = move |draft: &mut Draft| {
            if draft.user_by_name(&name).is_some() {
                return Err(
                    RefusalCode::InvalidValue.because(format!("There is a user {name} already."))
                );
            }
            let id = draft.next::<User>();
            let user = User::rep(id, name);
            draft.put(Account::first(id, hash))?;
            draft.audit_by(now, maker, Action::UserMade, (&user.username, ""));
            draft.put(user)
        };
        self.store.edit(edit).await?;
        Ok(NewUser { username: made, password: secret })
    }
}

//! Passwords, and logins that outlive their links.

use crate::appliance::Appliance;
use crate::document::{Document, DocumentId, Login as Kept};
use crate::keys;
use crate::login::{hash_password, is_password_of};
use crate::reps::RepLink;
use crate::second_factor::has_one;
use crate::store::Draft;
use crate::user::User;
use jumpdeck_protocol::handshake::Login;
use jumpdeck_protocol::rep::{ApplianceNotice, NewUser};
use jumpdeck_protocol::{Refusal, RefusalCode, Timestamp, UserId, limits, text};
use std::sync::Arc;

/// Seconds a login is kept, where the appliance says nothing else: 30 days.
const LOGIN_LIFE: u64 = 30 * 86_400;
/// Logins of one user that are kept at the most; the oldest go first.
const LOGINS: usize = 20;

impl Appliance {
    /// What a user must do before anything else.
    pub(crate) fn first_of(&self, user: UserId) -> Option<RefusalCode> {
        let world = self.world();
        let needs_factor = || {
            let settings = &world.effective(user)?.settings;
            Some(settings.second_factor_required.value && !has_one(&world, user))
        };
        if world.user(user)?.must_change {
            Some(RefusalCode::PasswordChangeRequired)
        } else if needs_factor().unwrap_or(false) {
            Some(RefusalCode::SecondFactorUnknown)
        } else {
            None
        }
    }

    /// Seconds a login holds; nothing if it holds for ever.
    pub(crate) fn login_life(&self) -> Option<u64> {
        Some(self.world().site().login_life).filter(|life| *life > 0)
    }

    /// Keeps a login.
    pub(crate) async fn keep_login(&self, user: UserId, holder: &str) -> Result<Login, Refusal> {
        let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
        let token = keys::secret().map_err(failed)?;
        let (token_hash, now) = (keys::hash(&token), self.now());
        let expires = now.plus(self.login_life().unwrap_or(LOGIN_LIFE));
        let holder = text::bounded(holder, limits::NAME);
        let edit = move |draft: &mut Draft| {
            remove_expired(draft, now);
            let own = draft.logins().filter(|login| login.user == user).map(|login| login.id);
            let own: Vec<_> = own.collect();
            for oldest in own.iter().take((own.len() + 1).saturating_sub(LOGINS)) {
                draft.remove(DocumentId::Login(*oldest));
            }
            draft.audit_by(now, user, "login_kept", ("", &holder));
            let id = draft.next_login();
            draft.put(Document::Login(Kept { id, token_hash, user, expires, holder }))
        };
        self.store.edit(edit).await?;
        Ok(Login { token, expires })
    }

    /// Revokes a kept login of a rep, or all of them.
    pub(crate) async fn log_out(&self, rep: &RepLink, token: Option<&str>) -> Result<(), Refusal> {
        let (user, now, hash) = (rep.user, self.now(), token.map(keys::hash));
        let edit = move |draft: &mut Draft| {
            let meant = |login: &&Arc<Kept>| {
                login.user == user && hash.as_ref().is_none_or(|hash| login.token_hash == *hash)
            };
            let meant: Vec<_> = draft.logins().filter(meant).map(|login| login.id).collect();
            if meant.is_empty() && hash.is_some() {
                return Err(RefusalCode::LoginExpired.plain());
            }
            draft.audit_by(now, user, "logged_out", ("", &format!("{} kept logins", meant.len())));
            for login in meant {
                draft.remove(DocumentId::Login(login));
            }
            Ok(())
        };
        self.store.edit(edit).await
    }

    /// Gives a rep another password. Kept logins end with the old one.
    pub(crate) async fn change_password(
        self: &Arc<Self>,
        rep: &RepLink,
        current: String,
        new: String,
    ) -> Result<(), Refusal> {
        self.is_own(rep, current.clone()).await?;
        if new == current {
            return Err(RefusalCode::InvalidValue.because("that is the password you have"));
        }
        let characters = new.chars().count();
        if !(limits::PASSWORD..=limits::PASSWORD_MOST).contains(&characters) {
            let detail = format!("a password has at least {} characters", limits::PASSWORD);
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let hash = hashed(new).await?;
        let (user, now) = (rep.user, self.now());
        let edit = move |draft: &mut Draft| {
            draft.audit_by(now, user, "password_changed", ("", ""));
            put_password(draft, user, hash, false)
        };
        self.store.edit(edit).await?;
        rep.is_first(self.first_of(user));
        let sessions = self.sessions.of(user, &self.world());
        rep.tell(ApplianceNotice::Sessions { sessions });
        self.tell_lobby();
        Ok(())
    }

    /// Gives a user the password that was chosen, in the name of whoever runs this program.
    ///
    /// # Errors
    /// A [`Refusal`] when there is no such user, or the store fails.
    pub async fn choose_password(&self, username: &str, password: String) -> Result<(), Refusal> {
        let user = self.world().user_by_name(username).map(|user| user.id);
        let user = user.ok_or_else(|| RefusalCode::NoSuchUser.plain())?;
        let hash = hashed(password).await?;
        self.store.edit(move |draft| put_password(draft, user, hash, false)).await
    }

    /// Whether a password is a rep's own. Guessing is throttled.
    pub(crate) async fn is_own(&self, rep: &RepLink, password: String) -> Result<(), Refusal> {
        let now = self.now();
        let world = self.world();
        let user = world.user(rep.user).ok_or_else(|| RefusalCode::NoSuchUser.plain())?;
        if user.password.is_none() {
            let detail = "you have no password: your appliance is your own";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        if !self.code_tries.admits(&rep.user, now) {
            return Err(RefusalCode::LoginThrottled.plain());
        }
        self.code_tries.count(rep.user, now);
        if !is_password_of(user, password).await {
            return Err(RefusalCode::LoginFailed.because("the password is not yours"));
        }
        self.code_tries.forgive(&rep.user);
        Ok(())
    }

    /// Gives a user another first password.
    pub(crate) async fn reset_user(
        self: &Arc<Self>,
        rep: &RepLink,
        name: &str,
        second_factor: bool,
    ) -> Result<NewUser, Refusal> {
        let world = self.world();
        if !world.administers(rep.user) {
            let detail = "only an administrator resets passwords";
            return Err(RefusalCode::PermissionDenied.because(detail));
        }
        let none = || RefusalCode::NoSuchUser.because(text::bounded(name, limits::NAME));
        let user = world.user_by_name(name).ok_or_else(none)?;
        if self.is_embedded() {
            let detail = "an embedded appliance's user has no password";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let (id, username, by, now) = (user.id, user.username.clone(), rep.user, self.now());
        let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
        let password = keys::secret().map_err(failed)?;
        let hash = hashed(password.clone()).await?;
        let subject = format!("user {username}");
        let edit = move |draft: &mut Draft| {
            let what = if second_factor { "and no second factor" } else { "" };
            draft.audit_by(now, by, "password_reset", (&subject, what));
            put_password(draft, id, hash, true)?;
            let user = draft.user(id).filter(|user| second_factor && user.second_factor.is_some());
            match user.map(|user| User::clone(user)) {
                Some(user) => {
                    let user = User { second_factor: None, ..user };
                    draft.put(Document::User(Box::new(user)))
                }
                None => Ok(()),
            }
        };
        self.store.edit(edit).await?;
        // Whoever is there with the old one has to log in again.
        for link in self.reps.those(|link| link.user == id && link.id != rep.id) {
            link.outbox.close();
        }
        Ok(NewUser { username, password })
    }
}

/// What is kept of a password.
pub(crate) async fn hashed(password: String) -> Result<String, Refusal> {
    let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
    let hashed = tokio::task::spawn_blocking(move || hash_password(&password)).await;
    hashed.map_err(|error| failed(error.into()))?.map_err(failed)
}

fn put_password(
    draft: &mut Draft,
    id: UserId,
    hash: String,
    must_change: bool,
) -> Result<(), Refusal> {
    let user = draft.user(id).ok_or_else(|| RefusalCode::NoSuchUser.plain())?;
    let user = User { password: Some(hash), must_change, ..User::clone(user) };
    draft.put(Document::User(Box::new(user)))?;
    let kept = draft.logins().filter(|login| login.user == id).map(|login| login.id);
    let kept: Vec<_> = kept.collect();
    for login in kept {
        draft.remove(DocumentId::Login(login));
    }
    Ok(())
}

fn remove_expired(draft: &mut Draft, now: Timestamp) {
    let expired = draft.logins().filter(|login| login.expires <= now).map(|login| login.id);
    let expired: Vec<_> = expired.collect();
    for login in expired {
        draft.remove(DocumentId::Login(login));
    }
}

//! Passwords, and logins that outlive their links.

use crate::accounts::hashing::Whose;
use crate::accounts::keys;
use crate::accounts::second_factor::has_one;
use crate::app::Appliance;
use crate::links::consoles::{LinkLogin, RepLink};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::handshake::Login;
use jumpdeck_protocol::rep::{ApplianceNotice, NewUser};
use jumpdeck_protocol::{Refusal, RefusalCode, Timestamp, UserId, limits, text};
use jumpdeck_store::Draft;
use jumpdeck_world::Account;
use jumpdeck_world::{DocumentId, Login as Kept};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

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
            // One's own appliance has no password, and needs no second factor beside it.
            world.account(user)?.password.as_ref()?;
            Some(settings.second_factor_required.value && !has_one(&world, user))
        };
        if world.account(user).is_some_and(|account| account.must_change) {
            Some(RefusalCode::PasswordChangeRequired)
        } else if needs_factor().unwrap_or(false) {
            Some(RefusalCode::SecondFactorUnknown)
        } else {
            None
        }
    }

    /// Keeps the login of a link that was opened with the password a moment ago.
    pub(crate) async fn keep_this(
        &self,
        rep: &RepLink,
        holder: (String, u64),
    ) -> Result<Login, Refusal> {
        if !self.came_just_now(rep) {
            return Err(RefusalCode::PasswordRequired.plain());
        }
        let generation = rep.login.generation.load(Ordering::SeqCst);
        self.keep_login(rep.user, holder, generation).await
    }

    /// Seconds a login holds; nothing if it holds for ever.
    pub(crate) fn login_life(&self) -> Option<u64> {
        Some(self.world().site().login_life).filter(|life| *life > 0)
    }

    /// Whether what a link was opened with still holds.
    pub(crate) fn is_good(&self, rep: &RepLink) -> bool {
        let world = self.world();
        let kept = *rep.login.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = world.account(rep.user).map_or(0, |account| account.generation);
        world.user(rep.user).is_some_and(|user| user.enabled)
            && rep.login.generation.load(Ordering::SeqCst) == generation
            && kept.is_none_or(|kept| world.login(kept).is_some())
    }

    /// Keeps a login.
    pub(crate) async fn keep_login(
        &self,
        user: UserId,
        (holder, seconds): (String, u64),
        generation: u64,
    ) -> Result<Login, Refusal> {
        let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
        let token = keys::secret().map_err(failed)?;
        let (token_hash, now) = (keys::hash(&token), self.now());
        let life = self.login_life().unwrap_or(LOGIN_LIFE);
        let expires = now.plus(if seconds == 0 { life } else { life.min(seconds) });
        let (holder, settled) = (text::bounded(&holder, limits::NAME), self.has_settled());
        let edit = move |draft: &mut Draft| {
            if settled {
                remove_expired(draft, now);
            }
            let own = draft.logins().filter(|login| login.user == user).map(|login| login.id);
            let mut own: Vec<_> = own.collect();
            // What ends first goes first.
            own.sort_by_key(|login| draft.login(*login).map(|login| login.expires));
            for oldest in own.iter().take((own.len() + 1).saturating_sub(LOGINS)) {
                draft.remove(DocumentId::Login(*oldest));
            }
            draft.audit_by(now, user, Action::LoginKept, ("", &holder));
            let id = draft.next::<Kept>();
            draft.put(Kept { id, token_hash, user, made: now, expires, holder, generation })
        };
        self.store.edit(edit).await?;
        Ok(Login { token, expires })
    }

    /// Revokes a kept login of a rep, or all of them.
    pub(crate) async fn log_out(&self, rep: &RepLink, token: Option<&str>) -> Result<(), Refusal> {
        let (user, now, hash) = (rep.user, self.now(), token.map(keys::hash));
        // The link that asks stays until it has the answer.
        *rep.login.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let edit = move |draft: &mut Draft| {
            let meant = |login: &&Arc<Kept>| {
                login.user == user && hash.as_ref().is_none_or(|hash| login.token_hash == *hash)
            };
            let meant: Vec<_> = draft.logins().filter(meant).map(|login| login.id).collect();
            if meant.is_empty() && hash.is_some() {
                return Err(RefusalCode::LoginExpired.plain());
            }
            draft.audit_by(
                now,
                user,
                Action::LoggedOut,
                ("", &format!("{} kept logins", meant.len())),
            );
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
    ) -> Result<Option<RefusalCode>, Refusal> {
        self.is_own(rep, current.clone()).await?;
        if new == current {
            return Err(
                RefusalCode::InvalidValue.because("That is your password already. Choose another.")
            );
        }
        let characters = new.chars().count();
        if !(limits::PASSWORD..=limits::PASSWORD_MOST).contains(&characters) {
            let detail = format!(
                "A password has {} to {} characters.",
                limits::PASSWORD,
                limits::PASSWORD_MOST
            );
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let hash = self.login.hasher.hash(Whose::User(rep.user), new).await?;
        let (user, now, login) = (rep.user, self.now(), Arc::clone(&rep.login));
        let edit = move |draft: &mut Draft| {
            draft.audit_by(now, user, Action::PasswordChanged, ("", ""));
            let change = |account: &mut Account| {
                (account.password, account.must_change) = (Some(hash), false);
            };
            renew(draft, user, Some(&login), change)
        };
        self.store.edit(edit).await?;
        let first = self.first_of(user);
        rep.is_first(first);
        let sessions = self.sessions.of(user, &self.world());
        rep.tell(ApplianceNotice::Sessions { sessions });
        self.tell_lobby();
        Ok(first)
    }

    /// Gives a user the password that was chosen, in the name of whoever runs this program.
    ///
    /// # Errors
    /// A [`Refusal`] when there is no such user, or the store fails.
    pub async fn choose_password(&self, username: &str, password: String) -> Result<(), Refusal> {
        let user = self.world().user_by_name(username).map(|user| user.id);
        let user = user.ok_or_else(|| RefusalCode::NoSuchUser.plain())?;
        let hash = self.login.hasher.hash(Whose::Own, password).await?;
        let change = |account: &mut Account| {
            (account.password, account.must_change) = (Some(hash), false);
        };
        self.store.edit(move |draft| renew(draft, user, None, change)).await
    }

    /// Whether a password is a rep's own. Guessing is throttled.
    pub(crate) async fn is_own(&self, rep: &RepLink, password: String) -> Result<(), Refusal> {
        let now = self.uptime();
        let world = self.world();
        let account = world.account(rep.user).filter(|account| account.password.is_some());
        let none = || RefusalCode::InvalidValue.because("Your own appliance has no password.");
        let account = account.ok_or_else(none)?;
        if !self.password_tries.admits(&rep.user, now) {
            return Err(RefusalCode::LoginThrottled.plain());
        }
        self.password_tries.count(rep.user, now);
        if !self.login.is_password_of(account, password).await? {
            return Err(RefusalCode::LoginFailed.because("the password is not yours"));
        }
        self.password_tries.forgive(&rep.user);
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
        if user.id == rep.user {
            let detail = "Change your own password with `jumpdeck passwd`.";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        if self.is_embedded() {
            let detail = "The user of an embedded appliance has no password.";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let (id, username, by, now) = (user.id, user.username.clone(), rep.user, self.now());
        let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
        let password = keys::secret().map_err(failed)?;
        let hash = self.login.hasher.hash(Whose::User(rep.user), password.clone()).await?;
        let subject = format!("user {username}");
        let edit = move |draft: &mut Draft| {
            let what = if second_factor { "and no second factor" } else { "" };
            draft.audit_by(now, by, Action::PasswordReset, (&subject, what));
            let change = |account: &mut Account| {
                (account.password, account.must_change) = (Some(hash), true);
                if second_factor {
                    account.second_factor = None;
                }
            };
            renew(draft, id, None, change)
        };
        self.store.edit(edit).await?;
        Ok(NewUser { username, password })
    }
}

/// Changes what proves that somebody is a user: links and kept logins of before are over, but for
/// the link that asked.
pub(crate) fn renew(
    draft: &mut Draft,
    user: UserId,
    but: Option<&LinkLogin>,
    change: impl FnOnce(&mut Account),
) -> Result<(), Refusal> {
    let known = draft.account(user).map(|account| Account::clone(account));
    let mut account = known.unwrap_or_else(|| Account::none(user));
    change(&mut account);
    account.generation += 1;
    if let Some(login) = but {
        // Before anybody sees the new one.
        login.generation.store(account.generation, Ordering::SeqCst);
    }
    draft.put(account)?;
    let kept = draft.logins().filter(|login| login.user == user).map(|login| login.id);
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

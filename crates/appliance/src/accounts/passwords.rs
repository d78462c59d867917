//! Passwords, logins that outlive their links, and new users.

use crate::accounts::duties::first_of;
use crate::accounts::duties::login_life;
use crate::accounts::hashing::Whose;
use crate::accounts::login::LoginCheck;
use crate::accounts::throttle::Throttle;
use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::bus::ApplianceEvent;
use crate::keys;
use crate::links::consoles::{LinkLogin, RepLink};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::handshake::Login;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, NewUser};
use jumpdeck_protocol::{Refusal, RefusalCode, Timestamp, UserId, limits, text};
use jumpdeck_store::Draft;
use jumpdeck_world::Account;
use jumpdeck_world::User;
use jumpdeck_world::username;
use jumpdeck_world::{DocumentId, KeptLogin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// Seconds a login is kept, where the appliance says nothing else: 30 days.
const LOGIN_LIFE: u64 = 30 * 86_400;
/// Logins of one user that are kept at most; the oldest go first.
const LOGINS: usize = 20;

/// Checks, changes and resets passwords; keeps and revokes logins; makes users.
pub(crate) struct Passwords {
    pub(super) base: Base,
    pub(super) book: Arc<Book>,
    pub(super) login: Arc<LoginCheck>,
    pub(super) embedded: bool,
    /// Who guesses a password on a link.
    pub(super) tries: Throttle<UserId>,
}

impl Passwords {
    /// Keeps the login of a link that was opened with the password a moment ago.
    async fn keep_this(&self, rep: &RepLink, holder: (String, u64)) -> Result<Login, Refusal> {
        if !rep.came_just_now(self.base.uptime()) {
            return Err(RefusalCode::PasswordRequired.plain());
        }
        let generation = rep.login.generation.load(Ordering::SeqCst);
        self.keep_login(rep.user, holder, generation).await
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
        let (token_hash, now) = (keys::hash(&token), self.base.now());
        let life = login_life(&self.base.world()).unwrap_or(LOGIN_LIFE);
        let expires = now.plus(if seconds == 0 { life } else { life.min(seconds) });
        let (holder, settled) =
            (text::bounded(&holder, limits::NAME), self.base.clocks.has_settled());
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
            let id = draft.next::<KeptLogin>();
            let (token_hash, holder) = (token_hash.clone(), holder.clone());
            draft.put(KeptLogin { id, token_hash, user, made: now, expires, holder, generation })
        };
        self.base.store.edit(edit).await?;
        Ok(Login { token, expires })
    }

    /// Revokes a kept login of a rep, or all of them.
    async fn log_out(&self, rep: &RepLink, token: Option<&str>) -> Result<(), Refusal> {
        let (user, now, hash) = (rep.user, self.base.now(), token.map(keys::hash));
        // The link that asks stays until it has the answer.
        *rep.login.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let edit = move |draft: &mut Draft| {
            let meant = |login: &&Arc<KeptLogin>| {
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
        self.base.store.edit(edit).await
    }

    /// Gives a rep another password. Kept logins end with the old one.
    async fn change_password(
        &self,
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
        let (user, now, login) = (rep.user, self.base.now(), Arc::clone(&rep.login));
        let edit = move |draft: &mut Draft| {
            draft.audit_by(now, user, Action::PasswordChanged, ("", ""));
            let change = |account: &mut Account| {
                (account.password, account.must_change) = (Some(hash.clone()), false);
            };
            renew(draft, user, Some(&login), change)
        };
        self.base.store.edit(edit).await?;
        let first = first_of(&self.base.world(), user);
        rep.must_first(first);
        let sessions = self.book.of(user, &self.base.world());
        rep.tell(ApplianceNotice::Sessions { sessions });
        self.base.bus.publish(ApplianceEvent::ConsoleCame);
        Ok(first)
    }

    /// Gives a user the password that was chosen, in the name of the user who runs this program.
    ///
    /// # Errors
    /// A [`Refusal`] when there is no such user, or the store fails.
    pub(crate) async fn choose_password(
        &self,
        username: &str,
        password: String,
    ) -> Result<(), Refusal> {
        let user = self.base.world().user_by_name(username).map(|user| user.id);
        let user = user.ok_or_else(|| RefusalCode::NoSuchUser.plain())?;
        let hash = self.login.hasher.hash(Whose::Own, password).await?;
        let change = move |account: &mut Account| {
            (account.password, account.must_change) = (Some(hash.clone()), false);
        };
        self.base.store.edit(move |draft| renew(draft, user, None, &change)).await
    }

    /// Whether a password is a rep's own. Guessing is throttled.
    async fn is_own(&self, rep: &RepLink, password: String) -> Result<(), Refusal> {
        let now = self.base.uptime();
        let world = self.base.world();
        let account = world.account(rep.user).filter(|account| account.password.is_some());
        let none = || RefusalCode::InvalidValue.because("Your own appliance has no password.");
        let account = account.ok_or_else(none)?;
        if !self.tries.admits(&rep.user, now) {
            return Err(RefusalCode::LoginThrottled.plain());
        }
        self.tries.count(rep.user, now);
        if !self.login.is_password_of(account, password).await? {
            return Err(RefusalCode::LoginFailed.because("the password is not yours"));
        }
        self.tries.forgive(&rep.user);
        Ok(())
    }

    /// Gives a user another first password.
    async fn reset_user(
        &self,
        rep: &RepLink,
        name: &str,
        second_factor: bool,
    ) -> Result<NewUser, Refusal> {
        let world = self.base.world();
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
        if self.embedded {
            let detail = "The user of an embedded appliance has no password.";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let (id, username, by, now) = (user.id, user.username.clone(), rep.user, self.base.now());
        let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
        let password = keys::secret().map_err(failed)?;
        let hash = self.login.hasher.hash(Whose::User(rep.user), password.clone()).await?;
        let subject = format!("user {username}");
        let edit = move |draft: &mut Draft| {
            let what = if second_factor { "and no second factor" } else { "" };
            draft.audit_by(now, by, Action::PasswordReset, (&subject, what));
            let change = |account: &mut Account| {
                (account.password, account.must_change) = (Some(hash.clone()), true);
                if second_factor {
                    account.second_factor = None;
                }
            };
            renew(draft, id, None, change)
        };
        self.base.store.edit(edit).await?;
        Ok(NewUser { username, password })
    }

    /// Makes a user. Only administrators do; the password in the answer is not kept.
    async fn add_user(&self, rep: &RepLink, name: &str) -> Result<NewUser, Refusal> {
        if !self.base.world().administers(rep.user) {
            return Err(RefusalCode::PermissionDenied.because("only an administrator makes users"));
        }
        if self.embedded {
            let detail = "an embedded appliance has one user; `jumpdeck serve` is for many";
            return Err(RefusalCode::PermissionDenied.because(detail));
        }
        let name = username(name)?;
        let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
        let secret = keys::secret().map_err(failed)?;
        let hash = self.login.hasher.hash(Whose::User(rep.user), secret.clone()).await?;
        let (made, maker, now) = (name.clone(), rep.user, self.base.now());
        let edit = move |draft: &mut Draft| {
            if draft.user_by_name(&name).is_some() {
                return Err(
                    RefusalCode::InvalidValue.because(format!("There is a user {name} already."))
                );
            }
            let id = draft.next::<User>();
            let user = User::rep(id, name.clone());
            draft.put(Account::first(id, hash.clone()))?;
            draft.audit_by(now, maker, Action::UserMade, (&user.username, ""));
            draft.put(user)
        };
        self.base.store.edit(edit).await?;
        Ok(NewUser { username: made, password: secret })
    }
}

impl Answered for request::AddUser {
    type By = Passwords;

    async fn answer(self, passwords: &Arc<Passwords>, rep: &RepLink) -> Result<NewUser, Refusal> {
        passwords.add_user(rep, &self.username).await
    }
}

impl Answered for request::ResetUser {
    type By = Passwords;

    async fn answer(self, passwords: &Arc<Passwords>, rep: &RepLink) -> Result<NewUser, Refusal> {
        passwords.reset_user(rep, &self.username, self.second_factor).await
    }
}

impl Answered for request::ChangePassword {
    type By = Passwords;

    async fn answer(
        self,
        passwords: &Arc<Passwords>,
        rep: &RepLink,
    ) -> Result<reply::PasswordChanged, Refusal> {
        let first = passwords.change_password(rep, self.current.0, self.new.0).await?;
        Ok(reply::PasswordChanged { first })
    }
}

impl Answered for request::KeepLogin {
    type By = Passwords;

    async fn answer(self, passwords: &Arc<Passwords>, rep: &RepLink) -> Result<Login, Refusal> {
        passwords.keep_this(rep, (self.holder, self.seconds)).await
    }
}

impl Answered for request::Unlock {
    type By = Passwords;

    async fn answer(self, passwords: &Arc<Passwords>, rep: &RepLink) -> Result<(), Refusal> {
        passwords.is_own(rep, self.password.0).await
    }
}

impl Answered for request::Logout {
    type By = Passwords;

    async fn answer(self, passwords: &Arc<Passwords>, rep: &RepLink) -> Result<(), Refusal> {
        let token = self.token.as_ref().map(|token| token.0.as_str());
        passwords.log_out(rep, token).await
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

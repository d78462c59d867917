//! How a rep logs in.

use crate::document::Login as Kept;
use crate::keys;
use crate::throttle::Throttle;
use crate::user::{Account, User};
use crate::world::World;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use jumpdeck_protocol::handshake::RepProof;
use jumpdeck_protocol::{Refusal, RefusalCode, Timestamp};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Passwords that are checked at once: each check takes 19 MiB.
const AT_ONCE: usize = 2;

/// The door for reps.
#[derive(Debug)]
pub(crate) struct Login {
    token: Option<String>,
    failures: Throttle<String>,
    checks: Semaphore,
    decoy: String,
}

/// Who proved itself.
#[derive(Debug)]
pub(crate) struct Known {
    pub user: Arc<User>,
    /// The login that was kept, if it was that.
    pub login: Option<Arc<Kept>>,
}

impl Login {
    /// A door that opens to this token too, if one is given.
    pub(crate) fn new(token: Option<&str>) -> anyhow::Result<Self> {
        Ok(Self {
            token: token.map(keys::hash),
            failures: Throttle::default(),
            checks: Semaphore::new(AT_ONCE),
            decoy: if token.is_some() { String::new() } else { hash_password("decoy")? },
        })
    }

    /// Who proved itself.
    pub(crate) async fn check(
        &self,
        world: &World,
        proof: RepProof,
        now: Timestamp,
    ) -> Result<Known, Refusal> {
        let user = match proof {
            RepProof::Token(token) => self.by_token(world, &token),
            RepProof::Login(token) => return by_login(world, &token, now),
            RepProof::Password { username, password } => {
                self.by_password(world, &username, password, now).await
            }
        };
        Ok(Known { user: user?, login: None })
    }

    fn by_token(&self, world: &World, token: &str) -> Result<Arc<User>, Refusal> {
        // Hashes are compared, so the time it takes says nothing about the token.
        let right = self.token.as_deref() == Some(keys::hash(token).as_str());
        let owner = world.user(jumpdeck_protocol::UserId(1)).filter(|_| right);
        owner.cloned().ok_or_else(|| RefusalCode::LoginFailed.because("the token is not valid"))
    }

    async fn by_password(
        &self,
        world: &World,
        username: &str,
        password: String,
        now: Timestamp,
    ) -> Result<Arc<User>, Refusal> {
        let name: String = username.chars().take(64).collect();
        self.admit(&name, now)?;
        let user = world.user_by_name(username).filter(|user| user.enabled).cloned();
        let account = user.as_ref().and_then(|user| world.account(user.id));
        let stored = account.and_then(|account| account.password.clone());
        let known = stored.is_some();
        // An unknown name takes as long as a known one.
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let _turn = self.checks.acquire().await.map_err(|_| RefusalCode::Stopping.plain())?;
        // Others may have failed while this one waited; and each try counts before it is judged,
        // so that many at once are no more than as many in turn.
        self.admit(&name, now)?;
        self.failures.count(name.clone(), now);
        let matches =
            tokio::task::spawn_blocking(move || matches(&password, &stored)).await.unwrap_or(false);
        match user.filter(|_| known && matches) {
            Some(user) => {
                self.failures.forgive(&name);
                Ok(user)
            }
            None => Err(RefusalCode::LoginFailed.plain()),
        }
    }

    fn admit(&self, name: &String, now: Timestamp) -> Result<(), Refusal> {
        let admitted = self.failures.admits(name, now);
        if admitted { Ok(()) } else { Err(RefusalCode::LoginThrottled.plain()) }
    }
}

/// By a login that was kept.
fn by_login(world: &World, token: &str, now: Timestamp) -> Result<Known, Refusal> {
    let over = || RefusalCode::LoginExpired.plain();
    let login = world.login_by_hash(&keys::hash(token)).filter(|login| login.expires > now);
    // What the appliance says of the life of logins now holds for those of before, too.
    let life = world.site().login_life;
    let lives = |login: &&Arc<Kept>| life == 0 || login.made.plus(life) > now;
    let login = login.filter(lives).ok_or_else(over)?;
    let same = world.account(login.user).is_some_and(|a| a.generation == login.generation);
    let user = world.user(login.user).filter(|user| user.enabled && same);
    Ok(Known { user: user.cloned().ok_or_else(over)?, login: Some(Arc::clone(login)) })
}

/// Whether somebody's password is this one.
pub(crate) async fn is_password_of(account: &Account, password: String) -> bool {
    let Some(stored) = account.password.clone() else {
        return false;
    };
    tokio::task::spawn_blocking(move || matches(&password, &stored)).await.unwrap_or(false)
}

/// argon2id with the crate's recommended cost, in PHC form.
pub(crate) fn hash_password(password: &str) -> anyhow::Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(|error| anyhow::anyhow!("hashing a password: {error}"))?.to_string())
}

/// The same for a first password of 160 random bits, which nobody guesses: hashing it costs little,
/// so that many users can be made at once.
pub(crate) fn hash_first_password(password: &str) -> anyhow::Result<String> {
    let failed = |error: &dyn std::fmt::Display| anyhow::anyhow!("hashing a password: {error}");
    let params = Params::new(Params::MIN_M_COST, 1, 1, None).map_err(|error| failed(&error))?;
    let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Ok(cheap.hash_password(password.as_bytes()).map_err(|error| failed(&error))?.to_string())
}

fn matches(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use jumpdeck_protocol::{Revision, UserId};

    fn world() -> World {
        let mut world = World::new("e");
        let password = Some(hash_password("right").unwrap());
        let user = User::owner(UserId(1), "alice");
        let account = Account { password, ..Account::none(UserId(1)) };
        world.put(Revision(1), Document::User(Box::new(user)));
        world.put(Revision(2), Document::Account(Box::new(account)));
        world
    }

    async fn attempt(login: &Login, name: &str, password: &str, at: i64) -> Option<RefusalCode> {
        let proof = RepProof::Password { username: name.into(), password: password.into() };
        login.check(&world(), proof, Timestamp(at)).await.err().map(|refusal| refusal.code)
    }

    #[tokio::test]
    async fn after_five_failures_even_the_right_password_has_to_wait_a_minute() {
        let login = Login::new(None).unwrap();
        for _ in 0..5 {
            assert_eq!(attempt(&login, "alice", "wrong", 0).await, Some(RefusalCode::LoginFailed));
        }
        assert_eq!(attempt(&login, "alice", "right", 59).await, Some(RefusalCode::LoginThrottled));
        assert_eq!(attempt(&login, "alice", "right", 60).await, None);
    }

    #[tokio::test]
    async fn many_tries_at_once_are_no_more_than_as_many_in_turn() {
        let login = Arc::new(Login::new(None).unwrap());
        let tries = (0..12).map(|_| {
            let login = Arc::clone(&login);
            tokio::spawn(async move { attempt(&login, "alice", "wrong", 0).await })
        });
        let mut judged = 0;
        for outcome in tries.collect::<Vec<_>>() {
            judged += usize::from(outcome.await.unwrap() == Some(RefusalCode::LoginFailed));
        }
        assert_eq!(judged, 5);
    }

    #[tokio::test]
    async fn an_unknown_name_is_told_no_more_than_a_wrong_password() {
        let login = Login::new(None).unwrap();
        assert_eq!(attempt(&login, "mallory", "right", 0).await, Some(RefusalCode::LoginFailed));
    }

    #[tokio::test]
    async fn a_server_takes_no_token() {
        let login = Login::new(None).unwrap();
        let proof = RepProof::Token(String::new());
        assert!(login.check(&world(), proof, Timestamp(0)).await.is_err());
    }
}

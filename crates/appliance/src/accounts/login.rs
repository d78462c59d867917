//! How a rep logs in.

use crate::accounts::hashing::{Hasher, Whose};
use crate::accounts::throttle::Throttle;
use crate::admission::source;
use crate::clock::Uptime;
use crate::keys;
use jumpdeck_protocol::handshake::RepProof;
use jumpdeck_protocol::{Refusal, RefusalCode, Timestamp, UserId};
use jumpdeck_world::KeptLogin;
use jumpdeck_world::World;
use jumpdeck_world::{Account, User};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Failures with one name from everywhere after which each further try with it is delayed, and
/// failures from one address with any name.
const SLOW: u32 = 20;
/// By how much. It locks nobody out.
const DELAY: Duration = Duration::from_millis(500);
/// Addresses of users that are remembered.
const REMEMBERED: usize = 10_000;

/// The way in for reps.
#[derive(Debug)]
pub(crate) struct LoginCheck {
    token: Option<String>,
    /// Failures with a name from an address: only there does the name have to wait.
    failures: Throttle<(String, IpAddr)>,
    /// What delays further tries.
    slow: Throttle<Slow>,
    addresses: Addresses,
    pub(crate) hasher: Hasher,
}

/// What somebody may be guessing at, or from.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Slow {
    Name(String),
    Address(IpAddr),
}

/// Where users have logged in from: they are let try whatever strangers do with their names.
#[derive(Debug, Default)]
struct Addresses(Mutex<HashMap<(UserId, IpAddr), Uptime>>);

impl Addresses {
    fn know(&self, user: UserId, from: IpAddr) -> bool {
        self.lock().contains_key(&(user, from))
    }

    fn remember(&self, user: UserId, from: IpAddr, now: Uptime) {
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            let oldest = known.iter().min_by_key(|(_, last)| **last).map(|(who, _)| *who);
            oldest.and_then(|oldest| known.remove(&oldest));
        }
        known.insert((user, from), now);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(UserId, IpAddr), Uptime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When and where somebody tries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoginAttempt {
    pub from: IpAddr,
    pub now: Timestamp,
    pub uptime: Uptime,
}

/// Who proved itself.
#[derive(Debug)]
pub(crate) struct Known {
    pub user: Arc<User>,
    /// The login that was kept, if it was that.
    pub login: Option<Arc<KeptLogin>>,
}

impl LoginCheck {
    /// A way in that opens to this token too, if one is given.
    pub(crate) fn new(token: Option<&str>) -> anyhow::Result<Self> {
        Ok(Self {
            token: token.map(keys::hash),
            failures: Throttle::default(),
            slow: Throttle::default(),
            addresses: Addresses::default(),
            hasher: Hasher::new()?,
        })
    }

    /// Who proved itself.
    pub(crate) async fn check(
        &self,
        world: &World,
        proof: RepProof,
        attempt: LoginAttempt,
    ) -> Result<Known, Refusal> {
        let user = match proof {
            RepProof::Token(token) => self.by_token(world, &token),
            RepProof::Login(token) => return by_login(world, &token, attempt.now),
            RepProof::Password { username, password } => {
                self.by_password(world, &username, password, attempt).await
            }
        };
        Ok(Known { user: user?, login: None })
    }

    /// A user logged in from here, with everything that was wanted for that.
    pub(crate) fn succeeded(&self, user: UserId, attempt: LoginAttempt) {
        self.addresses.remember(user, source(attempt.from), attempt.uptime);
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
        LoginAttempt { from, uptime, .. }: LoginAttempt,
    ) -> Result<Arc<User>, Refusal> {
        let name: String = username.chars().take(64).collect();
        let from = source(from);
        let who = (name.clone(), from);
        self.admit(&who, uptime)?;
        let user = world.user_by_name(username).filter(|user| user.enabled).cloned();
        let known = user.as_ref().is_some_and(|user| self.addresses.know(user.id, from));
        let whose = match &user {
            Some(user) if known => Whose::Known(user.id, from),
            _ => Whose::Address(from),
        };
        let place = self.hasher.enter(whose)?;
        if !known && self.is_slow(&name, from, uptime) {
            tokio::time::sleep(DELAY).await;
        }
        // Others may have failed while this one waited; and each try counts before it is judged,
        // so that many at once are no more than as many in turn.
        self.admit(&who, uptime)?;
        self.failures.count(who.clone(), uptime);
        let account = user.as_ref().and_then(|user| world.account(user.id));
        let stored = account.and_then(|account| account.password.clone());
        let matches = self.hasher.is(place, password, stored).await?;
        if let Some(user) = user.filter(|_| matches) {
            self.failures.forgive(&who);
            return Ok(user);
        }
        self.slow.count(Slow::Name(name), uptime);
        self.slow.count(Slow::Address(from), uptime);
        Err(RefusalCode::LoginFailed.plain())
    }

    fn is_slow(&self, name: &str, from: IpAddr, now: Uptime) -> bool {
        self.slow.count_of(&Slow::Name(name.to_owned()), now) >= SLOW
            || self.slow.count_of(&Slow::Address(from), now) >= SLOW
    }

    fn admit(&self, who: &(String, IpAddr), now: Uptime) -> Result<(), Refusal> {
        let admitted = self.failures.admits(who, now);
        if admitted { Ok(()) } else { Err(RefusalCode::LoginThrottled.plain()) }
    }

    /// Whether a user's password is this one.
    pub(crate) async fn is_password_of(
        &self,
        account: &Account,
        password: String,
    ) -> Result<bool, Refusal> {
        let place = self.hasher.enter(Whose::User(account.user))?;
        self.hasher.is(place, password, account.password.clone()).await
    }
}

/// By a login that was kept.
fn by_login(world: &World, token: &str, now: Timestamp) -> Result<Known, Refusal> {
    let over = || RefusalCode::LoginExpired.plain();
    let login = world.login_by_hash(&keys::hash(token)).filter(|login| login.expires > now);
    // What the appliance says of the life of logins now holds for those of before, too.
    let life = world.site().login_life;
    let lives = |login: &&Arc<KeptLogin>| life == 0 || login.made.plus(life) > now;
    let login = login.filter(lives).ok_or_else(over)?;
    let same = world.account(login.user).is_some_and(|a| a.generation == login.generation);
    let user = world.user(login.user).filter(|user| user.enabled && same);
    Ok(Known { user: user.cloned().ok_or_else(over)?, login: Some(Arc::clone(login)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    use jumpdeck_protocol::{Revision, UserId};

    const HOME: [u8; 4] = [192, 0, 2, 1];
    const ELSEWHERE: [u8; 4] = [198, 51, 100, 1];

    async fn world(login: &LoginCheck) -> World {
        let mut world = World::new("e");
        let password = login.hasher.hash(Whose::Own, "right".to_owned()).await.ok();
        let user = User::owner(UserId(1), "alice");
        let account = Account { password, ..Account::none(UserId(1)) };
        world.put(Revision(1), user);
        world.put(Revision(2), account);
        world
    }

    fn at(from: [u8; 4], seconds: u64) -> LoginAttempt {
        LoginAttempt { from: from.into(), now: Timestamp(0), uptime: Uptime(seconds) }
    }

    async fn attempt(
        login: &LoginCheck,
        name: &str,
        password: &str,
        attempt: LoginAttempt,
    ) -> Option<RefusalCode> {
        let proof = RepProof::Password { username: name.into(), password: password.into() };
        let world = world(login).await;
        login.check(&world, proof, attempt).await.err().map(|refusal| refusal.code)
    }

    #[tokio::test]
    async fn after_five_failures_even_the_right_password_has_to_wait_a_minute() {
        let login = LoginCheck::new(None).unwrap();
        for _ in 0..5 {
            assert_eq!(
                attempt(&login, "alice", "wrong", at(HOME, 0)).await,
                Some(RefusalCode::LoginFailed)
            );
        }
        assert_eq!(
            attempt(&login, "alice", "right", at(HOME, 59)).await,
            Some(RefusalCode::LoginThrottled)
        );
        assert_eq!(attempt(&login, "alice", "right", at(HOME, 60)).await, None);
    }

    #[tokio::test]
    async fn many_tries_at_once_are_no_more_than_as_many_in_turn() {
        let login = Arc::new(LoginCheck::new(None).unwrap());
        let tries = (0..12).map(|_| {
            let login = Arc::clone(&login);
            tokio::spawn(async move { attempt(&login, "alice", "wrong", at(HOME, 0)).await })
        });
        let mut judged = 0;
        for outcome in tries.collect::<Vec<_>>() {
            judged += usize::from(outcome.await.unwrap() == Some(RefusalCode::LoginFailed));
        }
        assert_eq!(judged, 5);
    }

    #[tokio::test]
    async fn an_unknown_name_is_told_no_more_than_a_wrong_password() {
        let login = LoginCheck::new(None).unwrap();
        assert_eq!(
            attempt(&login, "mallory", "right", at(HOME, 0)).await,
            Some(RefusalCode::LoginFailed)
        );
    }

    #[tokio::test]
    async fn a_server_takes_no_token() {
        let login = LoginCheck::new(None).unwrap();
        let proof = RepProof::Token(String::new());
        assert!(login.check(&world(&login).await, proof, at(HOME, 0)).await.is_err());
    }

    #[tokio::test]
    async fn a_stranger_who_guesses_locks_nobody_out_elsewhere() {
        let login = LoginCheck::new(None).unwrap();
        for _ in 0..6 {
            attempt(&login, "alice", "wrong", at(ELSEWHERE, 0)).await;
        }
        let there = attempt(&login, "alice", "right", at(ELSEWHERE, 0)).await;
        assert_eq!(there, Some(RefusalCode::LoginThrottled));
        assert_eq!(attempt(&login, "alice", "right", at(HOME, 0)).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_strangers_guess_at_is_slow_but_not_where_its_user_was_before() {
        let login = LoginCheck::new(None).unwrap();
        let alice = world(&login).await.user_by_name("alice").unwrap().id;
        login.succeeded(alice, at(HOME, 0));
        for last in 0..u8::try_from(SLOW).unwrap() {
            attempt(&login, "alice", "wrong", at([203, 0, 113, last], 0)).await;
        }
        let began = tokio::time::Instant::now();
        assert_eq!(attempt(&login, "alice", "right", at(HOME, 0)).await, None);
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(attempt(&login, "alice", "right", at(ELSEWHERE, 0)).await, None);
        assert!(began.elapsed() >= DELAY);
    }
}

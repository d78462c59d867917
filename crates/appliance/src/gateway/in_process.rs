//! Links within this process: for the SSH front door, which proves who a rep is in its own way.

use crate::accounts::duties::first_of;
use crate::accounts::second_factor::has_one;
use crate::accounts::ssh_keys::fingerprint;
use crate::gateway::attend;
use crate::links::consoles::{LinkLogin, RepLink};
use crate::services::Services;
use jumpdeck_link::Outbox;
use jumpdeck_link::{Role, Socket, agreed};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::handshake::RepProof;
use jumpdeck_protocol::{Refusal, RefusalCode, UserId};
use jumpdeck_world::User;
use jumpdeck_world::World;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that may be on their way in each direction.
const PIPE: usize = 64 * 1024;

/// A rep on the way in: a first proof held.
#[derive(Clone, Debug)]
pub struct PartialLogin {
    user: UserId,
    username: String,
    generation: u64,
    /// The proof was the password.
    by_password: bool,
    how: String,
}

/// A rep who is in. Links can be made with it until the login ends.
#[derive(Clone, Debug)]
pub struct AuthenticatedRep {
    user: UserId,
    username: String,
    login: Arc<LinkLogin>,
}

/// One end of a link within this process, and what its console has to know.
pub struct Inside {
    /// The console's end.
    pub socket: Socket,
    /// Whose console this is.
    pub user: UserId,
    /// What has to be done before anything else.
    pub first: Option<RefusalCode>,
    /// Seconds without a key after which the console locks itself; 0: never.
    pub idle_lock: u64,
}

impl PartialLogin {
    /// Whose first proof held.
    pub fn username(&self) -> &str {
        &self.username
    }
}

impl AuthenticatedRep {
    /// Who is in.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Whether something has to be done before anything else.
    pub fn wants_first(&self) -> bool {
        self.login.first.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// The way in for those who have proved who they are within this process.
pub struct FrontDoor {
    services: Arc<Services>,
}

impl FrontDoor {
    pub(crate) const fn new(services: Arc<Services>) -> Self {
        Self { services }
    }

    /// Checks a password. Guessing is throttled, and failures are audited.
    ///
    /// # Errors
    /// `login_failed` or `login_throttled`.
    pub async fn take_password(
        &self,
        username: &str,
        password: String,
        from: IpAddr,
    ) -> Result<PartialLogin, Refusal> {
        let world = self.services.base.world();
        let proof = RepProof::Password { username: username.to_owned(), password };
        match self.services.accounts.login.check(&world, proof, self.services.attempt(from)).await {
            Ok(known) => Ok(half(&world, &known.user, true, "with the password".to_owned())),
            Err(refusal) => {
                self.refuse_login(username, from, refusal.code);
                Err(refusal)
            }
        }
    }

    /// Whether a user may come in with this public key, as it goes over the wire.
    pub fn knows_key(&self, username: &str, key: &[u8]) -> bool {
        user_with_key(&self.services.base.world(), username, key).is_some()
    }

    /// Takes a public key of which somebody has shown that the private one is theirs.
    ///
    /// # Errors
    /// `login_failed` if it is not a key of this user.
    pub fn take_key(
        &self,
        username: &str,
        key: &[u8],
        from: IpAddr,
    ) -> Result<PartialLogin, Refusal> {
        let world = self.services.base.world();
        let Some(user) = user_with_key(&world, username, key) else {
            self.refuse_login(username, from, RefusalCode::LoginFailed);
            return Err(RefusalCode::LoginFailed.plain());
        };
        Ok(half(&world, user, false, format!("with the key {}", fingerprint(key))))
    }

    /// Whether a code is required besides.
    pub fn wants_code(&self, half: &PartialLogin) -> bool {
        has_one(&self.services.base.world(), half.user)
    }

    /// Lets a rep in whose proofs hold.
    ///
    /// # Errors
    /// `second_factor_required` if a code is required and this one is wrong or used, or there is
    /// none; `login_throttled` for anyone who guesses.
    pub async fn come_in(
        &self,
        half: &PartialLogin,
        code: Option<&str>,
        from: IpAddr,
    ) -> Result<AuthenticatedRep, Refusal> {
        if self.wants_code(half) {
            let spent = match code {
                Some(code) => {
                    self.services.accounts.second_factors.spend_code(half.user, code).await
                }
                None => Err(RefusalCode::SecondFactorRequired.plain()),
            };
            if let Err(refusal) = spent {
                self.refuse_login(&half.username, from, refusal.code);
                return Err(refusal);
            }
        }
        self.services.accounts.login.succeeded(half.user, self.services.attempt(from));
        let now = self.services.base.now();
        let detail = format!("from {from} by SSH, {}", half.how);
        self.services.base.audit.record(
            Some(half.user),
            Action::LoggedIn,
            &format!("user {}", half.username),
            &detail,
        );
        let login = LinkLogin {
            first: Mutex::new(first_of(&self.services.base.world(), half.user)),
            generation: half.generation.into(),
            kept: Mutex::default(),
            proved: half.by_password.then_some(self.services.base.uptime()),
            began: now,
            expires: None,
        };
        Ok(AuthenticatedRep {
            user: half.user,
            username: half.username.clone(),
            login: Arc::new(login),
        })
    }

    /// Writes down that somebody was not let in.
    fn refuse_login(&self, username: &str, from: IpAddr, code: RefusalCode) {
        // Whatever was typed into the name's place may be a secret.
        let known = self.services.base.world().user_by_name(username).is_some();
        let whose = if known { format!("user {username}") } else { "an unknown name".into() };
        let detail = format!("from {from} by SSH: {}", code.as_str());
        self.services.base.audit.record_often("", Action::LoginFailed, &whose, &detail);
    }

    /// Whether a rep prefers a prompt to panes.
    pub fn prefers_plain(&self, entrance: &AuthenticatedRep) -> bool {
        self.services.base.world().preferences(entrance.user).is_some_and(|kept| kept.plain)
    }

    /// Makes a link for a rep who is in. Links of the same `console` are one after the other.
    ///
    /// # Errors
    /// `login_expired` if that login is over, `stopping` if the appliance is.
    pub async fn link_inside(
        &self,
        entrance: &AuthenticatedRep,
        console: u64,
    ) -> Result<Inside, Refusal> {
        let (user, login) = (entrance.user, Arc::clone(&entrance.login));
        let outbox = Outbox::new();
        let (id, queues) = (self.services.links.next(), Arc::default());
        let rep = RepLink { id, user, console, outbox, login, queues };
        if self.services.stopping.has_begun() {
            return Err(RefusalCode::Stopping.plain());
        }
        if !rep.is_good(&self.services.base.world()) {
            return Err(RefusalCode::LoginExpired.plain());
        }
        let (near, far) = tokio::io::duplex(PIPE);
        let near = agreed(near, Vec::new(), Role::Client).await;
        let far = agreed(far, Vec::new(), Role::Server).await;
        let (first, idle_lock) = (rep.first(), self.services.base.world().idle_lock(user));
        let services = Arc::clone(&self.services);
        tokio::spawn(async move { Box::pin(attend(services, rep, far)).await });
        Ok(Inside { socket: near, user, first, idle_lock })
    }
}

/// The user of this name, if this is one of their keys.
fn user_with_key<'w>(world: &'w World, username: &str, key: &[u8]) -> Option<&'w Arc<User>> {
    let user = world.user_by_name(username).filter(|user| user.enabled)?;
    let account = world.account(user.id)?;
    account.ssh_keys.iter().any(|own| own.blob == key).then_some(user)
}

/// A first proof that held in this World: what changes after it counts.
fn half(world: &World, user: &User, by_password: bool, how: String) -> PartialLogin {
    let generation = world.account(user.id).map_or(0, |account| account.generation);
    let (user, username) = (user.id, user.username.clone());
    PartialLogin { user, username, generation, by_password, how }
}

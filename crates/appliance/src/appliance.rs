//! The appliance as a whole: opening it, and what only its own program may do.

use crate::api::Rates;
use crate::audit::Often;
use crate::admission::{Admission, Limits};
use crate::clock::{Clock, Uptime};
use crate::copies::Copies;
use crate::data_dir::{DataDir, DataDirError};
use crate::document::{Document, Installer};
use crate::keys::{self, Keys};
use crate::hashing::Whose;
use crate::login::{Attempt, Login};
use crate::pin::place_name;
use crate::presence::Presences;
use crate::queues::Asking;
use crate::reps::Reps;
use crate::sessions::Sessions;
use crate::statistics::Watching;
use crate::store::{Draft, Store, StoreError};
use crate::tape::{News, Recorder};
use crate::throttle::Throttle;
use crate::user::{Account, User};
use crate::usher::Usher;
use crate::wake::Wakes;
use crate::world::World;
use jumpdeck_policy::{Role as ItemRole, SessionPolicy};
use jumpdeck_protocol::inventory::{GroupView, JumpPolicyView, Place};
use jumpdeck_protocol::session::RecordingState;
use jumpdeck_protocol::{
    LinkId, Refusal, RefusalCode, Timestamp, UserId, limits, private_file, rep, text,
};
use rustix::process::{Resource, getrlimit};
use std::fs::File;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// Sessions that may be starting at once.
const MAX_CONCURRENT_STARTS: usize = 20;
/// Seconds an installer may be valid: ten minutes to a year (DOMAIN 7).
const INSTALLER_VALID: std::ops::RangeInclusive<u64> = 600..=31_536_000;

/// Connections that prove who they are at once, and those that wait for that.
const ARRIVALS: Limits = Limits { at_once: 1024, each_at_once: 64, queue: 4096, each_queue: 1024 };
/// File descriptors that no connection gets, at the least: the database, recordings, the log.
const RESERVED: usize = 128;

/// What an appliance is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// One user's, on the user's own machine.
    Embedded {
        /// The user's name.
        owner: String,
    },
    /// For many.
    Server,
}

/// What was made at the first start of a server, to be shown once.
#[derive(Clone, Default)]
pub struct FirstStart {
    /// The password of the user `admin`; nothing if the appliance is not new.
    pub admin_password: Option<String>,
}

/// What a new installer is to be.
#[derive(Clone, Debug)]
pub struct InstallerSpec {
    /// The Jump Group its clients come to; made if there is none. Nothing: the personal list of
    /// whoever makes it.
    pub group: Option<String>,
    /// Seconds it can be used.
    pub valid: u64,
    /// For the agent that an embedded appliance brings along.
    pub local: bool,
}

/// Why an appliance could not be opened.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot listen.
    #[error(
        "cannot listen on {address}: {reason}. Is the port taken? Choose another with --listen."
    )]
    Listen {
        /// Where.
        address: String,
        /// What the system said.
        reason: std::io::Error,
    },
    /// Something else.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

/// A running appliance.
pub struct Appliance {
    pub(crate) store: Store,
    pub(crate) sessions: Sessions,
    pub(crate) presences: Presences,
    pub(crate) reps: Reps,
    pub(crate) copies: Copies,
    pub(crate) watching: Watching,
    pub(crate) wakes: Wakes,
    pub(crate) policies: watch::Sender<Vec<JumpPolicyView>>,
    /// When it was opened.
    pub(crate) opened: Timestamp,
    pub(crate) login: Login,
    pub(crate) keys: Keys,
    pub(crate) starts: Semaphore,
    /// Connections that are on their way in.
    pub(crate) arrivals: Arc<Admission<IpAddr>>,
    connections: Arc<Semaphore>,
    pub(crate) asking: Asking,
    /// Machines with which a session is being started that must be the only one.
    pub(crate) starting: Asking,
    pub(crate) usher: Usher,
    pub(crate) often: Mutex<Often>,
    /// How often programs ask.
    pub(crate) api_rates: Rates,
    /// Who guesses codes of the second factor.
    pub(crate) code_tries: Throttle<UserId>,
    /// Who guesses a password on a link.
    pub(crate) password_tries: Throttle<UserId>,
    /// Where session keys are guessed from.
    pub(crate) key_tries: Throttle<std::net::IpAddr>,
    /// Jump Clients there may be; 0: any number.
    pub(crate) most_clients: AtomicUsize,
    pub(crate) recorder: Arc<Recorder>,
    /// Seconds after which a session ends in which nobody does anything; 0: it does not.
    pub(crate) idle: AtomicU64,
    /// Recordings that are being closed.
    pub(crate) keeping: watch::Sender<usize>,
    recorder_news: Mutex<Option<mpsc::UnboundedReceiver<News>>>,
    pub(crate) stopping: watch::Sender<bool>,
    role: Role,
    clock: Arc<dyn Clock>,
    links: AtomicU64,
    data_dir: DataDir,
    _lock: File,
}

impl Appliance {
    /// Opens a data directory for one appliance. A new one gets its keys.
    ///
    /// # Errors
    /// [`StartError`] says what stands in the way and what to do.
    pub fn open(
        data_dir: &DataDir,
        role: Role,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StartError> {
        let lock = data_dir.lock()?;
        let opened = Store::open(&data_dir.database())?;
        let world = opened.store.world();
        let token = token(data_dir, &role)?;
        let (news, recorder_news) = mpsc::unbounded_channel();
        let recorder = Recorder::start(news).map_err(anyhow::Error::from)?;
        let appliance = Arc::new(Self {
            sessions: Sessions::new(
                opened.sessions,
                &world,
                opened.next_session,
                opened.next_channel,
                clock.now(),
            ),
            presences: Presences::new(run_number()?, &opened.seen, &world, clock.now()),
            reps: Reps::default(),
            copies: Copies::default(),
            watching: Watching::default(),
            wakes: Wakes::default(),
            policies: watch::channel(Vec::new()).0,
            opened: clock.now(),
            login: Login::new(token.as_deref())?,
            keys: Keys::open(data_dir)?,
            starts: Semaphore::new(MAX_CONCURRENT_STARTS),
            arrivals: Admission::new(ARRIVALS),
            connections: Arc::new(Semaphore::new(most_connections())),
            asking: Asking::default(),
            starting: Asking::default(),
            usher: Usher::default(),
            often: Mutex::default(),
            api_rates: Rates::default(),
            code_tries: Throttle::default(),
            password_tries: Throttle::default(),
            key_tries: Throttle::default(),
            most_clients: AtomicUsize::new(0),
            recorder: Arc::new(recorder),
            idle: AtomicU64::new(0),
            keeping: watch::channel(0).0,
            recorder_news: Mutex::new(Some(recorder_news)),
            stopping: watch::channel(false).0,
            store: opened.store,
            role,
            clock,
            links: AtomicU64::new(1),
            data_dir: data_dir.clone(),
            _lock: lock,
        });
        appliance.go_on_recording();
        Ok(appliance)
    }

    /// The recordings of shells that go on, go on too.
    fn go_on_recording(&self) {
        for channel in self.sessions.channels() {
            let path = self.data_dir.recording(channel.session, channel.id, true);
            if !channel.recorded {
                continue;
            }
            match self.recorder.resume(&path, channel.id) {
                Ok((tape, position)) => {
                    channel.hub().record_from(position);
                    // Consoles are expected back, and none of them is far from there.
                    channel.hub().hold_from(position);
                    // Nobody else has set it yet.
                    let _ = channel.tape.set(tape);
                }
                Err(error) => {
                    tracing::error!(path = %path.display(), %error, "a recording cannot go on");
                    let reason = error.to_string().into();
                    channel.hub().record_from(0);
                    channel.hub().recording_is(RecordingState::Failed { reason });
                }
            }
        }
    }

    /// Does what the recorder says, for as long as the appliance is there.
    pub(crate) fn listen_to_recorder(self: &Arc<Self>) {
        let news = self.recorder_news.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut news) = news else {
            return;
        };
        let appliance = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(news) = news.recv().await {
                let Some(appliance) = appliance.upgrade() else {
                    return;
                };
                appliance.recorder_says(news);
            }
        });
    }

    /// Makes what a new appliance needs: roles and the first user. To be called once it listens,
    /// so that what is shown once is not lost to a taken port.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn settle(&self) -> Result<FirstStart, StartError> {
        if self.world().user(UserId(1)).is_some() {
            self.renew_built_in().await?;
            return Ok(FirstStart::default());
        }
        let (username, password) = match &self.role {
            Role::Embedded { owner } => (owner.clone(), None),
            Role::Server => ("admin".to_owned(), Some(keys::secret()?)),
        };
        let hash = match &password {
            Some(password) => {
                let hash = self.login.hasher.hash(Whose::Own, password.clone()).await;
                Some(hash.map_err(anyhow::Error::from)?)
            }
            None => None,
        };
        let user = User::owner(UserId(1), username);
        let account = hash.map(|hash| Account::first(UserId(1), hash));
        let edit = move |draft: &mut Draft| {
            for role in ItemRole::built_in() {
                draft.put(Document::Role(role))?;
            }
            for policy in SessionPolicy::built_in() {
                draft.put(Document::SessionPolicy(Box::new(policy)))?;
            }
            draft.put(Document::User(Box::new(user)))?;
            account.map_or(Ok(()), |account| draft.put(Document::Account(Box::new(account))))
        };
        self.store.edit(edit).await.map_err(anyhow::Error::from)?;
        Ok(FirstStart { admin_password: password })
    }

    /// Built-in roles and session policies say what this version knows. The global default is an
    /// administrator's to change.
    async fn renew_built_in(&self) -> Result<(), StartError> {
        let world = self.world();
        let differs = |role: &ItemRole| world.role(role.id).map(AsRef::as_ref) != Some(role);
        let roles: Vec<_> = ItemRole::built_in().into_iter().filter(differs).collect();
        let policies = SessionPolicy::built_in().into_iter().filter(|policy| {
            let kept = world.session_policy(policy.id).map(AsRef::as_ref);
            kept.is_none() || (policy.id == SessionPolicy::EVERYTHING && kept != Some(policy))
        });
        let policies: Vec<_> = policies.collect();
        if roles.is_empty() && policies.is_empty() {
            return Ok(());
        }
        let edit = |draft: &mut Draft| {
            roles.into_iter().try_for_each(|role| draft.put(Document::Role(role)))?;
            let put = |policy| draft.put(Document::SessionPolicy(Box::new(policy)));
            policies.into_iter().try_for_each(put)
        };
        Ok(self.store.edit(edit).await.map_err(anyhow::Error::from)?)
    }

    /// The World as it is now.
    pub(crate) fn world(&self) -> Arc<World> {
        self.store.world()
    }

    /// This moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long the machine has run.
    pub(crate) fn uptime(&self) -> Uptime {
        self.clock.uptime()
    }

    /// Somebody at this address tries to log in now.
    pub(crate) fn attempt(&self, from: IpAddr) -> Attempt {
        Attempt { from, now: self.now(), uptime: self.uptime() }
    }

    /// A place among the connections that may be open; nothing if what is left of the system's
    /// file descriptors is wanted for sessions and recordings.
    pub fn connection(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.connections).try_acquire_owned().ok()
    }

    /// A number for a new link.
    pub(crate) fn next_link(&self) -> LinkId {
        LinkId(self.links.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether this appliance is one user's own.
    pub fn is_embedded(&self) -> bool {
        matches!(self.role, Role::Embedded { .. })
    }

    /// The data directory.
    pub const fn data_dir(&self) -> &DataDir {
        &self.data_dir
    }

    /// The fingerprint of the appliance's key.
    pub fn fingerprint(&self) -> String {
        self.keys.public.fingerprint()
    }

    /// Resolves when the local agent is linked.
    pub async fn local_agent_linked(&self) {
        let mut changes = self.presences.subscribe();
        let linked = || {
            let world = self.world();
            let links = self.presences.links();
            links.iter().any(|(endpoint, _)| world.items_of(*endpoint).any(|item| item.local))
        };
        while !linked() {
            // Missed changes do not matter: the question is asked anew.
            let _ = changes.recv().await;
        }
    }

    /// Makes an installer in the name of the first user. The key in the answer is not kept.
    ///
    /// # Errors
    /// A [`Refusal`] when a value is out of range or the store fails.
    pub async fn create_installer(&self, spec: InstallerSpec) -> Result<rep::Installer, Refusal> {
        self.create_installer_for(UserId(1), spec).await
    }

    /// Makes an installer in the name of `user`.
    pub(crate) async fn create_installer_for(
        &self,
        user: UserId,
        spec: InstallerSpec,
    ) -> Result<rep::Installer, Refusal> {
        if !INSTALLER_VALID.contains(&spec.valid) {
            let detail = "an installer is valid for 10 minutes to 1 year";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let group = spec.group.as_deref().map(group_name).transpose()?;
        let secret = keys::secret().map_err(|e| RefusalCode::StoreFailed.because(e.to_string()))?;
        let key_hash = keys::hash(&secret);
        let now = self.now();
        let expires = now.plus(spec.valid);
        let wanted = group.clone();
        let edit = move |draft: &mut Draft| {
            for expired in draft.expired_installers(now) {
                draft.remove(expired);
            }
            let place = match wanted {
                None => Place::Personal(user),
                Some(name) => Place::JumpGroup(group_of(draft, &name)?),
            };
            let id = draft.next_installer();
            let (revoked, local) = (false, spec.local);
            if !local {
                let place = place_name(draft, place);
                draft.audit_by(now, user, "installer_made", (&place, ""));
            }
            draft.put(Document::Installer(Installer {
                id,
                key_hash,
                place,
                expires,
                revoked,
                local,
            }))
        };
        self.store.edit(edit).await?;
        let group = group.unwrap_or_else(|| "Personal".to_owned());
        Ok(rep::Installer { key: secret, expires, fingerprint: self.fingerprint(), group })
    }

    /// Ends the appliance: consoles are told, and an embedded one takes its local agent along.
    pub fn stop(&self) {
        if self.stopping.send_replace(true) {
            return;
        }
        if self.is_embedded() {
            for session in self.sessions.ids() {
                self.end_session(session, jumpdeck_protocol::session::EndReason::ApplianceStopped);
            }
        }
        self.say_goodbye();
        self.data_dir.withdraw();
    }

    /// Closes the database; the last thing a stopped appliance does.
    pub async fn close(&self) {
        self.all_kept().await;
        self.store.close().await;
    }

    fn say_goodbye(&self) {
        for rep in self.reps.those(|_| true) {
            rep.tell(rep::ApplianceNotice::Stopping);
            rep.outbox.close();
        }
        let world = self.world();
        for (endpoint, link) in self.presences.links() {
            let local = world.items_of(endpoint).any(|item| item.local);
            if local && self.is_embedded() {
                link.order(jumpdeck_protocol::agent::AgentOrder::Retire);
            }
            link.outbox.close();
        }
    }

    /// So many machines may be Jump Clients; 0: any number.
    pub fn limit_clients(&self, most: usize) {
        self.most_clients.store(most, Ordering::Relaxed);
    }

    /// Becomes true when the appliance is ending.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Whether nobody needs this embedded appliance: no console is linked, no session is open, and
    /// no other machine relies on it.
    pub fn is_idle(&self) -> bool {
        self.reps.is_empty()
            && self.sessions.is_empty()
            && self.world().items().all(|item| item.local || item.key.is_none())
    }

    /// Whether a console is linked.
    pub fn has_console(&self) -> bool {
        !self.reps.is_empty()
    }

    /// Whether nobody is linked at all.
    pub fn is_deserted(&self) -> bool {
        self.reps.is_empty() && self.presences.is_empty()
    }
}

/// Connections that may be open at once: seven in eight of the files this process may open.
fn most_connections() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let files = usize::try_from(files).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
    files.saturating_sub(RESERVED.max(files / 8)).max(16)
}

/// A number that no other process of an appliance has.
fn run_number() -> Result<u64, StartError> {
    getrandom::u64().map_err(|error| anyhow::anyhow!("no randomness: {error}").into())
}

/// The embedded appliance's token, new at each start.
fn token(data_dir: &DataDir, role: &Role) -> Result<Option<String>, StartError> {
    if *role == Role::Server {
        return Ok(None);
    }
    let token = keys::secret()?;
    private_file::write(&data_dir.token(), token.as_bytes())
        .map_err(|reason| DataDirError::Unusable { path: data_dir.token(), reason })?;
    Ok(Some(token))
}

/// A group's name as it is kept.
pub(crate) fn group_name(name: &str) -> Result<String, Refusal> {
    let name = text::clean(name.trim()).into_owned();
    if name.is_empty() || name.chars().count() > limits::NAME {
        return Err(RefusalCode::InvalidValue.because("a group's name has 1 to 128 characters"));
    }
    Ok(name)
}

fn group_of(draft: &mut Draft, name: &str) -> Result<jumpdeck_protocol::JumpGroupId, Refusal> {
    if let Some(group) = draft.group_by_name(name) {
        return Ok(group.id);
    }
    let id = draft.next_group();
    draft.put(Document::Group(GroupView { id, name: name.into() }))?;
    Ok(id)
}

//! The appliance as a whole: opening it, and what only its own program may do.

use crate::accounts::hashing::Whose;
use crate::accounts::keys::{self, Keys};
use crate::accounts::login::{Attempt, Login};
use crate::accounts::rates::Rates;
use crate::accounts::throttle::Throttle;
use crate::admission::{Admission, Limits};
use crate::audit::rate::Rate;
use crate::clock::{Clock, Moment, Pace, Uptime};
use crate::data_dir::{APPLIANCE_KEY, DataDir, DataDirError};
use crate::feed::cache::Copies;
use crate::links::asking::Asking;
use crate::links::chores::Chores;
use crate::links::clones::Clones;
use crate::links::consoles::Reps;
use crate::links::presence::Presences;
use crate::links::wakes::Wakes;
use crate::links::watching::Watching;
use crate::sessions::book::Sessions;
use crate::vitals::Vitals;
use jumpdeck_policy::{Role as ItemRole, SessionPolicy};
use jumpdeck_protocol::inventory::JumpPolicyView;
use jumpdeck_protocol::session::RecordingState;
use jumpdeck_protocol::{LinkId, Timestamp, UserId, private_file, rep};
use jumpdeck_session::recording::{Recorder, RecorderEvent};
use jumpdeck_store::Lived;
use jumpdeck_store::{Draft, History, Store, StoreError};
use jumpdeck_world::World;
use jumpdeck_world::{Account, User};
use rustix::process::{Resource, getrlimit};
use std::fs::File;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// Sessions that may be starting at once.
const MAX_CONCURRENT_STARTS: usize = 20;

/// Connections that prove who they are at once, and those that wait for that.
const ARRIVALS: Limits = Limits { at_once: 1024, each_at_once: 64, queue: 4096, each_queue: 1024 };
/// File descriptors that no connection gets, at the least: the database, recordings, the log.
const RESERVED: usize = 128;

/// How long the end of an appliance waits for its recordings.
const CLOSING: std::time::Duration = std::time::Duration::from_secs(10);

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
    /// The keys of an appliance are here, and its database is not.
    #[error(
        "{key} belongs to an appliance, but its database {database} is gone. Nothing was changed. \
         Put a backup of the database in its place. `jumpdeck serve --start-afresh` begins with a \
         new administrator and without machines; for an embedded appliance move the directory away."
    )]
    DatabaseGone {
        /// The appliance's key.
        key: PathBuf,
        /// Where the database was.
        database: PathBuf,
    },
    /// The database of an appliance is here, and its key is not.
    #[error(
        "the key {key} of this appliance is gone; agents know it by that key. Nothing was changed. \
         Put a backup of the key in its place. With `jumpdeck serve --new-key` every agent refuses \
         this appliance until it is enrolled again."
    )]
    KeyGone {
        /// Where the key was.
        key: PathBuf,
    },
    /// A flag that is for a loss, without one.
    #[error("nothing is lost here: leave {0} out")]
    NothingLost(&'static str),
    /// What is shown once could not be shown.
    #[error(
        "the first password could not be written ({0}), so no user was created. Start it again."
    )]
    Untold(std::io::Error),
    /// Something else.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

/// What is to be made new because it is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Afresh {
    /// The database: another appliance begins, with the same keys.
    pub database: bool,
    /// The key that agents know.
    pub key: bool,
}

impl Afresh {
    /// Whether the database is here, if it has to be.
    fn check(self, dir: &DataDir, now: Timestamp) -> Result<(), StartError> {
        let found = dir.found()?;
        match (found.database, self.database) {
            (false, false) if found.key => Err(StartError::DatabaseGone {
                key: dir.key(APPLIANCE_KEY),
                database: dir.database(),
            }),
            (true, true) => Err(StartError::NothingLost("--start-afresh")),
            (false, true) => {
                let aside = dir.put_aside(now).map_err(anyhow::Error::from)?;
                tracing::warn!(aside = %aside.display(), "the appliance begins afresh");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether the key of an appliance that has users is here.
    fn check_key(self, dir: &DataDir) -> Result<(), StartError> {
        match (dir.found()?.key, self.key) {
            (false, false) => Err(StartError::KeyGone { key: dir.key(APPLIANCE_KEY) }),
            (true, true) => Err(StartError::NothingLost("--new-key")),
            (false, true) => {
                tracing::warn!("the appliance has a new key; its agents have to enrol again");
                Ok(())
            }
            _ => Ok(()),
        }
    }
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
    pub(crate) opened: Uptime,
    /// How long the database had been served by then.
    began: (Lived, Uptime),
    /// How long it had been when that was written down last.
    pub(crate) noted: AtomicI64,
    pub(crate) pace: Pace,
    pub(crate) clones: Clones,
    pub(crate) login: Login,
    pub(crate) keys: Keys,
    pub(crate) starts: Semaphore,
    /// Connections that are on their way in.
    pub(crate) arrivals: Arc<Admission<IpAddr>>,
    connections: Arc<Semaphore>,
    pub(crate) asking: Asking,
    /// Machines with which a session is being started that must be the only one.
    pub(crate) starting: Asking,
    pub(crate) chores: Chores,
    pub(crate) audit_rate: Rate,
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
    recorder_news: Mutex<Option<mpsc::UnboundedReceiver<RecorderEvent>>>,
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) vitals: Vitals,
    admitting: watch::Sender<bool>,
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
        Self::open_afresh(data_dir, role, clock, Afresh::default())
    }

    /// The same, also where a part of the appliance is lost.
    ///
    /// # Errors
    /// [`StartError`] says what stands in the way and what to do.
    pub fn open_afresh(
        data_dir: &DataDir,
        role: Role,
        clock: Arc<dyn Clock>,
        afresh: Afresh,
    ) -> Result<Arc<Self>, StartError> {
        let lock = data_dir.lock()?;
        // Of whoever had it before: an address here is from now on this one's.
        data_dir.withdraw();
        afresh.check(data_dir, clock.now())?;
        let vitals = Vitals::default();
        let opened = Store::open(&data_dir.database(), vitals.end_of("store"))?;
        let world = opened.store.world();
        let moment = Moment { wall: clock.now(), lived: opened.lived };
        if world.user(UserId(1)).is_some() {
            afresh.check_key(data_dir)?;
        }
        let token = token(data_dir, &role)?;
        let (news, recorder_news) = mpsc::unbounded_channel();
        let recorder =
            Recorder::start(news, vitals.end_of("recorder")).map_err(anyhow::Error::from)?;
        let appliance = Arc::new(Self {
            sessions: Sessions::new(
                opened.sessions,
                &world,
                opened.next_session,
                opened.next_channel,
                clock.uptime(),
            ),
            presences: Presences::new(run_number()?, &opened.seen, &world, moment),
            reps: Reps::default(),
            copies: Copies::default(),
            watching: Watching::default(),
            wakes: Wakes::default(),
            policies: watch::channel(Vec::new()).0,
            opened: clock.uptime(),
            began: (opened.lived, clock.uptime()),
            noted: AtomicI64::new(opened.lived.0),
            clones: Clones::default(),
            pace: Pace::new(clock.now(), clock.uptime()),
            login: Login::new(token.as_deref())?,
            keys: Keys::open(data_dir)?,
            starts: Semaphore::new(MAX_CONCURRENT_STARTS),
            arrivals: Admission::new(ARRIVALS),
            connections: Arc::new(Semaphore::new(most_connections())),
            asking: Asking::default(),
            starting: Asking::default(),
            chores: Chores::default(),
            audit_rate: Rate::default(),
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
            vitals,
            admitting: watch::channel(true).0,
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
        let (appliance, vital) = (Arc::downgrade(self), self.vitals.part("recorder's listener"));
        tokio::spawn(async move {
            while let Some(news) = news.recv().await {
                let Some(appliance) = appliance.upgrade() else {
                    break;
                };
                appliance.recorder_says(news);
            }
            vital.ends();
        });
    }

    /// Makes what a new appliance needs: roles and the first user. To be called once it listens,
    /// so that what is shown once is not lost to a taken port.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn settle(&self) -> Result<FirstStart, StartError> {
        let mut made = FirstStart::default();
        let keep = |first: &FirstStart| {
            made = first.clone();
            Ok(())
        };
        self.settle_once(keep).await?;
        Ok(made)
    }

    /// The same. What is shown once is shown before it is made: if it cannot be, nothing is made.
    ///
    /// # Errors
    /// When the store cannot be written, or the password not be shown.
    pub async fn settle_once(
        &self,
        show: impl FnOnce(&FirstStart) -> std::io::Result<()>,
    ) -> Result<(), StartError> {
        if self.world().user(UserId(1)).is_some() {
            return self.renew_built_in().await;
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
        show(&FirstStart { admin_password: password }).map_err(StartError::Untold)?;
        let user = User::owner(UserId(1), username);
        let account = hash.map(|hash| Account::first(UserId(1), hash));
        let edit = move |draft: &mut Draft| {
            for role in ItemRole::built_in() {
                draft.put(role)?;
            }
            for policy in SessionPolicy::built_in() {
                draft.put(policy)?;
            }
            draft.put(user)?;
            account.map_or(Ok(()), |account| draft.put(account))
        };
        Ok(self.store.edit(edit).await.map_err(anyhow::Error::from)?)
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
            roles.into_iter().try_for_each(|role| draft.put(role))?;
            let put = |policy| draft.put(policy);
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

    /// This moment by both clocks.
    pub(crate) fn moment(&self) -> Moment {
        let (lived, began) = self.began;
        let passed = self.uptime().0.cast_signed().saturating_sub(began.0.cast_signed());
        Moment { wall: self.now(), lived: Lived(lived.0.saturating_add(passed)) }
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

    /// Whether reps are let in; those who come meanwhile wait.
    pub fn admit_reps(&self, reps: bool) {
        self.admitting.send_replace(reps);
    }

    /// Resolves when reps are let in.
    pub(crate) async fn until_reps_are_admitted(&self) {
        // The sender lives as long as this.
        let _ = self.admitting.subscribe().wait_for(|open| *open).await;
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

    /// Waits until a part without which there is no appliance has ended by a mistake of its own.
    /// Returns its name.
    pub async fn until_failed(&self) -> &'static str {
        self.vitals.until_failed().await
    }

    /// Closes the database; the last thing a stopped appliance does.
    pub async fn close(&self) {
        let lived = self.moment().lived;
        self.store.note(move |draft| draft.history(History::Lived(lived)));
        if tokio::time::timeout(CLOSING, self.all_kept()).await.is_err() {
            tracing::error!("recordings are still being written; they go on with the next start");
        }
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

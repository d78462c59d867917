//! From a data directory to an appliance that may serve.

use super::Appliance;
use crate::accounts::hashing::Whose;
use crate::accounts::keys::{self, Keys};
use crate::accounts::login::Login;
use crate::accounts::rates::Rates;
use crate::accounts::throttle::Throttle;
use crate::admission::{Admission, Limits};
use crate::audit::rate::Rate;
use crate::clock::{Clock, Moment, Pace};
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
use jumpdeck_protocol::session::RecordingState;
use jumpdeck_protocol::{Timestamp, UserId, private_file};
use jumpdeck_session::recording::Recorder;
use jumpdeck_store::{Draft, Store, StoreError};
use jumpdeck_world::{Account, User};
use rustix::process::{Resource, getrlimit};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, watch};

/// Sessions that may be starting at once.
const MAX_CONCURRENT_STARTS: usize = 20;

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

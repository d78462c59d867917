//! From a data directory to an appliance that may serve.

use super::Appliance;
use crate::accounts::hashing::Whose;
use crate::accounts::login::LoginCheck;
use crate::audit::rate::Rate;
use crate::audit::record::Audit;
use crate::base::Base;
use crate::book::Book;
use crate::bus::Bus;
use crate::clock::{Clock, Clocks, Moment};
use crate::data_dir::{APPLIANCE_KEY, DataDir, DataDirError};
use crate::gateway::Gateway;
use crate::keys::{self, Keys};
use crate::links::Links;
use crate::links::presence::Presences;
use crate::services::{Parts, Services};
use crate::vitals::Vitals;
use jumpdeck_policy::{Role as ItemRole, SessionPolicy};
use jumpdeck_protocol::{Timestamp, UserId, private_file};
use jumpdeck_session::recording::Recorder;
use jumpdeck_store::{Draft, Store, StoreError};
use jumpdeck_world::{Account, User};
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::mpsc;

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
    /// [`StartError`] says what prevents it and what to do.
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
    /// [`StartError`] says what prevents it and what to do.
    pub fn open_afresh(
        data_dir: &DataDir,
        role: Role,
        clock: Arc<dyn Clock>,
        afresh: Afresh,
    ) -> Result<Arc<Self>, StartError> {
        let lock = data_dir.lock()?;
        // Of the one who had it before: an address here is from now on this one's.
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
        let clocks = Arc::new(Clocks::new(clock, opened.lived));
        let keys = Arc::new(Keys::open(data_dir)?);
        let (sessions, uptime) = (opened.sessions, clocks.uptime());
        let book = Book::new(sessions, &world, uptime);
        let services = Arc::new(Services::new(Parts {
            links: Arc::new(Links::new(Presences::new(
                run_number()?,
                &opened.seen,
                &world,
                moment,
            ))),
            book: Arc::new(book),
            login: LoginCheck::new(token.as_deref())?,
            base: base(opened.store, &clocks, &keys, lock),
            keys,
            vitals,
            recorder: Arc::new(recorder),
            data_dir: data_dir.clone(),
            embedded: matches!(role, Role::Embedded { .. }),
        }));
        services.sessions.recordings.go_on_recording();
        let jobs = Arc::new(services.jobs());
        Ok(Arc::new(Self {
            gateway: Arc::new(Gateway::new(Arc::clone(&services))),
            services,
            jobs,
            recorder_news: Mutex::new(Some(recorder_news)),
            role,
            data_dir: data_dir.clone(),
        }))
    }

    /// Does what the recorder says, for as long as the appliance is there.
    pub(super) fn listen_to_recorder(&self) {
        let news = self.recorder_news.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut news) = news else {
            return;
        };
        let vital = self.services.vitals.part("recorder's listener");
        let relay = Arc::downgrade(&self.services.sessions.relay);
        tokio::spawn(async move {
            while let Some(news) = news.recv().await {
                let Some(relay) = relay.upgrade() else {
                    break;
                };
                relay.recorder_says(news);
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
        if self.services.base.world().user(UserId(1)).is_some() {
            return self.renew_built_in().await;
        }
        let (username, password) = match &self.role {
            Role::Embedded { owner } => (owner.clone(), None),
            Role::Server => ("admin".to_owned(), Some(keys::secret()?)),
        };
        let hash = match &password {
            Some(password) => {
                let hash =
                    self.services.accounts.login.hasher.hash(Whose::Own, password.clone()).await;
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
            draft.put(user.clone())?;
            account.clone().map_or(Ok(()), |account| draft.put(account))
        };
        Ok(self.services.base.store.edit(edit).await.map_err(anyhow::Error::from)?)
    }

    /// Built-in roles and session policies say what this version knows. The global default is an
    /// administrator's to change.
    async fn renew_built_in(&self) -> Result<(), StartError> {
        let world = self.services.base.world();
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
        let edit = move |draft: &mut Draft| {
            roles.iter().cloned().try_for_each(|role| draft.put(role))?;
            policies.iter().cloned().try_for_each(|policy| draft.put(policy))
        };
        Ok(self.services.base.store.edit(edit).await.map_err(anyhow::Error::from)?)
    }
}

/// A number that no other process of an appliance has.
fn run_number() -> Result<u64, StartError> {
    getrandom::u64().map_err(|error| anyhow::anyhow!("no randomness: {error}").into())
}

fn base(store: Store, clocks: &Arc<Clocks>, keys: &Arc<Keys>, lock: File) -> Base {
    let audit = Audit {
        store: store.clone(),
        clocks: Arc::clone(clocks),
        keys: Arc::clone(keys),
        rate: Rate::default(),
    };
    Base {
        audit: Arc::new(audit),
        bus: Bus::default(),
        store,
        clocks: Arc::clone(clocks),
        lock: Arc::new(lock),
    }
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

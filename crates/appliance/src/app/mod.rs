//! The appliance as a whole: opening it, and what only its own program may do.

mod shutdown;
mod startup;

pub use startup::{Afresh, FirstStart, Role, StartError};

use crate::accounts::keys::Keys;
use crate::accounts::login::{Attempt, Login};
use crate::accounts::rates::Rates;
use crate::accounts::throttle::Throttle;
use crate::admission::Admission;
use crate::audit::rate::Rate;
use crate::clock::{Clock, Moment, Pace, Uptime};
use crate::data_dir::DataDir;
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
use jumpdeck_protocol::inventory::JumpPolicyView;
use jumpdeck_protocol::{LinkId, Timestamp, UserId};
use jumpdeck_session::recording::{Recorder, RecorderEvent};
use jumpdeck_store::Lived;
use jumpdeck_store::Store;
use jumpdeck_world::World;
use std::fs::File;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

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

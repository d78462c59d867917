//! Sessions: who has which with what, from their start to their end.

pub(crate) mod announce;
pub(crate) mod beside;
pub(crate) mod customer;
pub(crate) mod end;
pub(crate) mod history;
pub(crate) mod log;
pub(crate) mod open;
pub(crate) mod past;
pub(crate) mod recordings;
pub(crate) mod relay;
pub(crate) mod retention;
pub(crate) mod sharing;
pub(crate) mod silence;
pub(crate) mod start;
pub(crate) mod withdraw;

use crate::accounts::Accounts;
use crate::base::Base;
use crate::book::Book;
use crate::links::Links;
use crate::links::asking::Asking;
use crate::vitals::Vitals;
use announce::Announcer;
use customer::Customers;
use end::Endings;
use history::SessionHistory;
use log::SessionLog;
use open::ChannelOpening;
use recordings::Recordings;
use relay::Relay;
use sharing::Sharing;
use silence::AgentSilence;
use start::Starting;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::Semaphore;
use withdraw::Withdrawal;

/// Sessions that may be starting at once.
const MAX_CONCURRENT_STARTS: usize = 20;

/// Its services.
pub(crate) struct Sessions {
    pub announcer: Arc<Announcer>,
    pub log: Arc<SessionLog>,
    pub recordings: Arc<Recordings>,
    pub endings: Arc<Endings>,
    pub relay: Arc<Relay>,
    pub customers: Arc<Customers>,
    pub opening: Arc<ChannelOpening>,
    pub withdrawal: Arc<Withdrawal>,
    pub sharing: Arc<Sharing>,
    pub silence: Arc<AgentSilence>,
    pub history: Arc<SessionHistory>,
    pub starting: Arc<Starting>,
}

impl Sessions {
    pub(crate) fn new(
        base: &Base,
        links: &Arc<Links>,
        book: &Arc<Book>,
        accounts: &Accounts,
        recordings: Recordings,
        vitals: &Vitals,
    ) -> Self {
        let announcer = Arc::new(Announcer {
            base: base.clone(),
            links: Arc::clone(links),
            book: Arc::clone(book),
        });
        let log = Arc::new(SessionLog { base: base.clone(), book: Arc::clone(book) });
        let recordings = Arc::new(recordings);
        let endings = Arc::new(Endings {
            base: base.clone(),
            links: Arc::clone(links),
            book: Arc::clone(book),
            log: Arc::clone(&log),
            recordings: Arc::clone(&recordings),
            idle: AtomicU64::new(0),
        });
        let relay = Arc::new(Relay {
            base: base.clone(),
            links: Arc::clone(links),
            book: Arc::clone(book),
            log: Arc::clone(&log),
            endings: Arc::clone(&endings),
        });
        let customers = Arc::new(Customers {
            base: base.clone(),
            book: Arc::clone(book),
            log: Arc::clone(&log),
            endings: Arc::clone(&endings),
        });
        let starts = Arc::new(Semaphore::new(MAX_CONCURRENT_STARTS));
        let opening = Arc::new(ChannelOpening {
            base: base.clone(),
            links: Arc::clone(links),
            book: Arc::clone(book),
            log: Arc::clone(&log),
            recordings: Arc::clone(&recordings),
            endings: Arc::clone(&endings),
            relay: Arc::clone(&relay),
            customers: Arc::clone(&customers),
            starts: Arc::clone(&starts),
        });
        let withdrawal = Arc::new(Withdrawal {
            base: base.clone(),
            links: Arc::clone(links),
            book: Arc::clone(book),
            log: Arc::clone(&log),
            endings: Arc::clone(&endings),
            relay: Arc::clone(&relay),
            vitals: vitals.clone(),
        });
        let sharing = Arc::new(Sharing {
            base: base.clone(),
            book: Arc::clone(book),
            log: Arc::clone(&log),
            relay: Arc::clone(&relay),
            withdrawal: Arc::clone(&withdrawal),
        });
        let silence = Arc::new(AgentSilence { links: Arc::clone(links), book: Arc::clone(book) });
        let history = Arc::new(SessionHistory { base: base.clone(), links: Arc::clone(links) });
        let starting = Arc::new(Starting {
            base: base.clone(),
            links: Arc::clone(links),
            book: Arc::clone(book),
            log: Arc::clone(&log),
            endings: Arc::clone(&endings),
            customers: Arc::clone(&customers),
            opening: Arc::clone(&opening),
            withdrawal: Arc::clone(&withdrawal),
            sharing: Arc::clone(&sharing),
            starts: Arc::clone(&starts),
            second_factors: Arc::clone(&accounts.second_factors),
            alone: Asking::default(),
        });
        Self {
            announcer,
            log,
            recordings,
            endings,
            relay,
            customers,
            opening,
            withdrawal,
            sharing,
            silence,
            history,
            starting,
        }
    }
}

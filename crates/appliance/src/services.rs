//! The services of an appliance, by room, each given what it needs. The gateway and the API call
//! them.

use crate::accounts::Accounts;
use crate::accounts::login::{LoginAttempt, LoginCheck};
use crate::accounts::passwords::Passwords;
use crate::accounts::programs::Programs;
use crate::accounts::second_factor::SecondFactors;
use crate::accounts::ssh_keys::SshKeys;
use crate::audit::record::Audit;
use crate::base::Base;
use crate::book::Book;
use crate::bus::EventListener;
use crate::configuration::Configuration;
use crate::data_dir::DataDir;
use crate::feed::Feeds;
use crate::feed::preferences::UserPreferences;
use crate::feed::updates::Updates;
use crate::items::Items;
use crate::items::edit::ItemEdits;
use crate::items::installers::Installers;
use crate::items::kept::KeptItems;
use crate::items::wake::Waking;
use crate::jobs::Jobs;
use crate::keys::Keys;
use crate::links::Links;
use crate::policies::Policies;
use crate::policies::explain::Explanations;
use crate::policies::teams::Teams;
use crate::sessions::Sessions;
use crate::sessions::end::Endings;
use crate::sessions::history::SessionHistory;
use crate::sessions::log::SessionLog;
use crate::sessions::open::ChannelOpening;
use crate::sessions::recordings::Recordings;
use crate::sessions::sharing::Sharing;
use crate::sessions::start::Starting;
use crate::stopping::Stopping;
use crate::visitors::Visitors;
use crate::visitors::pin::Pinning;
use crate::visitors::queues::Queues;
use crate::vitals::Vitals;
use jumpdeck_session::recording::Recorder;
use std::net::IpAddr;
use std::sync::Arc;

/// All services.
pub(crate) struct Services {
    pub base: Base,
    pub keys: Arc<Keys>,
    pub vitals: Vitals,
    pub links: Arc<Links>,
    pub book: Arc<Book>,
    pub accounts: Accounts,
    pub sessions: Sessions,
    pub items: Items,
    pub visitors: Visitors,
    pub policies: Policies,
    pub configuration: Arc<Configuration>,
    pub feeds: Feeds,
    pub stopping: Arc<Stopping>,
    /// The appliance is one user's own.
    pub embedded: bool,
}

/// A service that answers requests.
pub(crate) trait Service: Sized {
    /// That of this appliance.
    fn of(services: &Services) -> &Arc<Self>;
}

macro_rules! services {
    ($($service:ty => $($place:ident).+;)*) => {
        $(impl Service for $service {
            fn of(services: &Services) -> &Arc<Self> {
                &services.$($place).+
            }
        })*
    };
}

services! {
    Passwords => accounts.passwords;
    Programs => accounts.programs;
    SshKeys => accounts.ssh_keys;
    SecondFactors => accounts.second_factors;
    Installers => items.installers;
    ItemEdits => items.edits;
    KeptItems => items.kept;
    Waking => items.waking;
    SessionHistory => sessions.history;
    UserPreferences => feeds.preferences;
    Updates => feeds.updates;
    Stopping => stopping;
    Starting => sessions.starting;
    Endings => sessions.endings;
    ChannelOpening => sessions.opening;
    Sharing => sessions.sharing;
    SessionLog => sessions.log;
    Recordings => sessions.recordings;
    Teams => policies.teams;
    Explanations => policies.explanations;
    Queues => visitors.queues;
    Pinning => visitors.pinning;
    Configuration => configuration;
    Audit => base.audit;
}

/// What services are made from.
pub(crate) struct Parts {
    pub base: Base,
    pub keys: Arc<Keys>,
    pub vitals: Vitals,
    pub links: Arc<Links>,
    pub book: Arc<Book>,
    pub login: LoginCheck,
    pub recorder: Arc<Recorder>,
    pub data_dir: DataDir,
    pub embedded: bool,
}

impl Services {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { base, keys, vitals, links, book, login, recorder, data_dir, embedded } = parts;
        let accounts = Accounts::new(&base, &book, login, embedded);
        let recordings = Recordings::new(&base, &book, recorder, data_dir.clone());
        let sessions = Sessions::new(&base, &links, &book, &accounts, recordings, &vitals);
        let items = Items::new(&base, &links, &book, &sessions, &keys);
        let visitors = Visitors::new(&base, &links, &book, (&sessions, &items), &keys, &vitals);
        let policies = Policies::new(&base, &links, &book, &sessions);
        let configuration = Arc::new(Configuration {
            base: base.clone(),
            jump_policies: Arc::clone(&policies.jump_policies),
            withdrawal: Arc::clone(&sessions.withdrawal),
            embedded,
        });
        let feeds = Feeds::new(&base, &links, &sessions, &items, &policies);
        let stopping = Arc::new(Stopping::new(&base, &links, &book, &sessions, data_dir, embedded));
        base.bus.connect(vec![
            Arc::clone(&sessions.relay) as Arc<dyn EventListener>,
            Arc::clone(&sessions.announcer) as Arc<dyn EventListener>,
            Arc::clone(&sessions.history) as Arc<dyn EventListener>,
            Arc::clone(&visitors.departures) as Arc<dyn EventListener>,
        ]);
        Self {
            base,
            keys,
            vitals,
            links,
            book,
            accounts,
            sessions,
            items,
            visitors,
            policies,
            configuration,
            feeds,
            stopping,
            embedded,
        }
    }

    /// Somebody at this address tries to log in now.
    pub(crate) fn attempt(&self, from: IpAddr) -> LoginAttempt {
        LoginAttempt { from, now: self.base.now(), uptime: self.base.uptime() }
    }

    /// What happens by the clock.
    pub(crate) fn jobs(&self) -> Jobs {
        let mut jobs = Jobs::default();
        self.items.sweep.clock_jobs(&mut jobs);
        self.links.jobs(&self.base.clocks, &mut jobs);
        self.policies.jump_policies.jobs(&mut jobs);
        self.sessions.withdrawal.jobs(&mut jobs);
        self.feeds.interest.jobs(&mut jobs);
        self.sessions.endings.jobs(&mut jobs);
        self.sessions.recordings.jobs(&mut jobs);
        self.visitors.queues.jobs(&mut jobs);
        self.items.sweep.jobs(&mut jobs);
        jobs
    }

    /// What goes on for as long as the appliance is there.
    pub(crate) async fn begin(&self) {
        // Consoles of sessions that outlived the last appliance are expected back.
        self.sessions.relay.expect_back(self.book.channels());
        self.visitors.departures.do_chores();
        self.sessions.withdrawal.look_after_rights();
        self.sessions.endings.end_empty_sessions();
        self.sessions.recordings.keep_leftovers().await;
    }
}

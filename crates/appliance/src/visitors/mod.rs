//! Machines that come for one session, their queues, and their going.

pub(crate) mod departures;
pub(crate) mod pin;
pub(crate) mod queues;

use crate::accounts::throttle::Throttle;
use crate::base::Base;
use crate::book::Book;
use crate::items::Items;
use crate::keys::Keys;
use crate::links::Links;
use crate::sessions::Sessions;
use crate::vitals::Vitals;
use departures::Departures;
use pin::Pinning;
use queues::Queues;
use std::sync::Arc;

/// Its services.
pub(crate) struct Visitors {
    pub queues: Arc<Queues>,
    pub departures: Arc<Departures>,
    pub pinning: Arc<Pinning>,
}

impl Visitors {
    pub(crate) fn new(
        base: &Base,
        links: &Arc<Links>,
        book: &Arc<Book>,
        (sessions, items): (&Sessions, &Items),
        keys: &Arc<Keys>,
        vitals: &Vitals,
    ) -> Self {
        let queues = Arc::new(Queues {
            base: base.clone(),
            links: Arc::clone(links),
            book: Arc::clone(book),
            log: Arc::clone(&sessions.log),
            endings: Arc::clone(&sessions.endings),
            sharing: Arc::clone(&sessions.sharing),
            withdrawal: Arc::clone(&sessions.withdrawal),
            fingerprint: keys.public.fingerprint(),
            key_tries: Throttle::default(),
            opened: base.uptime(),
        });
        let departures = Arc::new(Departures::new(links, book, &queues, vitals));
        let pinning = Arc::new(Pinning {
            base: base.clone(),
            links: Arc::clone(links),
            book: Arc::clone(book),
            log: Arc::clone(&sessions.log),
            edits: Arc::clone(&items.edits),
            client_limit: Arc::clone(&items.client_limit),
        });
        Self { queues, departures, pinning }
    }
}

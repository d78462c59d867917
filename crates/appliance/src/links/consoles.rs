//! The consoles that are linked.

use crate::clock::Uptime;
use jumpdeck_link::Outbox;
use jumpdeck_protocol::queue::QueueView;
use jumpdeck_protocol::rep::{ApplianceNotice, ToRep};
use jumpdeck_protocol::{LinkId, LoginId, RefusalCode, Timestamp, UserId};
use jumpdeck_world::World;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Seconds for which a code that opened a link is as good as one given now.
const A_MOMENT: u64 = 300;

/// A console's link.
#[derive(Clone, Debug)]
pub(crate) struct RepLink {
    pub id: LinkId,
    pub user: UserId,
    /// The number of the console; 0: none.
    pub console: u64,
    pub outbox: Outbox,
    /// What it was opened with.
    pub login: Arc<LinkLogin>,
    /// What it got last about what goes on besides its own sessions.
    pub queues: Arc<Mutex<Option<QueueView>>>,
}

/// The login that a link stands on.
#[derive(Debug, Default)]
pub(crate) struct LinkLogin {
    /// Nothing is done on this link before this was.
    pub first: Mutex<Option<RefusalCode>>,
    /// That of the account: with another one, the link is over.
    pub generation: AtomicU64,
    /// The kept login that opened it.
    pub kept: Mutex<Option<LoginId>>,
    /// When it was opened with the password, and with a code where one is asked for.
    pub proved: Option<Uptime>,
    /// When it was made.
    pub began: Timestamp,
    /// When the kept login is over that opened it.
    pub expires: Option<Timestamp>,
}

impl RepLink {
    /// Tells the console something.
    pub(crate) fn tell(&self, notice: ApplianceNotice) {
        self.outbox.send(&ToRep::Notice { body: notice });
    }

    /// What has to be done on this link before anything else.
    pub(crate) fn first(&self) -> Option<RefusalCode> {
        *self.login.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, this has to be done first; or nothing.
    pub(crate) fn must_first(&self, first: Option<RefusalCode>) {
        *self.login.first.lock().unwrap_or_else(PoisonError::into_inner) = first;
    }

    /// Whether the console does not know this yet. From now on, it does.
    pub(crate) fn learns(&self, queues: &QueueView) -> bool {
        let mut told = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref() == Some(queues) {
            return false;
        }
        *told = Some(queues.clone());
        true
    }

    /// Whether what the link was opened with still holds.
    pub(crate) fn is_good(&self, world: &World) -> bool {
        let kept = *self.login.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = world.account(self.user).map_or(0, |account| account.generation);
        world.user(self.user).is_some_and(|user| user.enabled)
            && self.login.generation.load(Ordering::SeqCst) == generation
            && kept.is_none_or(|kept| world.login(kept).is_some())
    }

    /// Whether it was opened with the password, and with a code where one is asked for, a moment ago.
    pub(crate) fn came_just_now(&self, now: Uptime) -> bool {
        self.login.proved.is_some_and(|then| now.since(then) < A_MOMENT)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Reps(RwLock<HashMap<LinkId, RepLink>>);

impl Reps {
    pub(crate) fn add(&self, link: RepLink) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(link.id, link);
    }

    pub(crate) fn remove(&self, link: LinkId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&link);
    }

    /// Whether any console is linked.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The links that `which` picks.
    pub(crate) fn those(&self, which: impl Fn(&RepLink) -> bool) -> Vec<RepLink> {
        let links = self.0.read().unwrap_or_else(PoisonError::into_inner);
        links.values().filter(|link| which(link)).cloned().collect()
    }
}

//! What consoles are told as it changes: inventory, presence, statistics, preferences.

pub(crate) mod cache;
pub(crate) mod chunks;
pub(crate) mod preferences;
pub(crate) mod statistics;
pub(crate) mod updates;

use crate::base::Base;
use crate::items::Items;
use crate::links::Links;
use crate::policies::Policies;
use crate::sessions::Sessions;
use cache::Copies;
use preferences::UserPreferences;
use statistics::Interest;
use std::sync::Arc;
use updates::Updates;

/// Its services.
pub(crate) struct Feeds {
    pub updates: Arc<Updates>,
    pub preferences: Arc<UserPreferences>,
    pub interest: Arc<Interest>,
}

impl Feeds {
    pub(crate) fn new(
        base: &Base,
        links: &Arc<Links>,
        sessions: &Sessions,
        items: &Items,
        policies: &Policies,
    ) -> Self {
        let interest = Arc::new(Interest { links: Arc::clone(links) });
        let updates = Arc::new(Updates {
            base: base.clone(),
            links: Arc::clone(links),
            jump_policies: Arc::clone(&policies.jump_policies),
            history: Arc::clone(&sessions.history),
            waking: Arc::clone(&items.waking),
            interest: Arc::clone(&interest),
            cache: Copies::default(),
        });
        let preferences =
            Arc::new(UserPreferences { base: base.clone(), links: Arc::clone(links) });
        Self { updates, preferences, interest }
    }
}

//! Statistics go only to consoles that look, and agents measure only while one does.

use crate::reps::RepLink;
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::inventory::Statistics;
use jumpdeck_protocol::rep::ApplianceNotice;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How often a watched agent measures, in milliseconds.
pub(crate) const INTERVAL: u32 = 1000;

/// A console this far behind, in bytes, gets no more measurements until it caught up.
const BEHIND: usize = 1024 * 1024;

/// Who watches what.
#[derive(Debug, Default)]
pub(crate) struct Watching(Mutex<HashMap<ItemId, Watched>>);

#[derive(Debug, Default)]
struct Watched {
    by: Vec<RepLink>,
    last: Option<Statistics>,
}

/// Items whose agents are to start and to stop measuring.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Interest {
    pub begin: Vec<ItemId>,
    pub end: Vec<ItemId>,
}

impl Watching {
    /// This console watches these items now, and no others.
    pub(crate) fn set(&self, link: &RepLink, items: &[ItemId]) -> Interest {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut interest = Interest::default();
        for (item, entry) in watched.iter_mut() {
            if items.contains(item) {
                continue;
            }
            let before = entry.by.len();
            entry.by.retain(|other| other.id != link.id);
            if before > 0 && entry.by.is_empty() {
                interest.end.push(*item);
            }
        }
        watched.retain(|_, entry| !entry.by.is_empty());
        for item in items {
            let entry = watched.entry(*item).or_default();
            if entry.by.is_empty() {
                interest.begin.push(*item);
            }
            if !entry.by.iter().any(|other| other.id == link.id) {
                entry.by.push(link.clone());
                if let Some(statistics) = entry.last.clone() {
                    link.tell(ApplianceNotice::Statistics { item: *item, statistics });
                }
            }
        }
        interest
    }

    /// The console is gone.
    pub(crate) fn forget(&self, link: &RepLink) -> Interest {
        self.set(link, &[])
    }

    /// Whether anybody watches the item.
    pub(crate) fn is_watched(&self, item: ItemId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&item)
    }

    /// A measurement arrived: passes it on.
    pub(crate) fn measured(&self, item: ItemId, statistics: &Statistics) {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = watched.get_mut(&item) else {
            return;
        };
        entry.last = Some(statistics.clone());
        for link in entry.by.iter().filter(|link| link.outbox.waiting() < BEHIND) {
            link.tell(ApplianceNotice::Statistics { item, statistics: statistics.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpdeck_protocol::link::Outbox;
    use jumpdeck_protocol::{LinkId, UserId};

    fn link(id: u64) -> RepLink {
        RepLink { id: LinkId(id), user: UserId(1), outbox: Outbox::new() }
    }

    #[test]
    fn an_agent_measures_from_the_first_watcher_to_the_last() {
        let watching = Watching::default();
        let (one, two) = (link(1), link(2));
        assert_eq!(watching.set(&one, &[ItemId(5)]).begin, [ItemId(5)]);
        assert_eq!(watching.set(&two, &[ItemId(5)]), Interest::default());
        assert_eq!(watching.set(&one, &[ItemId(6)]).begin, [ItemId(6)]);
        assert!(watching.is_watched(ItemId(5)));
        assert_eq!(watching.forget(&two).end, [ItemId(5)]);
        assert!(!watching.is_watched(ItemId(5)));
    }

    #[test]
    fn a_second_watcher_sees_the_last_measurement_at_once() {
        let watching = Watching::default();
        let (one, two) = (link(1), link(2));
        watching.set(&one, &[ItemId(5)]);
        watching.measured(ItemId(5), &Statistics { cpu: 7.0, ..Statistics::default() });
        watching.set(&two, &[ItemId(5)]);
        assert!(two.outbox.waiting() > 0);
    }
}

//! Who watches which machines: agents measure only while somebody does.

use crate::links::consoles::RepLink;
use jumpdeck_protocol::inventory::{Statistics, Thumbnail};
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::{EndpointId, ItemId, LinkId};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often an agent on somebody's screen measures, in milliseconds.
const WATCHED: u32 = 1000;
/// How often the others measure while somebody searches for figures, in milliseconds.
const SEARCHED: u32 = 30_000;

/// A console this far behind, in bytes, gets no more measurements until it caught up.
const BEHIND: usize = 1024 * 1024;

/// Who watches what.
#[derive(Debug, Default)]
pub(crate) struct Watching(Mutex<WatchBook>);

#[derive(Debug, Default)]
struct WatchBook {
    watched: HashMap<EndpointId, WatchedMachine>,
    /// Consoles that search for figures.
    searching: Vec<LinkId>,
    /// All machines measure for them. They go on for a while after the last console has stopped, so
    /// that one that changes its mind costs nothing.
    all_measure: bool,
    figures: HashMap<EndpointId, Measured>,
    last: u64,
}

#[derive(Debug, Default)]
struct WatchedMachine {
    /// Who, under which of its items.
    by: Vec<(RepLink, ItemId)>,
    last: Option<Statistics>,
    picture: Option<Thumbnail>,
}

/// The figures of a machine that are searched for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// Use of all processors, 0 to 100.
    pub cpu: u8,
    /// Use of the disk, 0 to 100.
    pub disk: u8,
    change: u64,
}

impl Watching {
    /// This console watches these items now, and no others. Returns the machines that are to
    /// measure more or less often.
    pub(crate) fn set(&self, link: &RepLink, items: &[(ItemId, EndpointId)]) -> Vec<EndpointId> {
        let mut book = self.book();
        let mut changed = BTreeSet::new();
        for (endpoint, entry) in &mut book.watched {
            let before = entry.by.len();
            entry
                .by
                .retain(|(other, item)| other.id != link.id || items.contains(&(*item, *endpoint)));
            if before > 0 && entry.by.is_empty() {
                changed.insert(*endpoint);
            }
        }
        book.watched.retain(|_, entry| !entry.by.is_empty());
        for (item, endpoint) in items {
            let entry = book.watched.entry(*endpoint).or_default();
            if entry.by.is_empty() {
                changed.insert(*endpoint);
            }
            if !entry.by.iter().any(|(other, of)| other.id == link.id && of == item) {
                entry.by.push((link.clone(), *item));
                if let Some(statistics) = entry.last.clone() {
                    link.tell(ApplianceNotice::Statistics { item: *item, statistics });
                }
                if let Some(thumbnail) = entry.picture.clone() {
                    link.tell(ApplianceNotice::Thumbnail { item: *item, thumbnail });
                }
            }
        }
        changed.into_iter().collect()
    }

    /// The console is gone. Returns the machines that are to measure less often.
    pub(crate) fn forget(&self, link: &RepLink) -> Vec<EndpointId> {
        self.search(link.id, false);
        self.set(link, &[])
    }

    /// What a console watches.
    pub(crate) fn watched_by(&self, link: &RepLink) -> Vec<(ItemId, EndpointId)> {
        let book = self.book();
        let all = book.watched.iter().flat_map(|(endpoint, entry)| {
            let mine = entry.by.iter().filter(|(other, _)| other.id == link.id);
            mine.map(|(_, item)| (*item, *endpoint))
        });
        all.collect()
    }

    /// A console searches for figures, or does so no longer. Returns whether every machine is to
    /// begin to measure for it.
    pub(crate) fn search(&self, link: LinkId, wanted: bool) -> bool {
        let mut book = self.book();
        book.searching.retain(|other| *other != link);
        if wanted {
            book.searching.push(link);
        }
        let begins = wanted && !book.all_measure;
        book.all_measure |= wanted;
        begins
    }

    /// Returns whether nobody has searched for figures for a while, and every machine is to measure
    /// less often.
    pub(crate) fn settle_search(&self) -> bool {
        let mut book = self.book();
        let over = book.searching.is_empty() && book.all_measure;
        if over {
            book.all_measure = false;
            book.figures = HashMap::new();
        }
        over
    }

    /// How often a machine is to measure, in milliseconds; 0 for not at all.
    pub(crate) fn interval(&self, endpoint: EndpointId) -> u32 {
        let book = self.book();
        match (book.watched.contains_key(&endpoint), book.all_measure) {
            (true, _) => WATCHED,
            (false, true) => SEARCHED,
            (false, false) => 0,
        }
    }

    /// A measurement arrived: passes it on.
    pub(crate) fn measured(&self, endpoint: EndpointId, statistics: &Statistics) {
        let mut book = self.book();
        if book.all_measure {
            book.note(endpoint, statistics);
        }
        let Some(entry) = book.watched.get_mut(&endpoint) else {
            return;
        };
        entry.last = Some(statistics.clone());
        for (link, item) in entry.by.iter().filter(|(link, _)| link.outbox.waiting() < BEHIND) {
            let statistics = statistics.clone();
            link.tell(ApplianceNotice::Statistics { item: *item, statistics });
        }
    }

    /// A picture of the screen arrived: passes it on to those who watch.
    pub(crate) fn pictured(&self, endpoint: EndpointId, thumbnail: Thumbnail) {
        let mut book = self.book();
        let Some(entry) = book.watched.get_mut(&endpoint).filter(|_| thumbnail.is_whole()) else {
            return;
        };
        for (link, item) in entry.by.iter().filter(|(link, _)| link.outbox.waiting() < BEHIND) {
            let thumbnail = thumbnail.clone();
            link.tell(ApplianceNotice::Thumbnail { item: *item, thumbnail });
        }
        entry.picture = Some(thumbnail);
    }

    /// The figures that changed after a change, and the number of the last one.
    pub(crate) fn changed_since(&self, change: u64) -> (Vec<(EndpointId, Measured)>, u64) {
        let book = self.book();
        let new = book.figures.iter().filter(|(_, figure)| figure.change > change);
        (new.map(|(endpoint, figure)| (*endpoint, *figure)).collect(), book.last)
    }

    fn book(&self) -> MutexGuard<'_, WatchBook> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WatchBook {
    fn note(&mut self, endpoint: EndpointId, statistics: &Statistics) {
        let share = |part: u64, whole: u64| part.saturating_mul(100).checked_div(whole);
        let disk = share(statistics.disk_used, statistics.disk_total).unwrap_or(0).min(100);
        let disk = u8::try_from(disk).unwrap_or(100);
        let cpu = percent(statistics.cpu);
        let before = self.figures.get(&endpoint).map(|figure| (figure.cpu, figure.disk));
        if before != Some((cpu, disk)) {
            self.last += 1;
            self.figures.insert(endpoint, Measured { cpu, disk, change: self.last });
        }
    }
}

/// A share as a whole number, whatever an agent said.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies in 0 to 100")]
fn percent(share: f32) -> u8 {
    if share.is_finite() { share.clamp(0.0, 100.0).round() as u8 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpdeck_link::Outbox;
    use jumpdeck_protocol::UserId;
    use std::sync::Arc;

    fn link(id: u64) -> RepLink {
        let (outbox, queues) = (Outbox::new(), Arc::default());
        RepLink {
            id: LinkId(id),
            user: UserId(1),
            console: 0,
            outbox,
            login: Arc::default(),
            queues,
        }
    }

    const FIVE: (ItemId, EndpointId) = (ItemId(5), EndpointId(5));
    const SIX: (ItemId, EndpointId) = (ItemId(6), EndpointId(6));

    #[test]
    fn an_agent_measures_from_the_first_watcher_to_the_last() {
        let watching = Watching::default();
        let (one, two) = (link(1), link(2));
        assert_eq!(watching.set(&one, &[FIVE]), [FIVE.1]);
        assert!(watching.set(&two, &[FIVE]).is_empty());
        assert_eq!(watching.set(&one, &[SIX]), [SIX.1]);
        assert_eq!(watching.interval(FIVE.1), WATCHED);
        assert_eq!(watching.forget(&two), [FIVE.1]);
        assert_eq!(watching.interval(FIVE.1), 0);
    }

    #[test]
    fn a_second_watcher_sees_the_last_measurement_at_once() {
        let watching = Watching::default();
        let (one, two) = (link(1), link(2));
        watching.set(&one, &[FIVE]);
        watching.measured(FIVE.1, &Statistics { cpu: 7.0, ..Statistics::default() });
        watching.set(&two, &[FIVE]);
        assert!(two.outbox.waiting() > 0);
    }

    #[test]
    fn figures_are_kept_while_somebody_searches_for_them() {
        let watching = Watching::default();
        let measure = |cpu| {
            let statistics =
                Statistics { cpu, disk_used: 81, disk_total: 100, ..Statistics::default() };
            watching.measured(FIVE.1, &statistics);
        };
        measure(50.0);
        assert!(watching.changed_since(0).0.is_empty(), "nobody wanted to know");
        assert!(watching.search(LinkId(1), true) && !watching.search(LinkId(2), true));
        assert_eq!(watching.interval(FIVE.1), SEARCHED);
        measure(f32::NAN);
        measure(99.6);
        let (changed, last) = watching.changed_since(0);
        assert_eq!((changed[0].1.cpu, changed[0].1.disk, last), (100, 81, 2));
        measure(99.7);
        assert!(watching.changed_since(last).0.is_empty());
        watching.search(LinkId(1), false);
        assert!(!watching.settle_search());
        watching.search(LinkId(2), false);
        assert!(!watching.search(LinkId(2), true), "changing back costs nothing");
        watching.search(LinkId(2), false);
        assert!(watching.settle_search() && !watching.settle_search());
        assert!(watching.changed_since(0).0.is_empty());
    }
}

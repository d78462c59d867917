//! Items whose time is over: removed by the appliance itself. And the clock, which somebody may have set.

use crate::base::Base;
use crate::items::edit::ItemEdits;
use crate::jobs::{Every, Jobs};
use crate::links::Links;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::{ItemId, Refusal, limits};
use jumpdeck_store::Lived;
use jumpdeck_store::{Draft, History};
use jumpdeck_world::{DocumentId, Item, Kept};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

/// Seconds after which an item that was not seen is removed.
const DELETE_AFTER: u64 = limits::DELETE_DAYS * 86_400;

/// Seconds after which it is written down again how long the database has been served.
const NOTED_EACH: i64 = 600;

/// Removes items whose time is over, and notices that somebody set the clock.
pub(crate) struct Sweep {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) edits: Arc<ItemEdits>,
    /// How long the database had been served when that was written down last.
    pub(super) noted: AtomicI64,
}

impl Sweep {
    /// Removes the items whose time is over: expired ones, and those that were away for too long.
    async fn sweep(&self) {
        if let Err(refusal) = self.forget_kept().await {
            tracing::error!(%refusal, "items that cannot be taken back any more are still kept");
        }
        let due = self.due();
        for some in due.chunks(limits::ITEMS_PER_REQUEST) {
            match self.edits.remove(None, some.to_vec()).await {
                Ok(refused) => {
                    tracing::debug!(items = some.len() - refused.len(), "a sweep");
                }
                Err(refusal) => tracing::error!(%refusal, "items could not be removed"),
            }
        }
    }

    fn due(&self) -> Vec<ItemId> {
        if !self.base.clocks.has_settled() {
            return Vec::new();
        }
        let (world, now) = (self.base.world(), self.base.moment());
        let is_expired = |item: &&Arc<Item>| {
            let over = item.view.expires.is_some_and(|time| time <= now.wall);
            !item.local && !item.is_visitor() && over
        };
        let mut due: BTreeSet<ItemId> =
            world.items().filter(is_expired).map(|item| item.view.id).collect();
        let patience = |item: &Item| match item.view.max_offline_minutes {
            0 => DELETE_AFTER,
            minutes => u64::from(minutes) * 60,
        };
        for (endpoint, since) in self.links.agents.absent() {
            let items = world.items_of(endpoint).filter(|item| !item.local && !item.is_visitor());
            let items = items.filter(|item| now.since(since) > patience(item));
            due.extend(items.map(|item| item.view.id));
        }
        due.into_iter().collect()
    }

    /// Looks whether somebody has set the clock.
    fn look_at_clock(&self) {
        let Some(set) = self.base.clocks.look() else {
            return;
        };
        let way = if set > 0 { "ahead" } else { "back" };
        let detail = format!("{way} by {} s; nothing is removed in the next hour", set.abs());
        tracing::warn!(%detail, "the clock was set");
        self.base.audit.record(None, Action::ClockSet, "the appliance", &detail);
    }

    /// Writes down how long the database has been served, now and then.
    fn note_lived(&self) {
        let lived = self.base.moment().lived;
        let last = self.noted.load(Ordering::Relaxed);
        if lived.0.saturating_sub(last) >= NOTED_EACH {
            self.noted.store(lived.0, Ordering::Relaxed);
            self.base.store.note(move |draft| draft.history(History::Lived(lived)));
        }
    }

    /// What was removed by time alone long ago cannot be taken back any more.
    async fn forget_kept(&self) -> Result<(), Refusal> {
        let (world, now) = (self.base.world(), self.base.moment().lived);
        let over = |kept: &&Arc<Kept>| now.since(Lived(kept.lived)) > limits::TAKE_BACK;
        let over: Vec<_> = world.kept().filter(over).map(|kept| kept.item.view.id).collect();
        if over.is_empty() {
            return Ok(());
        }
        let edit = move |draft: &mut Draft| {
            for item in &over {
                draft.remove(DocumentId::Kept(*item));
            }
            Ok(())
        };
        self.base.store.edit(edit).await
    }

    /// What comes before everything else that looks at the clock.
    pub(crate) fn clock_jobs(self: &Arc<Self>, jobs: &mut Jobs) {
        jobs.add(Every::Look, self, |sweep| async move { sweep.look_at_clock() });
        jobs.add(Every::Minute, self, |sweep| async move {
            sweep.look_at_clock();
            sweep.note_lived();
        });
    }

    pub(crate) fn jobs(self: &Arc<Self>, jobs: &mut Jobs) {
        jobs.add(Every::Minute, self, |sweep| async move { sweep.sweep().await });
    }
}

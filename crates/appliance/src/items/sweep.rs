//! Items whose time is over: removed by the appliance itself, and taken back if that was too soon.

use super::edit::{Deed, Refused, each, permitted_of, within_limit};
use crate::app::Appliance;
use crate::clock::Moment;
use crate::visitors::pin::room_for_another;
use jumpdeck_policy::Permission;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::rep::RemovedItem;
use jumpdeck_protocol::{ItemId, Refusal, RefusalCode, UserId, limits};
use jumpdeck_store::Lived;
use jumpdeck_store::{Draft, History, Seen};
use jumpdeck_world::names::place_name;
use jumpdeck_world::{DocumentId, Item, Kept};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Seconds after which an item that was not seen is removed.
const DELETE_AFTER: u64 = limits::DELETE_DAYS * 86_400;

/// Seconds after which it is written down again how long the database has been served.
const NOTED_EACH: i64 = 600;

impl Appliance {
    /// Removes the items whose time is over: expired ones, and those that were away for too long.
    pub async fn sweep(&self) {
        self.look_at_clock();
        self.note_lived();
        self.end_idle_sessions();
        if let Err(refusal) = self.dismiss_absent().await {
            tracing::error!(%refusal, "machines that left are still waited for");
        }
        if let Err(refusal) = self.forget_kept().await {
            tracing::error!(%refusal, "items that cannot be taken back any more are still kept");
        }
        let due = self.due();
        for some in due.chunks(limits::ITEMS_PER_REQUEST) {
            match self.remove(None, some.to_vec()).await {
                Ok(refused) => {
                    tracing::debug!(items = some.len() - refused.len(), "a sweep");
                }
                Err(refusal) => tracing::error!(%refusal, "items could not be removed"),
            }
        }
    }

    fn due(&self) -> Vec<ItemId> {
        if !self.has_settled() {
            return Vec::new();
        }
        let (world, now) = (self.world(), self.moment());
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
        for (endpoint, since) in self.presences.absent() {
            let items = world.items_of(endpoint).filter(|item| !item.local && !item.is_visitor());
            let items = items.filter(|item| now.since(since) > patience(item));
            due.extend(items.map(|item| item.view.id));
        }
        due.into_iter().collect()
    }

    /// Whether the clock has been right for long enough that something may be removed by it.
    pub(crate) fn has_settled(&self) -> bool {
        self.pace.has_settled(self.uptime())
    }

    /// Looks whether somebody has set the clock.
    pub(crate) fn look_at_clock(&self) {
        let (wall, uptime) = (self.now(), self.uptime());
        let Some(set) = self.pace.look(wall, uptime) else {
            return;
        };
        let way = if set > 0 { "ahead" } else { "back" };
        let detail = format!("{way} by {} s; nothing is removed in the next hour", set.abs());
        tracing::warn!(%detail, "the clock was set");
        self.audit(None, Action::ClockSet, "the appliance", &detail);
    }

    /// Writes down how long the database has been served, now and then.
    fn note_lived(&self) {
        let lived = self.moment().lived;
        let last = self.noted.load(Ordering::Relaxed);
        if lived.0.saturating_sub(last) >= NOTED_EACH {
            self.noted.store(lived.0, Ordering::Relaxed);
            self.store.note(move |draft| draft.history(History::Lived(lived)));
        }
    }

    /// What was removed by time alone long ago cannot be taken back any more.
    async fn forget_kept(&self) -> Result<(), Refusal> {
        let (world, now) = (self.world(), self.moment().lived);
        let over = |kept: &&Arc<Kept>| now.since(Lived(kept.lived)) > limits::TAKE_BACK;
        let over: Vec<_> = world.kept().filter(over).map(|kept| kept.item.view.id).collect();
        if over.is_empty() {
            return Ok(());
        }
        let edit = move |draft: &mut Draft| {
            for item in over {
                draft.remove(DocumentId::Kept(item));
            }
            Ok(())
        };
        self.store.edit(edit).await
    }

    /// The items that were removed by time alone, as far as a user may see where they were.
    pub(crate) fn removed_items(&self, user: UserId) -> Vec<RemovedItem> {
        let (world, now) = (self.world(), self.moment().lived);
        let Some(known) = world.user(user) else {
            return Vec::new();
        };
        let seen = world.kept().filter(|kept| world.sees(known, kept.item.view.place));
        seen.map(|kept| RemovedItem {
            item: kept.item.view.id,
            name: kept.item.view.name.clone(),
            place: place_name(&world, kept.item.view.place).into(),
            removed: kept.at,
            left: limits::TAKE_BACK.saturating_sub(now.since(Lived(kept.lived))),
        })
        .collect()
    }

    /// Takes items back that were removed by time alone.
    pub(crate) async fn take_back(
        &self,
        user: UserId,
        items: Vec<ItemId>,
    ) -> Result<Refused, Refusal> {
        within_limit(items.len())?;
        let (now, most) = (self.moment(), self.most_clients.load(Ordering::Relaxed));
        let back = move |draft: &mut Draft, deeds: &mut Vec<Deed>| {
            each(items, |item| *item, |item| take_back_one(draft, user, item, (now, most), deeds))
        };
        let refused = self.tend(back).await?;
        let world = self.world();
        for endpoint in world.items().filter_map(|item| item.endpoint()) {
            self.presences.known_again(endpoint, now);
        }
        Ok(refused)
    }
}

fn take_back_one(
    draft: &mut Draft,
    user: UserId,
    item: ItemId,
    (now, most): (Moment, usize),
    deeds: &mut Vec<Deed>,
) -> Result<(), Refusal> {
    let gone = || RefusalCode::JumpItemGone.plain();
    let user = draft.user(user).cloned().ok_or_else(gone)?;
    let kept = draft.kept_item(item).cloned().ok_or_else(gone)?;
    if !draft.sees(&user, kept.item.view.place) {
        return Err(gone());
    }
    permitted_of(draft, &user, &kept.item, Permission::PermRemove)?;
    let item = kept.item.clone();
    let endpoint = item.endpoint();
    if endpoint.is_some_and(|endpoint| draft.items_of(endpoint).next().is_none()) {
        room_for_another(draft, most)?;
    }
    let (id, what) = (item.view.id, item.view.name.to_string());
    draft.put(item)?;
    draft.remove(DocumentId::Kept(id));
    if let Some(endpoint) = endpoint {
        draft.remove(DocumentId::Removed(endpoint));
        let (connected, at, lived) = (false, now.wall, Some(now.lived));
        draft.history(History::Seen(Seen { endpoint, connected, at, lived }));
    }
    deeds.push(Deed { user: Some(user.id), action: Action::ItemTakenBack, item: id, what });
    Ok(())
}

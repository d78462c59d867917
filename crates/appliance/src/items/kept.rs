//! Items that were removed by time alone: kept for a while, and taken back if that was too soon.

use super::edit::{ItemRecord, Refused};
use super::rules::{each, permitted_of, within_limit};
use crate::answered::Answered;
use crate::base::Base;
use crate::clock::Moment;
use crate::items::edit::ItemEdits;
use crate::items::limit::ClientLimit;
use crate::items::limit::room_for_another;
use crate::links::Links;
use crate::links::consoles::RepLink;
use jumpdeck_policy::Permission;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::rep::RemovedItem;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::{ItemId, Refusal, RefusalCode, UserId, limits};
use jumpdeck_store::Lived;
use jumpdeck_store::{Draft, History, Seen};
use jumpdeck_world::DocumentId;
use jumpdeck_world::names::place_name;
use std::sync::Arc;

/// Tells of them, and takes them back.
pub(crate) struct KeptItems {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) edits: Arc<ItemEdits>,
    pub(super) client_limit: Arc<ClientLimit>,
}

impl KeptItems {
    /// The items that were removed by time alone, as far as a user may see where they were.
    pub(crate) fn removed_items(&self, user: UserId) -> Vec<RemovedItem> {
        let (world, now) = (self.base.world(), self.base.moment().lived);
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
        let (now, most) = (self.base.moment(), self.client_limit.most());
        let back = move |draft: &mut Draft, records: &mut Vec<ItemRecord>| {
            each(
                items.iter().copied(),
                |item| *item,
                |item| take_back_one(draft, user, item, (now, most), records),
            )
        };
        let refused = self.edits.tend(back).await?;
        let world = self.base.world();
        for endpoint in world.items().filter_map(|item| item.endpoint()) {
            self.links.agents.known_again(endpoint, now);
        }
        Ok(refused)
    }
}

impl Answered for request::RemovedItems {
    type By = KeptItems;

    async fn answer(
        self,
        kept: &Arc<KeptItems>,
        rep: &RepLink,
    ) -> Result<reply::RemovedItems, Refusal> {
        Ok(reply::RemovedItems { items: kept.removed_items(rep.user) })
    }
}

impl Answered for request::TakeBack {
    type By = KeptItems;

    async fn answer(
        self,
        kept: &Arc<KeptItems>,
        rep: &RepLink,
    ) -> Result<reply::BulkDone, Refusal> {
        Ok(reply::BulkDone { refused: kept.take_back(rep.user, self.items).await? })
    }
}

fn take_back_one(
    draft: &mut Draft,
    user: UserId,
    item: ItemId,
    (now, most): (Moment, usize),
    records: &mut Vec<ItemRecord>,
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
    records.push(ItemRecord { user: Some(user.id), action: Action::ItemTakenBack, item: id, what });
    Ok(())
}

//! Tending items: edited, copied, removed, added.
//!
//! What may be done is decided in the edit itself, on the World it changes: a right that was
//! withdrawn a moment ago does not slip through.

use super::rules::{check, check_preset, destination, each, permitted_of, seen, within_limit};
use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::clock::Moment;
use crate::links::Links;
use crate::links::consoles::RepLink;
use crate::sessions::end::Endings;
use jumpdeck_policy::Permission;
use jumpdeck_protocol::agent::{AgentOrder, Standing};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::inventory::{ItemView, Place};
use jumpdeck_protocol::item::{ItemEdit, ItemField, Shortcut};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::EndReason;
use jumpdeck_protocol::{EndpointId, ItemId, Refusal, RefusalCode, Revision, Timestamp, UserId};
use jumpdeck_store::{self, Draft, History};
use jumpdeck_world::User;
use jumpdeck_world::names::difference;
use jumpdeck_world::names::place_name;
use jumpdeck_world::origin::bring;
use jumpdeck_world::{DocumentId, Item, Kept, Removed};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What was done, for the audit.
pub(crate) struct ItemRecord {
    /// Nobody: its time was over.
    pub user: Option<UserId>,
    pub action: Action,
    pub item: ItemId,
    pub what: String,
}

/// Items that were not done, and why.
pub(crate) type Refused = Vec<(ItemId, Refusal)>;

/// Edits, copies, removes and adds Jump Items.
pub(crate) struct ItemEdits {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) book: Arc<Book>,
    pub(super) endings: Arc<Endings>,
}

impl ItemEdits {
    /// Changes properties of items, each item wholly or not at all.
    pub(crate) async fn edit_items(
        &self,
        user: UserId,
        edits: Vec<ItemEdit>,
    ) -> Result<Refused, Refusal> {
        within_limit(edits.len())?;
        let now = self.base.now();
        let expires =
            |edit: &&ItemEdit| edit.changes.iter().any(|change| change.field == ItemField::Expires);
        let expiring: Vec<_> = edits.iter().filter(expires).map(|edit| edit.item).collect();
        let refused = self
            .tend(move |draft, records| {
                each(&edits, |edit| edit.item, |edit| edit_one(draft, user, edit, now, records))
            })
            .await?;
        self.tell_expiry(&expiring);
        Ok(refused)
    }

    /// Tells machines when they uninstall themselves.
    fn tell_expiry(&self, items: &[ItemId]) {
        let world = self.base.world();
        let endpoints = items.iter().filter_map(|item| world.item(*item)?.endpoint());
        for endpoint in endpoints {
            if let Some(agent) = self.links.agents.link(endpoint) {
                agent.order(AgentOrder::Expires { at: world.expiry(endpoint) });
            }
        }
    }

    /// Makes items in another place that lead to the same machines.
    pub(crate) async fn copy_items(
        &self,
        user: UserId,
        items: Vec<ItemId>,
        to: Place,
    ) -> Result<Refused, Refusal> {
        within_limit(items.len())?;
        let now = self.base.now();
        self.tend(move |draft, records| {
            each(
                items.iter().copied(),
                |item| *item,
                |item| copy(draft, user, item, to, now, records),
            )
        })
        .await
    }

    /// Removes items.
    pub(crate) async fn remove_items(
        &self,
        user: UserId,
        items: Vec<ItemId>,
    ) -> Result<Refused, Refusal> {
        within_limit(items.len())?;
        self.remove(Some(user), items).await
    }

    /// Removes items in the name of a user, or because their time is over.
    pub(super) async fn remove(
        &self,
        user: Option<UserId>,
        items: Vec<ItemId>,
    ) -> Result<Refused, Refusal> {
        let now = self.base.moment();
        let busy: BTreeSet<ItemId> =
            items.iter().copied().filter(|item| self.is_busy(*item)).collect();
        let edit = move |draft: &mut Draft, records: &mut Vec<ItemRecord>| {
            let mut gone = Vec::new();
            let remove = |item| {
                gone.extend(remove_one(draft, user, item, &busy, now, records)?);
                Ok(())
            };
            let refused = each(items.iter().copied(), |item| *item, remove)?;
            Ok((refused, gone))
        };
        let (refused, gone) = self.tend(edit).await?;
        for endpoint in gone {
            // A session that began meanwhile has no machine any more.
            for session in self.book.with_machine(endpoint) {
                self.endings.end_session(session, EndReason::AgentLost);
            }
            if let Some(agent) = self.links.agents.link(endpoint) {
                agent.order(AgentOrder::Uninstall);
                agent.outbox.close();
            }
            self.links.agents.forget(endpoint);
        }
        Ok(refused)
    }

    /// Whether a session goes through an item, or would lose its machine with it.
    fn is_busy(&self, item: ItemId) -> bool {
        let world = self.base.world();
        let endpoint = world.item(item).and_then(|item| item.endpoint());
        let is_last = |endpoint: &EndpointId| world.items_of(*endpoint).count() == 1;
        let machine = endpoint.filter(is_last).map_or(0, |e| self.book.count(e));
        self.book.goes_through(item) || machine > 0
    }

    /// Makes a Jump shortcut.
    async fn add_shortcut(&self, user: UserId, wish: Box<ItemView>) -> Result<ItemId, Refusal> {
        let now = self.base.now();
        self.tend(move |draft, records| add(draft, user, &wish, now, records)).await
    }

    /// Runs an edit; what was done is audited with it, or not at all.
    pub(crate) async fn tend<T: Send + 'static>(
        &self,
        edit: impl Fn(&mut Draft, &mut Vec<ItemRecord>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let now = self.base.now();
        let edit = move |draft: &mut Draft| {
            let mut records = Vec::new();
            let outcome = edit(draft, &mut records)?;
            for ItemRecord { user, action, item, what } in records {
                let who = user.map(|user| draft.username(user)).unwrap_or_default();
                let subject = format!("item {item}");
                let (who, subject, detail) = (who.as_ref(), subject.as_str(), what.as_str());
                draft.audit(now, jumpdeck_store::AuditRecord { who, action, subject, detail });
            }
            Ok(outcome)
        };
        self.base.store.edit(edit).await
    }
}

impl Answered for request::EditItems {
    type By = ItemEdits;

    async fn answer(
        self,
        items: &Arc<ItemEdits>,
        rep: &RepLink,
    ) -> Result<reply::BulkDone, Refusal> {
        Ok(reply::BulkDone { refused: items.edit_items(rep.user, self.edits).await? })
    }
}

impl Answered for request::CopyItems {
    type By = ItemEdits;

    async fn answer(
        self,
        items: &Arc<ItemEdits>,
        rep: &RepLink,
    ) -> Result<reply::BulkDone, Refusal> {
        Ok(reply::BulkDone { refused: items.copy_items(rep.user, self.items, self.to).await? })
    }
}

impl Answered for request::RemoveItems {
    type By = ItemEdits;

    async fn answer(
        self,
        items: &Arc<ItemEdits>,
        rep: &RepLink,
    ) -> Result<reply::BulkDone, Refusal> {
        Ok(reply::BulkDone { refused: items.remove_items(rep.user, self.items).await? })
    }
}

impl Answered for request::AddShortcut {
    type By = ItemEdits;

    async fn answer(self, items: &Arc<ItemEdits>, rep: &RepLink) -> Result<reply::Added, Refusal> {
        Ok(reply::Added { item: items.add_shortcut(rep.user, self.item).await? })
    }
}

/// Makes the changes to an item's properties. Returns what each of them was, in words.
fn changed(
    draft: &Draft,
    user: &User,
    edit: &ItemEdit,
    before: &Item,
    item: &mut Item,
    now: Timestamp,
) -> Result<Vec<String>, Refusal> {
    let mut theirs = Vec::new();
    let mut done = Vec::new();
    if edit.changes.len() > before.view.method.fields().len() {
        return Err(
            RefusalCode::InvalidValue.because("An item has fewer properties than this changes.")
        );
    }
    for change in &edit.changes {
        let field = change.field;
        if !before.view.method.fields().contains(&field) {
            let detail = format!("A {} has no {}.", before.view.method.title(), field.title());
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let held = before.view.field(field);
        if held == change.to {
            continue;
        }
        permitted_of(draft, user, before, field.permission())?;
        if held != change.from {
            theirs.push(field.title());
            continue;
        }
        check(draft, user, &change.to, now)?;
        let view = Arc::make_mut(&mut item.view);
        view.set(field, change.to.clone())
            .map_err(|wrong| RefusalCode::InvalidValue.because(format!("{wrong}.")))?;
        let stored = view.field(field);
        done.push(difference(draft, field, &held, &stored));
    }
    if !theirs.is_empty() {
        let who = before.edited_by.and_then(|who| draft.user(who));
        let who = who.map_or("somebody", |who| &who.username);
        let detail = format!("{} changed meanwhile; {who} edited it last", theirs.join(", "));
        return Err(RefusalCode::EditConflict.because(detail));
    }
    Ok(done)
}

fn edit_one(
    draft: &mut Draft,
    user: UserId,
    edit: &ItemEdit,
    now: Timestamp,
    records: &mut Vec<ItemRecord>,
) -> Result<(), Refusal> {
    let (user, before) = seen(draft, user, edit.item)?;
    let mut item = Item::clone(&before);
    let mut done = changed(draft, &user, edit, &before, &mut item, now)?;
    if item.view == before.view {
        return Ok(());
    }
    if item.view.place != before.view.place {
        let chosen = item.view.jump_policy;
        bring(draft, &user, &before, &mut item, true)?;
        if item.view.jump_policy != chosen {
            let field = ItemField::JumpPolicy;
            let (held, stored) = (before.view.field(field), item.view.field(field));
            done.push(difference(draft, field, &held, &stored));
        }
    }
    item.edited_by = Some(user.id);
    draft.put(item)?;
    // One event each: no long value crowds out another.
    for what in done {
        records.push(ItemRecord {
            user: Some(user.id),
            action: Action::ItemEdited,
            item: edit.item,
            what,
        });
    }
    Ok(())
}

fn copy(
    draft: &mut Draft,
    user: UserId,
    item: ItemId,
    to: Place,
    now: Timestamp,
    records: &mut Vec<ItemRecord>,
) -> Result<(), Refusal> {
    let (user, original) = seen(draft, user, item)?;
    permitted_of(draft, &user, &original, Permission::PermAssignJumpGroup)?;
    destination(draft, &user, to, Permission::PermAssignJumpGroup)?;
    let same = |other: &Arc<Item>| other.view.place == to;
    let there = original.endpoint().is_some_and(|endpoint| draft.items_of(endpoint).any(same));
    if there || original.view.place == to {
        return Err(RefusalCode::InvalidValue.because(format!(
            "{} is in {} already.",
            original.view.name,
            place_name(draft, to)
        )));
    }
    let mut item = Item::clone(&original);
    item.copy_of = original.endpoint();
    item.edited_by = Some(user.id);
    let view = Arc::make_mut(&mut item.view);
    view.id = draft.next::<Item>();
    view.place = to;
    view.created = now;
    let what = format!("as item {} in {}", view.id, place_name(draft, to));
    bring(draft, &user, &original, &mut item, false)?;
    draft.put(item)?;
    let (user, action) = (Some(user.id), Action::ItemCopied);
    records.push(ItemRecord { user, action, item: original.view.id, what });
    Ok(())
}

/// Removes an item. Returns its machine if nothing else leads there.
fn remove_one(
    draft: &mut Draft,
    user: Option<UserId>,
    item: ItemId,
    busy: &BTreeSet<ItemId>,
    at: Moment,
    records: &mut Vec<ItemRecord>,
) -> Result<Option<EndpointId>, Refusal> {
    let item = match user {
        Some(user) => {
            let (user, item) = seen(draft, user, item)?;
            permitted_of(draft, &user, &item, Permission::PermRemove)?;
            item
        }
        None => draft.item(item).cloned().ok_or_else(|| RefusalCode::JumpItemGone.plain())?,
    };
    if busy.contains(&item.view.id) {
        return Err(RefusalCode::InSession.plain());
    }
    let endpoint = item.endpoint();
    let last = endpoint.filter(|endpoint| draft.items_of(*endpoint).count() == 1);
    if let (Some(last), Some(key)) = (last, item.key) {
        if item.local {
            return Err(RefusalCode::LocalAgent.plain());
        }
        draft.put(Removed { endpoint: last, key, at: at.wall })?;
        draft.history(History::Forgotten(last));
    }
    draft.remove(DocumentId::Item(item.view.id));
    let expired = item.view.expires.is_some_and(|time| time <= at.wall);
    if user.is_none() && item.key.is_some() && !expired {
        let kept = Kept { item: Item::clone(&item), at: at.wall, lived: at.lived.0 };
        draft.put(kept)?;
    }
    let what = item.view.name.to_string();
    records.push(ItemRecord { user, action: Action::ItemRemoved, item: item.view.id, what });
    Ok(last)
}

fn add(
    draft: &mut Draft,
    user: UserId,
    wish: &ItemView,
    now: Timestamp,
    records: &mut Vec<ItemRecord>,
) -> Result<ItemId, Refusal> {
    let user = draft.user(user).cloned().ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
    if !wish.method.is_shortcut() {
        let detail = "A Jump Client adds itself: `jumpdeck installer` prints the line to run.";
        return Err(RefusalCode::InvalidValue.because(detail));
    }
    destination(draft, &user, wish.place, Permission::PermAdd)?;
    let mut view = ItemView {
        id: draft.next::<Item>(),
        revision: Revision(0),
        place: wish.place,
        method: wish.method,
        created: now,
        shortcut: Some(Box::new(Shortcut::new(wish.method))),
        ..ItemView::default()
    };
    for field in wish.method.fields() {
        let value = wish.field(*field);
        check_preset(draft, &user, wish.place, (*field, &value), now)?;
        view.set(*field, value)
            .map_err(|wrong| RefusalCode::InvalidValue.because(format!("{wrong}.")))?;
    }
    let id = view.id;
    let what = format!("made: {}", view.name);
    draft.put(Item {
        view: view.into(),
        key: None,
        machine: String::new(),
        local: false,
        copy_of: None,
        standing: Standing::Ready,
        edited_by: Some(user.id),
        attributes: Vec::new(),
        origins: Vec::new(),
    })?;
    records.push(ItemRecord { user: Some(user.id), action: Action::ItemMade, item: id, what });
    Ok(id)
}

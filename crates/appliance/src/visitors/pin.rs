//! Pinning: the machine of a session becomes a Jump Client, or is none any more (DOMAIN 1, 8).

use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::bus::ApplianceEvent;
use crate::items::edit::ItemEdits;
use crate::items::edit::ItemRecord;
use crate::items::limit::ClientLimit;
use crate::items::limit::room_for_another;
use crate::items::rules::{check_preset, destination, permitted_of};
use crate::links::Links;
use crate::links::agent::AgentLink;
use crate::links::consoles::RepLink;
use crate::sessions::log::SessionLog;
use jumpdeck_policy::Permission;
use jumpdeck_protocol::agent::{AgentReply, AgentRequest};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::inventory::{ItemPolicies, ItemView, Place};
use jumpdeck_protocol::item::ItemField;
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::queue::Queue;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::session_policy::SessionPermission;
use jumpdeck_protocol::{
    EndpointId, ItemId, Refusal, RefusalCode, SessionId, Timestamp, UserId, limits, text,
};
use jumpdeck_store::Draft;
use jumpdeck_world::World;
use jumpdeck_world::names::place_name;
use jumpdeck_world::origin::bring;
use jumpdeck_world::{DocumentId, Item};
use std::sync::Arc;
use std::time::Duration;

/// How long the person may think, and the installation may take.
const PIN_PATIENCE: Duration = Duration::from_secs(150);
/// How long an agent may take to undo its installation.
const UNPIN_PATIENCE: Duration = Duration::from_secs(20);

/// Why a pinned machine will not start its Jump Client by itself, if it will not.
type ByHand = Option<Box<str>>;

/// Makes the machine of a session a Jump Client, and undoes that.
pub(crate) struct Pinning {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) book: Arc<Book>,
    pub(super) edits: Arc<ItemEdits>,
    pub(super) log: Arc<SessionLog>,
    pub(super) client_limit: Arc<ClientLimit>,
}

impl Pinning {
    /// Makes the machine of a session a Jump Client.
    pub(crate) async fn pin(
        &self,
        rep: &RepLink,
        session: SessionId,
        wish: ItemView,
    ) -> Result<(ItemId, ByHand), Refusal> {
        self.book.takes_part(session, rep.user, Part::Owner)?;
        self.may_pin(session, rep.user)?;
        let (endpoint, item) = self.machine_of(session)?;
        let (user, now) = (rep.user, self.base.now());
        let view = pinned(&self.base.world(), user, &item, &wish, now)?;
        let most = self.client_limit.most();
        room_for_another(&self.base.world(), most)?;
        let agent = self.links.agents.link(endpoint);
        let agent = agent.ok_or_else(|| RefusalCode::CustomerNotOnline.plain())?;
        let pending = || RefusalCode::PinAlreadyPending.plain();
        let _question = self.links.asking.begin(endpoint).ok_or_else(pending)?;
        let request = AgentRequest::Pin {
            rep: self.base.world().username(user),
            name: view.name.clone(),
            expires: view.expires,
            start_mode: view.start_mode,
        };
        let answer = agent.call(request, PIN_PATIENCE).await;
        let allowed = match &answer {
            Ok(_) => Some(true),
            Err(refusal) if refusal.code == RefusalCode::CustomerRefused => Some(false),
            // Nobody was asked, or it is not known what came of it.
            Err(_) => None,
        };
        if let Some(allowed) = allowed {
            let what = "to install a Jump Client".into();
            self.log.log(session, Some(user), LogEvent::Asked { what, allowed });
        }
        let by_hand = match answer {
            Ok(AgentReply::Pinned { by_hand }) => by_hand,
            Ok(_) => {
                return Err(RefusalCode::ProtocolViolation.because("it gave another answer"));
            }
            Err(refusal) if refusal.code == RefusalCode::SpawnTimeout => {
                self.undo(&agent, endpoint).await;
                return Err(RefusalCode::PinFailed.because("it did not answer in time"));
            }
            Err(refusal) => return Err(refusal),
        };
        let by_hand: ByHand = by_hand.map(|why| text::bounded(&why, limits::FACT).into());
        if let Err(refusal) = self.keep_pinned(user, endpoint, wish).await {
            // Nobody would know of it.
            self.undo(&agent, endpoint).await;
            return Err(refusal);
        }
        let place = place_name(&self.base.world(), view.place);
        let event = LogEvent::Pinned { place: place.into(), by_hand: by_hand.clone() };
        self.log.log(session, Some(user), event);
        self.base.bus.publish(ApplianceEvent::SessionChanged { session });
        self.base.bus.publish(ApplianceEvent::QueuesChanged);
        Ok((item.view.id, by_hand))
    }

    /// Whether a rep pins and unpins, and this session lets it be.
    fn may_pin(&self, session: SessionId, user: UserId) -> Result<(), Refusal> {
        self.book.session_allows(session, SessionPermission::JumpClientsPinning)?;
        let world = self.base.world();
        let pinning = world.effective(user).map(|user| &user.settings.jump_clients_pinning);
        match pinning {
            Some(pinning) if pinning.value => Ok(()),
            pinning => {
                let by = pinning.map(|pinning| pinning.by.words()).unwrap_or_default();
                let detail = format!("jump_clients_pinning: {by} do not allow it");
                Err(RefusalCode::PermissionDenied.because(detail))
            }
        }
    }

    /// What a machine installed is undone there.
    async fn undo(&self, agent: &AgentLink, endpoint: EndpointId) {
        if let Err(error) = agent.call(AgentRequest::Unpin, UNPIN_PATIENCE).await {
            tracing::warn!(endpoint = endpoint.0, %error, "a pin could not be undone");
        }
    }

    /// The machine has done its part: now it is an item.
    async fn keep_pinned(
        &self,
        user: UserId,
        endpoint: EndpointId,
        wish: ItemView,
    ) -> Result<(), Refusal> {
        let (now, most) = (self.base.now(), self.client_limit.most());
        self.edits
            .tend(move |draft, records| {
                room_for_another(draft, most)?;
                let item = draft.items_of(endpoint).next().cloned();
                let item = item.ok_or_else(|| RefusalCode::NoCustomerInSession.plain())?;
                let view = pinned(draft, user, &item, &wish, now)?;
                let what = format!("{} in {}", view.name, place_name(draft, view.place));
                let id = view.id;
                let mut item =
                    Item { view: view.into(), edited_by: Some(user), ..Item::clone(&item) };
                let place = item.view.place;
                item.origins.retain(|origin| origin.from != place);
                draft.put(item)?;
                records.push(ItemRecord {
                    user: Some(user),
                    action: Action::ItemPinned,
                    item: id,
                    what,
                });
                Ok(())
            })
            .await
    }

    /// Makes the machine of a session no Jump Client any more; the session goes on.
    async fn unpin(&self, rep: &RepLink, session: SessionId) -> Result<(), Refusal> {
        self.book.takes_part(session, rep.user, Part::Owner)?;
        self.may_pin(session, rep.user)?;
        let (endpoint, item) = self.machine_of(session)?;
        let (user, kept) = (rep.user, item.view.id);
        may_unpin(&self.base.world(), user, endpoint)?;
        if self.book.count(endpoint) > 1 {
            return Err(RefusalCode::InSession.because("another session with the machine is open"));
        }
        let agent = self.links.agents.link(endpoint);
        let agent = agent.ok_or_else(|| RefusalCode::CustomerNotOnline.plain())?;
        let pending = || RefusalCode::PinAlreadyPending.plain();
        let _question = self.links.asking.begin(endpoint).ok_or_else(pending)?;
        // First the list: should the machine not answer, it is told at the session's end.
        let edit = move |draft: &mut Draft, records: &mut Vec<ItemRecord>| {
            unpin_all(draft, user, endpoint, kept, records)
        };
        self.edits.tend(edit).await?;
        let answer = agent.call(AgentRequest::Unpin, UNPIN_PATIENCE).await;
        self.log.log(session, Some(user), LogEvent::Unpinned);
        self.base.bus.publish(ApplianceEvent::SessionChanged { session });
        // The session may have ended meanwhile.
        self.base.bus.publish(ApplianceEvent::MachineFree { endpoint });
        match answer {
            Ok(_) => Ok(()),
            Err(refusal) => {
                tracing::warn!(endpoint = endpoint.0, %refusal, "a machine did not undo its pin");
                Err(RefusalCode::UnpinFailed.because(refusal.detail))
            }
        }
    }

    /// The machine of a session, and the item it goes through, or another that leads there.
    fn machine_of(&self, session: SessionId) -> Result<(EndpointId, Arc<Item>), Refusal> {
        let gone = || RefusalCode::NoCustomerInSession.plain();
        let (endpoint, _) = self.book.target(session).ok_or_else(gone)?;
        let world = self.base.world();
        let through = self.book.view(session, &world).map(|view| view.item);
        let through = through.and_then(|item| world.item(item)).cloned();
        let item = through.or_else(|| world.items_of(endpoint).next().cloned());
        Ok((endpoint, item.ok_or_else(gone)?))
    }
}

impl Answered for request::Pin {
    type By = Pinning;

    async fn answer(
        self,
        pinning: &Arc<Pinning>,
        rep: &RepLink,
    ) -> Result<reply::PinnedItem, Refusal> {
        let (item, by_hand) = pinning.pin(rep, self.session, *self.item).await?;
        Ok(reply::PinnedItem { item, by_hand })
    }
}

impl Answered for request::Unpin {
    type By = Pinning;

    async fn answer(self, pinning: &Arc<Pinning>, rep: &RepLink) -> Result<(), Refusal> {
        pinning.unpin(rep, self.session).await
    }
}

/// What a machine will be as an item, if the rep may make it that.
fn pinned(
    world: &World,
    user: UserId,
    item: &Item,
    wish: &ItemView,
    now: Timestamp,
) -> Result<ItemView, Refusal> {
    if !item.is_visitor() {
        return Err(RefusalCode::AlreadyPinned.plain());
    }
    let user = world.user(user).ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
    destination(world, user, wish.place, Permission::PermAdd)?;
    let mut view = ItemView::clone(&item.view);
    view.created = now;
    for field in JumpMethod::JumpClient.fields() {
        if *field != ItemField::Place && world.is_held(user, item, field.permission()) {
            continue;
        }
        let value = wish.field(*field);
        check_preset(world, user, wish.place, (*field, &value), now)?;
        view.set(*field, value)
            .map_err(|wrong| RefusalCode::InvalidValue.because(format!("{wrong}.")))?;
    }
    Ok(view)
}

/// Takes a machine out of the list: the item its session goes through waits in the rep's queue,
/// its copies go.
fn unpin_all(
    draft: &mut Draft,
    user: UserId,
    endpoint: EndpointId,
    kept: ItemId,
    records: &mut Vec<ItemRecord>,
) -> Result<(), Refusal> {
    may_unpin(draft, user, endpoint)?;
    let items: Vec<_> = draft.items_of(endpoint).cloned().collect();
    for before in items {
        let (action, what) = (Action::ItemUnpinned, before.view.name.to_string());
        records.push(ItemRecord { user: Some(user), action, item: before.view.id, what });
        if before.view.id != kept {
            draft.remove(DocumentId::Item(before.view.id));
            continue;
        }
        let mut item = Item::clone(&before);
        let view = Arc::make_mut(&mut item.view);
        view.place = Place::Queue(Queue::Personal(user));
        let known =
            draft.user(user).cloned().ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
        bring(draft, &known, &before, &mut item, true)?;
        // What held for the item does not hold for a machine that only waits; but the one who could
        // not have changed it does not by unpinning and pinning.
        let free = |permission| !draft.is_held(&known, &item, permission);
        let policies =
            free(Permission::PermEditSessionPolicy) && free(Permission::PermEditPublicPortal);
        let (expires, policy) =
            (free(Permission::PermEditBehavior), free(Permission::PermEditJumpPolicy));
        let view = Arc::make_mut(&mut item.view);
        if policies {
            view.policies = ItemPolicies::default();
        }
        if expires {
            view.expires = None;
        }
        if policy {
            view.jump_policy = None;
        }
        draft.put(item)?;
    }
    Ok(())
}

/// Whether a rep may undo the pin of a machine.
fn may_unpin(world: &World, user: UserId, endpoint: EndpointId) -> Result<(), Refusal> {
    let user = world.user(user).ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
    for item in world.items_of(endpoint) {
        if item.local {
            return Err(RefusalCode::LocalAgent.plain());
        }
        if item.is_visitor() {
            return Err(RefusalCode::NotPinned.plain());
        }
        permitted_of(world, user, item, Permission::PermRemove)?;
    }
    Ok(())
}

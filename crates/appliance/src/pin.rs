//! Pinning: the machine of a session becomes a Jump Client, or is none any more (DOMAIN 1, 8).

use crate::appliance::Appliance;
use crate::customer;
use crate::document::{Document, DocumentId, Item};
use crate::items::{Deed, check, destination, permitted};
use crate::reps::RepLink;
use crate::store::Draft;
use crate::world::World;
use jumpdeck_policy::Permission;
use jumpdeck_protocol::agent::{AgentReply, AgentRequest};
use jumpdeck_protocol::inventory::{ItemView, JumpMethod, Place};
use jumpdeck_protocol::item::ItemField;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::queue::Queue;
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::{EndpointId, ItemId, Refusal, RefusalCode, SessionId, Timestamp, UserId};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long an agent may take to undo its installation.
const UNPIN_PATIENCE: Duration = Duration::from_secs(20);

/// Why a pinned machine will not start its Jump Client by itself, if it will not.
type ByHand = Option<Box<str>>;

impl Appliance {
    /// Makes the machine of a session a Jump Client.
    pub(crate) async fn pin(
        self: &Arc<Self>,
        rep: &RepLink,
        session: SessionId,
        wish: ItemView,
    ) -> Result<(ItemId, ByHand), Refusal> {
        self.takes_part(session, rep.user, Part::Owner)?;
        let (endpoint, item) = self.machine_of(session)?;
        let (user, now) = (rep.user, self.now());
        let view = pinned(&self.world(), user, &item, &wish, now)?;
        let most = self.most_clients.load(Ordering::Relaxed);
        room_for_another(&self.world(), most)?;
        let agent = self.presences.link(endpoint);
        let agent = agent.ok_or_else(|| RefusalCode::CustomerNotOnline.plain())?;
        let pending = || RefusalCode::PinAlreadyPending.plain();
        let _question = self.asking.begin(endpoint).ok_or_else(pending)?;
        let request = AgentRequest::Pin {
            rep: self.world().username(user),
            name: view.name.clone(),
            expires: view.expires,
        };
        let answer = customer::ask(&agent, request).await;
        let allowed = answer.is_ok();
        if matches!(&answer, Err(refusal) if refusal.code == RefusalCode::CustomerRefused)
            || allowed
        {
            let what = "to install a Jump Client".into();
            self.log(session, Some(user), LogEvent::Asked { what, allowed });
        }
        let AgentReply::Pinned { by_hand } = answer? else {
            return Err(RefusalCode::ProtocolViolation.because("it gave another answer"));
        };
        if let Err(refusal) = self.keep_pinned(user, endpoint, wish).await {
            // Nobody would know of it.
            if let Err(error) = agent.call(AgentRequest::Unpin, UNPIN_PATIENCE).await {
                tracing::warn!(endpoint = endpoint.0, %error, "a pin could not be undone");
            }
            return Err(refusal);
        }
        let place = self.place_name(view.place);
        let event = LogEvent::Pinned { place: place.into(), by_hand: by_hand.clone() };
        self.log(session, Some(user), event);
        self.tell_session(session);
        self.tell_lobby();
        Ok((item.view.id, by_hand))
    }

    /// The machine has done its part: now it is an item.
    async fn keep_pinned(
        &self,
        user: UserId,
        endpoint: EndpointId,
        wish: ItemView,
    ) -> Result<(), Refusal> {
        let (now, most) = (self.now(), self.most_clients.load(Ordering::Relaxed));
        self.tend(move |draft, deeds| {
            room_for_another(draft, most)?;
            let item = draft.items_of(endpoint).next().cloned();
            let item = item.ok_or_else(|| RefusalCode::NoCustomerInSession.plain())?;
            let view = pinned(draft, user, &item, &wish, now)?;
            let what = format!("pinned to {:?} as {}", view.place, view.name);
            let id = view.id;
            let item = Item { view: view.into(), edited_by: Some(user), ..Item::clone(&item) };
            draft.put(Document::Item(Box::new(item)))?;
            deeds.push(Deed { user: Some(user), item: id, what });
            Ok(())
        })
        .await
    }

    /// Makes the machine of a session no Jump Client any more; the session goes on.
    pub(crate) async fn unpin(
        self: &Arc<Self>,
        rep: &RepLink,
        session: SessionId,
    ) -> Result<(), Refusal> {
        self.takes_part(session, rep.user, Part::Owner)?;
        let (endpoint, _) = self.machine_of(session)?;
        let user = rep.user;
        may_unpin(&self.world(), user, endpoint)?;
        let agent = self.presences.link(endpoint);
        let agent = agent.ok_or_else(|| RefusalCode::CustomerNotOnline.plain())?;
        let pending = || RefusalCode::PinAlreadyPending.plain();
        let _question = self.asking.begin(endpoint).ok_or_else(pending)?;
        let edit = move |draft: &mut Draft, deeds: &mut Vec<Deed>| {
            may_unpin(draft, user, endpoint)?;
            let items: Vec<_> = draft.items_of(endpoint).cloned().collect();
            for (number, before) in items.into_iter().enumerate() {
                let what = format!("unpinned: {}", before.view.name);
                deeds.push(Deed { user: Some(user), item: before.view.id, what });
                // One keeps the session its machine.
                if number > 0 {
                    draft.remove(DocumentId::Item(before.view.id));
                    continue;
                }
                let mut item = Item::clone(&before);
                let view = Arc::make_mut(&mut item.view);
                view.place = Place::Queue(Queue::Personal(user));
                view.expires = None;
                draft.put(Document::Item(Box::new(item)))?;
            }
            Ok(())
        };
        // First the list: should the machine not answer, it is told at the session's end.
        self.tend(edit).await?;
        self.log(session, Some(user), LogEvent::Unpinned);
        self.tell_session(session);
        self.tell_lobby();
        match agent.call(AgentRequest::Unpin, UNPIN_PATIENCE).await {
            Ok(_) => Ok(()),
            Err(refusal) => {
                tracing::warn!(endpoint = endpoint.0, %refusal, "a machine did not undo its pin");
                let detail = format!(
                    "it left the list, but its machine says: {refusal} It is told again when the session ends"
                );
                Err(RefusalCode::SpawnFailed.because(detail))
            }
        }
    }

    /// The machine of a session, and one of the items that lead to it.
    fn machine_of(&self, session: SessionId) -> Result<(EndpointId, Arc<Item>), Refusal> {
        let gone = || RefusalCode::NoCustomerInSession.plain();
        let (endpoint, _) = self.sessions.target(session).ok_or_else(gone)?;
        let item = self.world().items_of(endpoint).next().cloned().ok_or_else(gone)?;
        Ok((endpoint, item))
    }

    /// A place's name, for people.
    fn place_name(&self, place: Place) -> String {
        let world = self.world();
        match place {
            Place::JumpGroup(id) => {
                world.group(id).map_or_else(String::new, |group| group.name.to_string())
            }
            Place::Personal(user) => format!("{}'s list", world.username(user)),
            Place::Queue(queue) => crate::queues::queue_name(&world, queue),
        }
    }
}

/// Whether another Jump Client fits, where there may be so many; 0: any number.
pub(crate) fn room_for_another(world: &World, most: usize) -> Result<(), Refusal> {
    if most > 0 && world.clients() >= most {
        let detail = format!("{most} at the most");
        return Err(RefusalCode::JumpClientLimitReached.because(detail));
    }
    Ok(())
}

/// What a machine will be as an item, if the rep may make it that.
fn pinned(
    world: &World,
    user: UserId,
    item: &Item,
    wish: &ItemView,
    now: Timestamp,
) -> Result<ItemView, Refusal> {
    if !matches!(item.view.place, Place::Queue(_)) {
        return Err(RefusalCode::AlreadyPinned.plain());
    }
    let user = world.user(user).ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
    destination(world, user, wish.place, Permission::PermAdd)?;
    let mut view = ItemView::clone(&item.view);
    view.created = now;
    for field in ItemField::of(JumpMethod::JumpClient) {
        let value = wish.field(*field);
        if *field != ItemField::Place {
            check(world, user, &value, now)?;
        }
        view.set(*field, value)
            .map_err(|wrong| RefusalCode::InvalidValue.because(wrong.to_string()))?;
    }
    Ok(view)
}

/// Whether a rep may undo the pin of a machine.
fn may_unpin(world: &World, user: UserId, endpoint: EndpointId) -> Result<(), Refusal> {
    let user = world.user(user).ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
    for item in world.items_of(endpoint) {
        if item.local {
            return Err(RefusalCode::LocalAgent.plain());
        }
        if matches!(item.view.place, Place::Queue(_)) {
            return Err(RefusalCode::NotPinned.plain());
        }
        permitted(world, user, item.view.place, Permission::PermRemove)?;
    }
    Ok(())
}

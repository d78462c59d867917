//! One open session, as the book has it.

use super::{BookEntries, channel_ids};
use jumpdeck_protocol::session::{ChannelView, Part, Participant, SessionView, Terms};
use jumpdeck_protocol::session_policy::SessionPermission;
use jumpdeck_protocol::{EndpointId, ItemId, SessionId, Timestamp, UserId};
use jumpdeck_store::Tally;
use jumpdeck_world::Share;
use jumpdeck_world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;

#[derive(Debug)]
pub(super) struct BookSession {
    pub owner: UserId,
    pub endpoint: EndpointId,
    pub item: ItemId,
    pub item_name: String,
    pub started: Timestamp,
    pub terms: Terms,
    pub channels: Vec<ChannelView>,
    /// What the person at the machine said when asked for tools.
    pub answers: BTreeMap<SessionPermission, bool>,
    /// Minutes that were left when it was last said that the session ends soon.
    pub warned: Option<u32>,
    /// Who else may take part.
    pub others: BTreeMap<UserId, Share>,
    /// Whose coming is in the log, and whose going does not yet.
    pub here: BTreeSet<UserId>,
    /// The last entry of its log.
    pub logged: u64,
    pub tally: Tally,
    /// When somebody last typed, or came.
    pub active: AtomicU64,
}

impl BookSession {
    pub(super) fn part(&self, user: UserId) -> Option<Part> {
        if self.owner == user {
            Some(Part::Owner)
        } else {
            self.others.get(&user).map(|share| share.part())
        }
    }

    pub(super) fn users(&self) -> Vec<UserId> {
        std::iter::once(self.owner).chain(self.others.keys().copied()).collect()
    }

    /// Whether a console of this user shows one of its channels.
    pub(super) fn shows(&self, user: UserId, book: &BookEntries) -> bool {
        let mut channels = channel_ids(&self.channels).filter_map(|id| book.channels.get(&id));
        channels.any(|channel| channel.hub().consoles().any(|(_, of)| of == user))
    }

    pub(super) fn view(&self, id: SessionId, book: &BookEntries, world: &World) -> SessionView {
        let mut channels = self.channels.clone();
        for channel in &mut channels {
            let entry = book.channels.get(&channel.id);
            channel.attached = entry.is_some_and(|entry| entry.hub().is_shown());
        }
        let participant = |user: UserId| Participant {
            user,
            name: world.username(user),
            part: self.part(user).unwrap_or(Part::Observer),
            here: self.shows(user, book),
        };
        SessionView {
            id,
            item: self.item,
            item_name: self.item_name.clone(),
            started: self.started,
            channels,
            owner: self.owner,
            participants: self.users().into_iter().map(participant).collect(),
            terms: self.terms.clone(),
            pinned: world.item(self.item).is_some_and(|item| !item.is_visitor()),
        }
    }
}

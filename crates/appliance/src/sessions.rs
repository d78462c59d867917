//! The open sessions and their channels.

use crate::store::OpenSession;
use crate::world::World;
use jumpdeck_protocol::link::{Lane, Outbox};
use jumpdeck_protocol::session::{ChannelView, ExitStatus, SessionView};
use jumpdeck_protocol::{ChannelId, EndpointId, ItemId, LinkId, SessionId, UserId};
use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock};

/// A channel as the relay knows it.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub session: SessionId,
    pub endpoint: EndpointId,
    pub owner: UserId,
    pub is_shell: bool,
    /// The console that shows it.
    pub leg: Option<Leg>,
    /// How often a console went away from it.
    pub departures: u64,
    /// Nobody holds its output any more.
    pub released: bool,
    pub exit: Option<ExitStatus>,
}

/// A console's end of a channel.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    pub link: LinkId,
    pub outbox: Outbox,
}

impl Channel {
    /// The lane its bytes travel in.
    pub(crate) const fn lane(&self) -> Lane {
        if self.is_shell { Lane::Interactive } else { Lane::Bulk }
    }
}

#[derive(Clone, Debug)]
struct Session {
    owner: UserId,
    endpoint: EndpointId,
    view: SessionView,
}

#[derive(Debug, Default)]
struct Book {
    sessions: BTreeMap<SessionId, Session>,
    channels: HashMap<ChannelId, Channel>,
    next_session: u64,
    next_channel: u64,
}

/// What was taken out of the book when a session ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub owner: UserId,
    pub endpoint: EndpointId,
    pub channels: Vec<(ChannelId, Option<ExitStatus>)>,
}

/// All open sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions(RwLock<Book>);

impl Sessions {
    /// The sessions that were open when the appliance ended.
    pub(crate) fn new(
        open: Vec<OpenSession>,
        world: &World,
        next_session: u64,
        next_channel: u64,
    ) -> Self {
        let sessions = Self(RwLock::new(Book { next_session, next_channel, ..Book::default() }));
        for OpenSession { owner, view } in open {
            let endpoint = world.item(view.item).and_then(|item| item.endpoint());
            sessions.add(owner, endpoint.unwrap_or(EndpointId(view.item.0)), view);
        }
        sessions
    }

    /// A number for a new session, and for its channel and that channel's errors.
    pub(crate) fn numbers(&self) -> (SessionId, ChannelId, ChannelId) {
        self.write(|book| {
            let numbers = (book.next_session, book.next_channel);
            book.next_session += 1;
            book.next_channel += 2;
            (SessionId(numbers.0), ChannelId(numbers.1), ChannelId(numbers.1 + 1))
        })
    }

    /// Enters a session.
    pub(crate) fn add(&self, owner: UserId, endpoint: EndpointId, view: SessionView) {
        self.write(|book| {
            for channel in &view.channels {
                let entry = Channel {
                    session: view.id,
                    endpoint,
                    owner,
                    is_shell: channel.is_shell,
                    leg: None,
                    departures: 0,
                    released: false,
                    exit: None,
                };
                if let Some(errors) = channel.errors {
                    book.channels.insert(errors, entry.clone());
                }
                book.channels.insert(channel.id, entry);
            }
            book.sessions.insert(view.id, Session { owner, endpoint, view });
        });
    }

    /// Takes a session out.
    pub(crate) fn remove(&self, id: SessionId) -> Option<Ended> {
        self.write(|book| {
            let session = book.sessions.remove(&id)?;
            let ids = channel_ids(&session.view.channels);
            let gone = |id| book.channels.remove(&id).map(|channel| (id, channel.exit));
            let channels = ids.filter_map(gone).collect();
            Some(Ended { owner: session.owner, endpoint: session.endpoint, channels })
        })
    }

    /// Whether no session is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.read(|book| book.sessions.is_empty())
    }

    /// Every open session.
    pub(crate) fn ids(&self) -> Vec<SessionId> {
        self.read(|book| book.sessions.keys().copied().collect())
    }

    /// A session's owner.
    pub(crate) fn owner(&self, id: SessionId) -> Option<UserId> {
        self.read(|book| book.sessions.get(&id).map(|session| session.owner))
    }

    /// The sessions of a rep, as that rep sees them.
    pub(crate) fn of(&self, owner: UserId) -> Vec<SessionView> {
        self.read(|book| {
            let mine = book.sessions.values().filter(|session| session.owner == owner);
            let mut views: Vec<_> = mine.map(|session| session.view.clone()).collect();
            for channel in views.iter_mut().flat_map(|view| &mut view.channels) {
                let entry = book.channels.get(&channel.id);
                channel.attached = entry.is_some_and(|entry| entry.leg.is_some());
            }
            views
        })
    }

    /// Whether a session was started through an item.
    pub(crate) fn goes_through(&self, item: ItemId) -> bool {
        self.read(|book| book.sessions.values().any(|session| session.view.item == item))
    }

    /// The sessions with a machine.
    pub(crate) fn with_machine(&self, endpoint: EndpointId) -> Vec<SessionId> {
        self.read(|book| {
            let there = book.sessions.iter().filter(|(_, s)| s.endpoint == endpoint);
            there.map(|(id, _)| *id).collect()
        })
    }

    /// How many sessions a machine has.
    pub(crate) fn count(&self, endpoint: EndpointId) -> usize {
        self.read(|book| book.sessions.values().filter(|s| s.endpoint == endpoint).count())
    }

    /// The channels that should live at a machine's agent.
    pub(crate) fn channels_at(&self, endpoint: EndpointId) -> Vec<ChannelId> {
        self.read(|book| {
            let here = book.channels.iter().filter(|(_, channel)| channel.endpoint == endpoint);
            here.map(|(id, _)| *id).collect()
        })
    }

    /// Every channel.
    pub(crate) fn channels(&self) -> Vec<ChannelId> {
        self.read(|book| book.channels.keys().copied().collect())
    }

    /// A channel.
    pub(crate) fn channel(&self, id: ChannelId) -> Option<Channel> {
        self.read(|book| book.channels.get(&id).cloned())
    }

    /// Looks at a channel without copying it; the relay's way.
    pub(crate) fn with<T>(&self, id: ChannelId, look: impl FnOnce(&Channel) -> T) -> Option<T> {
        self.read(|book| book.channels.get(&id).map(look))
    }

    /// Changes a channel.
    pub(crate) fn change<T>(
        &self,
        id: ChannelId,
        change: impl FnOnce(&mut Channel) -> T,
    ) -> Option<T> {
        self.write(|book| book.channels.get_mut(&id).map(change))
    }

    /// A console is gone. Returns the channels it showed.
    pub(crate) fn detach(&self, link: LinkId) -> Vec<ChannelId> {
        self.write(|book| {
            let mut detached = Vec::new();
            for (id, channel) in &mut book.channels {
                if channel.leg.as_ref().is_some_and(|leg| leg.link == link) {
                    channel.leg = None;
                    channel.departures += 1;
                    detached.push(*id);
                }
            }
            detached
        })
    }

    fn read<T>(&self, look: impl FnOnce(&Book) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn channel_ids(channels: &[ChannelView]) -> impl Iterator<Item = ChannelId> {
    channels.iter().flat_map(|channel| std::iter::once(channel.id).chain(channel.errors))
}

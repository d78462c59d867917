//! The open sessions, who takes part in them, and their channels.

pub(crate) mod channel;
mod rules;
mod session;

use crate::book::channel::Channel;
use crate::clock::Uptime;
use jumpdeck_protocol::log::{LogEvent, Summary};
use jumpdeck_protocol::session::{ChannelView, Part, SessionView, Size, Terms};
use jumpdeck_protocol::session_policy::SessionPermission;
use jumpdeck_protocol::{ChannelId, EndpointId, ItemId, SessionId, Timestamp, UserId};
use jumpdeck_store::OpenSession;
use jumpdeck_store::{NewSession, Tally};
use jumpdeck_world::World;
use jumpdeck_world::{Participation, Share};
use session::BookSession;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

#[derive(Debug, Default)]
struct BookEntries {
    sessions: BTreeMap<SessionId, BookSession>,
    channels: HashMap<ChannelId, Arc<Channel>>,
}

/// What a channel was that was taken out of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RemovedChannel {
    /// It was not there any more.
    Gone,
    /// The errors of a command.
    Errors,
    /// The last of its session.
    Last,
    /// The session has others.
    OneOfMany,
}

/// What was taken out of the book when a session ended.
#[derive(Debug)]
pub(crate) struct EndedSession {
    pub endpoint: EndpointId,
    /// The owner first.
    pub users: Vec<UserId>,
    pub channels: Vec<Arc<Channel>>,
    pub summary: Summary,
    pub terms: Terms,
    /// The number of its last log entry.
    pub last: u64,
}

/// A session in a few words.
#[derive(Clone, Debug)]
pub(crate) struct Brief {
    pub id: SessionId,
    pub owner: UserId,
    /// Who may take part, the owner among them.
    pub users: Vec<UserId>,
    pub item_name: String,
    pub started: Timestamp,
}

/// All open sessions.
#[derive(Debug, Default)]
pub(crate) struct Book(RwLock<BookEntries>);

impl Book {
    /// The sessions that were open when the appliance ended.
    pub(crate) fn new(open: Vec<OpenSession>, world: &World, now: Uptime) -> Self {
        let sessions = Self::default();
        for OpenSession { new, channels, others, logged, tally, names, watched } in open {
            let id = new.id;
            // One of an older version says only which item it went through.
            let endpoint = world.item(new.item).and_then(|item| item.endpoint());
            let known = new.endpoint != EndpointId(new.item.0);
            let endpoint = if known { None } else { endpoint }.unwrap_or(new.endpoint);
            sessions.add(NewSession { endpoint, ..new }, now);
            for (view, size) in channels {
                let from = watched.get(&view.id).copied().unwrap_or(0);
                if let Some(channel) = sessions.add_channel(id, view, size) {
                    channel.tracker().resize(size.map_or(0, |size| size.columns));
                    channel.hub().watch_from(from);
                }
            }
            sessions.write(|book| {
                if let Some(session) = book.sessions.get_mut(&id) {
                    session.others = others;
                    session.logged = logged;
                    session.tally = tally;
                    let known = names.iter().filter_map(|name| world.user_by_name(name));
                    session.here = known.map(|user| user.id).collect();
                }
            });
        }
        sessions
    }

    /// Enters a session without channels.
    pub(crate) fn add(&self, new: NewSession, now: Uptime) {
        let NewSession { id, owner, endpoint, item, item_name, started, terms } = new;
        self.write(|book| {
            let session = BookSession {
                owner,
                endpoint,
                item,
                item_name,
                started,
                terms,
                channels: Vec::new(),
                answers: BTreeMap::new(),
                warned: None,
                others: BTreeMap::new(),
                here: BTreeSet::new(),
                logged: 0,
                tally: Tally::default(),
                active: AtomicU64::new(now.0),
            };
            book.sessions.insert(id, session);
        });
    }

    /// Enters a channel of a session. Nothing if the session has ended.
    pub(crate) fn add_channel(
        &self,
        id: SessionId,
        view: ChannelView,
        size: Option<Size>,
    ) -> Option<Arc<Channel>> {
        self.write(|book| {
            let session = book.sessions.get_mut(&id)?;
            let endpoint = session.endpoint;
            let kind = (view.family, view.recorded);
            let make = |id_of| Arc::new(Channel::new(id_of, id, endpoint, kind, size));
            let channel = make(view.id);
            if let Some(errors) = view.errors {
                book.channels.insert(errors, make(errors));
            }
            book.channels.insert(view.id, Arc::clone(&channel));
            session.channels.push(view);
            Some(channel)
        })
    }

    /// Takes a channel out.
    pub(crate) fn remove_channel(&self, id: ChannelId) -> RemovedChannel {
        self.write(|book| {
            let Some(channel) = book.channels.remove(&id) else {
                return RemovedChannel::Gone;
            };
            let Some(session) = book.sessions.get_mut(&channel.session) else {
                return RemovedChannel::Gone;
            };
            let Some(at) = session.channels.iter().position(|view| view.id == id) else {
                return RemovedChannel::Errors;
            };
            let view = session.channels.remove(at);
            let last = session.channels.is_empty();
            if let Some(errors) = view.errors {
                book.channels.remove(&errors);
            }
            if last { RemovedChannel::Last } else { RemovedChannel::OneOfMany }
        })
    }

    /// Takes a session out.
    pub(crate) fn remove(&self, id: SessionId, now: Timestamp) -> Option<EndedSession> {
        self.write(|book| {
            let session = book.sessions.remove(&id)?;
            let ids = channel_ids(&session.channels);
            let channels = ids.filter_map(|id| book.channels.remove(&id)).collect();
            let mut users = vec![session.owner];
            users.extend(session.others.keys());
            let tally = session.tally;
            let summary = Summary {
                lasted: now.since(session.started),
                participants: tally.names.into_iter().collect(),
                shells: tally.shells,
                commands: tally.commands,
                recordings: tally.recordings,
                attributes: tally.attributes.into_iter().collect(),
            };
            let (endpoint, last) = (session.endpoint, session.logged);
            let terms = session.terms;
            Some(EndedSession { endpoint, users, channels, summary, terms, last })
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

    /// How far a user takes part in a session.
    pub(crate) fn part(&self, id: SessionId, user: UserId) -> Option<Part> {
        self.read(|book| book.sessions.get(&id)?.part(user))
    }

    /// What the person at the machine said when asked for a tool in this session.
    pub(crate) fn answered(&self, id: SessionId, tool: SessionPermission) -> Option<bool> {
        self.read(|book| book.sessions.get(&id)?.answers.get(&tool).copied())
    }

    /// The person at the machine said that.
    pub(crate) fn remember_answer(&self, id: SessionId, tool: SessionPermission, allowed: bool) {
        self.write(|book| {
            if let Some(session) = book.sessions.get_mut(&id) {
                session.answers.insert(tool, allowed);
            }
        });
    }

    /// So many minutes are left of a session. Returns whether that is to be said: once at each of
    /// these marks.
    pub(crate) fn warns(&self, id: SessionId, left: u32, marks: &[u32]) -> bool {
        let Some(mark) = marks.iter().copied().filter(|mark| left <= *mark).min() else {
            return false;
        };
        self.write(|book| {
            let session = book.sessions.get_mut(&id);
            session.is_some_and(|s| s.warned.replace(mark).is_none_or(|before| before > mark))
        })
    }

    /// Who takes part in every open session that is another's.
    pub(crate) fn participants(&self) -> Vec<Participation> {
        let of = |(session, open): (&SessionId, &BookSession)| {
            let (session, others) = (*session, open.others.clone());
            let (owner, item, attended) = (open.owner, open.item, open.terms.attended);
            let one =
                move |(user, share)| Participation { session, owner, item, attended, user, share };
            others.into_iter().map(one)
        };
        self.read(|book| book.sessions.iter().flat_map(of).collect())
    }

    /// Whose every open session is, and through which item.
    pub(crate) fn owners(&self) -> Vec<(SessionId, UserId, ItemId)> {
        let one = |(id, session): (&SessionId, &BookSession)| (*id, session.owner, session.item);
        self.read(|book| book.sessions.iter().map(one).collect())
    }

    /// Everybody who may take part, the owner first.
    pub(crate) fn users(&self, id: SessionId) -> Vec<UserId> {
        self.read(|book| book.sessions.get(&id).map(BookSession::users).unwrap_or_default())
    }

    /// How many shells a session has.
    pub(crate) fn shells(&self, id: SessionId) -> usize {
        self.read(|book| book.sessions.get(&id).map_or(0, |session| session.channels.len()))
    }

    /// Where a session goes, and what its item was called.
    pub(crate) fn target(&self, id: SessionId) -> Option<(EndpointId, String)> {
        self.read(|book| {
            let session = book.sessions.get(&id)?;
            Some((session.endpoint, session.item_name.clone()))
        })
    }

    /// The sessions a rep takes part in, as that rep sees them.
    pub(crate) fn of(&self, user: UserId, world: &World) -> Vec<SessionView> {
        self.read(|book| {
            let mine = book.sessions.iter().filter(|(_, session)| session.part(user).is_some());
            mine.map(|(id, session)| session.view(*id, book, world)).collect()
        })
    }

    /// All of them, without a look at their channels.
    pub(crate) fn briefs(&self) -> Vec<Brief> {
        let brief = |(id, session): (&SessionId, &BookSession)| Brief {
            id: *id,
            owner: session.owner,
            users: session.users(),
            item_name: session.item_name.clone(),
            started: session.started,
        };
        self.read(|book| book.sessions.iter().map(brief).collect())
    }

    /// What was decided when a session started.
    pub(crate) fn terms(&self, id: SessionId) -> Option<Terms> {
        self.read(|book| Some(book.sessions.get(&id)?.terms.clone()))
    }

    /// A session, as those see it who take part.
    pub(crate) fn view(&self, id: SessionId, world: &World) -> Option<SessionView> {
        self.read(|book| Some(book.sessions.get(&id)?.view(id, book, world)))
    }

    /// What lets a user take part in another's session.
    pub(crate) fn share_of(&self, id: SessionId, user: UserId) -> Option<Share> {
        self.read(|book| book.sessions.get(&id)?.others.get(&user).copied())
    }

    /// Lets a user take part, or not any more, in a session that is open. Returns what let them
    /// before.
    pub(crate) fn share(&self, id: SessionId, user: UserId, share: Option<Share>) -> Option<Share> {
        self.write(|book| {
            let others = &mut book.sessions.get_mut(&id)?.others;
            match share {
                Some(share) => others.insert(user, share),
                None => others.remove(&user),
            }
        })
    }

    /// Takes back just this from a user. Returns whether it was what let them take part.
    pub(crate) fn take_back(&self, id: SessionId, user: UserId, share: Share) -> bool {
        self.write(|book| {
            let others = book.sessions.get_mut(&id).map(|session| &mut session.others);
            others.is_some_and(|others| {
                others.get(&user) == Some(&share) && others.remove(&user).is_some()
            })
        })
    }

    /// Gives a session to another user. Returns the former owner, who stays a participant.
    pub(crate) fn transfer(&self, id: SessionId, to: UserId) -> Option<UserId> {
        self.write(|book| {
            let session = book.sessions.get_mut(&id)?;
            let former = std::mem::replace(&mut session.owner, to);
            session.others.remove(&to);
            if former != to {
                session.others.insert(former, Share::Invited(Part::Participant));
            }
            Some(former)
        })
    }

    /// Gives the next entry of a session's log its number, and counts it.
    pub(crate) fn next_entry(
        &self,
        id: SessionId,
        who: Option<&str>,
        event: &LogEvent,
    ) -> Option<u64> {
        self.write(|book| {
            let session = book.sessions.get_mut(&id)?;
            session.logged += 1;
            session.tally.count(who, event);
            Some(session.logged)
        })
    }

    /// A recording was begun.
    pub(crate) fn count_recording(&self, id: SessionId) {
        self.write(|book| {
            if let Some(session) = book.sessions.get_mut(&id) {
                session.tally.recordings += 1;
            }
        });
    }

    /// A user is in a session. Returns whether that is new.
    pub(crate) fn came(&self, id: SessionId, user: UserId) -> bool {
        self.write(|book| book.sessions.get_mut(&id).is_some_and(|s| s.here.insert(user)))
    }

    /// A user has no console in a session any more. Returns whether that is new.
    pub(crate) fn went(&self, id: SessionId, user: UserId) -> bool {
        self.write(|book| {
            let Some(session) = book.sessions.get(&id) else {
                return false;
            };
            if session.shows(user, book) {
                return false;
            }
            book.sessions.get_mut(&id).is_some_and(|session| session.here.remove(&user))
        })
    }

    /// Somebody did something in a session.
    pub(crate) fn touch(&self, id: SessionId, now: Uptime) {
        self.read(|book| {
            if let Some(session) = book.sessions.get(&id) {
                session.active.store(now.0, Ordering::Relaxed);
            }
        });
    }

    /// Sessions with nothing but shells, in which nobody did anything since then.
    pub(crate) fn idle_since(&self, then: Uptime) -> Vec<SessionId> {
        self.read(|book| {
            let idle = |s: &BookSession| {
                s.active.load(Ordering::Relaxed) < then.0
                    && s.channels.iter().all(|channel| channel.family.nature().terminal)
            };
            book.sessions.iter().filter(|(_, s)| idle(s)).map(|(id, _)| *id).collect()
        })
    }

    /// How many sessions a machine has.
    pub(crate) fn count(&self, endpoint: EndpointId) -> usize {
        self.read(|book| book.sessions.values().filter(|s| s.endpoint == endpoint).count())
    }

    /// The channels that should live at a machine's agent.
    pub(crate) fn channels_at(&self, endpoint: EndpointId) -> Vec<Arc<Channel>> {
        self.read(|book| {
            let here = book.channels.values().filter(|channel| channel.endpoint == endpoint);
            here.cloned().collect()
        })
    }

    /// Every channel.
    pub(crate) fn channels(&self) -> Vec<Arc<Channel>> {
        self.read(|book| book.channels.values().cloned().collect())
    }

    /// The channels of the sessions that a user takes part in.
    pub(crate) fn channels_for(&self, user: UserId) -> Vec<Arc<Channel>> {
        self.read(|book| {
            let theirs = book.sessions.values().filter(|session| session.part(user).is_some());
            let ids = theirs.flat_map(|session| channel_ids(&session.channels));
            ids.filter_map(|id| book.channels.get(&id).cloned()).collect()
        })
    }

    /// The channels of a session.
    pub(crate) fn channels_of(&self, id: SessionId) -> Vec<Arc<Channel>> {
        self.read(|book| {
            let ids = book.sessions.get(&id).map(|session| channel_ids(&session.channels));
            ids.into_iter().flatten().filter_map(|id| book.channels.get(&id).cloned()).collect()
        })
    }

    /// A channel.
    pub(crate) fn channel(&self, id: ChannelId) -> Option<Arc<Channel>> {
        self.read(|book| book.channels.get(&id).cloned())
    }

    fn read<T>(&self, look: impl FnOnce(&BookEntries) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut BookEntries) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn channel_ids(channels: &[ChannelView]) -> impl Iterator<Item = ChannelId> {
    channels.iter().flat_map(|channel| std::iter::once(channel.id).chain(channel.errors))
}

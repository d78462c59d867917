//! A database in memory: what the SQL must do, written plainly.

use crate::backend::{
    Backend, BackendError, Loaded, Queries, StoredDocument, fitting_entries, fitting_events,
};
use crate::draft::StoredRow;
use crate::{History, Lived, NewSession, OpenSession, Past, Seen, Tally};
use crate::{SessionFilter, StoredSession};
use jumpdeck_protocol::audit::{AuditEvent, BEGINNING, Chain};
use jumpdeck_protocol::log::{LogEntry, LogEvent, Recording};
use jumpdeck_protocol::rep::Used;
use jumpdeck_protocol::session::{ChannelView, Part, Size};
use jumpdeck_protocol::{ChannelId, EndpointId, ItemId, Revision, SessionId, Timestamp, UserId};
use jumpdeck_world::Share;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

/// A database that lives as long as a clone of it.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Tables>>);

#[derive(Default)]
struct Tables {
    /// Nothing more can be written.
    full: bool,
    documents: BTreeMap<(&'static str, u64), StoredDocument>,
    sessions: BTreeMap<SessionId, Session>,
    channels: BTreeMap<ChannelId, Channel>,
    recordings: BTreeMap<ChannelId, (Recording, UserId)>,
    seen: BTreeMap<EndpointId, Seen>,
    audit: Vec<AuditEvent>,
    lived: Lived,
}

struct Session {
    new: NewSession,
    ended: Option<Timestamp>,
    parts: BTreeMap<UserId, Share>,
    log: Vec<(LogEntry, Option<(ChannelId, u64)>)>,
}

struct Channel {
    view: ChannelView,
    session: SessionId,
    size: Option<Size>,
    closed: bool,
}

impl Memory {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap()
    }

    pub(super) fn fill(&self, full: bool) {
        self.tables().full = full;
    }
}

impl Backend for Memory {
    fn load(&mut self) -> Result<Loaded, BackendError> {
        let tables = self.tables();
        let open = tables.sessions.values().filter(|session| session.ended.is_none());
        let after = |id: Option<u64>| id.unwrap_or_default() + 1;
        let ids = tables.channels.values().flat_map(|one| [Some(one.view.id), one.view.errors]);
        let chain = tables.audit.last().map(|last| {
            let head = data_encoding::HEXLOWER.decode(last.hash.as_bytes()).ok();
            let head = head.and_then(|head| head.try_into().ok());
            Chain::at(last.number, head.unwrap_or(BEGINNING))
        });
        Ok(Loaded {
            epoch: "memory".to_owned(),
            sessions: open.map(|session| tables.open_session(session)).collect(),
            seen: tables.seen.values().copied().collect(),
            next_session: after(tables.sessions.keys().last().map(|id| id.0)),
            next_channel: after(ids.flatten().max().map(|id| id.0)),
            chain: chain.unwrap_or_default(),
            lived: tables.lived,
        })
    }

    fn changes_since(
        &self,
        revision: Revision,
        each: &mut dyn FnMut(StoredDocument) -> Result<(), BackendError>,
    ) -> Result<(), BackendError> {
        let tables = self.tables();
        let mut changed: Vec<&StoredDocument> =
            tables.documents.values().filter(|one| one.revision > revision).collect();
        changed.sort_by_key(|one| one.revision);
        changed.into_iter().cloned().try_for_each(each)
    }

    fn commit(&mut self, rows: &[StoredRow]) -> Result<(), BackendError> {
        let mut tables = self.tables();
        if tables.full {
            return Err(BackendError::Failed("full".to_owned()));
        }
        for row in rows {
            tables.write(row);
        }
        Ok(())
    }

    fn close(self) -> Result<(), BackendError> {
        Ok(())
    }
}

impl Tables {
    fn open_session(&self, session: &Session) -> OpenSession {
        let id = session.new.id;
        let channels = self.channels.values().filter(|one| one.session == id && !one.closed);
        let recordings = self.recordings.values().filter(|(one, _)| one.session == id).count();
        let recordings = u32::try_from(recordings).unwrap();
        let mut open = OpenSession {
            new: session.new.clone(),
            channels: channels.map(|one| (one.view.clone(), one.size)).collect(),
            others: session.parts.clone(),
            logged: session.log.last().map_or(0, |(entry, _)| entry.number),
            tally: Tally { recordings, ..Tally::default() },
            names: BTreeSet::new(),
            watched: session.log.iter().filter_map(|(_, position)| *position).collect(),
        };
        for (entry, _) in &session.log {
            open.tally.count(entry.who.as_deref(), &entry.event);
            match (&entry.who, &entry.event) {
                (Some(who), LogEvent::Joined) => drop(open.names.insert(who.to_string())),
                (Some(who), LogEvent::Left) => drop(open.names.remove(&**who)),
                _ => {}
            }
        }
        open
    }

    fn fits(session: &Session, filter: &SessionFilter) -> bool {
        let new = &session.new;
        let mine = new.owner == filter.viewer || session.parts.contains_key(&filter.viewer);
        let has =
            |text: &str, part: &str| text.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
        let ran = |text: &String| {
            mine && session.log.iter().any(|(entry, _)| match &entry.event {
                LogEvent::Command { command, .. } | LogEvent::Executed { command, .. } => {
                    has(command, text)
                }
                _ => false,
            })
        };
        (mine || filter.reported.contains(&new.item))
            && filter.session.is_none_or(|wanted| wanted == new.id)
            && filter.items.as_ref().is_none_or(|items| items.contains(&new.item))
            && filter.owners.as_ref().is_none_or(|owners| owners.contains(&new.owner))
            && filter.since.is_none_or(|since| session.ended.is_none_or(|ended| ended >= since))
            && filter.until.is_none_or(|until| new.started < until)
            && filter.command.as_ref().is_none_or(ran)
            && filter.words.iter().all(|word| {
                has(&new.item_name, &word.text)
                    || word.owners.contains(&new.owner)
                    || word.items.contains(&new.item)
            })
    }

    fn stored(&self, session: &Session, viewer: UserId) -> StoredSession {
        let new = &session.new;
        let took_part = new.owner == viewer || session.parts.contains_key(&viewer);
        let events = || session.log.iter().map(|(entry, _)| &entry.event);
        let commands = events()
            .filter(|event| matches!(event, LogEvent::Command { .. } | LogEvent::Executed { .. }));
        let reason = events().rev().find_map(|event| match event {
            LogEvent::Ended { reason } => Some(reason.clone()),
            _ => None,
        });
        let recordings = self.recordings.values().filter(|(one, _)| one.session == new.id);
        StoredSession {
            id: new.id,
            item: new.item,
            item_name: new.item_name.clone(),
            owner: new.owner,
            others: session.parts.keys().copied().collect(),
            started: new.started,
            ended: session.ended,
            reason,
            commands: u32::try_from(commands.count()).unwrap(),
            took_part,
            recordings: if took_part { recordings.cloned().collect() } else { Vec::new() },
        }
    }

    fn session(&mut self, id: SessionId) -> &mut Session {
        self.sessions.get_mut(&id).unwrap()
    }

    fn write(&mut self, row: &StoredRow) {
        match row {
            StoredRow::Document { id, revision, body } => {
                let (revision, body) = (*revision, body.clone());
                self.documents.insert(id.row(), StoredDocument { id: *id, revision, body });
            }
            StoredRow::Audit(event) => self.audit.push(event.clone()),
            StoredRow::History(history) => self.happened(history),
        }
    }

    fn happened(&mut self, history: &History) {
        match history {
            History::SessionStarted { session, item, item_name, user, endpoint, terms, at } => {
                let new = NewSession {
                    id: *session,
                    owner: *user,
                    endpoint: *endpoint,
                    item: *item,
                    item_name: item_name.clone(),
                    started: *at,
                    terms: terms.clone(),
                };
                let (parts, log) = (BTreeMap::new(), Vec::new());
                self.sessions.insert(*session, Session { new, ended: None, parts, log });
            }
            History::ChannelOpened { channel, errors, session, family, recorded, size, .. } => {
                let view = ChannelView {
                    id: *channel,
                    errors: *errors,
                    family: *family,
                    attached: false,
                    recorded: *recorded,
                };
                let (session, size) = (*session, *size);
                self.channels.insert(*channel, Channel { view, session, size, closed: false });
            }
            History::ChannelClosed { channel, .. } => {
                self.channels.get_mut(channel).unwrap().closed = true;
            }
            History::SessionEnded { session, at, .. } => self.session(*session).ended = Some(*at),
            History::Logged { session, entry, position } => {
                let entry = LogEntry { position: position.map(|(_, at)| at), ..entry.clone() };
                self.session(*session).log.push((entry, *position));
            }
            History::Part { session, user, part: Some(part) } => {
                self.session(*session).parts.insert(*user, *part);
            }
            History::Part { session, user, part: None } => {
                self.session(*session).parts.remove(user);
            }
            History::Owner { session, user, former } => {
                let session = self.session(*session);
                session.new.owner = *user;
                session.parts.remove(user);
                session.parts.insert(*former, Share::Invited(Part::Participant));
            }
            History::RecordingStarted { channel, session, user, at } => {
                let before = self.recordings.values().filter(|(one, _)| one.session == *session);
                let recording = Recording {
                    channel: *channel,
                    session: *session,
                    part: u32::try_from(before.count()).unwrap() + 1,
                    item_name: self.session(*session).new.item_name.as_str().into(),
                    user: "".into(),
                    started: *at,
                    ended: None,
                    bytes: 0,
                    sha256: None,
                    removed: false,
                };
                self.recordings.insert(*channel, (recording, *user));
            }
            History::RecordingClosed { channel, bytes, sha256, at } => {
                let (recording, _) = self.recordings.get_mut(channel).unwrap();
                recording.ended = Some(*at);
                recording.bytes = *bytes;
                recording.sha256 = Some(sha256.as_str().into());
            }
            History::RecordingRemoved { channel } => {
                self.recordings.get_mut(channel).unwrap().0.removed = true;
            }
            History::Seen(seen) => drop(self.seen.insert(seen.endpoint, *seen)),
            History::Lived(lived) => self.lived = *lived,
            History::Forgotten(endpoint) => drop(self.seen.remove(endpoint)),
        }
    }
}

impl Queries for Memory {
    fn audit_after(&self, after: u64) -> Result<(Vec<AuditEvent>, bool), BackendError> {
        let tables = self.tables();
        fitting_events(tables.audit.iter().filter(|one| one.number > after).cloned().map(Ok))
    }

    fn sessions_of(&self, item: ItemId, most: u8) -> Result<Vec<Past>, BackendError> {
        let tables = self.tables();
        let mut sessions: Vec<&Session> =
            tables.sessions.values().filter(|session| session.new.item == item).collect();
        sessions.sort_by_key(|session| Reverse((session.new.started, session.new.id)));
        let past = |session: &Session| (session.new.owner, session.new.started, session.ended);
        Ok(sessions.into_iter().take(most.into()).map(past).collect())
    }

    fn used_by(&self, user: UserId) -> Result<Vec<Used>, BackendError> {
        let tables = self.tables();
        let own = tables.sessions.values().rev().filter(|session| session.new.owner == user);
        let mut items: BTreeMap<ItemId, Used> = BTreeMap::new();
        for Session { new, .. } in own.take(2000) {
            let none = Used { item: new.item, last: new.started, times: 0 };
            let used = items.entry(new.item).or_insert(none);
            used.last = used.last.max(new.started);
            used.times += 1;
        }
        let mut used: Vec<Used> = items.into_values().collect();
        used.sort_by_key(|one| (Reverse(one.last), one.item));
        used.truncate(200);
        Ok(used)
    }

    fn took_part(&self, session: SessionId, user: UserId) -> Result<bool, BackendError> {
        let tables = self.tables();
        let found = tables.sessions.get(&session);
        Ok(found.is_some_and(|one| one.new.owner == user || one.parts.contains_key(&user)))
    }

    fn log_after(
        &self,
        session: SessionId,
        after: u64,
    ) -> Result<(Vec<LogEntry>, bool), BackendError> {
        let tables = self.tables();
        let log = tables.sessions.get(&session).map_or(&[][..], |session| &session.log);
        let later = log.iter().filter(|(entry, _)| entry.number > after);
        fitting_entries(later.map(|(entry, _)| {
            let length = serde_json::to_string(&entry.event).unwrap().len();
            Ok((entry.clone(), length))
        }))
    }

    fn open_recordings(&self) -> Result<Vec<(ChannelId, SessionId)>, BackendError> {
        let tables = self.tables();
        let open = tables.recordings.values().filter(|(one, _)| one.ended.is_none());
        Ok(open.map(|(one, _)| (one.channel, one.session)).collect())
    }

    fn recordings_before(
        &self,
        user: UserId,
        before: Option<ChannelId>,
        most: usize,
    ) -> Result<Vec<(Recording, UserId)>, BackendError> {
        let tables = self.tables();
        let older = tables.recordings.values().rev().filter(|(recording, of)| {
            let session = &tables.sessions[&recording.session];
            let may_see =
                *of == user || session.new.owner == user || session.parts.contains_key(&user);
            before.is_none_or(|before| recording.channel < before) && may_see
        });
        Ok(older.take(most).cloned().collect())
    }

    fn sessions_before(
        &self,
        filter: &SessionFilter,
        before: Option<SessionId>,
        most: usize,
    ) -> Result<Vec<StoredSession>, BackendError> {
        let tables = self.tables();
        let older = tables.sessions.values().rev();
        let older = older.filter(|session| before.is_none_or(|before| session.new.id < before));
        let found = older.filter(|session| Tables::fits(session, filter));
        Ok(found.take(most).map(|session| tables.stored(session, filter.viewer)).collect())
    }

    fn recordings_ended(
        &self,
        after: (Timestamp, ChannelId),
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<(ChannelId, SessionId, ItemId, Timestamp)>, BackendError> {
        let tables = self.tables();
        let kept = tables.recordings.values().filter(|(one, _)| !one.removed);
        let over = kept.filter_map(|(one, _)| Some((one, one.ended.filter(|at| *at < until)?)));
        let mut over: Vec<_> = over
            .map(|(one, ended)| {
                (one.channel, one.session, tables.sessions[&one.session].new.item, ended)
            })
            .collect();
        over.retain(|(channel, _, _, ended)| (*ended, *channel) > after);
        over.sort_by_key(|(channel, _, _, ended)| (*ended, *channel));
        over.truncate(most);
        Ok(over)
    }

    fn recording(&self, channel: ChannelId) -> Result<Option<(Recording, UserId)>, BackendError> {
        Ok(self.tables().recordings.get(&channel).cloned())
    }
}

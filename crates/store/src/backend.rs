//! What a database must do for the store. [`crate::sqlite`] is the one that appliances use; the
//! tests hold it against one in memory.

use crate::draft::StoredRow;
use crate::{Lived, OpenSession, Past, Seen, SessionFilter, StoredSession};
use jumpdeck_protocol::audit::{AuditEvent, Chain};
use jumpdeck_protocol::log::{LogEntry, Recording};
use jumpdeck_protocol::rep::Used;
use jumpdeck_protocol::{ChannelId, ItemId, Revision, SessionId, Timestamp, UserId, limits};
use jumpdeck_world::DocumentId;
use thiserror::Error;

/// Bytes of a session's log in one answer.
const LOG_BYTES: usize = 256 * 1024;

/// Why a database did not do what it was asked.
#[derive(Debug, Error)]
pub enum BackendError {
    /// What it holds cannot be read.
    #[error("{0}")]
    Damaged(String),
    /// The disk is full, the file may not be written, or the like.
    #[error("{0}")]
    Failed(String),
}

/// A document as it is kept; without a body once it was removed.
#[derive(Clone)]
pub(crate) struct StoredDocument {
    pub id: DocumentId,
    pub revision: Revision,
    pub body: Option<Vec<u8>>,
}

/// What is read at the start, apart from the documents.
pub(crate) struct Loaded {
    /// What tells this database's revisions from another one's.
    pub epoch: String,
    pub sessions: Vec<OpenSession>,
    pub seen: Vec<Seen>,
    pub next_session: u64,
    pub next_channel: u64,
    pub chain: Chain,
    pub lived: Lived,
}

/// A database. The store's thread is the only one that uses it.
pub(crate) trait Backend: Queries + Send + 'static {
    /// Reads what lives in memory while the appliance runs.
    fn load(&mut self) -> Result<Loaded, BackendError>;

    /// Gives each document that changed after this revision, in the order of their changes.
    fn changes_since(
        &self,
        revision: Revision,
        each: &mut dyn FnMut(StoredDocument) -> Result<(), BackendError>,
    ) -> Result<(), BackendError>;

    /// Writes these rows in one durable commit, or none of them.
    fn commit(&mut self, rows: &[StoredRow]) -> Result<(), BackendError>;

    /// Another way to read it, for questions that take long: who asks them must keep nobody from writing.
    fn reader(&self) -> Option<Box<dyn Queries + Send>> {
        None
    }

    /// Closes it.
    fn close(self) -> Result<(), BackendError>;
}

/// What can be asked about the past.
pub trait Queries {
    /// Events of the audit after this one, and whether they are the last.
    fn audit_after(&self, after: u64) -> Result<(Vec<AuditEvent>, bool), BackendError>;

    /// The last sessions through an item, so many.
    fn sessions_of(&self, item: ItemId, most: u8) -> Result<Vec<Past>, BackendError>;

    /// The items a user had sessions with, the last one first.
    fn used_by(&self, user: UserId) -> Result<Vec<Used>, BackendError>;

    /// So many sessions, the newest first.
    fn sessions_before(
        &self,
        filter: &SessionFilter,
        before: Option<SessionId>,
        most: usize,
    ) -> Result<Vec<StoredSession>, BackendError>;

    /// So many recordings that ended after `after` (a moment, and the last of it that was looked at),
    /// but before `until`, and are still there: the oldest first, each with its session, the item, and
    /// when it ended.
    fn recordings_ended(
        &self,
        after: (Timestamp, ChannelId),
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<(ChannelId, SessionId, ItemId, Timestamp)>, BackendError>;

    /// Whether a user took part in a session, or owned it.
    fn took_part(&self, session: SessionId, user: UserId) -> Result<bool, BackendError>;

    /// Entries of a session's log after this one, and whether there are more.
    fn log_after(
        &self,
        session: SessionId,
        after: u64,
    ) -> Result<(Vec<LogEntry>, bool), BackendError>;

    /// The same, if this user took part in the session.
    fn log_after_for(
        &self,
        session: SessionId,
        after: u64,
        user: UserId,
    ) -> Result<Option<(Vec<LogEntry>, bool)>, BackendError> {
        if self.took_part(session, user)? {
            self.log_after(session, after).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Recordings that were not closed.
    fn open_recordings(&self) -> Result<Vec<(ChannelId, SessionId)>, BackendError>;

    /// So many recordings that a user may see, the newest first, and whose each is.
    fn recordings_before(
        &self,
        user: UserId,
        before: Option<ChannelId>,
        most: usize,
    ) -> Result<Vec<(Recording, UserId)>, BackendError>;

    /// A recording, and whose it is.
    fn recording(&self, channel: ChannelId) -> Result<Option<(Recording, UserId)>, BackendError>;

    /// A recording, if this user may see it.
    fn recording_for(
        &self,
        user: UserId,
        channel: ChannelId,
    ) -> Result<Option<Recording>, BackendError> {
        let Some((recording, owner)) = self.recording(channel)? else {
            return Ok(None);
        };
        let may_see = owner == user || self.took_part(recording.session, user)?;
        Ok(may_see.then_some(recording))
    }
}

/// What fits into one message: the first entries, and whether more follow. At least one comes.
fn fitting<T>(
    rows: impl Iterator<Item = Result<T, BackendError>>,
    (most, most_bytes): (usize, usize),
    size: impl Fn(&T) -> usize,
) -> Result<(Vec<T>, bool), BackendError> {
    let (mut fitting, mut bytes) = (Vec::new(), 0);
    for row in rows {
        let row = row?;
        bytes += size(&row);
        if fitting.len() == most || (bytes > most_bytes && !fitting.is_empty()) {
            return Ok((fitting, true));
        }
        fitting.push(row);
    }
    Ok((fitting, false))
}

/// Events of the audit that fit into one message, and whether they are the last.
pub(crate) fn fitting_events(
    events: impl Iterator<Item = Result<AuditEvent, BackendError>>,
) -> Result<(Vec<AuditEvent>, bool), BackendError> {
    let size =
        |event: &AuditEvent| event.who.len() + event.subject.len() + event.detail.len() + 256;
    let (events, more) = fitting(events, (limits::AUDIT_CHUNK, limits::AUDIT_BYTES), size)?;
    Ok((events, !more))
}

/// Entries of a log that fit into one message, each with its length, and whether more follow.
pub(crate) fn fitting_entries(
    entries: impl Iterator<Item = Result<(LogEntry, usize), BackendError>>,
) -> Result<(Vec<LogEntry>, bool), BackendError> {
    let size = |entry: &(LogEntry, usize)| entry.1 + 64;
    let (entries, more) = fitting(entries, (limits::LOG_CHUNK, LOG_BYTES), size)?;
    Ok((entries.into_iter().map(|(entry, _)| entry).collect(), more))
}

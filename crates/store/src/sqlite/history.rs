//! What happened, read when somebody asks.

use super::Sqlite;
use crate::Past;
use crate::backend::{BackendError, Queries, fitting_entries, fitting_events};
use crate::{SessionFilter, StoredSession};
use jumpdeck_protocol::audit::AuditEvent;
use jumpdeck_protocol::log::{LogEntry, Recording};
use jumpdeck_protocol::rep::Used;
use jumpdeck_protocol::{ChannelId, ItemId, SessionId, Timestamp, UserId, limits};
use rusqlite::{OptionalExtension, Row, params};

impl Queries for Sqlite {
    fn audit_after(&self, after: u64) -> Result<(Vec<AuditEvent>, bool), BackendError> {
        let most = i64::try_from(limits::AUDIT_CHUNK + 1).unwrap_or(i64::MAX);
        let mut statement = self.0.prepare_cached(
            "SELECT number, at, who, action, subject, detail, hash FROM audit
             WHERE number > ?1 ORDER BY number LIMIT ?2",
        )?;
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![after, most], |row| {
            let text = |column| row.get::<_, String>(column).map(Box::from);
            Ok(AuditEvent {
                number: row.get::<_, i64>(0)?.cast_unsigned(),
                at: Timestamp(row.get(1)?),
                who: text(2)?,
                action: text(3)?,
                subject: text(4)?,
                detail: text(5)?,
                hash: text(6)?,
            })
        })?;
        fitting_events(rows.map(|row| Ok(row?)))
    }

    fn sessions_of(&self, item: ItemId, most: u8) -> Result<Vec<Past>, BackendError> {
        let mut statement = self.0.prepare_cached(
            "SELECT user, started, ended FROM sessions WHERE item = ?1
             ORDER BY started DESC, id DESC LIMIT ?2",
        )?;
        let rows = statement.query_map(params![item.0.cast_signed(), most], |row| {
            let user = UserId(row.get::<_, i64>(0)?.cast_unsigned());
            Ok((user, Timestamp(row.get(1)?), row.get::<_, Option<i64>>(2)?.map(Timestamp)))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn used_by(&self, user: UserId) -> Result<Vec<Used>, BackendError> {
        let mut statement = self.0.prepare_cached(
            "SELECT item, max(started), count(*) FROM
                 (SELECT item, started FROM sessions WHERE user = ?1 ORDER BY id DESC LIMIT 2000)
             GROUP BY item ORDER BY 2 DESC, item LIMIT 200",
        )?;
        let rows = statement.query_map([user.0.cast_signed()], |row| {
            let item = ItemId(row.get::<_, i64>(0)?.cast_unsigned());
            Ok(Used { item, last: Timestamp(row.get(1)?), times: row.get(2)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn took_part(&self, session: SessionId, user: UserId) -> Result<bool, BackendError> {
        let found: Option<i64> = self
            .0
            .prepare_cached(
                "SELECT 1 FROM sessions WHERE id = ?1 AND user = ?2
                 UNION ALL SELECT 1 FROM participants WHERE session = ?1 AND user = ?2 LIMIT 1",
            )?
            .query_row(params![session.0.cast_signed(), user.0.cast_signed()], |row| row.get(0))
            .optional()?;
        Ok(found.is_some())
    }

    fn log_after(
        &self,
        session: SessionId,
        after: u64,
    ) -> Result<(Vec<LogEntry>, bool), BackendError> {
        let most = i64::try_from(limits::LOG_CHUNK + 1).unwrap_or(i64::MAX);
        let mut statement = self.0.prepare_cached(
            "SELECT number, at, who, event, position FROM session_events
             WHERE session = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
        )?;
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![session.0.cast_signed(), after, most], entry)?;
        fitting_entries(rows.map(|row| Ok(row?)))
    }

    fn open_recordings(&self) -> Result<Vec<(ChannelId, SessionId)>, BackendError> {
        let mut statement = self.0.prepare(
            "SELECT channel, session FROM recordings WHERE ended IS NULL ORDER BY channel",
        )?;
        let rows = statement.query_map([], |row| {
            let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
            Ok((ChannelId(number(0)?), SessionId(number(1)?)))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn recordings_before(
        &self,
        user: UserId,
        before: Option<ChannelId>,
        most: usize,
    ) -> Result<Vec<(Recording, UserId)>, BackendError> {
        let before = before.map_or(i64::MAX, |id| i64::try_from(id.0).unwrap_or(i64::MAX));
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let query = format!(
            "{COLUMNS} WHERE r.channel < ?1 AND (s.user = ?2 OR r.user = ?2 OR EXISTS
                (SELECT 1 FROM participants p WHERE p.session = r.session AND p.user = ?2))
             ORDER BY r.channel DESC LIMIT ?3"
        );
        let mut statement = self.0.prepare_cached(&query)?;
        let rows = statement.query_map(params![before, user.0.cast_signed(), most], recording)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn sessions_before(
        &self,
        filter: &SessionFilter,
        before: Option<SessionId>,
        most: usize,
    ) -> Result<Vec<StoredSession>, BackendError> {
        Self::sessions_before(self, filter, before, most)
    }

    fn recordings_ended(
        &self,
        after: (Timestamp, ChannelId),
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<(ChannelId, SessionId, ItemId, Timestamp)>, BackendError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut statement = self.0.prepare_cached(
            "SELECT r.channel, r.session, s.item, r.ended FROM recordings r
             JOIN sessions s ON s.id = r.session
             WHERE (r.ended, r.channel) > (?1, ?2) AND r.ended < ?3 AND r.removed = 0
             ORDER BY r.ended, r.channel LIMIT ?4",
        )?;
        let (moment, channel) = (after.0.0, after.1.0.cast_signed());
        let rows = statement.query_map(params![moment, channel, until.0, most], |row| {
            let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
            let (channel, session) = (ChannelId(number(0)?), SessionId(number(1)?));
            Ok((channel, session, ItemId(number(2)?), Timestamp(row.get(3)?)))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn recording(&self, channel: ChannelId) -> Result<Option<(Recording, UserId)>, BackendError> {
        let query = format!("{COLUMNS} WHERE r.channel = ?1");
        let mut statement = self.0.prepare_cached(&query)?;
        Ok(statement.query_row([channel.0.cast_signed()], recording).optional()?)
    }
}

const COLUMNS: &str =
    "SELECT r.channel, r.session, s.item_name, r.user, r.started, r.ended, r.bytes,
    r.sha256, r.removed, (SELECT count(*) FROM recordings o WHERE o.session = r.session
    AND o.channel <= r.channel) FROM recordings r JOIN sessions s ON s.id = r.session";

/// The recordings of a session, the first one first.
pub(super) fn recordings_of(
    db: &Sqlite,
    session: SessionId,
) -> rusqlite::Result<Vec<(Recording, UserId)>> {
    let query = format!("{COLUMNS} WHERE r.session = ?1 ORDER BY r.channel");
    let mut statement = db.0.prepare_cached(&query)?;
    statement.query_map([session.0.cast_signed()], recording)?.collect()
}

fn recording(row: &Row<'_>) -> rusqlite::Result<(Recording, UserId)> {
    let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    let recording = Recording {
        channel: ChannelId(number(0)?),
        session: SessionId(number(1)?),
        part: row.get(9)?,
        item_name: row.get::<_, String>(2)?.into(),
        user: "".into(),
        started: Timestamp(row.get(4)?),
        ended: row.get::<_, Option<i64>>(5)?.map(Timestamp),
        bytes: row.get::<_, Option<i64>>(6)?.unwrap_or(0).cast_unsigned(),
        sha256: row.get::<_, Option<String>>(7)?.map(Into::into),
        removed: row.get(8)?,
    };
    Ok((recording, UserId(number(3)?)))
}

/// An entry of a log, and the length of its event.
fn entry(row: &Row<'_>) -> rusqlite::Result<(LogEntry, usize)> {
    let event: String = row.get(3)?;
    let length = event.len();
    let event = serde_json::from_str(&event).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, error.into())
    })?;
    let who: Option<String> = row.get(2)?;
    let entry = LogEntry {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        at: Timestamp(row.get(1)?),
        who: who.map(Into::into),
        event,
        position: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
    };
    Ok((entry, length))
}

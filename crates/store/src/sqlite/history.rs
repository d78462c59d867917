//! What happened, read when somebody asks.

use crate::{Past, Store};
use jumpdeck_protocol::audit::{AuditEvent, Chain};
use jumpdeck_protocol::log::{LogEntry, Recording};
use jumpdeck_protocol::rep::Used;
use jumpdeck_protocol::{ChannelId, ItemId, Refusal, SessionId, Timestamp, UserId, limits};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::sync::PoisonError;

impl Store {
    /// Events of the audit after this one, whether they are the last, and where the audit stands.
    pub async fn audit_after(
        &self,
        after: u64,
    ) -> Result<((Vec<AuditEvent>, bool), Chain), Refusal> {
        let chain = self.chain();
        let read = move |db: &Connection| {
            let chain = chain.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Ok((some(db, after)?, chain))
        };
        self.read(read).await
    }

    /// The last sessions through each of these items, so many of each.
    pub async fn sessions_of(&self, items: Vec<ItemId>, most: u8) -> Result<Vec<Past>, Refusal> {
        let read = move |db: &Connection| {
            let mut sessions = Vec::new();
            for item in items {
                sessions.extend(sessions_of(db, item, most)?);
            }
            Ok(sessions)
        };
        self.read(read).await
    }

    /// The items a user had sessions with, the last one first.
    pub async fn used_by(&self, user: UserId) -> Result<Vec<Used>, Refusal> {
        self.read(move |db| used_by(db, user)).await
    }

    /// Entries of a session's log after this one, and whether there are more. Nothing if `only` is
    /// a user who took no part in it.
    pub async fn log_after(
        &self,
        session: SessionId,
        after: u64,
        only: Option<UserId>,
    ) -> Result<Option<(Vec<LogEntry>, bool)>, Refusal> {
        let read = move |db: &Connection| {
            if let Some(user) = only
                && !took_part(db, session, user)?
            {
                return Ok(None);
            }
            entries(db, session, after).map(Some)
        };
        self.read(read).await
    }

    /// Recordings that were not closed.
    pub async fn open_recordings(&self) -> Result<Vec<(ChannelId, SessionId)>, Refusal> {
        let read = |db: &Connection| {
            let mut statement =
                db.prepare("SELECT channel, session FROM recordings WHERE ended IS NULL")?;
            let rows = statement.query_map([], |row| {
                let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
                Ok((ChannelId(number(0)?), SessionId(number(1)?)))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        self.read(read).await
    }

    /// So many recordings that a user may see, the newest first, and whose each is.
    pub async fn recordings_before(
        &self,
        user: UserId,
        before: Option<ChannelId>,
        most: usize,
    ) -> Result<Vec<(Recording, UserId)>, Refusal> {
        let before = before.map_or(i64::MAX, |id| i64::try_from(id.0).unwrap_or(i64::MAX));
        let read = move |db: &Connection| {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let query = format!(
                "{COLUMNS} WHERE r.channel < ?1 AND (s.user = ?2 OR r.user = ?2 OR EXISTS
                    (SELECT 1 FROM participants p WHERE p.session = r.session AND p.user = ?2))
                 ORDER BY r.channel DESC LIMIT ?3"
            );
            let mut statement = db.prepare_cached(&query)?;
            let rows =
                statement.query_map(params![before, user.0.cast_signed(), most], recording)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        self.read(read).await
    }

    /// A recording, if this user may see it.
    pub async fn recording_for(
        &self,
        user: UserId,
        channel: ChannelId,
    ) -> Result<Option<Recording>, Refusal> {
        let read = move |db: &Connection| {
            let query = format!("{COLUMNS} WHERE r.channel = ?1");
            let found = db
                .prepare_cached(&query)?
                .query_row([channel.0.cast_signed()], recording)
                .optional()?;
            Ok(match found {
                Some((found, of)) if of == user || took_part(db, found.session, user)? => {
                    Some(found)
                }
                _ => None,
            })
        };
        self.read(read).await
    }
}

const COLUMNS: &str =
    "SELECT r.channel, r.session, s.item_name, r.user, r.started, r.ended, r.bytes,
    r.sha256 FROM recordings r JOIN sessions s ON s.id = r.session";

fn recording(row: &Row<'_>) -> rusqlite::Result<(Recording, UserId)> {
    let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    let recording = Recording {
        channel: ChannelId(number(0)?),
        session: SessionId(number(1)?),
        item_name: row.get::<_, String>(2)?.into(),
        user: "".into(),
        started: Timestamp(row.get(4)?),
        ended: row.get::<_, Option<i64>>(5)?.map(Timestamp),
        bytes: row.get::<_, Option<i64>>(6)?.unwrap_or(0).cast_unsigned(),
        sha256: row.get::<_, Option<String>>(7)?.map(Into::into),
    };
    Ok((recording, UserId(number(3)?)))
}

/// Some events, and whether they are the last.
fn some(db: &Connection, after: u64) -> rusqlite::Result<(Vec<AuditEvent>, bool)> {
    let most = i64::try_from(limits::AUDIT_CHUNK + 1).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(
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
    let (mut events, mut bytes) = (Vec::new(), 0);
    for row in rows {
        let event: AuditEvent = row?;
        bytes += event.who.len() + event.subject.len() + event.detail.len() + 256;
        if events.len() == limits::AUDIT_CHUNK
            || (bytes > limits::AUDIT_BYTES && !events.is_empty())
        {
            return Ok((events, false));
        }
        events.push(event);
    }
    Ok((events, true))
}

fn sessions_of(db: &Connection, item: ItemId, most: u8) -> rusqlite::Result<Vec<Past>> {
    let mut statement = db.prepare_cached(
        "SELECT user, started, ended FROM sessions WHERE item = ?1 ORDER BY started DESC LIMIT ?2",
    )?;
    let rows = statement.query_map(params![item.0.cast_signed(), most], |row| {
        let user = UserId(row.get::<_, i64>(0)?.cast_unsigned());
        Ok((user, Timestamp(row.get(1)?), row.get::<_, Option<i64>>(2)?.map(Timestamp)))
    })?;
    rows.collect()
}

fn used_by(db: &Connection, user: UserId) -> rusqlite::Result<Vec<Used>> {
    let mut statement = db.prepare_cached(
        "SELECT item, max(started), count(*) FROM
             (SELECT item, started FROM sessions WHERE user = ?1 ORDER BY id DESC LIMIT 2000)
         GROUP BY item ORDER BY 2 DESC, item LIMIT 200",
    )?;
    let rows = statement.query_map([user.0.cast_signed()], |row| {
        let item = ItemId(row.get::<_, i64>(0)?.cast_unsigned());
        Ok(Used { item, last: Timestamp(row.get(1)?), times: row.get(2)? })
    })?;
    rows.collect()
}

/// Whether a user took part in a session, or owned it.
fn took_part(db: &Connection, session: SessionId, user: UserId) -> rusqlite::Result<bool> {
    let found: Option<i64> = db
        .prepare_cached(
            "SELECT 1 FROM sessions WHERE id = ?1 AND user = ?2
             UNION ALL SELECT 1 FROM participants WHERE session = ?1 AND user = ?2 LIMIT 1",
        )?
        .query_row(params![session.0.cast_signed(), user.0.cast_signed()], |row| row.get(0))
        .optional()?;
    Ok(found.is_some())
}

/// Bytes of entries in one message.
const LOG_BYTES: usize = 256 * 1024;

/// Some entries, and whether there are more.
fn entries(
    db: &Connection,
    session: SessionId,
    after: u64,
) -> rusqlite::Result<(Vec<LogEntry>, bool)> {
    let most = i64::try_from(limits::LOG_CHUNK + 1).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(
        "SELECT number, at, who, event FROM session_events
         WHERE session = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
    )?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![session.0.cast_signed(), after, most], |row| {
        let event: String = row.get(3)?;
        let length = event.len() + 64;
        let event = serde_json::from_str(&event).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, error.into())
        })?;
        let who: Option<String> = row.get(2)?;
        let entry = LogEntry {
            number: row.get::<_, i64>(0)?.cast_unsigned(),
            at: Timestamp(row.get(1)?),
            who: who.map(Into::into),
            event,
        };
        Ok((entry, length))
    })?;
    let (mut entries, mut bytes) = (Vec::new(), 0);
    for row in rows {
        let (entry, length): (LogEntry, usize) = row?;
        // A message has its limit: what does not fit is asked for next. At least one comes.
        bytes += length;
        if bytes > LOG_BYTES && !entries.is_empty() {
            return Ok((entries, true));
        }
        entries.push(entry);
    }
    let more = entries.len() > limits::LOG_CHUNK;
    entries.truncate(limits::LOG_CHUNK);
    Ok((entries, more))
}

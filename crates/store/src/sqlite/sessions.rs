//! Sessions of the past, by a filter.

use super::Sqlite;
use super::history::recordings_of;
use crate::backend::BackendError;
use crate::{SessionFilter, StoredSession};
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::{ItemId, SessionId, Timestamp, UserId};
use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};
use std::fmt::Write;

/// What counts as a command line in a log.
const COMMANDS: &str = "(e.event LIKE '{\"command\":%' OR e.event LIKE '{\"executed\":%')";

/// A statement's conditions, and their values.
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    /// The name of a value in the statement.
    fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    /// The name of a list of numbers.
    fn list(&mut self, numbers: impl Iterator<Item = u64>) -> String {
        let numbers: Vec<i64> = numbers.map(u64::cast_signed).collect();
        let list = serde_json::to_string(&numbers).unwrap_or_default();
        let name = self.value(list);
        format!("(SELECT value FROM json_each({name}))")
    }

    fn and(&mut self, condition: &str) {
        // Writing to a text does not fail.
        let _ = write!(self.sql, " AND {condition}");
    }

    fn of(filter: &SessionFilter, before: Option<SessionId>) -> Self {
        let mut all = Self { sql: String::new(), values: Vec::new() };
        // The first value: the viewer, to whom the columns refer too.
        all.value(filter.viewer.0.cast_signed());
        let before = before.map_or(i64::MAX, |id| i64::try_from(id.0).unwrap_or(i64::MAX));
        let before = all.value(before);
        all.and(&format!("s.id < {before}"));
        // Each of the three has an index of its own.
        let reported = all.list(filter.reported.iter().map(|id| id.0));
        all.and(&format!(
            "s.id IN (SELECT id FROM sessions WHERE user = ?1
             UNION SELECT session FROM participants WHERE user = ?1
             UNION SELECT id FROM sessions WHERE item IN {reported})"
        ));
        if let Some(session) = filter.session {
            let session = all.value(session.0.cast_signed());
            all.and(&format!("s.id = {session}"));
        }
        if let Some(items) = &filter.items {
            let items = all.list(items.iter().map(|id| id.0));
            all.and(&format!("s.item IN {items}"));
        }
        if let Some(owners) = &filter.owners {
            let owners = all.list(owners.iter().map(|id| id.0));
            all.and(&format!("s.user IN {owners}"));
        }
        for word in &filter.words {
            let text = all.value(word.text.clone());
            let owners = all.list(word.owners.iter().map(|id| id.0));
            let items = all.list(word.items.iter().map(|id| id.0));
            all.and(&format!(
                "(instr(lower(s.item_name), lower({text})) OR s.user IN {owners} OR s.item IN {items})"
            ));
        }
        if let Some(since) = filter.since {
            let since = all.value(since.0);
            all.and(&format!("(s.ended IS NULL OR s.ended >= {since})"));
        }
        if let Some(until) = filter.until {
            let until = all.value(until.0);
            all.and(&format!("s.started < {until}"));
        }
        if let Some(command) = &filter.command {
            let text = all.value(command.clone());
            all.and(&format!(
                "{TOOK_PART} AND EXISTS (SELECT 1 FROM session_events e WHERE e.session = s.id
                 AND {COMMANDS} AND instr(lower(coalesce(json_extract(e.event, '$.command.command'),
                 json_extract(e.event, '$.executed.command'))), lower({text})))"
            ));
        }
        all
    }
}

/// Whether the viewer took part in a session.
const TOOK_PART: &str = "(s.user = ?1 OR EXISTS
    (SELECT 1 FROM participants p WHERE p.session = s.id AND p.user = ?1))";

impl Sqlite {
    pub(super) fn sessions_before(
        &self,
        filter: &SessionFilter,
        before: Option<SessionId>,
        most: usize,
    ) -> Result<Vec<StoredSession>, BackendError> {
        let Conditions { sql, mut values } = Conditions::of(filter, before);
        values.push(Value::Integer(i64::try_from(most).unwrap_or(i64::MAX)));
        let last = values.len();
        let query = format!(
            "SELECT s.id, s.item, s.item_name, s.user, s.started, s.ended, {TOOK_PART},
             (SELECT count(*) FROM session_events e WHERE e.session = s.id AND {COMMANDS}),
             (SELECT e.event FROM session_events e WHERE e.session = s.id
              AND e.event LIKE '{{\"ended\":%' ORDER BY e.number DESC LIMIT 1)
             FROM sessions s WHERE 1 = 1{sql} ORDER BY s.id DESC LIMIT ?{last}"
        );
        let mut statement = self.0.prepare_cached(&query)?;
        let rows = statement.query_map(params_from_iter(values), session)?;
        let mut sessions = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        for session in &mut sessions {
            session.others = self.others(session.id)?;
            if session.took_part {
                session.recordings = recordings_of(self, session.id)?;
            }
        }
        Ok(sessions)
    }

    fn others(&self, session: SessionId) -> rusqlite::Result<Vec<UserId>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT user FROM participants WHERE session = ?1 ORDER BY user")?;
        let rows = statement.query_map([session.0.cast_signed()], |row| row.get::<_, i64>(0))?;
        rows.map(|user| Ok(UserId(user?.cast_unsigned()))).collect()
    }
}

fn session(row: &Row<'_>) -> rusqlite::Result<StoredSession> {
    let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    let ended: Option<String> = row.get(8)?;
    let reason = ended.and_then(|event| match serde_json::from_str(&event).ok()? {
        LogEvent::Ended { reason } => Some(reason),
        _ => None,
    });
    Ok(StoredSession {
        id: SessionId(number(0)?),
        item: ItemId(number(1)?),
        item_name: row.get(2)?,
        owner: UserId(number(3)?),
        others: Vec::new(),
        started: Timestamp(row.get(4)?),
        ended: row.get::<_, Option<i64>>(5)?.map(Timestamp),
        reason,
        took_part: row.get(6)?,
        commands: row.get(7)?,
        recordings: Vec::new(),
    })
}

//! What is read at the start.

use crate::backend::{BackendError, Loaded, StoredDocument};
use crate::{Lived, NewSession, OpenSession, Seen, Tally};
use data_encoding::HEXLOWER;
use jumpdeck_protocol::audit::{BEGINNING, Chain};
use jumpdeck_protocol::inventory::StartMode;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::session::{ChannelView, Family, Size, Terms};
use jumpdeck_protocol::session_policy::Granted;
use jumpdeck_protocol::{ChannelId, EndpointId, ItemId, Revision, SessionId, Timestamp, UserId};
use jumpdeck_world::{DocumentId, Share};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::{BTreeMap, BTreeSet};

/// Reads what lives in memory while the appliance runs.
pub(super) fn load(connection: &Connection) -> Result<Loaded, BackendError> {
    let next = |table: &str| {
        let query = format!("SELECT COALESCE(MAX(id), 0) + 1 FROM {table}");
        connection.query_row(&query, [], |row| number(row, 0))
    };
    let last_errors =
        connection.query_row("SELECT COALESCE(MAX(errors), 0) + 1 FROM channels", [], |row| {
            number(row, 0)
        })?;
    Ok(Loaded {
        epoch: epoch(connection)?,
        sessions: open_sessions(connection)?,
        seen: seen(connection)?,
        next_session: next("sessions")?,
        next_channel: next("channels")?.max(last_errors),
        chain: chain(connection)?,
        lived: connection.query_row("SELECT lived FROM meta", [], |row| row.get(0).map(Lived))?,
    })
}

/// Gives each document that changed after a revision, in the order of their changes.
pub(super) fn changes_since(
    connection: &Connection,
    revision: Revision,
    each: &mut dyn FnMut(StoredDocument) -> Result<(), BackendError>,
) -> Result<(), BackendError> {
    let mut statement = connection.prepare(
        "SELECT kind, id, revision, body FROM documents WHERE revision > ?1 ORDER BY revision",
    )?;
    let mut rows = statement.query([revision.0.cast_signed()])?;
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        let unknown = || BackendError::Damaged(format!("a document of unknown kind {kind:?}"));
        let id = DocumentId::from_row(&kind, number(row, 1)?).ok_or_else(unknown)?;
        each(StoredDocument { id, revision: Revision(number(row, 2)?), body: row.get(3)? })?;
    }
    Ok(())
}

/// Where the audit stands.
fn chain(connection: &Connection) -> rusqlite::Result<Chain> {
    let last = connection
        .query_row("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1", [], |row| {
            Ok((number(row, 0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((events, hash)) = last else {
        return Ok(Chain::default());
    };
    // One that is no hash does not fit any event, and `verify` says so.
    let head = HEXLOWER.decode(hash.as_bytes()).ok().and_then(|hash| hash.try_into().ok());
    Ok(Chain::at(events, head.unwrap_or(BEGINNING)))
}

fn epoch(connection: &Connection) -> Result<String, BackendError> {
    let stored = connection.query_row("SELECT epoch FROM meta", [], |row| row.get(0)).optional()?;
    if let Some(epoch) = stored {
        return Ok(epoch);
    }
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(|error| BackendError::Failed(error.to_string()))?;
    let epoch = HEXLOWER.encode(&bytes);
    connection.execute("INSERT INTO meta (epoch) VALUES (?1)", [&epoch])?;
    Ok(epoch)
}

fn open_sessions(connection: &Connection) -> rusqlite::Result<Vec<OpenSession>> {
    let mut statement = connection.prepare(
        "SELECT id, item, item_name, user, started, customer, recording, start_mode, endpoint, granted, attended
         FROM sessions WHERE ended IS NULL ORDER BY id",
    )?;
    let rows = statement.query_map([], |row| {
        let item = ItemId(number(row, 1)?);
        Ok(NewSession {
            id: SessionId(number(row, 0)?),
            owner: UserId(number(row, 3)?),
            endpoint: row
                .get::<_, Option<i64>>(8)?
                .map_or(EndpointId(item.0), |id| EndpointId(id.cast_unsigned())),
            item,
            item_name: row.get(2)?,
            started: Timestamp(row.get(4)?),
            terms: Terms {
                attended: row.get(10)?,
                granted: granted(row.get::<_, Option<String>>(9)?.as_deref()),
                customer_present: row.get(5)?,
                recording: row.get(6)?,
                start_mode: StartMode::named(&row.get::<_, String>(7)?).unwrap_or_default(),
            },
        })
    })?;
    let sessions = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    sessions.into_iter().map(|new| open_session(connection, new)).collect()
}

/// What a session grants, as it was written down; everything in one of an older version.
fn granted(written: Option<&str>) -> Box<Granted> {
    let read = |text| serde_json::from_str(text).unwrap_or_default();
    Box::new(written.map_or_else(Granted::everything, read))
}

fn open_session(connection: &Connection, new: NewSession) -> rusqlite::Result<OpenSession> {
    let id = new.id.0.cast_signed();
    let others = connection
        .prepare_cached("SELECT user, part FROM participants WHERE session = ?1")?
        .query_map([id], |row| {
            Ok((UserId(number(row, 0)?), Share::of_word(&row.get::<_, String>(1)?)))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut open = OpenSession {
        channels: open_channels(connection, new.id)?,
        new,
        others,
        logged: 0,
        tally: Tally::default(),
        names: BTreeSet::new(),
        watched: BTreeMap::new(),
    };
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut statement = connection.prepare_cached(
        "SELECT number, who, event, channel, position FROM session_events WHERE session = ?1
         ORDER BY number",
    )?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        open.logged = number(row, 0)?;
        let who: Option<String> = row.get(1)?;
        if let (Some(channel), Some(position)) =
            (row.get::<_, Option<i64>>(3)?, row.get::<_, Option<i64>>(4)?)
        {
            open.watched.insert(ChannelId(channel.cast_unsigned()), position.cast_unsigned());
        }
        let Ok(event) = serde_json::from_str(&row.get::<_, String>(2)?) else {
            continue;
        };
        open.tally.count(who.as_deref(), &event);
        match (who, event) {
            (Some(who), LogEvent::Joined) => drop(names.insert(who)),
            (Some(who), LogEvent::Left) => drop(names.remove(&who)),
            _ => {}
        }
    }
    let recordings = "SELECT count(*) FROM recordings WHERE session = ?1";
    open.tally.recordings = connection.query_row(recordings, [id], |row| row.get(0))?;
    open.names = names;
    Ok(open)
}

fn open_channels(
    connection: &Connection,
    id: SessionId,
) -> rusqlite::Result<Vec<(ChannelView, Option<Size>)>> {
    let mut statement = connection.prepare(
        "SELECT id, errors, is_shell, recorded, columns, rows, family FROM channels WHERE session = ?1 AND closed IS NULL ORDER BY id",
    )?;
    let rows = statement.query_map([id.0.cast_signed()], |row| {
        let view = ChannelView {
            id: ChannelId(number(row, 0)?),
            errors: row.get::<_, Option<i64>>(1)?.map(|id| ChannelId(id.cast_unsigned())),
            family: family(row)?,
            attached: false,
            recorded: row.get(3)?,
        };
        let sides = (row.get::<_, Option<u16>>(4)?, row.get::<_, Option<u16>>(5)?);
        let size = match sides {
            (Some(columns), Some(rows)) => Some(Size { columns, rows }),
            _ => None,
        };
        Ok((view, size))
    })?;
    rows.collect()
}

/// What a channel is; of one that an earlier version wrote down, whether it is a terminal.
fn family(row: &Row<'_>) -> rusqlite::Result<Family> {
    let word: Option<String> = row.get(6)?;
    let known = word.and_then(|word| Family::named(&word));
    Ok(known.unwrap_or(Family::of_old(row.get(2)?)))
}

fn seen(connection: &Connection) -> rusqlite::Result<Vec<Seen>> {
    let mut statement = connection.prepare("SELECT item, connected, at, lived FROM seen")?;
    let rows = statement.query_map([], |row| {
        let endpoint = EndpointId(number(row, 0)?);
        let (connected, at) = (row.get(1)?, Timestamp(row.get(2)?));
        Ok(Seen { endpoint, connected, at, lived: row.get::<_, Option<i64>>(3)?.map(Lived) })
    })?;
    rows.collect()
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

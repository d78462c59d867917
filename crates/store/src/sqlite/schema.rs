//! The database file: its schema, its migrations, and how it is read at the start.

use super::{StoreError, decode};
use crate::Seen;
use crate::{Lived, NewSession, Tally};
use data_encoding::HEXLOWER;
use jumpdeck_protocol::audit::{BEGINNING, Chain};
use jumpdeck_protocol::inventory::StartMode;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::session::Family;
use jumpdeck_protocol::session::{ChannelView, Size, Terms};
use jumpdeck_protocol::session_policy::Granted;
use jumpdeck_protocol::{ChannelId, EndpointId, ItemId, Revision, SessionId, Timestamp, UserId};
use jumpdeck_world::World;
use jumpdeck_world::former_password;
use jumpdeck_world::{DocumentId, Share};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Each entry brings the schema from its index to the next number. Entries are never edited.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE meta (epoch TEXT NOT NULL);
    CREATE TABLE documents (
        kind TEXT NOT NULL, id INTEGER NOT NULL, revision INTEGER NOT NULL UNIQUE, body BLOB,
        PRIMARY KEY (kind, id)
    ) WITHOUT ROWID;
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY, item INTEGER NOT NULL, item_name TEXT NOT NULL,
        user INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER, reason TEXT
    );
    CREATE INDEX sessions_by_item ON sessions (item, started);
    CREATE INDEX sessions_open ON sessions (id) WHERE ended IS NULL;
    CREATE TABLE channels (
        id INTEGER PRIMARY KEY, errors INTEGER, session INTEGER NOT NULL REFERENCES sessions,
        is_shell INTEGER NOT NULL, opened INTEGER NOT NULL, closed INTEGER, status INTEGER
    );
    CREATE INDEX channels_by_session ON channels (session);
    CREATE TABLE seen (item INTEGER PRIMARY KEY, connected INTEGER NOT NULL, at INTEGER NOT NULL);
",
    "
    CREATE INDEX sessions_by_user ON sessions (user, id);
",
    "
    ALTER TABLE channels ADD COLUMN recorded INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE channels ADD COLUMN columns INTEGER;
    ALTER TABLE channels ADD COLUMN rows INTEGER;
    CREATE TABLE participants (
        session INTEGER NOT NULL REFERENCES sessions, user INTEGER NOT NULL, part TEXT NOT NULL,
        PRIMARY KEY (session, user)
    ) WITHOUT ROWID;
    CREATE INDEX participants_by_user ON participants (user, session);
    CREATE TABLE session_events (
        session INTEGER NOT NULL REFERENCES sessions, number INTEGER NOT NULL, at INTEGER NOT NULL,
        who TEXT, event TEXT NOT NULL, channel INTEGER, position INTEGER,
        PRIMARY KEY (session, number)
    ) WITHOUT ROWID;
    CREATE TABLE recordings (
        channel INTEGER PRIMARY KEY REFERENCES channels, session INTEGER NOT NULL REFERENCES sessions,
        user INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER, bytes INTEGER, sha256 TEXT
    );
    CREATE INDEX recordings_open ON recordings (channel) WHERE ended IS NULL;
",
    "
    ALTER TABLE sessions ADD COLUMN customer INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE sessions ADD COLUMN recording INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE sessions ADD COLUMN start_mode TEXT NOT NULL DEFAULT 'normal';
    ALTER TABLE sessions ADD COLUMN endpoint INTEGER;
",
    "
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
        subject TEXT NOT NULL, detail TEXT NOT NULL, hash TEXT NOT NULL
    );
",
    "
    ALTER TABLE sessions ADD COLUMN granted TEXT;
    ALTER TABLE sessions ADD COLUMN attended INTEGER NOT NULL DEFAULT 0;
",
    "
    ALTER TABLE meta ADD COLUMN lived INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE seen ADD COLUMN lived INTEGER;
",
    "
    ALTER TABLE channels ADD COLUMN family TEXT;
",
];

/// A database larger than this is not read through at the start; damage shows where it is met.
const CHECKED: u64 = 64 * 1024 * 1024;

/// A session that was open when the appliance ended.
pub struct OpenSession {
    pub new: NewSession,
    pub channels: Vec<(ChannelView, Option<Size>)>,
    /// Who else may take part.
    pub others: BTreeMap<UserId, Share>,
    /// The last entry of its log.
    pub logged: u64,
    pub tally: Tally,
    /// Who had come and not gone, as far as the log knows, by name.
    pub names: BTreeSet<String>,
    /// Up to where each shell's output was looked through for commands.
    pub watched: BTreeMap<ChannelId, u64>,
}

/// What a database holds.
pub(crate) struct Loaded {
    pub world: World,
    pub sessions: Vec<OpenSession>,
    pub seen: Vec<Seen>,
    pub next_session: u64,
    pub next_channel: u64,
    pub chain: Chain,
    /// How long it has been served, as far as was written down.
    pub lived: Lived,
}

fn known() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// Opens the file. One that is newer or damaged is not written to.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    let found = inspect(path)?;
    if found > known() {
        let path = path.to_path_buf();
        return Err(StoreError::Newer { path, found, known: known() });
    }
    if path.exists() {
        check(path)?;
    }
    make_private(path)?;
    prepare(path).map_err(|error| describe(path, &error))
}

/// The schema number, read from the file's header without opening it as a database.
fn inspect(path: &Path) -> Result<u32, StoreError> {
    let mut header = [0; 64];
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(unusable(path, &error.to_string())),
    };
    if file.metadata().is_ok_and(|meta| meta.len() == 0) {
        return Ok(0);
    }
    file.read_exact(&mut header).map_err(|error| damaged(path, &error.to_string()))?;
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(damaged(path, "it does not begin as an SQLite database does"));
    }
    let number = header.get(60..64).and_then(|four| four.try_into().ok());
    Ok(number.map_or(0, u32::from_be_bytes))
}

fn check(path: &Path) -> Result<(), StoreError> {
    let large = std::fs::metadata(path).is_ok_and(|meta| meta.len() > CHECKED || meta.len() == 0);
    if large {
        return Ok(());
    }
    let verdict = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|db| db.query_row("PRAGMA quick_check", [], |row| row.get::<_, String>(0)))
        .map_err(|error| describe(path, &error))?;
    if verdict == "ok" { Ok(()) } else { Err(damaged(path, &verdict)) }
}

/// Makes the file so that only its owner can read it; the log beside it takes after it.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let made = File::options().append(true).create(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| unusable(path, &error.to_string()))
}

fn prepare(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(32);
    let from: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for (number, migration) in (1..).zip(MIGRATIONS).skip(from as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    if from < known() {
        // The header must show the schema even to a reader that does not know the log.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    Ok(connection)
}

/// Reads everything that lives in memory.
pub(crate) fn load(connection: &Connection, path: &Path) -> Result<Loaded, StoreError> {
    let sql = |error: rusqlite::Error| describe(path, &error);
    let mut world = World::new(&epoch(connection, path)?);
    let mut statement = connection
        .prepare("SELECT kind, id, revision, body FROM documents ORDER BY revision")
        .map_err(sql)?;
    let mut rows = statement.query([]).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        take_in(&mut world, row, path)?;
    }
    let next = |table: &str| {
        let query = format!("SELECT COALESCE(MAX(id), 0) + 1 FROM {table}");
        connection.query_row(&query, [], |row| number(row, 0)).map_err(sql)
    };
    let last_errors = connection
        .query_row("SELECT COALESCE(MAX(errors), 0) + 1 FROM channels", [], |row| number(row, 0))
        .map_err(sql)?;
    Ok(Loaded {
        world,
        sessions: open_sessions(connection).map_err(sql)?,
        seen: seen(connection).map_err(sql)?,
        next_session: next("sessions")?,
        next_channel: next("channels")?.max(last_errors),
        chain: chain(connection).map_err(sql)?,
        lived: connection
            .query_row("SELECT lived FROM meta", [], |row| row.get(0).map(Lived))
            .map_err(sql)?,
    })
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

fn epoch(connection: &Connection, path: &Path) -> Result<String, StoreError> {
    let sql = |error: rusqlite::Error| describe(path, &error);
    let stored = connection
        .query_row("SELECT epoch FROM meta", [], |row| row.get(0))
        .optional()
        .map_err(sql)?;
    if let Some(epoch) = stored {
        return Ok(epoch);
    }
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(|error| unusable(path, &error.to_string()))?;
    let epoch = data_encoding::HEXLOWER.encode(&bytes);
    connection.execute("INSERT INTO meta (epoch) VALUES (?1)", [&epoch]).map_err(sql)?;
    Ok(epoch)
}

fn take_in(world: &mut World, row: &Row<'_>, path: &Path) -> Result<(), StoreError> {
    let sql = |error: rusqlite::Error| describe(path, &error);
    let kind: String = row.get(0).map_err(sql)?;
    let id = number(row, 1).map_err(sql)?;
    let revision = Revision(number(row, 2).map_err(sql)?);
    let body: Option<Vec<u8>> = row.get(3).map_err(sql)?;
    let id = DocumentId::from_row(&kind, id)
        .ok_or_else(|| damaged(path, &format!("a document of unknown kind {kind:?}")))?;
    match body {
        Some(body) => {
            world.put(revision, decode(&body, id).map_err(|e| damaged(path, &e))?);
            if let DocumentId::User(user) = id
                && let Some(password) = former_password(&body)
            {
                world.adopt_password(user, password);
            }
        }
        None => world.remove(revision, id),
    }
    Ok(())
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

fn describe(path: &Path, error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => damaged(path, &error.to_string()),
        _ => unusable(path, &error.to_string()),
    }
}

fn damaged(path: &Path, reason: &str) -> StoreError {
    StoreError::Damaged { path: path.to_path_buf(), reason: reason.to_owned() }
}

fn unusable(path: &Path, reason: &str) -> StoreError {
    StoreError::Unusable { path: path.to_path_buf(), reason: reason.to_owned() }
}

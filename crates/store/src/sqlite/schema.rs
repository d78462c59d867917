//! The database file: its schema and its migrations.

use crate::StoreError;
use rusqlite::{Connection, OpenFlags};
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
    "
    ALTER TABLE recordings ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX recordings_by_session ON recordings (session, channel);
    CREATE INDEX recordings_kept ON recordings (ended) WHERE removed = 0;
",
];

/// A database larger than this is not read through at the start; damage shows where it is met.
const CHECKED: u64 = 64 * 1024 * 1024;

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
    prepare(path).map_err(|error| describe(path, error))
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
        .map_err(|error| describe(path, error))?;
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

fn describe(path: &Path, error: rusqlite::Error) -> StoreError {
    StoreError::at(path, &error.into())
}

fn damaged(path: &Path, reason: &str) -> StoreError {
    StoreError::Damaged { path: path.to_path_buf(), reason: reason.to_owned() }
}

fn unusable(path: &Path, reason: &str) -> StoreError {
    StoreError::Unusable { path: path.to_path_buf(), reason: reason.to_owned() }
}

//! The database as an SQLite file.

mod history;
mod load;
mod rows;
mod schema;
mod sessions;

use crate::StoreError;
use crate::backend::{Backend, BackendError, Loaded, Queries, StoredDocument};
use crate::draft::StoredRow;
use jumpdeck_protocol::Revision;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};
use std::path::Path;
use std::time::Duration;

/// An SQLite file that is open.
pub(crate) struct Sqlite(pub(super) Connection);

impl Sqlite {
    /// Opens the file, makes it if there is none, and brings it to this version's schema. One that
    /// is newer or damaged is not written to.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        schema::open(path).map(Self)
    }
}

impl Backend for Sqlite {
    fn load(&mut self) -> Result<Loaded, BackendError> {
        load::load(&self.0)
    }

    fn reader(&self) -> Option<Box<dyn Queries + Send>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(self.0.path()?, flags).ok()?;
        reader.busy_timeout(Duration::from_secs(5)).ok()?;
        Some(Box::new(Self(reader)))
    }

    fn changes_since(
        &self,
        revision: Revision,
        each: &mut dyn FnMut(StoredDocument) -> Result<(), BackendError>,
    ) -> Result<(), BackendError> {
        load::changes_since(&self.0, revision, each)
    }

    fn commit(&mut self, rows: &[StoredRow]) -> Result<(), BackendError> {
        Ok(write(&mut self.0, rows)?)
    }

    fn close(self) -> Result<(), BackendError> {
        self.0.close().map_err(|(_, error)| error.into())
    }
}

impl From<rusqlite::Error> for BackendError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

fn write(connection: &mut Connection, rows: &[StoredRow]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for row in rows {
        match row {
            StoredRow::Document { id, revision, body } => {
                let (kind, number) = id.row();
                transaction
                    .prepare_cached(
                        "INSERT INTO documents (kind, id, revision, body) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (kind, id) DO UPDATE SET revision = ?3, body = ?4",
                    )?
                    .execute(params![kind, number.cast_signed(), revision.0.cast_signed(), body])?;
            }
            StoredRow::History(history) => history.write(&transaction)?,
            StoredRow::Audit(event) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO audit (number, at, who, action, subject, detail, hash)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    )?
                    .execute(params![
                        event.number.cast_signed(),
                        event.at.0,
                        event.who,
                        event.action,
                        event.subject,
                        event.detail,
                        event.hash
                    ])?;
            }
        }
    }
    transaction.commit()
}

#[cfg(test)]
impl Sqlite {
    /// Makes the file full at so many pages.
    pub(crate) fn limit_pages(&self, pages: u32) {
        self.0.pragma_update(None, "max_page_count", pages).unwrap();
    }

    /// Says that another version wrote it.
    pub(crate) fn set_schema(&self, number: u32) {
        self.0.pragma_update(None, "user_version", number).unwrap();
    }
}

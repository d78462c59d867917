//! Why a database cannot be opened.

use crate::backend::BackendError;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a database cannot be opened. Nothing in it was touched.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A later jumpdeck wrote it.
    #[error(
        "the database {path} was written by a newer jumpdeck (schema {found}; this one knows {known}). \
         Nothing was changed. Use that newer version, or another --data-dir."
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// It is not whole.
    #[error(
        "the database {path} is damaged: {reason}. Nothing was changed. Put a backup in its place, \
         or move it away (keep it: `sqlite3 FILE .recover` may save much of it) and start afresh."
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The system does not let us.
    #[error("the database {path} cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What was said.
        reason: String,
    },
}

impl StoreError {
    pub(crate) fn at(path: &Path, error: &BackendError) -> Self {
        let (path, reason) = (path.to_path_buf(), error.to_string());
        match error {
            BackendError::Damaged(_) => Self::Damaged { path, reason },
            BackendError::Failed(_) => Self::Unusable { path, reason },
        }
    }
}

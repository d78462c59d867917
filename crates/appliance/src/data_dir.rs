//! The data directory: where everything stands, and that one appliance at a time uses it.

use jumpdeck_protocol::private_file;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A data directory that exists and can be written.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// Why a data directory cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// It cannot be made or written.
    #[error(
        "the data directory {path} cannot be used: {reason}. Choose another with --data-dir or JUMPDECK_DATA_DIR."
    )]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// An appliance runs on it.
    #[error("another appliance already uses the data directory {path}")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
}

/// Where the appliance of a data directory listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningAddress {
    /// `https://host:port`.
    pub url: String,
    /// The fingerprint of the appliance's key.
    pub fingerprint: String,
    /// Its process id.
    pub process: u32,
}

/// The name of the key by which agents know an appliance.
pub(crate) const APPLIANCE_KEY: &str = "appliance.key";

/// What of an appliance is in its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FilesFound {
    pub database: bool,
    pub key: bool,
}

impl DataDir {
    /// Makes the directory and its folders if they do not exist.
    ///
    /// # Errors
    /// [`DataDirError::Unusable`].
    pub fn create(path: &Path) -> Result<Self, DataDirError> {
        let dir = Self(path.to_path_buf());
        for folder in ["", "keys", "run", "log", "recordings"] {
            private_file::create_dir(&path.join(folder)).map_err(|reason| dir.unusable(reason))?;
        }
        tempfile::tempfile_in(path).map_err(|reason| dir.unusable(reason))?;
        Ok(dir)
    }

    /// Takes the directory for one appliance, for as long as the file lives.
    ///
    /// # Errors
    /// [`DataDirError::InUse`] when another process has it.
    pub fn lock(&self) -> Result<File, DataDirError> {
        let file = self.open_lock().map_err(|reason| self.unusable(reason))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(reason)) => return Err(self.unusable(reason)),
                Err(TryLockError::WouldBlock) => {}
            }
            // Anyone who looks whether it is held shares it for a moment; its owner does not share.
            match file.try_lock_shared() {
                Ok(()) => drop(file.unlock()),
                Err(TryLockError::WouldBlock) => {
                    return Err(DataDirError::InUse { path: self.0.clone() });
                }
                Err(TryLockError::Error(reason)) => return Err(self.unusable(reason)),
            }
            std::thread::yield_now();
        }
    }

    /// Whether an appliance has the directory. Makes nothing.
    pub fn is_locked(&self) -> bool {
        let held = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        File::open(self.0.join("appliance.lock")).is_ok_and(held)
    }

    fn open_lock(&self) -> io::Result<File> {
        File::options().create(true).append(true).open(self.0.join("appliance.lock"))
    }

    fn unusable(&self, reason: io::Error) -> DataDirError {
        DataDirError::Unusable { path: self.0.clone(), reason }
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.0.join("appliance.db")
    }

    /// Where a key stands.
    pub fn key(&self, name: &str) -> PathBuf {
        self.0.join("keys").join(name)
    }

    /// The embedded appliance's token.
    pub fn token(&self) -> PathBuf {
        self.0.join("run/token")
    }

    /// The file that says where the appliance listens.
    pub fn address_file(&self) -> PathBuf {
        self.0.join("run/address.json")
    }

    /// The recording of a shell; while it goes on, under another name.
    pub(crate) fn recording(
        &self,
        session: jumpdeck_protocol::SessionId,
        channel: jumpdeck_protocol::ChannelId,
        goes_on: bool,
    ) -> PathBuf {
        let end = if goes_on { ".part" } else { "" };
        self.0.join(format!("recordings/{session}-{channel}.cast{end}"))
    }

    /// The log of a background appliance.
    pub fn log(&self) -> PathBuf {
        self.0.join("log/appliance.log")
    }

    /// The folder of the local agent.
    pub fn agent(&self) -> PathBuf {
        self.0.join("agent")
    }

    /// What of an appliance is here.
    pub(crate) fn found(&self) -> Result<FilesFound, DataDirError> {
        let there = |path: &Path| match std::fs::metadata(path) {
            Ok(meta) => Ok(meta.len() > 0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(reason) => Err(self.unusable(reason)),
        };
        Ok(FilesFound { database: there(&self.database())?, key: there(&self.key(APPLIANCE_KEY))? })
    }

    /// Moves what is left of a former appliance's database and its recordings aside. Returns where.
    pub(crate) fn put_aside(&self, at: jumpdeck_protocol::Timestamp) -> io::Result<PathBuf> {
        let aside = self.0.join(format!("before-{}", at.0));
        private_file::create_dir(&aside)?;
        for name in ["appliance.db", "appliance.db-wal", "appliance.db-shm", "recordings"] {
            let (from, to) = (self.0.join(name), aside.join(name));
            match std::fs::rename(&from, &to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        private_file::create_dir(&self.0.join("recordings"))?;
        Ok(aside)
    }

    /// Where the running appliance listens, if one has said so.
    pub fn running(&self) -> Option<RunningAddress> {
        serde_json::from_slice(&std::fs::read(self.address_file()).ok()?).ok()
    }

    /// Says where this appliance listens.
    ///
    /// # Errors
    /// [`DataDirError::Unusable`].
    pub fn publish(&self, address: &RunningAddress) -> Result<(), DataDirError> {
        let text = serde_json::to_vec_pretty(address).unwrap_or_default();
        private_file::write(&self.address_file(), &text).map_err(|reason| self.unusable(reason))
    }

    /// Takes the address back.
    pub fn withdraw(&self) {
        // It may be gone already; a stale one is noticed by the one who dials it.
        let _ = std::fs::remove_file(self.address_file());
        let _ = std::fs::remove_file(self.token());
    }
}

//! The agent's directory.

use jumpdeck_protocol::{Timestamp, private_file};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Where an agent keeps its key and what it knows of its appliance.
#[derive(Clone, Debug)]
pub struct AgentDir(PathBuf);

/// An appliance, as an agent remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `https://host:port`.
    pub url: String,
    /// The fingerprint of the appliance's key.
    pub fingerprint: String,
}

/// Why the directory cannot be used.
#[derive(Debug, Error)]
pub enum AgentDirError {
    /// The system does not let us.
    #[error("the agent's directory {path} cannot be used: {reason}")]
    Unusable {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// Another agent has it.
    #[error("another agent already runs in {0}")]
    InUse(PathBuf),
}

impl AgentDir {
    /// Makes the directory if there is none.
    ///
    /// # Errors
    /// [`AgentDirError::Unusable`].
    pub fn create(path: &Path) -> Result<Self, AgentDirError> {
        let dir = Self(path.to_path_buf());
        private_file::create_dir(path).map_err(|reason| dir.unusable(reason))?;
        Ok(dir)
    }

    /// The directory at a path, whether it exists or not.
    pub fn at(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    /// Where this user's Jump Client usually is: a service's for root, else under the home
    /// directory.
    pub fn usual() -> Option<PathBuf> {
        if rustix::process::geteuid().is_root() {
            return Some(PathBuf::from("/var/lib/jumpdeck-agent"));
        }
        let dirs = directories::ProjectDirs::from("", "", "jumpdeck-agent")?;
        Some(dirs.data_dir().to_path_buf())
    }

    fn unusable(&self, reason: io::Error) -> AgentDirError {
        AgentDirError::Unusable { path: self.0.clone(), reason }
    }

    /// Takes the directory for one agent, for as long as the file lives.
    ///
    /// # Errors
    /// [`AgentDirError::InUse`] when another process has it.
    pub fn lock(&self) -> Result<File, AgentDirError> {
        let mut file = self.open_lock().map_err(|reason| self.unusable(reason))?;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(reason)) => return Err(self.unusable(reason)),
                Err(TryLockError::WouldBlock) => {}
            }
            // Anyone who looks whether it is held shares it for a moment; its owner does not share.
            match file.try_lock_shared() {
                Ok(()) => drop(file.unlock()),
                Err(TryLockError::WouldBlock) => return Err(AgentDirError::InUse(self.0.clone())),
                Err(TryLockError::Error(reason)) => return Err(self.unusable(reason)),
            }
            std::thread::yield_now();
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|reason| self.unusable(reason))?;
        Ok(file)
    }

    fn open_lock(&self) -> io::Result<File> {
        File::options().create(true).append(true).read(true).open(self.lock_file())
    }

    /// The process that has the directory, if one has.
    pub fn running(&self) -> Option<u32> {
        let file = File::open(self.lock_file()).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {}
            Ok(()) | Err(TryLockError::Error(_)) => return None,
        }
        io::read_to_string(file).ok()?.trim().parse().ok()
    }

    /// Forgets the key and the appliance: a copy of another machine becomes one of its own. The
    /// former key is kept beside, once.
    ///
    /// # Errors
    /// What the system said, or that it was done before.
    pub fn begin_anew(&self) -> io::Result<()> {
        let _lock = self.lock().map_err(|error| io::Error::other(error.to_string()))?;
        let former = self.0.join("identity.key.former");
        if former.try_exists()? {
            let said = format!(
                "{} is there: this machine has a new identity already; leave --new-identity out",
                former.display()
            );
            return Err(io::Error::other(said));
        }
        let gone = |outcome: io::Result<()>| match outcome {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        };
        gone(std::fs::rename(self.key(), &former))?;
        gone(std::fs::remove_file(self.0.join("appliance.json")))?;
        gone(std::fs::remove_file(self.expiry()))
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn lock_file(&self) -> PathBuf {
        self.0.join("agent.lock")
    }

    /// The agent's own copy of this program, if it was installed by itself.
    pub(crate) fn program(&self) -> PathBuf {
        self.0.join("bin/jumpdeck-agent")
    }

    /// Says that this program was put there by itself.
    pub(crate) fn marker(&self) -> PathBuf {
        self.0.join("installed")
    }

    /// What starts it by hand, for a shell.
    pub(crate) fn run_command(&self) -> String {
        let mode = if rustix::process::geteuid().is_root() { "" } else { " --user" };
        format!("{} run --data-dir {}{mode}", in_shell(&self.program()), in_shell(&self.0))
    }

    /// What removes it, for a shell.
    pub(crate) fn uninstall_command(&self) -> String {
        format!("{} uninstall --data-dir {}", in_shell(&self.program()), in_shell(&self.0))
    }

    pub(crate) fn expiry(&self) -> PathBuf {
        self.0.join("expires.json")
    }

    /// When the Jump Client uninstalls itself, as far as it knows.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        serde_json::from_slice(&std::fs::read(self.expiry()).ok()?).ok()
    }

    /// Remembers when the Jump Client uninstalls itself.
    ///
    /// # Errors
    /// [`AgentDirError::Unusable`].
    pub(crate) fn expires_at(&self, time: Option<Timestamp>) -> Result<(), AgentDirError> {
        if time == self.expires() {
            return Ok(());
        }
        let text = serde_json::to_vec(&time).unwrap_or_default();
        private_file::write(&self.expiry(), &text).map_err(|reason| self.unusable(reason))
    }

    /// The agent's private key.
    pub(crate) fn key(&self) -> PathBuf {
        self.0.join("identity.key")
    }

    /// The appliance this agent belongs to.
    pub fn target(&self) -> Option<Target> {
        serde_json::from_slice(&std::fs::read(self.0.join("appliance.json")).ok()?).ok()
    }

    /// Forgets the appliance and the key that it knows.
    ///
    /// # Errors
    /// [`AgentDirError::Unusable`].
    pub(crate) fn forget(&self) -> Result<(), AgentDirError> {
        for path in [self.key(), self.0.join("appliance.json")] {
            match std::fs::remove_file(&path) {
                Err(reason) if reason.kind() != io::ErrorKind::NotFound => {
                    return Err(AgentDirError::Unusable { path, reason });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Remembers the appliance.
    ///
    /// # Errors
    /// [`AgentDirError::Unusable`].
    pub(crate) fn remember(&self, target: &Target) -> Result<(), AgentDirError> {
        let text = serde_json::to_vec_pretty(target).unwrap_or_default();
        private_file::write(&self.0.join("appliance.json"), &text)
            .map_err(|reason| self.unusable(reason))
    }
}

/// A path as a shell reads it.
fn in_shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

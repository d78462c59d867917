//! Who this agent is: its key, and the machine it runs on.

use crate::files::AgentDir;
use data_encoding::HEXLOWER;
use jumpdeck_protocol::private_file;
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use std::path::PathBuf;
use thiserror::Error;

/// Why the agent has no usable key.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The system does not let us read or write it.
    #[error("the agent's key {path} cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// It is no key.
    #[error("{0} is no Ed25519 key; restore it, or remove it and enrol this machine again")]
    Malformed(PathBuf),
    /// No randomness.
    #[error("the system has no randomness for a key")]
    NoRandomness,
}

/// Reads the agent's key, or makes it.
pub(crate) fn key_pair(dir: &AgentDir) -> Result<Ed25519KeyPair, IdentityError> {
    let path = dir.key();
    let unusable = |reason| IdentityError::Unusable { path: dir.key(), reason };
    if !path.exists() {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let document = made.map_err(|_| IdentityError::NoRandomness)?;
        private_file::write(&path, document.as_ref()).map_err(unusable)?;
    }
    let bytes = std::fs::read(&path).map_err(unusable)?;
    Ed25519KeyPair::from_pkcs8(&bytes).map_err(|_| IdentityError::Malformed(path))
}

/// A hash that tells this machine from a copy of its disk's contents on another one. The id of
/// the machine itself does not leave it.
pub(crate) fn machine() -> String {
    let id = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .filter(|id| !id.trim().is_empty())
        .unwrap_or_else(crate::facts::hostname);
    let hash =
        digest::digest(&digest::SHA256, format!("jumpdeck machine {}", id.trim()).as_bytes());
    HEXLOWER.encode(hash.as_ref())
}

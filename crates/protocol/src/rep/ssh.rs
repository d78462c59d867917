//! Public keys that open the SSH front door.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// A public key of a rep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKey {
    /// Its algorithm, as OpenSSH names it.
    pub algorithm: Box<str>,
    /// `SHA256:` and the digest in base64, as `ssh-keygen -l` shows it.
    pub fingerprint: Box<str>,
    /// What stands behind the key, for people.
    pub comment: Box<str>,
    /// When it was added.
    pub added: Timestamp,
}

/// What to do with one's own public keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SshKeyRequest {
    /// Say which there are.
    List,
    /// Add one. The link was opened with the password a moment ago.
    Add {
        /// A line as in `authorized_keys`, without options.
        key: Box<str>,
    },
    /// Remove one. What was opened with it ends.
    Remove {
        /// Its fingerprint, or its comment.
        which: Box<str>,
    },
}

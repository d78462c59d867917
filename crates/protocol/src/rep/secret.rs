//! What must not be read by accident: no `Debug` of these shows it.

use crate::{InstallerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A text that is shown to nobody by accident.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A new installer. The key is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installer {
    /// Its number.
    #[serde(default)]
    pub id: InstallerId,
    /// What an agent proves it was invited with.
    pub key: String,
    /// Until when it can be used.
    pub expires: Timestamp,
    /// The fingerprint of the appliance's key, for the agent to check.
    pub fingerprint: String,
    /// The name of the group its clients will are in.
    pub group: String,
}

impl fmt::Debug for Installer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Installer")
            .field("id", &self.id)
            .field("expires", &self.expires)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

/// A user that was made. The password is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUser {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser").field("username", &self.username).finish_non_exhaustive()
    }
}

//! Logins that outlive their link.

use super::Entity;
use jumpdeck_protocol::{LoginId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// A login that outlives its link.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptLogin {
    pub id: LoginId,
    /// SHA-256 of the token; the token itself is not kept.
    pub token_hash: String,
    pub user: UserId,
    pub made: Timestamp,
    pub expires: Timestamp,
    /// What holds it, for people.
    pub holder: String,
    /// That of the account when it was kept.
    pub generation: u64,
}

impl Entity for KeptLogin {
    fn id(&self) -> LoginId {
        self.id
    }
}

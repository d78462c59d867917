//! Accounts of programs.

use super::Entity;
use jumpdeck_protocol::rep::ApiScope;
use jumpdeck_protocol::{ApiAccountId, Timestamp};
use serde::{Deserialize, Serialize};

/// An account of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiAccount {
    pub id: ApiAccountId,
    pub name: String,
    /// SHA-256 of the token; the token itself is shown once and not kept.
    pub token_hash: String,
    pub scopes: Vec<ApiScope>,
    pub made: Timestamp,
    pub expires: Timestamp,
}

impl Entity for ApiAccount {
    fn id(&self) -> ApiAccountId {
        self.id
    }
}

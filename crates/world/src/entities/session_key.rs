//! Session keys (DOMAIN 8).

use super::Entity;
use jumpdeck_protocol::log::Attributes;
use jumpdeck_protocol::queue::Queue;
use jumpdeck_protocol::{SessionKeyId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What a machine joins with that is not a Jump Client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionKey {
    pub id: SessionKeyId,
    /// SHA-256 of the key; the key itself is shown once and not kept.
    pub key_hash: String,
    /// Who made it.
    pub user: UserId,
    pub queue: Queue,
    pub expires: Timestamp,
    /// What the session gets that comes of it.
    #[serde(default)]
    pub attributes: Attributes,
}

impl Entity for SessionKey {
    fn id(&self) -> SessionKeyId {
        self.id
    }
}

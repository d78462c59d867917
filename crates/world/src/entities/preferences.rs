//! What a user likes.

use super::Entity;
use jumpdeck_protocol::UserId;
use jumpdeck_protocol::preferences::Preferences;
use serde::{Deserialize, Serialize};

/// What a user likes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptPreferences {
    pub user: UserId,
    pub preferences: Preferences,
}

impl Entity for KeptPreferences {
    fn id(&self) -> UserId {
        self.user
    }
}

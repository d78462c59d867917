//! Installers (DOMAIN 7).

use super::Entity;
use crate::World;
use jumpdeck_policy::Permission;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::{InstallerId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What an agent enrols with (DOMAIN 7).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Installer {
    pub id: InstallerId,
    /// SHA-256 of the key; the key itself is shown once and not kept.
    pub key_hash: String,
    pub place: Place,
    pub expires: Timestamp,
    pub revoked: bool,
    pub local: bool,
    /// Who made it; nobody: the appliance itself, or a version that did not write it down.
    #[serde(default)]
    pub maker: Option<UserId>,
    #[serde(default)]
    pub made: Timestamp,
}

impl Installer {
    /// Who made it; nobody: the appliance itself. Keys of before are known by the list they are for.
    pub fn maker(&self) -> Option<UserId> {
        self.maker.or(match self.place {
            Place::Personal(user) if !self.local => Some(user),
            _ => None,
        })
    }
}

impl Entity for Installer {
    fn id(&self) -> InstallerId {
        self.id
    }
}

impl World {
    /// Whether the one who made an installer key may still add machines where it leads.
    pub fn is_vouched_for(&self, installer: &Installer) -> bool {
        let Some(maker) = installer.maker() else {
            return true;
        };
        let may = |user| self.decide(user, installer.place, Some(Permission::PermAdd)).is_allowed();
        self.user(maker).is_some_and(|user| user.enabled && may(user))
    }

    /// What is written down of a key wherever it is used.
    pub fn installer_in_words(&self, installer: &Installer) -> String {
        let maker = installer.maker().map(|maker| self.username(maker));
        format!("installer {} of {}", installer.id, maker.as_deref().unwrap_or("the appliance"))
    }
}

//! The site: its portals, and what holds for the whole appliance.

use super::Entity;
use jumpdeck_policy::{PolicyChoice, SimultaneousJumps};
use jumpdeck_protocol::PortalId;
use serde::{Deserialize, Serialize};

/// A site address through which customers arrive (DOMAIN 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portal {
    pub id: PortalId,
    pub name: String,
    /// Its host name.
    pub address: String,
    /// The one that counts for items that name none.
    pub default: bool,
    pub session_policy: Option<PolicyChoice>,
}

/// What holds for the whole appliance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Site {
    /// What becomes of a second rep where no Jump Policy says it.
    pub simultaneous_jumps: SimultaneousJumps,
    /// Seconds after which a rep has to log in again; 0: never.
    pub login_life: u64,
    /// Seconds without a key after which a console locks itself; 0: never.
    pub idle_lock: u64,
    /// Days that recordings are kept where no Jump Policy says it; 0: always.
    pub recordings_days: u32,
}

impl Default for Site {
    fn default() -> Self {
        let simultaneous_jumps = SimultaneousJumps::NewSession;
        Self { simultaneous_jumps, login_life: 0, idle_lock: 0, recordings_days: 0 }
    }
}

impl Entity for Portal {
    fn id(&self) -> PortalId {
        self.id
    }
}

/// There is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SiteId(pub u64);

impl SiteId {
    pub const ONLY: Self = Self(1);
}

impl Entity for Site {
    fn id(&self) -> SiteId {
        SiteId::ONLY
    }
}

//! What a rep can choose for items.

use crate::{PortalId, SessionPolicyId};
use serde::{Deserialize, Serialize};

/// What a rep can choose for items, by id and name, and what holds for the rep's console.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// Session policies that may be applied to items.
    pub session_policies: Vec<(SessionPolicyId, Box<str>)>,
    /// Public portals.
    pub portals: Vec<(PortalId, Box<str>)>,
    /// Seconds without a key after which the console locks itself; 0: never.
    pub idle_lock: u64,
}

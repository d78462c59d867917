//! Where an item stands.

use crate::queue::Queue;
use crate::{JumpGroupId, UserId};
use serde::{Deserialize, Serialize};

/// Where an item stands: in a Jump Group, on a rep's personal list, or not yet anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In a Jump Group.
    JumpGroup(JumpGroupId),
    /// On this user's personal list.
    Personal(UserId),
    /// It is no Jump Item, but a machine that joined with a session key: nobody's inventory has it.
    Queue(Queue),
}

impl Default for Place {
    fn default() -> Self {
        Self::Personal(UserId(0))
    }
}

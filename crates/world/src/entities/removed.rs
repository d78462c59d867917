//! Jump Clients and Jump Items that were removed.

use super::{Entity, Indexes, Item};
use jumpdeck_protocol::handshake::PublicKey;
use jumpdeck_protocol::{EndpointId, ItemId, Timestamp};
use serde::{Deserialize, Serialize};

/// A Jump Client that was removed and may not know it yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Removed {
    pub endpoint: EndpointId,
    pub key: PublicKey,
    pub at: Timestamp,
}

/// A Jump Item that was removed because its machine was away for too long: it can be taken back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    pub item: Item,
    pub at: Timestamp,
    /// The same by the clock that nobody sets.
    pub lived: i64,
}

impl Entity for Removed {
    fn id(&self) -> EndpointId {
        self.endpoint
    }

    fn index(indexes: &mut Indexes, before: Option<&Self>, after: Option<&Self>) {
        if let Some(before) = before {
            indexes.removed.remove(&before.key);
        }
        if let Some(after) = after {
            indexes.removed.insert(after.key, after.endpoint);
        }
    }
}

impl Entity for Kept {
    fn id(&self) -> ItemId {
        self.item.view.id
    }
}

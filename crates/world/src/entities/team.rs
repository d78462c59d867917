//! Teams of reps (DOMAIN 1).

use super::{Entity, Indexes};
use jumpdeck_protocol::queue::Rank;
use jumpdeck_protocol::{TeamId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A team of reps (DOMAIN 1).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Team {
    pub id: TeamId,
    pub name: String,
    pub members: BTreeMap<UserId, Rank>,
}

impl Entity for Team {
    fn id(&self) -> TeamId {
        self.id
    }

    fn index(indexes: &mut Indexes, _: Option<&Self>, _: Option<&Self>) {
        indexes.rights_changed();
    }
}

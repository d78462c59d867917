//! A Jump Item.

use super::{Entity, Indexes};
use jumpdeck_protocol::agent::Standing;
use jumpdeck_protocol::handshake::PublicKey;
use jumpdeck_protocol::inventory::{ItemView, Place};
use jumpdeck_protocol::jump_method::Route;
use jumpdeck_protocol::log::Attributes;
use jumpdeck_protocol::rights::Permissions;
use jumpdeck_protocol::{EndpointId, ItemId, JumpPolicyId, Revision, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A Jump Item with what only the appliance knows of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    /// What a rep may see; `view.revision` is the document's version.
    pub view: Arc<ItemView>,
    /// The key its agent proves; a shortcut has no agent.
    #[serde(default)]
    pub key: Option<PublicKey>,
    /// The machine it enrolled from.
    #[serde(default)]
    pub machine: String,
    /// The agent that an embedded appliance brings along.
    #[serde(default)]
    pub local: bool,
    /// For a copy: the endpoint it leads to.
    #[serde(default)]
    pub copy_of: Option<EndpointId>,
    /// Whether its own machine lets it be used.
    #[serde(default)]
    pub standing: Standing,
    /// Who edited it last.
    #[serde(default)]
    pub edited_by: Option<UserId>,
    /// What its first session gets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Attributes,
    /// Where it was brought from by somebody who could not do everything there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
}

/// Where an item was brought from, and what the one who brought it could not have done there: the one who
/// could not there does not here either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub from: Place,
    pub lacked: Permissions,
    /// The Jump Policies that counted there instead of the item's own.
    #[serde(default)]
    pub jump_policies: BTreeSet<JumpPolicyId>,
}

/// What leads to an item's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The agent of this endpoint.
    Agent(EndpointId),
}

impl Item {
    /// Whether it is no Jump Item, but a machine that came for one session.
    pub fn is_visitor(&self) -> bool {
        matches!(self.view.place, Place::Queue(_))
    }

    /// What leads to its machine; nothing if this version knows no way.
    pub fn reach(&self) -> Option<Reach> {
        match self.view.method.route() {
            Route::Agent => self.endpoint().map(Reach::Agent),
            Route::Jumpoint | Route::Console => None,
        }
    }

    /// The machine it leads to, if an agent is there.
    pub fn endpoint(&self) -> Option<EndpointId> {
        self.key.map(|_| self.copy_of.unwrap_or(EndpointId(self.view.id.0)))
    }
}

impl Entity for Item {
    fn id(&self) -> ItemId {
        self.view.id
    }

    fn stamp(&mut self, revision: Revision) {
        Arc::make_mut(&mut self.view).revision = revision;
    }

    fn index(indexes: &mut Indexes, before: Option<&Self>, after: Option<&Self>) {
        indexes.item(before, after);
    }
}

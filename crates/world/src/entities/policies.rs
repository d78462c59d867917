//! What the policy crate decides by, as the World keeps it, and Jump Groups.

use super::{Entity, Indexes};
use jumpdeck_policy::{GroupPolicy, JumpPolicy, Role, SessionPolicy};
use jumpdeck_protocol::inventory::GroupView;
use jumpdeck_protocol::{GroupPolicyId, JumpGroupId, JumpPolicyId, RoleId, SessionPolicyId};

impl Entity for GroupView {
    fn id(&self) -> JumpGroupId {
        self.id
    }
}

impl Entity for Role {
    fn id(&self) -> RoleId {
        self.id
    }
}

impl Entity for JumpPolicy {
    fn id(&self) -> JumpPolicyId {
        self.id
    }
}

impl Entity for SessionPolicy {
    fn id(&self) -> SessionPolicyId {
        self.id
    }
}

impl Entity for GroupPolicy {
    fn id(&self) -> GroupPolicyId {
        self.id
    }

    fn index(indexes: &mut Indexes, _: Option<&Self>, _: Option<&Self>) {
        indexes.rights_changed();
    }
}

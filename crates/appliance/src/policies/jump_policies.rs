//! Jump Policies, as consoles are told of them.

use crate::app::Appliance;
use jumpdeck_policy::JumpPolicy;
use jumpdeck_protocol::inventory::JumpPolicyView;
use jumpdeck_protocol::{JumpPolicyId, Refusal};
use jumpdeck_store::Draft;

impl Appliance {
    /// Makes a Jump Policy, or changes the one of this code name.
    ///
    /// # Errors
    /// A [`Refusal`] when the store fails.
    pub async fn put_jump_policy(&self, mut policy: JumpPolicy) -> Result<JumpPolicyId, Refusal> {
        let edit = move |draft: &mut Draft| {
            let known = draft.policies().find(|known| known.code_name == policy.code_name);
            policy.id = known.map_or_else(|| draft.next::<JumpPolicy>(), |known| known.id);
            let id = policy.id;
            draft.put(policy).map(|()| id)
        };
        let id = self.store.edit(edit).await?;
        self.look_at_policies();
        Ok(id)
    }

    /// Every Jump Policy as reps see it now.
    pub(crate) fn policy_views(&self) -> Vec<JumpPolicyView> {
        let now = self.now();
        self.world().policies().map(|policy| policy.view(now)).collect()
    }

    /// Tells consoles of policies that opened, closed or changed.
    pub(crate) fn look_at_policies(&self) {
        let views = self.policy_views();
        self.policies.send_if_modified(|told| {
            let changed = *told != views;
            *told = views;
            changed
        });
    }
}

//! Jump Policies, as consoles are told of them.

use crate::base::Base;
use crate::jobs::{Every, Jobs};
use jumpdeck_policy::JumpPolicy;
use jumpdeck_protocol::inventory::JumpPolicyView;
use jumpdeck_protocol::{JumpPolicyId, Refusal};
use jumpdeck_store::Draft;
use std::sync::Arc;
use tokio::sync::watch;

/// Tells consoles which Jump Policies are open.
pub(crate) struct JumpPolicies {
    base: Base,
    /// As consoles see them.
    policies: watch::Sender<Vec<JumpPolicyView>>,
}

impl JumpPolicies {
    pub(crate) fn new(base: Base) -> Self {
        Self { base, policies: watch::channel(Vec::new()).0 }
    }

    /// Changes whenever one opens, closes or is edited.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Vec<JumpPolicyView>> {
        self.policies.subscribe()
    }

    /// Makes a Jump Policy, or changes the one of this code name.
    ///
    /// # Errors
    /// A [`Refusal`] when the store fails.
    pub(crate) async fn put_jump_policy(
        &self,
        policy: JumpPolicy,
    ) -> Result<JumpPolicyId, Refusal> {
        let edit = move |draft: &mut Draft| {
            let known = draft.policies().find(|known| known.code_name == policy.code_name);
            let id = known.map_or_else(|| draft.next::<JumpPolicy>(), |known| known.id);
            draft.put(JumpPolicy { id, ..policy.clone() }).map(|()| id)
        };
        let id = self.base.store.edit(edit).await?;
        self.look_at_policies();
        Ok(id)
    }

    /// Every Jump Policy as reps see it now.
    pub(crate) fn policy_views(&self) -> Vec<JumpPolicyView> {
        let now = self.base.now();
        self.base.world().policies().map(|policy| policy.view(now)).collect()
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

    pub(crate) fn jobs(self: &Arc<Self>, jobs: &mut Jobs) {
        jobs.add(Every::Look, self, |policies| async move { policies.look_at_policies() });
    }
}

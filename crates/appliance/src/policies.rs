//! Jump Policies: told to consoles, and asked before a session starts.

use crate::appliance::Appliance;
use crate::document::{Document, Item};
use crate::store::Draft;
use jiff::tz::TimeZone;
use jumpdeck_policy::JumpPolicy;
use jumpdeck_protocol::inventory::{JumpPolicyView, PolicyState};
use jumpdeck_protocol::{JumpPolicyId, Refusal, RefusalCode, Timestamp};

impl Appliance {
    /// Makes a Jump Policy, or changes the one of this code name.
    ///
    /// # Errors
    /// A [`Refusal`] when the store fails.
    pub async fn put_jump_policy(&self, mut policy: JumpPolicy) -> Result<JumpPolicyId, Refusal> {
        let edit = move |draft: &mut Draft| {
            let known = draft.policies().find(|known| known.code_name == policy.code_name);
            policy.id = known.map_or_else(|| draft.next_policy(), |known| known.id);
            let id = policy.id;
            draft.put(Document::JumpPolicy(policy)).map(|()| id)
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

    /// Whether an item's Jump Policy lets anybody in now. Returns whether its schedule had to be
    /// overridden for that.
    pub(crate) fn check_policy(&self, item: &Item, overriding: bool) -> Result<bool, Refusal> {
        let Some(id) = item.view.jump_policy else {
            return Ok(false);
        };
        let world = self.world();
        let Some(policy) = world.policy(id) else {
            return Ok(false);
        };
        let view = policy.view(self.now());
        match view.state {
            PolicyState::Always | PolicyState::Open { .. } => Ok(false),
            PolicyState::Closed { .. } if overriding && !view.strict => Ok(true),
            PolicyState::Closed { opens } => {
                let when = opens.map_or("it never opens".to_owned(), |opens| {
                    format!("it opens {}", in_utc(opens))
                });
                let detail = format!("{}: {when}", policy.display_name);
                Err(RefusalCode::ScheduleClosed.because(detail))
            }
        }
    }
}

/// A moment, for whoever may be anywhere.
pub(crate) fn in_utc(time: Timestamp) -> String {
    let instant = jiff::Timestamp::from_second(time.0).unwrap_or_default();
    instant.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

//! What has a say in the start of a session: the same for whoever starts one, and for whoever asks
//! why, or what it would grant.

use crate::document::Item;
use crate::policies::in_utc;
use crate::user::User;
use crate::world::World;
use jumpdeck_policy::{
    Attempt, Decision, JumpPolicy, Permission, PolicyChoice, Say, SessionPolicy, SimultaneousJumps,
    Source, Step, Verdict, granted, simulate, simulate_one,
};
use jumpdeck_protocol::inventory::{ItemPolicies, ItemView, JumpMethod, Place};
use jumpdeck_protocol::session_policy::{
    Granted, Layer, Rules, SessionPermission, Simulated, StartMethod,
};
use jumpdeck_protocol::{Refusal, RefusalCode, SessionPolicyId, Timestamp, UserId};
use std::sync::Arc;

/// Whether a session may be started.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub decision: Decision,
    /// What to say to the rep, if it may not.
    pub refusal: Option<Refusal>,
    /// The Jump Policy whose schedule is overridden.
    pub overrides: Option<String>,
}

/// The session policies that have a say in a session, the first one first.
#[derive(Clone, Debug)]
pub(crate) struct Layers(Vec<(Layer, String, Arc<Rules>)>);

impl Layers {
    fn says(&self) -> Vec<Say<'_>> {
        let layers = self.0.iter();
        layers.map(|(layer, policy, rules)| Say { layer: *layer, policy, rules }).collect()
    }

    /// What the session grants.
    pub(crate) fn granted(&self) -> Granted {
        granted(&self.says())
    }

    /// The same with the layers' reasons.
    pub(crate) fn simulate(&self) -> Vec<Simulated> {
        simulate(&self.says())
    }

    /// What is said of a permission, and by whom, as a sentence.
    pub(crate) fn because(&self, permission: SessionPermission) -> String {
        let told = simulate_one(&self.says(), permission);
        let (layer, name) = (told.layer.title(), permission.as_str());
        format!("the session policy {} ({layer}) says {name}: {}", told.policy, told.value)
    }

    /// Whether a shell may be opened, as a step.
    pub(crate) fn shell(&self) -> Step {
        let told = simulate_one(&self.says(), SessionPermission::CommandShell);
        let source = format!("the session policy {} ({})", told.policy, told.layer.title());
        let granted = self.granted();
        if granted.command_shell.is_allowed() && !granted.command_filter.is_open() {
            Step::allows(source, "allows single commands that its filter lets pass, and no shell")
        } else if granted.command_shell.is_allowed() {
            Step::allows(source, "allows shells and commands")
        } else {
            Step::denies(source, "denies shells and commands")
        }
    }
}

impl World {
    /// The Jump Policy that counts for a user and an item, and who said so if it is not the item.
    pub(crate) fn jump_policy_of(
        &self,
        user: UserId,
        item: &ItemView,
    ) -> Option<(&Arc<JumpPolicy>, Option<Source>)> {
        if let Place::JumpGroup(group) = item.place
            && let Some(given) =
                self.effective(user)?.groups.get(&group).and_then(|own| own.jump_policy.as_ref())
            && let Some(policy) = self.policy(given.value)
        {
            return Some((policy, Some(given.by.clone())));
        }
        Some((self.policy(item.jump_policy?)?, None))
    }

    /// What becomes of whoever jumps to an item that another rep is in a session with, and what
    /// says so (DOMAIN 5).
    pub(crate) fn simultaneous(&self, user: UserId, item: &Item) -> (SimultaneousJumps, String) {
        let policy = self.jump_policy_of(user, &item.view);
        let own = policy.and_then(|(policy, _)| {
            let source = format!("the Jump Policy {}", policy.display_name);
            Some((policy.simultaneous_jumps?, source))
        });
        let site = || (self.site().simultaneous_jumps, "the setting of simultaneous jumps".into());
        own.unwrap_or_else(site)
    }

    /// Whether a user may have sessions with an item, whenever they are.
    pub(crate) fn may_have(&self, user: &User, item: &ItemView) -> bool {
        let denies = |step: Step| step.wants == Some(Verdict::Deny);
        self.decide(user, item.place, Some(Permission::PermStart)).is_allowed()
            && !self.method(user, item.method).is_some_and(denies)
    }

    /// Whether a user may start a session with an item at a moment.
    pub(crate) fn may_start(
        &self,
        user: &User,
        item: &ItemView,
        at: Timestamp,
        attempt: Attempt,
    ) -> Start {
        let decision = self.decide(user, item.place, Some(Permission::PermStart));
        let mut start = Start { decision, refusal: None, overrides: None };
        if !start.decision.is_allowed() {
            let detail = start.decision.to_string();
            start.refusal = Some(RefusalCode::PermissionDenied.because(detail));
            return start;
        }
        if let Some(step) = self.method(user, item.method) {
            let denied = step.wants == Some(Verdict::Deny);
            start.add(step, denied.then_some(RefusalCode::PermissionDenied));
        }
        if start.refusal.is_none()
            && let Some((policy, by)) = self.jump_policy_of(user.id, item)
        {
            if let Some(by) = by {
                let says = format!("applies the Jump Policy {} here", policy.display_name);
                start.add(Step::leads(by.words(), says), None);
            }
            for condition in policy.conditions(at, attempt, in_utc) {
                if start.refusal.is_some() {
                    break;
                }
                if condition.overridden {
                    start.overrides = Some(policy.display_name.clone());
                }
                start.add(condition.step, condition.refusal);
            }
        }
        start
    }

    /// What the ways a user may jump in say; nothing where nothing was said of them.
    fn method(&self, user: &User, method: JumpMethod) -> Option<Step> {
        let methods = &self.effective(user.id)?.settings.jump_methods;
        let source = methods.by.words();
        if !methods.value.contains(&method) {
            return Some(Step::denies(source, format!("does not allow {}", method.title())));
        }
        match methods.by {
            Source::User => None,
            Source::Policy(_) => Some(Step::allows(source, format!("allows {}", method.title()))),
        }
    }

    /// The session policies that have a say in a session of this user with such an item.
    pub(crate) fn layers(
        &self,
        user: UserId,
        item: ItemPolicies,
        method: StartMethod,
        customer_present: bool,
    ) -> Layers {
        let mut layers = Vec::new();
        let of_item =
            if customer_present { item.customer_present } else { item.customer_not_present };
        layers.extend(of_item.and_then(|id| self.shared(Layer::JumpItem, id, "")));
        if let Some(portal) = self.portal(item.public_portal) {
            let own = portal.session_policy.as_ref();
            let through = format!(" of the portal {}", portal.name);
            layers.extend(own.and_then(|own| self.chosen(Layer::PublicPortal, own, &through)));
        }
        let settings = self.effective(user).map(|effective| &effective.settings);
        let given = settings.map(|settings| match method {
            StartMethod::Attended => &settings.attended_session_policy,
            StartMethod::Unattended => &settings.unattended_session_policy,
        });
        if let Some(given) = given
            && let Some(choice) = &given.value
        {
            let through = match &given.by {
                Source::User => String::new(),
                Source::Policy(name) => format!(" through the group policy {name}"),
            };
            layers.extend(self.chosen(Layer::Representative, choice, &through));
        }
        layers.extend(self.shared(Layer::GlobalDefault, SessionPolicy::GLOBAL_DEFAULT, ""));
        Layers(layers)
    }

    fn chosen(
        &self,
        layer: Layer,
        choice: &PolicyChoice,
        through: &str,
    ) -> Option<(Layer, String, Arc<Rules>)> {
        match choice {
            PolicyChoice::Shared(id) => self.shared(layer, *id, through),
            PolicyChoice::Custom(rules) => {
                Some((layer, format!("(custom){through}"), Arc::clone(rules)))
            }
        }
    }

    fn shared(
        &self,
        layer: Layer,
        id: SessionPolicyId,
        through: &str,
    ) -> Option<(Layer, String, Arc<Rules>)> {
        let policy = self.session_policy(id)?;
        let rules = Arc::new(policy.rules.clone());
        Some((layer, format!("{}{through}", policy.display_name), rules))
    }
}

impl Start {
    /// One more thing has its say.
    fn add(&mut self, step: Step, refusal: Option<RefusalCode>) {
        let detail = format!("{} {}", step.source, step.says);
        if self.refusal.is_none() {
            self.refusal = refusal.map(|code| code.because(detail));
        }
        let before = Decision { verdict: self.decision.verdict, because: Vec::new() };
        self.decision = std::mem::replace(&mut self.decision, before).and(step);
    }

    /// What comes after the policies: it may be done or not.
    pub(crate) fn and(mut self, step: Step, refusal: Option<RefusalCode>) -> Self {
        self.add(step, refusal);
        self
    }
}

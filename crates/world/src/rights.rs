//! What has a say in the start of a session: the same for anyone who starts one, and for anyone who asks
//! why, or what it would grant.

use crate::names::in_utc;
use crate::{Item, User, World};
use jumpdeck_policy::{
    Attempt, Decision, JumpPolicy, Permission, PolicyChoice, Say, SessionPolicy, SimultaneousJumps,
    Source, Step, Verdict, granted, simulate, simulate_one,
};
use jumpdeck_protocol::inventory::{ItemPolicies, Place};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::rights::Permissions;
use jumpdeck_protocol::session_policy::{
    Granted, Layer, Rules, SessionPermission, Simulated, StartMethod,
};
use jumpdeck_protocol::{
    ItemId, Refusal, RefusalCode, SessionId, SessionPolicyId, Timestamp, UserId,
};
use std::sync::Arc;

/// What says that a Jump Policy counts which came along with an item.
const BROUGHT: &str = "the place that the item comes from";

/// A session that another user has with a machine.
#[derive(Clone, Copy, Debug)]
pub struct Other {
    pub session: SessionId,
    pub owner: UserId,
    pub item: ItemId,
    pub attended: bool,
}

/// A Jump Policy that counts.
#[derive(Clone, Debug)]
pub struct Counts<'w> {
    pub policy: &'w Arc<JumpPolicy>,
    /// Who said so, if it is not the item.
    pub by: Option<String>,
}

/// Whether a session may be started.
#[derive(Clone, Debug)]
pub struct Start {
    pub decision: Decision,
    /// What to say to the rep, if it may not.
    pub refusal: Option<Refusal>,
    /// The Jump Policy whose schedule is overridden.
    pub overrides: Option<String>,
}

/// The session policies that have a say in a session, the first one first.
#[derive(Clone, Debug)]
pub struct Layers(Vec<(Layer, String, Arc<Rules>)>);

impl Layers {
    fn says(&self) -> Vec<Say<'_>> {
        let layers = self.0.iter();
        layers.map(|(layer, policy, rules)| Say { layer: *layer, policy, rules }).collect()
    }

    /// What the session grants.
    pub fn granted(&self) -> Granted {
        granted(&self.says())
    }

    /// The same with the layers' reasons.
    pub fn simulate(&self) -> Vec<Simulated> {
        simulate(&self.says())
    }

    /// What is said of a permission, and by whom, as a sentence.
    pub fn because(&self, permission: SessionPermission) -> String {
        let told = simulate_one(&self.says(), permission);
        let (layer, name) = (told.layer.title(), permission.as_str());
        format!("the session policy {} ({layer}) says {name}: {}", told.policy, told.value)
    }

    /// Whether a shell may be opened, as a step.
    pub fn shell(&self) -> Step {
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
    /// What a user may do with the items of a place; nothing if they are hidden.
    pub fn permitted(&self, user: UserId, place: Place) -> Option<Permissions> {
        self.role_in(self.user(user)?, place).map(|role| role.permissions)
    }

    /// When sessions may be started in a place, by the Jump Policy of a user's membership.
    pub fn hours(&self, user: UserId, place: Place) -> String {
        let given = self.membership_policy(user, place);
        given.map(|(policy, _)| policy.hours_in_words()).unwrap_or_default()
    }

    /// The Jump Policy that a user's membership has for a place, and who gave it.
    pub fn membership_policy(
        &self,
        user: UserId,
        place: Place,
    ) -> Option<(&Arc<JumpPolicy>, Source)> {
        let Place::JumpGroup(group) = place else {
            return None;
        };
        let given = self.effective(user)?.groups.get(&group)?.jump_policy.as_ref()?;
        Some((self.policy(given.value)?, given.by.clone()))
    }

    /// The Jump Policies that count for a user and an item, all of them: that of the membership or
    /// else of the item, and those that came along with the item from where the user could not
    /// have changed them.
    pub fn jump_policies_of(&self, user: &User, item: &Item) -> Vec<Counts<'_>> {
        let place = item.view.place;
        let own = || item.view.jump_policy.and_then(|policy| self.policy(policy));
        let given = self.membership_policy(user.id, place);
        let first = match given {
            Some((policy, by)) => Some(Counts { policy, by: Some(by.words()) }),
            None => own().map(|policy| Counts { policy, by: None }),
        };
        let mut all: Vec<Counts<'_>> = first.into_iter().collect();
        let held = item.origins.iter().filter(|origin| {
            let policy = Permission::PermEditJumpPolicy;
            origin.lacked.has(policy) && !self.may_in(user, origin.from).has(policy)
        });
        for origin in held {
            let kept = origin.jump_policies.iter().filter_map(|policy| self.policy(*policy));
            for policy in own().into_iter().chain(kept) {
                if all.iter().all(|other| other.policy.id != policy.id) {
                    all.push(Counts { policy, by: Some(BROUGHT.to_owned()) });
                }
            }
        }
        all
    }

    /// What becomes of the one who jumps to an item that another rep is in a session with, and what
    /// says so (DOMAIN 5).
    pub fn simultaneous(&self, user: UserId, item: &Item) -> (SimultaneousJumps, String) {
        let policies = self.user(user).map(|user| self.jump_policies_of(user, item));
        let says = |counts: &Counts<'_>| {
            let source = format!("the Jump Policy {}", counts.policy.display_name);
            Some((counts.policy.simultaneous_jumps?, source))
        };
        // Of several the strictest.
        let said = policies.iter().flatten().filter_map(says);
        let own = said.max_by_key(|(jumps, _)| match jumps {
            SimultaneousJumps::NewSession => 0,
            SimultaneousJumps::Join => 1,
            SimultaneousJumps::Disallow => 2,
        });
        let site = || (self.site().simultaneous_jumps, "the setting of simultaneous jumps".into());
        own.unwrap_or_else(site)
    }

    /// Whether a rep who jumps to an item may join that session: the policy of the session's own
    /// item says so for its owner, and the rep sees that item and may start sessions with it.
    pub fn may_join(&self, user: &User, own: ItemId, other: &Other, at: Timestamp) -> bool {
        let Some(through) = self.item(other.item).filter(|item| !item.is_visitor()) else {
            return false;
        };
        !other.attended
            && self.simultaneous(other.owner, through).0 == SimultaneousJumps::Join
            && self.sees(user, through.view.place)
            // The jump's own item was judged already, with what the rep brought along.
            && (through.view.id == own
                || self.may_start(user, through, at, Attempt::default()).refusal.is_none())
    }

    /// Whether a user may have sessions with an item, whenever they are.
    pub fn may_have(&self, user: &User, item: &Item) -> bool {
        let denies = |step: Step| step.wants == Some(Verdict::Deny);
        self.decide_of(user, item, Permission::PermStart).is_allowed()
            && !self.method(user, item.view.method).is_some_and(denies)
    }

    /// Whether a user may start a session with an item at a moment.
    pub fn may_start(&self, user: &User, item: &Item, at: Timestamp, attempt: Attempt) -> Start {
        let decision = self.decide_of(user, item, Permission::PermStart);
        let mut start = Start { decision, refusal: None, overrides: None };
        if !start.decision.is_allowed() {
            let detail = start.decision.to_string();
            start.refusal = Some(RefusalCode::PermissionDenied.because(detail));
            return start;
        }
        if let Some(step) = self.method(user, item.view.method) {
            let denied = step.wants == Some(Verdict::Deny);
            start.add(step, denied.then_some(RefusalCode::PermissionDenied));
        }
        let policies =
            if start.refusal.is_none() { self.jump_policies_of(user, item) } else { Vec::new() };
        for Counts { policy, by } in policies {
            if let Some(by) = by {
                let says = format!("applies the Jump Policy {} here", policy.display_name);
                start.add(Step::leads(by, says), None);
            }
            for condition in policy.conditions(at, attempt, in_utc) {
                if start.refusal.is_some() {
                    return start;
                }
                if condition.overridden {
                    let before = start.overrides.take().map(|other| format!("{other}, "));
                    let name = &policy.display_name;
                    start.overrides = Some(format!("{}{name}", before.unwrap_or_default()));
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
    pub fn layers(
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
    #[must_use]
    pub fn and(mut self, step: Step, refusal: Option<RefusalCode>) -> Self {
        self.add(step, refusal);
        self
    }
}

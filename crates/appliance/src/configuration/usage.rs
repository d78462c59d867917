//! What depends on something: what names a role or a policy, and who is in a Jump Group.

use jumpdeck_policy::{GroupPolicy, Membership, PolicyChoice, Setting, Source};
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::{JumpGroupId, JumpPolicyId, PortalId, RoleId, SessionPolicyId};
use jumpdeck_world::Item;
use jumpdeck_world::World;
use std::fmt::Write;

/// What others may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dependency {
    Role(RoleId),
    SessionPolicy(SessionPolicyId),
    JumpPolicy(JumpPolicyId),
    Portal(PortalId),
    Group(JumpGroupId),
}

/// What depends on it, one by one.
pub(super) fn used_by(world: &World, subject: Dependency) -> Vec<String> {
    let mut users = Vec::new();
    for user in world.users() {
        let own = &user.settings;
        let slots = [own.default_role, own.personal_role, own.teams_role, own.system_role];
        let policies = [&own.attended_session_policy, &own.unattended_session_policy];
        let in_settings = match subject {
            Dependency::Role(role) => slots.contains(&role),
            Dependency::SessionPolicy(policy) => {
                policies.into_iter().any(|choice| is(choice.as_ref(), policy))
            }
            _ => false,
        };
        if in_settings || user.memberships.iter().any(|(g, m)| in_membership(subject, *g, *m)) {
            users.push(format!("user {}", user.username));
        }
    }
    for policy in world.group_policies() {
        if in_group_policy(subject, policy) {
            users.push(format!("group policy {}", policy.name));
        }
    }
    for portal in world.portals() {
        if let Dependency::SessionPolicy(policy) = subject
            && is(portal.session_policy.as_ref(), policy)
        {
            users.push(format!("public portal {}", portal.name));
        }
    }
    let items = world.items().filter(|item| in_item(subject, item)).count();
    if items > 0 {
        users.push(format!("{items} Jump Items"));
    }
    users
}

fn is(choice: Option<&PolicyChoice>, policy: SessionPolicyId) -> bool {
    choice == Some(&PolicyChoice::Shared(policy))
}

fn in_membership(subject: Dependency, group: JumpGroupId, membership: Membership) -> bool {
    match subject {
        Dependency::Role(role) => membership.role == Some(role),
        Dependency::JumpPolicy(policy) => membership.jump_policy == Some(policy),
        Dependency::Group(wanted) => group == wanted,
        Dependency::SessionPolicy(_) | Dependency::Portal(_) => false,
    }
}

fn in_group_policy(subject: Dependency, policy: &GroupPolicy) -> bool {
    let said = &policy.settings;
    let in_settings = match subject {
        Dependency::Role(role) => {
            [&said.default_role, &said.personal_role, &said.teams_role, &said.system_role]
                .into_iter()
                .any(|setting| holds(setting, |held| *held == role))
        }
        Dependency::SessionPolicy(id) => {
            [&said.attended_session_policy, &said.unattended_session_policy]
                .into_iter()
                .any(|setting| holds(setting, |held| is(held.as_ref(), id)))
        }
        Dependency::Group(group) => policy.remove_from_groups.contains(&group),
        Dependency::JumpPolicy(_) | Dependency::Portal(_) => false,
    };
    in_settings || policy.add_to_groups.iter().any(|(g, m)| in_membership(subject, *g, *m))
}

fn holds<T>(setting: &Setting<T>, wanted: impl Fn(&T) -> bool) -> bool {
    match setting {
        Setting::NotDefined => false,
        Setting::Defined(value) | Setting::Final(value) => wanted(value),
    }
}

fn in_item(subject: Dependency, item: &Item) -> bool {
    let origins = &item.origins;
    let item = &item.view;
    match subject {
        Dependency::Role(_) => false,
        Dependency::SessionPolicy(id) => {
            [item.policies.customer_present, item.policies.customer_not_present].contains(&Some(id))
        }
        Dependency::JumpPolicy(id) => {
            let came_along = origins.iter().any(|origin| origin.jump_policies.contains(&id));
            came_along || item.jump_policy == Some(id)
        }
        Dependency::Portal(id) => item.policies.public_portal == Some(id),
        Dependency::Group(id) => item.place == Place::JumpGroup(id),
    }
}

/// The members of a Jump Group: with which role, who made them members, what is overridden.
pub(super) fn members(world: &World, group: JumpGroupId) -> Vec<String> {
    let member = |user: &std::sync::Arc<jumpdeck_world::User>| {
        let effective = world.effective(user.id)?;
        let membership = effective.groups.get(&group)?;
        let name = |role: RoleId| world.role(role).map_or("?", |role| role.name.as_str());
        let (role, by) = match &membership.role {
            Some(role) => (name(role.value), format!(", set by {}", role.by.words())),
            None => {
                (name(effective.settings.default_role.value), ", the user's default".to_owned())
            }
        };
        let granted: Vec<_> = membership.granted_by.iter().map(Source::words).collect();
        let mut line =
            format!("member {}: {role}{by}; granted by {}", user.username, granted.join(" and "));
        for other in &membership.overridden {
            // Writing to a text does not fail.
            let _ = write!(line, "; {} of {} is overridden", name(other.value), other.by.words());
        }
        Some(line)
    };
    world.users().filter_map(member).collect()
}

/// What depends on something, as a comment.
pub(super) fn note(world: &World, subject: Dependency) -> Vec<String> {
    let used = used_by(world, subject);
    if used.is_empty() { Vec::new() } else { vec![format!("used by {}", used.join(", "))] }
}

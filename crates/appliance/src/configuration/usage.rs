//! What depends on something: what names a role or a policy, and who is in a Jump Group.

use jumpdeck_policy::{GroupPolicy, Membership, PolicyChoice, Setting, Source};
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::{JumpGroupId, JumpPolicyId, PortalId, RoleId, SessionPolicyId};
use jumpdeck_world::Item;
use jumpdeck_world::World;
use std::fmt::Write;

/// What others may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Role(RoleId),
    SessionPolicy(SessionPolicyId),
    JumpPolicy(JumpPolicyId),
    Portal(PortalId),
    Group(JumpGroupId),
}

/// What depends on it, one by one.
pub(super) fn used_by(world: &World, subject: Subject) -> Vec<String> {
    let mut users = Vec::new();
    for user in world.users() {
        let own = &user.settings;
        let slots = [own.default_role, own.personal_role, own.teams_role, own.system_role];
        let policies = [&own.attended_session_policy, &own.unattended_session_policy];
        let in_settings = match subject {
            Subject::Role(role) => slots.contains(&role),
            Subject::SessionPolicy(policy) => {
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
        if let Subject::SessionPolicy(policy) = subject
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

fn in_membership(subject: Subject, group: JumpGroupId, membership: Membership) -> bool {
    match subject {
        Subject::Role(role) => membership.role == Some(role),
        Subject::JumpPolicy(policy) => membership.jump_policy == Some(policy),
        Subject::Group(wanted) => group == wanted,
        Subject::SessionPolicy(_) | Subject::Portal(_) => false,
    }
}

fn in_group_policy(subject: Subject, policy: &GroupPolicy) -> bool {
    let said = &policy.settings;
    let in_settings = match subject {
        Subject::Role(role) => {
            [&said.default_role, &said.personal_role, &said.teams_role, &said.system_role]
                .into_iter()
                .any(|setting| holds(setting, |held| *held == role))
        }
        Subject::SessionPolicy(id) => {
            [&said.attended_session_policy, &said.unattended_session_policy]
                .into_iter()
                .any(|setting| holds(setting, |held| is(held.as_ref(), id)))
        }
        Subject::Group(group) => policy.remove_from_groups.contains(&group),
        Subject::JumpPolicy(_) | Subject::Portal(_) => false,
    };
    in_settings || policy.add_to_groups.iter().any(|(g, m)| in_membership(subject, *g, *m))
}

fn holds<T>(setting: &Setting<T>, wanted: impl Fn(&T) -> bool) -> bool {
    match setting {
        Setting::NotDefined => false,
        Setting::Defined(value) | Setting::Final(value) => wanted(value),
    }
}

fn in_item(subject: Subject, item: &Item) -> bool {
    let origins = &item.origins;
    let item = &item.view;
    match subject {
        Subject::Role(_) => false,
        Subject::SessionPolicy(id) => {
            [item.policies.customer_present, item.policies.customer_not_present].contains(&Some(id))
        }
        Subject::JumpPolicy(id) => {
            let came_along = origins.iter().any(|origin| origin.jump_policies.contains(&id));
            came_along || item.jump_policy == Some(id)
        }
        Subject::Portal(id) => item.policies.public_portal == Some(id),
        Subject::Group(id) => item.place == Place::JumpGroup(id),
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
pub(super) fn note(world: &World, subject: Subject) -> Vec<String> {
    let used = used_by(world, subject);
    if used.is_empty() { Vec::new() } else { vec![format!("used by {}", used.join(", "))] }
}

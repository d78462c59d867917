//! How things of a World are written into a file: references by name, settings, tables.

use super::file::{MembershipEntry, Name, SettingsEntry, Table, named};
use jumpdeck_policy::{Membership, PolicyChoice, Settings};
use jumpdeck_protocol::session_policy::Rules;
use jumpdeck_protocol::{JumpGroupId, JumpPolicyId, RoleId, SessionPolicyId, text};
use jumpdeck_world::World;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

pub(super) fn one<T>(kind: &str, entry: T) -> Table<'_, T> {
    BTreeMap::from([(kind, [entry])])
}

pub(super) fn push(out: &mut String, notes: &[String], table: &impl Serialize) {
    out.push('\n');
    for note in notes {
        // Writing to a text does not fail.
        let _ = writeln!(out, "# {}", text::clean(note));
    }
    match toml::to_string(table) {
        Ok(table) => out.push_str(&table),
        Err(error) => {
            let _ = writeln!(out, "# This could not be written: {error}");
        }
    }
}

/// A session policy that is applied: by its name, or what it says.
pub(super) fn choice(
    world: &World,
    choice: Option<&PolicyChoice>,
) -> (Option<Name>, Option<Rules>) {
    match choice {
        None => (None, None),
        Some(PolicyChoice::Shared(id)) => (Some(named(session_policy_name(world, *id))), None),
        Some(PolicyChoice::Custom(rules)) => (None, Some(Rules::clone(rules))),
    }
}

fn session_policy_name(world: &World, id: SessionPolicyId) -> String {
    world.session_policy(id).map_or_else(String::new, |policy| policy.code_name.clone())
}

pub(super) fn memberships(
    world: &World,
    memberships: &BTreeMap<JumpGroupId, Membership>,
) -> Vec<MembershipEntry> {
    let entry = |(group, membership): (&JumpGroupId, &Membership)| MembershipEntry {
        group: named(group_name(world, *group)),
        role: membership.role.map(|role| named(role_name(world, role))),
        jump_policy: membership.jump_policy.map(|policy| named(jump_policy_name(world, policy))),
    };
    memberships.iter().map(entry).collect()
}

pub(super) fn group_name(world: &World, id: JumpGroupId) -> String {
    world.group(id).map_or_else(String::new, |group| group.name.to_string())
}

pub(super) fn role_name(world: &World, id: RoleId) -> String {
    world.role(id).map_or_else(String::new, |role| role.name.clone())
}

fn jump_policy_name(world: &World, id: JumpPolicyId) -> String {
    world.policy(id).map_or_else(String::new, |policy| policy.code_name.clone())
}

pub(super) fn settings(world: &World, own: &Settings) -> SettingsEntry {
    let role = |role: RoleId| Some(named(role_name(world, role)));
    let (attended, custom_attended) = choice(world, own.attended_session_policy.as_ref());
    let (unattended, custom_unattended) = choice(world, own.unattended_session_policy.as_ref());
    let methods = own.jump_methods.iter().copied().collect::<Vec<_>>();
    SettingsEntry {
        default_role: role(own.default_role),
        personal_role: role(own.personal_role),
        teams_role: role(own.teams_role),
        system_role: role(own.system_role),
        attended_session_policy: attended,
        unattended_session_policy: unattended,
        administrator: Some(own.administrator),
        view_audit: Some(own.view_audit),
        generate_session_keys: Some(own.generate_session_keys),
        jump_clients_pinning: Some(own.jump_clients_pinning),
        second_factor_required: Some(own.second_factor_required),
        jump_methods: (own.jump_methods != Settings::default().jump_methods).then_some(methods),
        custom_attended_session_policy: custom_attended,
        custom_unattended_session_policy: custom_unattended,
    }
}

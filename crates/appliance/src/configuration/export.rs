//! The configuration as a file, with what follows from it in comments.

use super::file::{MembershipEntry, Name, SettingsEntry, SiteEntry, Table, named};
use super::kinds;
use jumpdeck_policy::{Membership, PolicyChoice, Settings};
use jumpdeck_protocol::session_policy::Rules;
use jumpdeck_protocol::{JumpGroupId, JumpPolicyId, RoleId, SessionPolicyId, text};
use jumpdeck_world::World;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

const HEAD: &str = "\
# The configuration of a jumpdeck appliance.
#
# `jumpdeck admin plan FILE` says what this file would change, and for whom;
# `jumpdeck admin apply FILE` changes it. A kind that stands nowhere in the file is left alone; of a
# kind that does, what is not in the file is removed. Passwords and second factors are not in it.
";

/// Everything, as the file's entries.
#[derive(Default)]
pub(super) struct Entries {
    /// By kind and name: what stands in the file.
    pub tables: BTreeMap<(usize, String), serde_json::Value>,
}

/// The file.
pub(super) fn write(world: &World) -> String {
    let mut out = HEAD.to_owned();
    let site: BTreeMap<&str, SiteEntry> = BTreeMap::from([("site", site(world))]);
    push(&mut out, &[], &site);
    kinds::write_all(world, &mut out);
    out
}

/// The same as values that can be compared.
pub(super) fn entries(world: &World) -> Entries {
    let mut entries = Entries::default();
    let site = serde_json::to_value(site(world)).unwrap_or_default();
    let site = ("site", vec![("site".to_owned(), site)]);
    let all = std::iter::once(site).chain(kinds::all_values(world));
    for (at, (_, values)) in all.enumerate() {
        entries.tables.extend(values.into_iter().map(|(name, value)| ((at, name), value)));
    }
    entries
}

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

fn site(world: &World) -> SiteEntry {
    let minutes = |seconds: u64| u32::try_from(seconds / 60).unwrap_or(u32::MAX);
    let site = world.site();
    SiteEntry {
        simultaneous_jumps: site.simultaneous_jumps,
        login_life_minutes: minutes(site.login_life),
        idle_lock_minutes: minutes(site.idle_lock),
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

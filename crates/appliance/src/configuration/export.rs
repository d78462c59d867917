//! The configuration as a file, with what follows from it in comments.

use super::file::{
    GroupEntry, GroupPolicyEntry, JumpPolicyEntry, MemberEntry, MembershipEntry, Name, PortalEntry,
    RoleEntry, ScheduleEntry, SessionPolicyEntry, SettingsEntry, SiteEntry, Table, TeamEntry,
    TeamMembershipEntry, UserEntry, named,
};
use super::usage::{Subject, members, used_by};
use jumpdeck_policy::{
    GroupPolicy, JumpPolicy, Membership, PolicyChoice, Role, SessionPolicy, Setting, Settings,
};
use jumpdeck_protocol::queue::Rank;
use jumpdeck_protocol::session_policy::Rules;
use jumpdeck_protocol::{JumpGroupId, JumpPolicyId, RoleId, SessionPolicyId, TeamId, UserId, text};
use jumpdeck_world::User;
use jumpdeck_world::World;
use jumpdeck_world::{Portal, Team};
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

/// The kinds, in the order of the file.
pub(super) const KINDS: [&str; 9] = [
    "site",
    "jump_item_role",
    "session_policy",
    "jump_policy",
    "public_portal",
    "jump_group",
    "team",
    "user",
    "group_policy",
];

/// The file.
pub(super) fn write(world: &World) -> String {
    let mut out = HEAD.to_owned();
    let site: BTreeMap<&str, SiteEntry> = BTreeMap::from([("site", site(world))]);
    push(&mut out, &[], &site);
    for role in world.roles().filter(|role| !is_built_in(role.id)) {
        let used = note(world, Subject::Role(role.id));
        push(&mut out, &used, &one("jump_item_role", role_entry(role)));
    }
    for policy in world.session_policies().filter(|p| p.id != SessionPolicy::EVERYTHING) {
        let used = note(world, Subject::SessionPolicy(policy.id));
        push(&mut out, &used, &one("session_policy", session_policy(policy)));
    }
    for policy in world.policies() {
        let used = note(world, Subject::JumpPolicy(policy.id));
        push(&mut out, &used, &one("jump_policy", jump_policy(policy)));
    }
    for portal in world.portals() {
        let used = note(world, Subject::Portal(portal.id));
        push(&mut out, &used, &one("public_portal", portal_entry(world, portal)));
    }
    for group in world.groups() {
        let entry = GroupEntry { name: named(&*group.name) };
        let notes = members(world, group.id);
        push(&mut out, &notes, &one("jump_group", entry));
    }
    for team in world.teams() {
        push(&mut out, &[], &one("team", team_entry(world, team)));
    }
    for user in world.users() {
        push(&mut out, &[], &one("user", user_entry(world, user)));
    }
    for policy in world.group_policies() {
        push(&mut out, &[], &one("group_policy", group_policy(world, policy)));
    }
    out
}

/// The same as values that can be compared.
pub(super) fn entries(world: &World) -> Entries {
    let mut entries = Entries::default();
    let mut add = |kind: &str, name: &str, value: serde_json::Result<serde_json::Value>| {
        let at = KINDS.iter().position(|known| *known == kind).unwrap_or_default();
        entries.tables.insert((at, name.to_owned()), value.unwrap_or_default());
    };
    add("site", "site", serde_json::to_value(site(world)));
    for role in world.roles() {
        add("jump_item_role", &role.name, serde_json::to_value(role_entry(role)));
    }
    for policy in world.session_policies() {
        let value = serde_json::to_value(session_policy(policy));
        add("session_policy", &policy.code_name, value);
    }
    for policy in world.policies() {
        add("jump_policy", &policy.code_name, serde_json::to_value(jump_policy(policy)));
    }
    for portal in world.portals() {
        add("public_portal", &portal.name, serde_json::to_value(portal_entry(world, portal)));
    }
    for group in world.groups() {
        let entry = GroupEntry { name: named(&*group.name) };
        add("jump_group", &group.name, serde_json::to_value(entry));
    }
    for team in world.teams() {
        add("team", &team.name, serde_json::to_value(team_entry(world, team)));
    }
    for user in world.users() {
        add("user", &user.username, serde_json::to_value(user_entry(world, user)));
    }
    for (order, policy) in world.group_policies().into_iter().enumerate() {
        let mut value = serde_json::to_value(group_policy(world, policy)).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.insert("place_in_the_list".to_owned(), (order + 1).into());
        }
        add("group_policy", &policy.name, Ok(value));
    }
    entries
}

/// What depends on something, as a comment.
fn note(world: &World, subject: Subject) -> Vec<String> {
    let used = used_by(world, subject);
    if used.is_empty() { Vec::new() } else { vec![format!("used by {}", used.join(", "))] }
}

fn one<T>(kind: &str, entry: T) -> Table<'_, T> {
    BTreeMap::from([(kind, [entry])])
}

fn push(out: &mut String, notes: &[String], table: &impl Serialize) {
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

/// Whether a role is there on every appliance and stays as it is.
pub(super) fn is_built_in(role: RoleId) -> bool {
    (Role::NO_ACCESS..=Role::AUDITOR).contains(&role)
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

fn role_entry(role: &Role) -> RoleEntry {
    RoleEntry { name: named(&role.name), permissions: role.permissions.iter().collect() }
}

fn session_policy(policy: &SessionPolicy) -> SessionPolicyEntry {
    SessionPolicyEntry {
        code_name: named(&policy.code_name),
        display_name: Some(named(&policy.display_name)),
        description: policy.description.clone(),
        availability: policy.availability.iter().copied().collect(),
        rules: policy.rules.clone(),
    }
}

fn jump_policy(policy: &JumpPolicy) -> JumpPolicyEntry {
    let schedule = policy.schedule.as_ref().map(|schedule| ScheduleEntry {
        timezone: named(&schedule.timezone),
        strict: schedule.strict,
        times: jumpdeck_policy::written(&schedule.entries).into_iter().map(named).collect(),
    });
    JumpPolicyEntry {
        code_name: named(&policy.code_name),
        display_name: Some(named(&policy.display_name)),
        description: policy.description.clone(),
        two_factor: policy.two_factor,
        no_recordings: policy.no_recordings,
        simultaneous_jumps: policy.simultaneous_jumps,
        schedule,
        approval: policy.approval.clone(),
        ticket: policy.ticket.clone(),
        notifications: policy.notifications.clone(),
    }
}

fn portal_entry(world: &World, portal: &Portal) -> PortalEntry {
    let (session_policy, custom_session_policy) = choice(world, portal.session_policy.as_ref());
    PortalEntry {
        name: named(&portal.name),
        address: named(&portal.address),
        default: portal.default,
        session_policy,
        custom_session_policy,
    }
}

/// A session policy that is applied: by its name, or what it says.
fn choice(world: &World, choice: Option<&PolicyChoice>) -> (Option<Name>, Option<Rules>) {
    match choice {
        None => (None, None),
        Some(PolicyChoice::Shared(id)) => (Some(named(session_policy_name(world, *id))), None),
        Some(PolicyChoice::Custom(rules)) => (None, Some(Rules::clone(rules))),
    }
}

fn session_policy_name(world: &World, id: SessionPolicyId) -> String {
    world.session_policy(id).map_or_else(String::new, |policy| policy.code_name.clone())
}

fn team_entry(world: &World, team: &Team) -> TeamEntry {
    let member = |(user, rank): (&UserId, &Rank)| MemberEntry {
        user: named(world.username(*user)),
        rank: *rank,
    };
    TeamEntry { name: named(&team.name), members: team.members.iter().map(member).collect() }
}

fn user_entry(world: &World, user: &User) -> UserEntry {
    UserEntry {
        username: named(&user.username),
        display_name: user.display_name.clone(),
        email: user.email.clone(),
        enabled: user.enabled,
        jump_groups: memberships(world, &user.memberships),
        settings: settings(world, &user.settings),
    }
}

fn memberships(
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

fn group_name(world: &World, id: JumpGroupId) -> String {
    world.group(id).map_or_else(String::new, |group| group.name.to_string())
}

fn role_name(world: &World, id: RoleId) -> String {
    world.role(id).map_or_else(String::new, |role| role.name.clone())
}

fn jump_policy_name(world: &World, id: JumpPolicyId) -> String {
    world.policy(id).map_or_else(String::new, |policy| policy.code_name.clone())
}

fn settings(world: &World, own: &Settings) -> SettingsEntry {
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

fn group_policy(world: &World, policy: &GroupPolicy) -> GroupPolicyEntry {
    let mut is_final = Vec::new();
    let mut entry = SettingsEntry::default();
    let said = &policy.settings;
    let mut take = |name: &str, fixed: bool| {
        if fixed {
            is_final.push(named(name));
        }
    };
    macro_rules! take {
        ($($field:ident: $to:expr;)*) => {$(
            let (value, fixed) = defined(&said.$field);
            if let Some(value) = value {
                #[allow(clippy::redundant_closure_call, reason = "the macro's own")]
                ($to)(&mut entry, value);
            }
            take(stringify!($field), fixed);
        )*};
    }
    let role = |id: &RoleId| Some(named(role_name(world, *id)));
    let shared = |value: &Option<PolicyChoice>| match value {
        None => (Some(named("")), None),
        some => choice(world, some.as_ref()),
    };
    take! {
        default_role: |e: &mut SettingsEntry, v| e.default_role = role(v);
        personal_role: |e: &mut SettingsEntry, v| e.personal_role = role(v);
        teams_role: |e: &mut SettingsEntry, v| e.teams_role = role(v);
        system_role: |e: &mut SettingsEntry, v| e.system_role = role(v);
        attended_session_policy: |e: &mut SettingsEntry, v|
            (e.attended_session_policy, e.custom_attended_session_policy) = shared(v);
        unattended_session_policy: |e: &mut SettingsEntry, v|
            (e.unattended_session_policy, e.custom_unattended_session_policy) = shared(v);
        administrator: |e: &mut SettingsEntry, v: &bool| e.administrator = Some(*v);
        view_audit: |e: &mut SettingsEntry, v: &bool| e.view_audit = Some(*v);
        generate_session_keys: |e: &mut SettingsEntry, v: &bool| e.generate_session_keys = Some(*v);
        jump_clients_pinning: |e: &mut SettingsEntry, v: &bool| e.jump_clients_pinning = Some(*v);
        second_factor_required: |e: &mut SettingsEntry, v: &bool| e.second_factor_required = Some(*v);
        jump_methods: |e: &mut SettingsEntry, v: &std::collections::BTreeSet<_>|
            e.jump_methods = Some(v.iter().copied().collect());
    }
    let groups = policy.remove_from_groups.iter().map(|group| named(group_name(world, *group)));
    let team_name = |id: TeamId| world.team(id).map_or_else(String::new, |team| team.name.clone());
    let add_team = |(team, rank): (&TeamId, &Rank)| TeamMembershipEntry {
        team: named(team_name(*team)),
        rank: *rank,
    };
    GroupPolicyEntry {
        name: named(&*policy.name),
        everybody: policy.everybody,
        members: policy.members.iter().map(|user| named(world.username(*user))).collect(),
        is_final,
        remove_from_jump_groups: groups.collect(),
        remove_from_teams: policy.remove_from_teams.iter().map(|t| named(team_name(*t))).collect(),
        add_to_jump_groups: memberships(world, &policy.add_to_groups),
        add_to_teams: policy.add_to_teams.iter().map(add_team).collect(),
        settings: entry,
    }
}

/// What a setting says, and whether that is final.
const fn defined<T>(setting: &Setting<T>) -> (Option<&T>, bool) {
    match setting {
        Setting::NotDefined => (None, false),
        Setting::Defined(value) => (Some(value), false),
        Setting::Final(value) => (Some(value), true),
    }
}

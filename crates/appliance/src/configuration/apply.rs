//! Makes the World what a file says.
//!
//! Things come in the order in which they refer to each other, so that a file may make a role and
//! use it; removals come last, and what is still used is not removed.

use super::export::is_built_in;
use super::file::{
    File, JumpPolicyEntry, Name, PortalEntry, RoleEntry, SessionPolicyEntry, SiteEntry, TeamEntry,
    UserEntry,
};
use super::hours;
use super::reader::same;
use super::reader::{At, Reader};
use super::rest::Rest;
use super::settings::{group_policy, own_settings};
use crate::accounts::hashing::hash_first_password;
use crate::accounts::keys;
use jumpdeck_policy::{Availability, JumpPolicy, Role, Schedule, SessionPolicy};
use jumpdeck_protocol::inventory::GroupView;
use jumpdeck_protocol::rep::NewUser;
use jumpdeck_protocol::rights::Permissions;
use jumpdeck_protocol::session_policy::SessionPermission;
use jumpdeck_protocol::{Refusal, RefusalCode, UserId, limits};
use jumpdeck_store::Draft;
use jumpdeck_world::World;
use jumpdeck_world::{Account, User, username};
use jumpdeck_world::{Portal, Site, Team};
use std::collections::{BTreeMap, BTreeSet};

/// What came of it.
#[derive(Default)]
pub(super) struct Applied {
    /// Users that were made, with their first passwords.
    pub passwords: Vec<NewUser>,
    /// What to know besides.
    pub notes: Vec<String>,
}

/// Whose file it is, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct By {
    pub user: UserId,
    /// An embedded appliance has one user.
    pub embedded: bool,
}

/// Puts everything into the draft. What is wrong with the file stands in the reader then, and the
/// draft is to be thrown away.
pub(super) fn apply(
    draft: &mut Draft,
    reader: &mut Reader<'_>,
    file: &File,
    by: By,
) -> Result<Applied, Refusal> {
    let mut applied = Applied::default();
    if let Some(entry) = &file.site {
        site(draft, entry)?;
    }
    let roles = each(file.jump_item_role.as_ref(), |e, seen| role(draft, reader, e, seen))?;
    let sessions =
        each(file.session_policy.as_ref(), |e, seen| session_policy(draft, reader, e, seen))?;
    let jumps = each(file.jump_policy.as_ref(), |e, seen| {
        jump_policy(draft, reader, e, seen, &mut applied)
    })?;
    let portals = each(file.public_portal.as_ref(), |e, seen| portal(draft, reader, e, seen))?;
    let groups = each(file.jump_group.as_ref(), |e, seen| {
        let Some(name) = reader.fresh("jump_group", "name", &e.name, seen) else { return Ok(()) };
        group(draft, &name)
    })?;
    let teams = each(file.team.as_ref(), |e, seen| new_team(draft, reader, e, seen))?;
    let users =
        each(file.user.as_ref(), |e, seen| new_user(draft, reader, e, seen, by, &mut applied))?;
    for entry in file.user.iter().flatten() {
        user(draft, reader, entry)?;
    }
    for entry in file.team.iter().flatten() {
        team(draft, reader, entry)?;
    }
    let mut order = 0;
    let policies = each(file.group_policy.as_ref(), |e, seen| {
        order += 1;
        group_policy(draft, reader, e, seen, order)
    })?;
    let mut rest = Rest { draft, reader, applied: &mut applied };
    rest.group_policies(policies.as_ref());
    rest.users(users.as_ref(), by);
    rest.teams(teams.as_ref());
    rest.groups(groups.as_ref());
    rest.portals(portals.as_ref());
    rest.jump_policies(jumps.as_ref());
    rest.session_policies(sessions.as_ref());
    rest.roles(roles.as_ref());
    check_administrators(draft, reader, file);
    check_default_portal(draft, reader, file);
    Ok(applied)
}

/// Puts the entries of a kind, if the file speaks of it. Returns their names, in lower case.
fn each<T>(
    entries: Option<&Vec<T>>,
    mut put: impl FnMut(&T, &mut BTreeSet<String>) -> Result<(), Refusal>,
) -> Result<Option<BTreeSet<String>>, Refusal> {
    let Some(entries) = entries else {
        return Ok(None);
    };
    let mut seen = BTreeSet::new();
    for entry in entries {
        put(entry, &mut seen)?;
    }
    Ok(Some(seen))
}

fn site(draft: &mut Draft, entry: &SiteEntry) -> Result<(), Refusal> {
    let site = Site {
        simultaneous_jumps: entry.simultaneous_jumps,
        login_life: u64::from(entry.login_life_minutes) * 60,
        idle_lock: u64::from(entry.idle_lock_minutes) * 60,
    };
    if **draft.site() == site { Ok(()) } else { draft.put(site) }
}

fn role(
    draft: &mut Draft,
    reader: &mut Reader<'_>,
    entry: &RoleEntry,
    seen: &mut BTreeSet<String>,
) -> Result<(), Refusal> {
    let Some(name) = reader.fresh("jump_item_role", "name", &entry.name, seen) else {
        return Ok(());
    };
    let known = draft.roles().find(|role| same(&role.name, &name)).cloned();
    if let Some(known) = known.as_ref().filter(|known| is_built_in(known.id)) {
        let at = At { kind: "jump_item_role", name: &known.name };
        reader.wrong(at, "name", &entry.name, "a built-in role is as it is; choose another name");
        return Ok(());
    }
    let id = known.as_ref().map_or_else(|| draft.next::<Role>(), |known| known.id);
    let role = Role { id, name, permissions: Permissions::of(&entry.permissions) };
    if known.as_deref() == Some(&role) { Ok(()) } else { draft.put(role) }
}

fn session_policy(
    draft: &mut Draft,
    reader: &mut Reader<'_>,
    entry: &SessionPolicyEntry,
    seen: &mut BTreeSet<String>,
) -> Result<(), Refusal> {
    let Some(code_name) = reader.code("session_policy", &entry.code_name, seen) else {
        return Ok(());
    };
    let at = At { kind: "session_policy", name: &code_name };
    let known = draft.session_policies().find(|p| same(&p.code_name, &code_name)).cloned();
    let id = known.as_ref().map_or_else(|| draft.next::<SessionPolicy>(), |known| known.id);
    if id == SessionPolicy::EVERYTHING {
        let what = "this built-in session policy is as it is; choose another name";
        reader.wrong(at, "code_name", &entry.code_name, what);
        return Ok(());
    }
    let everything = SessionPermission::ALL.iter();
    let missing: Vec<_> =
        everything.filter(|p| !entry.rules.defines(**p)).map(|p| p.as_str()).collect();
    if id == SessionPolicy::GLOBAL_DEFAULT && !missing.is_empty() {
        let what = format!("it defines everything; these are missing: {}", missing.join(", "));
        reader.wrong(at, "rules", &entry.code_name, &what);
    }
    let mut availability: BTreeSet<_> = entry.availability.iter().copied().collect();
    if id == SessionPolicy::GLOBAL_DEFAULT {
        availability = Availability::ALL.iter().copied().collect();
    }
    let policy = SessionPolicy {
        id,
        display_name: shown(entry.display_name.as_ref(), &code_name),
        code_name,
        description: entry.description.clone(),
        availability,
        rules: entry.rules.clone(),
    };
    if known.as_deref() == Some(&policy) {
        return Ok(());
    }
    draft.put(policy)
}

/// A name for people: what was given, or the other one.
fn shown(name: Option<&Name>, code_name: &str) -> String {
    let name = name.map(|name| name.get_ref().trim()).filter(|name| !name.is_empty());
    jumpdeck_protocol::text::bounded(name.unwrap_or(code_name), limits::NAME)
}

fn jump_policy(
    draft: &mut Draft,
    reader: &mut Reader<'_>,
    entry: &JumpPolicyEntry,
    seen: &mut BTreeSet<String>,
    applied: &mut Applied,
) -> Result<(), Refusal> {
    let Some(code_name) = reader.code("jump_policy", &entry.code_name, seen) else {
        return Ok(());
    };
    let at = At { kind: "jump_policy", name: &code_name };
    if entry.approval.is_some() && entry.schedule.is_some() {
        let what = "a Jump Policy has a schedule or an approval, never both";
        reader.wrong(at, "approval", &entry.code_name, what);
    }
    if entry.approval.as_ref().is_some_and(|approval| approval.approval_max_duration < 60) {
        let what = "approval_max_duration is 60 seconds or more";
        reader.wrong(at, "approval", &entry.code_name, what);
    }
    if entry.ticket.as_ref().is_some_and(|ticket| !ticket.url.starts_with("https://")) {
        reader.wrong(at, "ticket", &entry.code_name, "a ticket system is asked over https");
    }
    let later = [
        (entry.approval.is_some(), "approvals: until then nobody jumps under it"),
        (entry.ticket.is_some(), "ticket IDs: until then nobody jumps under it"),
        (entry.notifications.is_some(), "e-mail: until then nobody is told"),
    ];
    for (_, what) in later.into_iter().filter(|(wanted, _)| *wanted) {
        let note = format!("jump_policy \"{code_name}\": a later version knows {what}");
        applied.notes.push(note);
    }
    let schedule = entry.schedule.as_ref().map(|schedule| {
        let zone = schedule.timezone.get_ref();
        if jumpdeck_policy::zone(zone).is_none() {
            let what = format!("there is no time zone \"{zone}\"; one looks like Europe/Berlin");
            reader.wrong(at, "schedule.timezone", &schedule.timezone, &what);
        }
        let mut entries = Vec::new();
        for times in &schedule.times {
            match hours::read(times.get_ref()) {
                Ok(read) => entries.extend(read),
                Err(what) => reader.wrong(at, "schedule.times", times, what),
            }
        }
        if entries.is_empty() && reader.problems.is_empty() {
            applied.notes.push(format!("jump_policy \"{code_name}\": it never opens"));
        }
        Schedule { timezone: zone.clone(), entries, strict: schedule.strict }
    });
    let known = draft.policies().find(|policy| same(&policy.code_name, &code_name)).cloned();
    let policy = JumpPolicy {
        id: known.as_ref().map_or_else(|| draft.next::<JumpPolicy>(), |known| known.id),
        display_name: shown(entry.display_name.as_ref(), &code_name),
        code_name,
        description: entry.description.clone(),
        schedule,
        approval: entry.approval.clone(),
        ticket: entry.ticket.clone(),
        notifications: entry.notifications.clone(),
        two_factor: entry.two_factor,
        no_recordings: entry.no_recordings,
        simultaneous_jumps: entry.simultaneous_jumps,
    };
    if known.as_deref() == Some(&policy) {
        return Ok(());
    }
    if let Some(schedule) = &policy.schedule {
        let hours = schedule.in_words();
        applied.notes.push(format!("jump_policy \"{}\": {hours}", policy.code_name));
    }
    draft.put(policy)
}

fn portal(
    draft: &mut Draft,
    reader: &mut Reader<'_>,
    entry: &PortalEntry,
    seen: &mut BTreeSet<String>,
) -> Result<(), Refusal> {
    let Some(name) = reader.fresh("public_portal", "name", &entry.name, seen) else {
        return Ok(());
    };
    let at = At { kind: "public_portal", name: &name };
    let address = entry.address.get_ref().trim().to_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if address.is_empty() || address.len() > 253 || !address.chars().all(plain) {
        let what = "an address is a host name, as support.example.com";
        reader.wrong(at, "address", &entry.address, what);
    }
    let policy = (entry.session_policy.as_ref(), entry.custom_session_policy.as_ref());
    let field = "session_policy";
    let session_policy = reader.choice(draft, at, field, policy, Availability::PublicPortals);
    let known = draft.portals().find(|portal| same(&portal.name, &name)).cloned();
    let id = known.as_ref().map_or_else(|| draft.next::<Portal>(), |known| known.id);
    let portal = Portal { id, name, address, default: entry.default, session_policy };
    if known.as_deref() == Some(&portal) { Ok(()) } else { draft.put(portal) }
}

fn group(draft: &mut Draft, name: &str) -> Result<(), Refusal> {
    if draft.group_by_name(name).is_some() {
        return Ok(());
    }
    let id = draft.next::<GroupView>();
    draft.put(GroupView { id, name: name.into() })
}

/// Teams are made before their members are.
fn new_team(
    draft: &mut Draft,
    reader: &mut Reader<'_>,
    entry: &TeamEntry,
    seen: &mut BTreeSet<String>,
) -> Result<(), Refusal> {
    let Some(name) = reader.fresh("team", "name", &entry.name, seen) else {
        return Ok(());
    };
    if draft.team_by_name(&name).is_some() {
        return Ok(());
    }
    if draft.teams().count() >= limits::TEAMS {
        let what = format!("there are at most {} teams", limits::TEAMS);
        reader.wrong(At { kind: "team", name: &name }, "name", &entry.name, &what);
        return Ok(());
    }
    let id = draft.next::<Team>();
    draft.put(Team { id, name, members: BTreeMap::new() })
}

fn team(draft: &mut Draft, reader: &mut Reader<'_>, entry: &TeamEntry) -> Result<(), Refusal> {
    let Some(known) = draft.team_by_name(entry.name.get_ref()).cloned() else {
        return Ok(());
    };
    let at = At { kind: "team", name: entry.name.get_ref() };
    let mut members = BTreeMap::new();
    for member in &entry.members {
        let Some(user) = reader.user(draft, at, "members", &member.user) else {
            continue;
        };
        if members.insert(user, member.rank).is_some() {
            reader.wrong(at, "members", &member.user, "this user stands there twice");
        }
    }
    if members.len() > limits::TEAM_MEMBERS {
        let what = format!("a team has at most {} members", limits::TEAM_MEMBERS);
        reader.wrong(at, "members", &entry.name, &what);
    }
    if known.members == members {
        return Ok(());
    }
    let team = Team { members, ..Team::clone(&known) };
    draft.put(team)
}

/// Users are made before anything speaks of them.
fn new_user(
    draft: &mut Draft,
    reader: &mut Reader<'_>,
    entry: &UserEntry,
    seen: &mut BTreeSet<String>,
    by: By,
    applied: &mut Applied,
) -> Result<(), Refusal> {
    let Some(name) = reader.fresh("user", "username", &entry.username, seen) else {
        return Ok(());
    };
    if draft.user_by_name(&name).is_some() {
        return Ok(());
    }
    let at = At { kind: "user", name: &name };
    if by.embedded {
        let what = "an embedded appliance has one user; `jumpdeck serve` is for many";
        reader.wrong(at, "username", &entry.username, what);
        return Ok(());
    }
    if let Err(refusal) = username(&name) {
        reader.wrong(at, "username", &entry.username, &refusal.detail);
        return Ok(());
    }
    let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
    let password = keys::secret().map_err(failed)?;
    let hash = hash_first_password(&password).map_err(failed)?;
    let id = draft.next::<User>();
    draft.put(Account::first(id, hash))?;
    let user = User::new(id, name.clone());
    applied.passwords.push(NewUser { username: name, password });
    draft.put(user)
}

fn user(draft: &mut Draft, reader: &mut Reader<'_>, entry: &UserEntry) -> Result<(), Refusal> {
    let Some(known) = draft.user_by_name(entry.username.get_ref()).cloned() else {
        return Ok(());
    };
    let at = At { kind: "user", name: entry.username.get_ref() };
    let user = User {
        display_name: jumpdeck_protocol::text::bounded(&entry.display_name, limits::NAME),
        email: jumpdeck_protocol::text::bounded(&entry.email, limits::FACT),
        enabled: entry.enabled,
        memberships: reader.memberships(draft, at, "jump_groups", &entry.jump_groups),
        settings: own_settings(draft, reader, at, &entry.settings),
        ..User::clone(&known)
    };
    if *known == user { Ok(()) } else { draft.put(user) }
}

/// Somebody must be able to change it back.
fn check_administrators(world: &World, reader: &mut Reader<'_>, file: &File) {
    if !world.users().any(|user| world.administers(user.id)) {
        let first = file.user.iter().flatten().next().map(|user| user.username.span());
        let what = "nobody would be an administrator any more";
        reader.problem(first.unwrap_or_default(), "user: settings.administrator", what);
    }
}

/// At most one portal counts where none is named.
fn check_default_portal(world: &World, reader: &mut Reader<'_>, file: &File) {
    if world.portals().filter(|portal| portal.default).count() > 1 {
        let second = file.public_portal.iter().flatten().filter(|portal| portal.default).nth(1);
        let span = second.map(|portal| portal.name.span()).unwrap_or_default();
        reader.problem(span, "public_portal: default", "only one portal is the default");
    }
}

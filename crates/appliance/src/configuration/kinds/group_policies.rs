//! Group policies, in their order.

use super::ConfigurationKind;
use crate::configuration::applying::Applying;
use crate::configuration::file::{MembershipEntry, SettingsEntry, TeamMembershipEntry, is_false};
use crate::configuration::file::{Name, named};
use crate::configuration::reader::{At, same};
use crate::configuration::settings::policy_settings;
use crate::configuration::written::{choice, group_name, memberships, role_name};
use jumpdeck_policy::{GroupPolicy, PolicyChoice, Setting};
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::queue::Rank;
use jumpdeck_protocol::{RoleId, TeamId};
use jumpdeck_world::World;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupPolicyEntry {
    pub name: Name,
    #[serde(default, skip_serializing_if = "is_false")]
    pub everybody: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Name>,
    /// The settings that no later policy replaces.
    #[serde(default, rename = "final", skip_serializing_if = "Vec::is_empty")]
    pub is_final: Vec<Name>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_from_jump_groups: Vec<Name>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_from_teams: Vec<Name>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_to_jump_groups: Vec<MembershipEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_to_teams: Vec<TeamMembershipEntry>,
    #[serde(default)]
    pub settings: SettingsEntry,
}

pub(in crate::configuration) struct GroupPolicyKind;

impl ConfigurationKind for GroupPolicyKind {
    type Entity = GroupPolicy;
    type Entry = GroupPolicyEntry;

    const NAME: &'static str = "group_policy";

    fn all(world: &World) -> Vec<Arc<GroupPolicy>> {
        world.group_policies().into_iter().cloned().collect()
    }

    fn name(entity: &GroupPolicy) -> &str {
        &entity.name
    }

    fn entry(world: &World, policy: &GroupPolicy) -> GroupPolicyEntry {
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
        let team_name =
            |id: TeamId| world.team(id).map_or_else(String::new, |team| team.name.clone());
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
            remove_from_teams: policy
                .remove_from_teams
                .iter()
                .map(|t| named(team_name(*t)))
                .collect(),
            add_to_jump_groups: memberships(world, &policy.add_to_groups),
            add_to_teams: policy.add_to_teams.iter().map(add_team).collect(),
            settings: entry,
        }
    }

    fn entry_name(entry: &GroupPolicyEntry) -> &Name {
        &entry.name
    }

    fn make(
        applying: &mut Applying<'_, '_>,
        entry: &GroupPolicyEntry,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), Refusal> {
        applying.order += 1;
        let Applying { draft, reader, order, .. } = applying;
        let Some(name) = reader.fresh("group_policy", "name", &entry.name, seen) else {
            return Ok(());
        };
        let at = At { kind: "group_policy", name: &name };
        let members = entry.members.iter();
        let members = members.filter_map(|user| reader.user(draft, at, "members", user)).collect();
        if entry.everybody && !entry.members.is_empty() {
            reader.wrong(
                at,
                "members",
                &entry.name,
                "it is about everybody or about some, not both",
            );
        }
        let settings = policy_settings(draft, reader, at, (&entry.settings, &entry.is_final));
        let add_to_groups =
            reader.memberships(draft, at, "add_to_jump_groups", &entry.add_to_jump_groups);
        let remove = entry.remove_from_jump_groups.iter();
        let field = "remove_from_jump_groups";
        let remove_from_groups =
            remove.filter_map(|group| reader.group(draft, at, field, group)).collect();
        let mut add_to_teams = BTreeMap::new();
        for membership in &entry.add_to_teams {
            if let Some(team) = reader.team(draft, at, "add_to_teams", &membership.team) {
                add_to_teams.insert(team, membership.rank);
            }
        }
        let remove = entry.remove_from_teams.iter();
        let remove_from_teams =
            remove.filter_map(|team| reader.team(draft, at, "remove_from_teams", team)).collect();
        let known =
            draft.group_policies().into_iter().find(|known| same(&known.name, &name)).cloned();
        let policy = GroupPolicy {
            id: known.as_ref().map_or_else(|| draft.next::<GroupPolicy>(), |known| known.id),
            name: name.as_str().into(),
            order: *order,
            everybody: entry.everybody,
            members,
            settings,
            add_to_groups,
            remove_from_groups,
            add_to_teams,
            remove_from_teams,
        };
        if known.as_deref() == Some(&policy) {
            return Ok(());
        }
        draft.put(policy)
    }

    fn used_by(_: &Applying<'_, '_>, _: &GroupPolicy) -> Vec<String> {
        Vec::new()
    }

    fn compared(number: usize, value: &mut Value) {
        if let Some(fields) = value.as_object_mut() {
            fields.insert("place_in_the_list".to_owned(), (number + 1).into());
        }
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

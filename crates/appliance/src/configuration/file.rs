//! The configuration as it stands in a file.
//!
//! A kind that the file does not speak of is left as it is. Of a kind that it speaks of, the file
//! says all: what is not there is removed, and a field that is left out has its default.

use jumpdeck_policy::{Approval, Availability, Notifications, SimultaneousJumps, Ticket};
use jumpdeck_protocol::inventory::JumpMethod;
use jumpdeck_protocol::queue::Rank;
use jumpdeck_protocol::rights::Permission;
use jumpdeck_protocol::session_policy::Rules;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Spanned;

/// A name, and where it stands.
pub(super) type Name = Spanned<String>;

/// All of it, in the order in which things refer to each other.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub site: Option<SiteEntry>,
    pub jump_item_role: Option<Vec<RoleEntry>>,
    pub session_policy: Option<Vec<SessionPolicyEntry>>,
    pub jump_policy: Option<Vec<JumpPolicyEntry>>,
    pub public_portal: Option<Vec<PortalEntry>>,
    pub jump_group: Option<Vec<GroupEntry>>,
    pub team: Option<Vec<TeamEntry>>,
    pub user: Option<Vec<UserEntry>>,
    pub group_policy: Option<Vec<GroupPolicyEntry>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SiteEntry {
    pub simultaneous_jumps: SimultaneousJumps,
    pub login_life_minutes: u32,
    pub idle_lock_minutes: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleEntry {
    pub name: Name,
    #[serde(default)]
    pub permissions: Vec<Permission>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionPolicyEntry {
    pub code_name: Name,
    #[serde(default)]
    pub display_name: Option<Name>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default = "everywhere")]
    pub availability: Vec<Availability>,
    #[serde(default)]
    pub rules: Rules,
}

fn everywhere() -> Vec<Availability> {
    Availability::ALL.to_vec()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JumpPolicyEntry {
    pub code_name: Name,
    #[serde(default)]
    pub display_name: Option<Name>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub two_factor: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_recordings: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simultaneous_jumps: Option<SimultaneousJumps>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Notifications>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleEntry {
    pub timezone: Name,
    #[serde(default)]
    pub strict: bool,
    /// `Mon-Fri 08:00-17:00`, or `Fri 17:00 - Mon 08:00`.
    pub times: Vec<Name>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PortalEntry {
    pub name: Name,
    pub address: Name,
    #[serde(default, skip_serializing_if = "is_false")]
    pub default: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_policy: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_session_policy: Option<Rules>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupEntry {
    pub name: Name,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TeamEntry {
    pub name: Name,
    #[serde(default)]
    pub members: Vec<MemberEntry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberEntry {
    pub user: Name,
    #[serde(default = "member")]
    pub rank: Rank,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserEntry {
    pub username: Name,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jump_groups: Vec<MembershipEntry>,
    #[serde(default)]
    pub settings: SettingsEntry,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MembershipEntry {
    pub group: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump_policy: Option<Name>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TeamMembershipEntry {
    pub team: Name,
    #[serde(default = "member")]
    pub rank: Rank,
}

/// A user's own settings; in a group policy, those it defines.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SettingsEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_role: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub personal_role: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teams_role: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_role: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attended_session_policy: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unattended_session_policy: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub administrator: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view_audit: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate_session_keys: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jump_clients_pinning: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_factor_required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jump_methods: Option<Vec<JumpMethod>>,
    /// The user's own, instead of one of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_attended_session_policy: Option<Rules>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_unattended_session_policy: Option<Rules>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupPolicyEntry {
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

const fn yes() -> bool {
    true
}

const fn member() -> Rank {
    Rank::Member
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// One entity of a kind, as a table of the file.
pub(super) type Table<'a, T> = BTreeMap<&'a str, [T; 1]>;

/// A name that stands nowhere.
pub(super) fn named(name: impl Into<String>) -> Name {
    Spanned::new(0..0, name.into())
}

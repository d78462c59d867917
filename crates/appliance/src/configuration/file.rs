//! The configuration as it is in a file.
//!
//! A kind that the file does not speak of is left as it is. Of a kind that it speaks of, the file
//! says all: what is not there is removed, and a field that is left out has its default.

use jumpdeck_policy::SimultaneousJumps;
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::queue::Rank;
use jumpdeck_protocol::session_policy::Rules;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Spanned;

/// A name, and where it stands.
pub(super) type Name = Spanned<String>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SiteEntry {
    pub simultaneous_jumps: SimultaneousJumps,
    pub login_life_minutes: u32,
    pub idle_lock_minutes: u32,
    /// Days that recordings are kept; 0: always.
    pub recordings_days: u32,
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

pub(super) const fn yes() -> bool {
    true
}

pub(super) const fn member() -> Rank {
    Rank::Member
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
pub(super) const fn is_false(value: &bool) -> bool {
    !*value
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
pub(super) const fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// One entity of a kind, as a table of the file.
pub(super) type Table<'a, T> = BTreeMap<&'a str, [T; 1]>;

/// A name that stands nowhere.
pub(super) fn named(name: impl Into<String>) -> Name {
    Spanned::new(0..0, name.into())
}

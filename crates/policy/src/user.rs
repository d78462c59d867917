//! What a user has: own settings, and what group policies make of them (DOMAIN 4).
//!
//! Going down the list of group policies, a later defined value replaces an earlier one, unless
//! the earlier was final. A user's own setting stands only where no policy defines it; with
//! memberships it is the other way round: a role that is set on the user's own membership counts
//! before one that a group policy brings (DOMAIN 3).

use crate::session::PolicyChoice;
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::queue::Rank;
use jumpdeck_protocol::{GroupPolicyId, JumpGroupId, JumpPolicyId, RoleId, TeamId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a group policy says of a setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting<T> {
    /// Nothing.
    #[default]
    NotDefined,
    /// This, unless a later policy says otherwise.
    Defined(T),
    /// This, whatever later policies say.
    Final(T),
}

/// Who said what counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The user's own settings.
    User,
    /// The group policy of this name.
    Policy(Arc<str>),
}

impl Source {
    /// The source, for people.
    pub fn words(&self) -> String {
        match self {
            Self::User => "the user's own settings".to_owned(),
            Self::Policy(name) => format!("the group policy {name}"),
        }
    }
}

/// A value and who said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given<T> {
    /// What counts.
    pub value: T,
    /// Who said it.
    pub by: Source,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $field:ident : $value:ty;)*) => {
        /// The settings of a user.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Settings {
            $($(#[$doc])* pub $field: $value,)*
        }

        /// What a group policy says of each setting.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct PolicySettings {
            $($(#[$doc])* pub $field: Setting<$value>,)*
        }

        /// What counts for a user, and who said it.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct EffectiveSettings {
            $($(#[$doc])* pub $field: Given<$value>,)*
        }

        impl EffectiveSettings {
            fn of(own: &Settings, policies: &[&GroupPolicy]) -> Self {
                let said = |policy: &&GroupPolicy| Source::Policy(Arc::clone(&policy.name));
                Self {
                    $($field: given(
                        &own.$field,
                        policies.iter().map(|policy| (said(policy), &policy.settings.$field)),
                    ),)*
                }
            }
        }
    };
}

settings! {
    /// The Default slot: groups the user is a member of.
    default_role: RoleId;
    /// The Personal slot: the user's own personal list.
    personal_role: RoleId;
    /// The Teams slot: personal lists of users this one outranks.
    teams_role: RoleId;
    /// The System slot: every other item.
    system_role: RoleId;
    /// The session policy for sessions that a customer starts.
    attended_session_policy: Option<PolicyChoice>;
    /// The session policy for jumps.
    unattended_session_policy: Option<PolicyChoice>;
    /// Whether the user administers the appliance.
    administrator: bool;
    /// Whether the user reads the audit.
    view_audit: bool;
    /// Whether the user makes session keys.
    generate_session_keys: bool;
    /// Whether the user pins and unpins, where the session policy lets it be.
    jump_clients_pinning: bool;
    /// Whether the user must log in with a second factor.
    second_factor_required: bool;
    /// How the user may jump.
    jump_methods: BTreeSet<JumpMethod>;
}

/// A user who may log in and has nothing.
impl Default for Settings {
    fn default() -> Self {
        let none = crate::Role::NO_ACCESS;
        Self {
            default_role: none,
            personal_role: none,
            teams_role: none,
            system_role: none,
            attended_session_policy: None,
            unattended_session_policy: None,
            administrator: false,
            view_audit: false,
            generate_session_keys: false,
            jump_clients_pinning: false,
            second_factor_required: false,
            jump_methods: JumpMethod::ALL.iter().copied().collect(),
        }
    }
}

/// What counts of one setting.
pub fn given<'a, T: Clone + 'a>(
    own: &T,
    policies: impl IntoIterator<Item = (Source, &'a Setting<T>)>,
) -> Given<T> {
    let mut counts = Given { value: own.clone(), by: Source::User };
    for (by, setting) in policies {
        match setting {
            Setting::NotDefined => {}
            Setting::Defined(value) => counts = Given { value: value.clone(), by },
            Setting::Final(value) => return Given { value: value.clone(), by },
        }
    }
    counts
}

/// A membership of a Jump Group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The role; nothing for the user's Default slot.
    pub role: Option<RoleId>,
    /// The Jump Policy that stands instead of the items' own.
    pub jump_policy: Option<JumpPolicyId>,
}

/// A membership as it counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EffectiveMembership {
    /// Who made the user a member.
    pub granted_by: Vec<Source>,
    /// The role that is set on it.
    pub role: Option<Given<RoleId>>,
    /// Roles that were set on it and do not count.
    pub overridden: Vec<Given<RoleId>>,
    /// The Jump Policy that stands instead of the items' own.
    pub jump_policy: Option<Given<JumpPolicyId>>,
}

impl EffectiveMembership {
    fn take(&mut self, membership: Membership, by: &Source) {
        self.granted_by.push(by.clone());
        if let Some(value) = membership.role {
            let before = self.role.replace(Given { value, by: by.clone() });
            self.overridden.extend(before);
        }
        if let Some(value) = membership.jump_policy {
            self.jump_policy = Some(Given { value, by: by.clone() });
        }
    }
}

/// A group policy. They are in a list; this is its place there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPolicy {
    /// Its id.
    pub id: GroupPolicyId,
    /// Its name.
    pub name: Arc<str>,
    /// Its place in the list: a lower one comes first.
    pub order: u32,
    /// Whether it is about every user.
    pub everybody: bool,
    /// Whom it is about.
    pub members: BTreeSet<UserId>,
    /// What it says of settings.
    pub settings: PolicySettings,
    /// Groups it makes its members members of.
    pub add_to_groups: BTreeMap<JumpGroupId, Membership>,
    /// Groups that earlier policies made them members of, and they are not.
    pub remove_from_groups: BTreeSet<JumpGroupId>,
    /// Teams it puts its members into.
    pub add_to_teams: BTreeMap<TeamId, Rank>,
    /// Teams that earlier policies put them into, and they are not in.
    pub remove_from_teams: BTreeSet<TeamId>,
}

impl GroupPolicy {
    /// Whether it is about a user.
    pub fn is_about(&self, user: UserId) -> bool {
        self.everybody || self.members.contains(&user)
    }
}

/// All that counts for a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Settings.
    pub settings: EffectiveSettings,
    /// Memberships of Jump Groups.
    pub groups: BTreeMap<JumpGroupId, EffectiveMembership>,
    /// Teams and ranks that group policies bring.
    pub teams: BTreeMap<TeamId, Given<Rank>>,
}

impl Effective {
    /// What counts for a user with these own settings and memberships. `policies` are those about
    /// the user, in the list's order.
    pub fn of(
        own: &Settings,
        memberships: &BTreeMap<JumpGroupId, Membership>,
        policies: &[&GroupPolicy],
    ) -> Self {
        let mut groups: BTreeMap<JumpGroupId, EffectiveMembership> = BTreeMap::new();
        let mut teams = BTreeMap::new();
        for policy in policies {
            let by = Source::Policy(Arc::clone(&policy.name));
            groups.retain(|group, _| !policy.remove_from_groups.contains(group));
            teams.retain(|team, _| !policy.remove_from_teams.contains(team));
            for (group, membership) in &policy.add_to_groups {
                groups.entry(*group).or_default().take(*membership, &by);
            }
            for (team, rank) in &policy.add_to_teams {
                teams.insert(*team, Given { value: *rank, by: by.clone() });
            }
        }
        for (group, membership) in memberships {
            groups.entry(*group).or_default().take(*membership, &Source::User);
        }
        Self { settings: EffectiveSettings::of(own, policies), groups, teams }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn policy(name: &str) -> GroupPolicy {
        GroupPolicy {
            id: GroupPolicyId(1),
            name: name.into(),
            order: 0,
            everybody: true,
            members: BTreeSet::new(),
            settings: PolicySettings::default(),
            add_to_groups: BTreeMap::new(),
            remove_from_groups: BTreeSet::new(),
            add_to_teams: BTreeMap::new(),
            remove_from_teams: BTreeSet::new(),
        }
    }

    fn adds(name: &str, role: Option<RoleId>) -> GroupPolicy {
        let membership = Membership { role, jump_policy: None };
        GroupPolicy {
            add_to_groups: BTreeMap::from([(JumpGroupId(1), membership)]),
            ..policy(name)
        }
    }

    fn of(own: Option<Membership>, policies: &[&GroupPolicy]) -> Option<EffectiveMembership> {
        let own = own.map(|membership| (JumpGroupId(1), membership)).into_iter().collect();
        Effective::of(&Settings::default(), &own, policies).groups.remove(&JumpGroupId(1))
    }

    #[test]
    fn a_later_policy_replaces_the_role_and_a_role_of_ones_own_replaces_both() {
        let (first, second) =
            (adds("A", Some(Role::AUDITOR)), adds("B", Some(Role::START_SESSIONS_ONLY)));
        let given = of(None, &[&first, &second]).unwrap();
        assert_eq!(given.role.unwrap().value, Role::START_SESSIONS_ONLY);
        assert_eq!(given.overridden[0].by, Source::Policy("A".into()));
        let own = Membership { role: Some(Role::ADMINISTRATOR), jump_policy: None };
        let given = of(Some(own), &[&first, &second]).unwrap();
        assert_eq!(given.role.unwrap().by, Source::User);
        assert_eq!(given.overridden.len(), 2);
        let given = of(Some(Membership::default()), &[&first, &second]).unwrap();
        assert_eq!(given.role.unwrap().value, Role::START_SESSIONS_ONLY, "one's own says nothing");
    }

    #[test]
    fn a_policy_takes_away_what_earlier_ones_gave_and_not_what_is_ones_own() {
        let first = adds("A", None);
        let removes =
            GroupPolicy { remove_from_groups: BTreeSet::from([JumpGroupId(1)]), ..policy("B") };
        assert_eq!(of(None, &[&first, &removes]), None);
        assert!(of(None, &[&removes, &first]).is_some());
        let own = of(Some(Membership::default()), &[&first, &removes]).unwrap();
        assert_eq!(own.granted_by, [Source::User]);
    }
}

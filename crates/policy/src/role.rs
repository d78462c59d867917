//! Jump Item Roles: which one counts, and what it permits (DOMAIN 3).

use crate::decision::{Decision, Step};
use crate::user::{Effective, EffectiveMembership, Given, Source};
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::rights::{Permission, Permissions};
use jumpdeck_protocol::{RoleId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A Jump Item Role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// What it permits.
    pub permissions: Permissions,
}

impl Role {
    /// The built-in role that hides an item.
    pub const NO_ACCESS: RoleId = RoleId(1);
    /// The built-in role that permits everything.
    pub const ADMINISTRATOR: RoleId = RoleId(2);
    /// The built-in role that permits sessions only.
    pub const START_SESSIONS_ONLY: RoleId = RoleId(3);
    /// The built-in role that sees, and does nothing.
    pub const AUDITOR: RoleId = RoleId(4);

    /// The roles every appliance has.
    pub fn built_in() -> [Self; 4] {
        use Permission::{PermStart, PermViewJumpItemReport};
        let role = |id, name: &str, permissions: &[Permission]| Self {
            id,
            name: name.to_owned(),
            permissions: Permissions::of(permissions),
        };
        [
            role(Self::NO_ACCESS, "No Access", &[]),
            role(Self::ADMINISTRATOR, "Administrator", Permission::ALL),
            role(Self::START_SESSIONS_ONLY, "Start Sessions Only", &[PermStart]),
            role(Self::AUDITOR, "Auditor", &[PermViewJumpItemReport]),
        ]
    }
}

/// A user's four role slots (DOMAIN 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// For groups the user is a member of.
    pub default: RoleId,
    /// For the user's own personal list.
    pub personal: RoleId,
    /// For personal lists of users this one outranks.
    pub teams: RoleId,
    /// For every other item.
    pub system: RoleId,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The user.
    pub user: UserId,
    /// Whether the user may log in at all.
    pub enabled: bool,
    /// What counts for the user.
    pub effective: &'a Effective,
    /// Whom the user outranks in a team they share.
    pub outranked: Option<&'a BTreeSet<UserId>>,
}

/// The role that counts for items in this place, and what named it.
pub fn role_of(subject: &Subject<'_>, place: Place) -> (RoleId, Step) {
    let settings = &subject.effective.settings;
    match place {
        Place::Personal(owner) if owner == subject.user => {
            slot("Personal", &settings.personal_role)
        }
        Place::Personal(owner) if subject.outranked.is_some_and(|them| them.contains(&owner)) => {
            slot("Teams", &settings.teams_role)
        }
        Place::Personal(_) => slot("System", &settings.system_role),
        Place::Queue(_) => {
            let source = "a machine that waits in a queue";
            (Role::NO_ACCESS, Step::leads(source, "is no Jump Item"))
        }
        Place::JumpGroup(group) => match subject.effective.groups.get(&group) {
            Some(EffectiveMembership { role: Some(role), overridden, .. }) => {
                (role.value, membership(role, overridden))
            }
            Some(_) => slot("Default", &settings.default_role),
            None => slot("System", &settings.system_role),
        },
    }
}

fn slot(name: &str, role: &Given<RoleId>) -> (RoleId, Step) {
    let says = match &role.by {
        Source::User => "names the role".to_owned(),
        Source::Policy(policy) => format!("names the role, set by the group policy {policy}"),
    };
    (role.value, Step::leads(format!("the user's {name} slot"), says))
}

fn membership(role: &Given<RoleId>, overridden: &[Given<RoleId>]) -> Step {
    let by = match &role.by {
        Source::User => "the user's own membership of the Jump Group".to_owned(),
        Source::Policy(policy) => {
            format!("the membership of the Jump Group through the group policy {policy}")
        }
    };
    let others: Vec<_> = overridden.iter().map(|other| other.by.words()).collect();
    let says = match others.as_slice() {
        [] => "names the role".to_owned(),
        others => format!("names the role and overrides {}", others.join(", ")),
    };
    Step::leads(by, says)
}

/// Whether the subject may do `wanted` with items in `place`; with nothing wanted, whether it
/// may see them at all. `role` looks a role up.
pub fn decide<'r>(
    subject: &Subject<'_>,
    place: Place,
    wanted: Option<Permission>,
    role: impl Fn(RoleId) -> Option<&'r Role>,
) -> Decision {
    if !subject.enabled {
        return Decision::of(vec![Step::denies("the user", "is disabled")]);
    }
    let (id, step) = role_of(subject, place);
    let Some(role) = role(id).filter(|role| role.id != Role::NO_ACCESS) else {
        return Decision::of(vec![step, Step::denies("the role No Access", "hides the item")]);
    };
    let source = format!("the role {}", role.name);
    let says = match wanted {
        None => Step::allows(source, "shows the item"),
        Some(p) if role.permissions.has(p) => Step::allows(source, format!("has {}", p.as_str())),
        Some(p) => Step::denies(source, format!("lacks {}", p.as_str())),
    };
    Decision::of(vec![step, says])
}

/// Whether the subject may see items in a place: as [`decide`] says, without the reasons.
pub fn sees(subject: &Subject<'_>, place: Place, exists: impl Fn(RoleId) -> bool) -> bool {
    let (id, _) = role_of(subject, place);
    subject.enabled && id != Role::NO_ACCESS && exists(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::{Membership, Settings};
    use jumpdeck_protocol::queue::Queue;
    use jumpdeck_protocol::{JumpGroupId, TeamId};
    use std::collections::BTreeMap;

    fn ask(
        settings: &Settings,
        memberships: &[(u64, Option<RoleId>)],
        place: Place,
        wanted: Option<Permission>,
    ) -> Decision {
        let membership = |role| Membership { role, jump_policy: None };
        let own = memberships.iter().map(|(id, role)| (JumpGroupId(*id), membership(*role)));
        let effective = Effective::of(settings, &own.collect::<BTreeMap<_, _>>(), &[]);
        let them = BTreeSet::from([UserId(8)]);
        let user = Subject {
            user: UserId(7),
            enabled: true,
            effective: &effective,
            outranked: Some(&them),
        };
        let roles = Role::built_in();
        let decision = decide(&user, place, wanted, |id| roles.iter().find(|role| role.id == id));
        let seen = sees(&user, place, |id| roles.iter().any(|role| role.id == id));
        assert!(seen || wanted.is_some() || !decision.is_allowed());
        decision
    }

    fn slots() -> Settings {
        Settings {
            default_role: Role::START_SESSIONS_ONLY,
            personal_role: Role::ADMINISTRATOR,
            teams_role: Role::AUDITOR,
            ..Settings::default()
        }
    }

    #[test]
    fn the_membership_speaks_before_the_slots() {
        let memberships = [(1, Some(Role::AUDITOR)), (2, None)];
        let start = Some(Permission::PermStart);
        let ask = |place, wanted| ask(&slots(), &memberships, place, wanted).is_allowed();
        assert!(!ask(Place::JumpGroup(JumpGroupId(1)), start));
        assert!(ask(Place::JumpGroup(JumpGroupId(1)), None));
        assert!(ask(Place::JumpGroup(JumpGroupId(2)), start));
        assert!(!ask(Place::JumpGroup(JumpGroupId(3)), None));
        assert!(ask(Place::Personal(UserId(7)), Some(Permission::PermAdd)));
        assert!(!ask(Place::Personal(UserId(9)), None));
    }

    #[test]
    fn the_teams_slot_counts_for_the_list_of_whom_one_outranks() {
        assert!(ask(&slots(), &[], Place::Personal(UserId(8)), None).is_allowed());
        let start = Some(Permission::PermStart);
        let decision = ask(&slots(), &[], Place::Personal(UserId(8)), start).to_string();
        assert!(decision.starts_with("the user's Teams slot"), "{decision}");
    }

    #[test]
    fn what_waits_in_a_queue_is_in_nobodys_inventory() {
        let all = Role::ADMINISTRATOR;
        let all = Settings {
            default_role: all,
            personal_role: all,
            teams_role: all,
            system_role: all,
            ..Settings::default()
        };
        for queue in [Queue::General, Queue::Personal(UserId(7)), Queue::Team(TeamId(1))] {
            assert!(!ask(&all, &[], Place::Queue(queue), None).is_allowed());
        }
    }

    #[test]
    fn a_refusal_names_the_role_and_what_it_lacks() {
        let group = Place::JumpGroup(JumpGroupId(1));
        let memberships = [(1, Some(Role::AUDITOR))];
        let decision = ask(&slots(), &memberships, group, Some(Permission::PermStart));
        assert_eq!(
            decision.to_string(),
            "the user's own membership of the Jump Group names the role; the role Auditor lacks perm_start"
        );
    }

    #[test]
    fn a_disabled_user_may_nothing() {
        let effective = Effective::of(&slots(), &BTreeMap::new(), &[]);
        let user =
            Subject { user: UserId(7), enabled: false, effective: &effective, outranked: None };
        let roles = Role::built_in();
        let role = |id| roles.iter().find(|role| role.id == id);
        assert!(!decide(&user, Place::Personal(UserId(7)), None, role).is_allowed());
        assert!(!sees(&user, Place::Personal(UserId(7)), |_| true));
    }
}

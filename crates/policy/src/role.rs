//! Jump Item Roles: which one counts, and what it permits (DOMAIN 3).

use crate::decision::{Decision, Step, Verdict};
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::rights::{Permission, Permissions};
use jumpdeck_protocol::{JumpGroupId, RoleId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The user.
    pub user: UserId,
    /// Whether the user may log in at all.
    pub enabled: bool,
    /// The user's slots.
    pub slots: Slots,
    /// Groups the user is a member of, with the role set on the membership, if one is.
    pub memberships: &'a BTreeMap<JumpGroupId, Option<RoleId>>,
    /// Whom the user outranks in a team they share.
    pub outranked: Option<&'a BTreeSet<UserId>>,
}

/// The role that counts for items in this place, and what named it.
pub fn role_of(subject: &Subject<'_>, place: Place) -> (RoleId, Step) {
    let slot = |name: &str, role: RoleId| {
        let says = "names the role".to_owned();
        (role, Step { source: format!("the user's {name} slot"), says })
    };
    match place {
        Place::Personal(owner) if owner == subject.user => slot("Personal", subject.slots.personal),
        Place::Personal(owner) if subject.outranked.is_some_and(|them| them.contains(&owner)) => {
            slot("Teams", subject.slots.teams)
        }
        Place::Personal(_) => slot("System", subject.slots.system),
        Place::Queue(_) => {
            let source = "a machine that waits in a queue".to_owned();
            (Role::NO_ACCESS, Step { source, says: "is no Jump Item".to_owned() })
        }
        Place::JumpGroup(group) => match subject.memberships.get(&group) {
            Some(Some(role)) => {
                let source = "the membership of the Jump Group".to_owned();
                (*role, Step { source, says: "names the role".to_owned() })
            }
            Some(None) => slot("Default", subject.slots.default),
            None => slot("System", subject.slots.system),
        },
    }
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
        let step = Step { source: "the user".to_owned(), says: "is disabled".to_owned() };
        return Decision { verdict: Verdict::Deny, because: vec![step] };
    }
    let (id, step) = role_of(subject, place);
    let mut because = vec![step];
    let Some(role) = role(id).filter(|role| role.id != Role::NO_ACCESS) else {
        let source = "the role No Access".to_owned();
        because.push(Step { source, says: "hides the item".to_owned() });
        return Decision { verdict: Verdict::Deny, because };
    };
    let (verdict, says) = match wanted {
        None => (Verdict::Allow, "shows the item".to_owned()),
        Some(p) if role.permissions.has(p) => (Verdict::Allow, format!("has {}", p.as_str())),
        Some(p) => (Verdict::Deny, format!("lacks {}", p.as_str())),
    };
    because.push(Step { source: format!("the role {}", role.name), says });
    Decision { verdict, because }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpdeck_protocol::TeamId;
    use jumpdeck_protocol::queue::Queue;

    fn ask(user: &Subject<'_>, place: Place, wanted: Option<Permission>) -> Decision {
        let roles = Role::built_in();
        decide(user, place, wanted, |id| roles.iter().find(|role| role.id == id))
    }

    fn slots() -> Slots {
        Slots {
            default: Role::START_SESSIONS_ONLY,
            personal: Role::ADMINISTRATOR,
            teams: Role::NO_ACCESS,
            system: Role::NO_ACCESS,
        }
    }

    #[test]
    fn the_membership_speaks_before_the_slots() {
        let memberships =
            BTreeMap::from([(JumpGroupId(1), Some(Role::AUDITOR)), (JumpGroupId(2), None)]);
        let user = Subject {
            user: UserId(7),
            enabled: true,
            slots: slots(),
            memberships: &memberships,
            outranked: None,
        };
        let start = Some(Permission::PermStart);
        assert!(!ask(&user, Place::JumpGroup(JumpGroupId(1)), start).is_allowed());
        assert!(ask(&user, Place::JumpGroup(JumpGroupId(1)), None).is_allowed());
        assert!(ask(&user, Place::JumpGroup(JumpGroupId(2)), start).is_allowed());
        assert!(!ask(&user, Place::JumpGroup(JumpGroupId(3)), None).is_allowed());
        assert!(ask(&user, Place::Personal(UserId(7)), Some(Permission::PermAdd)).is_allowed());
        assert!(!ask(&user, Place::Personal(UserId(8)), None).is_allowed());
    }

    #[test]
    fn the_teams_slot_counts_for_the_list_of_whom_one_outranks() {
        let (memberships, them) = (BTreeMap::new(), BTreeSet::from([UserId(8)]));
        let slots = Slots { teams: Role::AUDITOR, ..slots() };
        let outranked = Some(&them);
        let user =
            Subject { user: UserId(7), enabled: true, slots, memberships: &memberships, outranked };
        assert!(ask(&user, Place::Personal(UserId(8)), None).is_allowed());
        assert!(!ask(&user, Place::Personal(UserId(9)), None).is_allowed());
        let decision =
            ask(&user, Place::Personal(UserId(8)), Some(Permission::PermStart)).to_string();
        assert!(decision.starts_with("the user's Teams slot"), "{decision}");
    }

    #[test]
    fn what_waits_in_a_queue_is_in_nobodys_inventory() {
        let memberships = BTreeMap::new();
        let all = Role::ADMINISTRATOR;
        let slots = Slots { default: all, personal: all, teams: all, system: all };
        let user = Subject {
            user: UserId(7),
            enabled: true,
            slots,
            memberships: &memberships,
            outranked: None,
        };
        for queue in [Queue::General, Queue::Personal(UserId(7)), Queue::Team(TeamId(1))] {
            assert!(!ask(&user, Place::Queue(queue), None).is_allowed());
        }
    }

    #[test]
    fn a_refusal_names_the_role_and_what_it_lacks() {
        let memberships = BTreeMap::from([(JumpGroupId(1), Some(Role::AUDITOR))]);
        let user = Subject {
            user: UserId(7),
            enabled: true,
            slots: slots(),
            memberships: &memberships,
            outranked: None,
        };
        let decision = ask(&user, Place::JumpGroup(JumpGroupId(1)), Some(Permission::PermStart));
        assert_eq!(
            decision.to_string(),
            "the membership of the Jump Group names the role; the role Auditor lacks perm_start"
        );
    }

    #[test]
    fn a_disabled_user_may_nothing() {
        let memberships = BTreeMap::new();
        let user = Subject {
            user: UserId(7),
            enabled: false,
            slots: slots(),
            memberships: &memberships,
            outranked: None,
        };
        assert!(!ask(&user, Place::Personal(UserId(7)), None).is_allowed());
    }
}

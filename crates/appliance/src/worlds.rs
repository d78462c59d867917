//! Random worlds: whatever is edited in whatever order, what a console was told is what a naive
//! reference says the rep may see, and each decision is the reference's.
//!
//! `JUMPDECK_WORLDS` says how many worlds are made; a long run has 100,000.

use crate::feed::chunks::changes;
use jumpdeck_policy::{
    GroupPolicy, Membership, Permission, Permissions, PolicySettings, Role, Setting, Settings,
};
use jumpdeck_protocol::inventory::{GroupView, Place};
use jumpdeck_protocol::queue::Rank;
use jumpdeck_protocol::{GroupPolicyId, ItemId, JumpGroupId, Revision, RoleId, TeamId, UserId};
use jumpdeck_world::User;
use jumpdeck_world::Visibility;
use jumpdeck_world::World;
use jumpdeck_world::{Document, DocumentId, Team};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const GROUPS: u64 = 3;
const USERS: u64 = 3;
const ITEMS: u64 = 6;
const TEAMS: u64 = 2;
const POLICIES: u64 = 3;

/// One edit.
#[derive(Clone, Debug)]
enum Edit {
    User { id: u64, enabled: bool, slots: [u64; 4], groups: Vec<(u64, Option<u64>)> },
    NoUser(u64),
    Role { id: u64, start: bool },
    NoRole(u64),
    Group(u64),
    NoGroup(u64),
    Item { id: u64, place: Result<u64, u64> },
    NoItem(u64),
    Team { id: u64, members: Vec<(u64, u8)> },
    NoTeam(u64),
    Policy(Box<PolicyEdit>),
    NoPolicy(u64),
}

/// A group policy that is made or changed.
#[derive(Clone, Debug)]
struct PolicyEdit {
    id: u64,
    order: u32,
    everybody: bool,
    members: Vec<u64>,
    default_role: (u8, u64),
    system_role: (u8, u64),
    add: Vec<(u64, Option<u64>)>,
    remove: Vec<u64>,
    teams: Vec<(u64, u8)>,
}

fn edit() -> impl Strategy<Value = Edit> {
    let role = || 1..=6_u64;
    let groups = || prop::collection::vec((1..=GROUPS, prop::option::of(role())), 0..3);
    let ranks = |of: u64| prop::collection::vec((1..=of, 0..3_u8), 0..3);
    let user = (1..=USERS, prop::bool::weighted(0.9), [role(), role(), role(), role()], groups())
        .prop_map(|(id, enabled, slots, groups)| Edit::User { id, enabled, slots, groups });
    let policy = (
        (1..=POLICIES, 0..4_u32, any::<bool>(), prop::collection::vec(1..=USERS, 0..3)),
        ((0..3_u8, role()), (0..3_u8, role())),
        (groups(), prop::collection::vec(1..=GROUPS, 0..2), ranks(TEAMS)),
    )
        .prop_map(|((id, order, everybody, members), (default_role, system_role), rest)| {
            let (add, remove, teams) = rest;
            Edit::Policy(Box::new(PolicyEdit {
                id,
                order,
                everybody,
                members,
                default_role,
                system_role,
                add,
                remove,
                teams,
            }))
        });
    let place = prop_oneof![(1..=GROUPS).prop_map(Ok), (1..=USERS).prop_map(Err)];
    prop_oneof![
        4 => user,
        1 => (1..=USERS).prop_map(Edit::NoUser),
        2 => (5..=6_u64, any::<bool>()).prop_map(|(id, start)| Edit::Role { id, start }),
        1 => (5..=6_u64).prop_map(Edit::NoRole),
        2 => (1..=GROUPS).prop_map(Edit::Group),
        1 => (1..=GROUPS).prop_map(Edit::NoGroup),
        5 => (1..=ITEMS, place).prop_map(|(id, place)| Edit::Item { id, place }),
        1 => (1..=ITEMS).prop_map(Edit::NoItem),
        2 => (1..=TEAMS, ranks(USERS)).prop_map(|(id, members)| Edit::Team { id, members }),
        1 => (1..=TEAMS).prop_map(Edit::NoTeam),
        4 => policy,
        1 => (1..=POLICIES).prop_map(Edit::NoPolicy),
    ]
}

fn memberships(groups: &[(u64, Option<u64>)]) -> BTreeMap<JumpGroupId, Membership> {
    let one = |(group, role): &(u64, Option<u64>)| {
        (JumpGroupId(*group), Membership { role: role.map(RoleId), jump_policy: None })
    };
    groups.iter().map(one).collect()
}

fn rank(number: u8) -> Rank {
    Rank::ALL[usize::from(number) % Rank::ALL.len()]
}

fn setting((kind, role): (u8, u64)) -> Setting<RoleId> {
    match kind {
        0 => Setting::NotDefined,
        1 => Setting::Defined(RoleId(role)),
        _ => Setting::Final(RoleId(role)),
    }
}

fn group_policy(policy: &PolicyEdit) -> GroupPolicy {
    let PolicyEdit { id, order, everybody, members, default_role, system_role, .. } = policy;
    let settings = PolicySettings {
        default_role: setting(*default_role),
        system_role: setting(*system_role),
        ..PolicySettings::default()
    };
    let teams = policy.teams.iter();
    GroupPolicy {
        id: GroupPolicyId(*id),
        name: format!("policy{id}").into(),
        order: *order,
        everybody: *everybody,
        members: members.iter().map(|user| UserId(*user)).collect(),
        settings,
        add_to_groups: memberships(&policy.add),
        remove_from_groups: policy.remove.iter().map(|g| JumpGroupId(*g)).collect(),
        add_to_teams: teams.map(|(team, number)| (TeamId(*team), rank(*number))).collect(),
        remove_from_teams: BTreeSet::new(),
    }
}

fn document(edit: &Edit) -> Result<Document, DocumentId> {
    Ok(match edit {
        Edit::User { id, enabled, slots, groups } => {
            let [default_role, personal_role, teams_role, system_role] = slots.map(RoleId);
            let settings = Settings {
                default_role,
                personal_role,
                teams_role,
                system_role,
                ..Settings::default()
            };
            let (enabled, memberships) = (*enabled, memberships(groups));
            let user = User::new(UserId(*id), format!("user{id}"));
            User { enabled, settings, memberships, ..user }.into()
        }
        Edit::NoUser(id) => return Err(DocumentId::User(UserId(*id))),
        Edit::Role { id, start } => {
            let permissions: &[Permission] = if *start { &[Permission::PermStart] } else { &[] };
            let permissions = Permissions::of(permissions);
            Role { id: RoleId(*id), name: format!("role{id}"), permissions }.into()
        }
        Edit::NoRole(id) => return Err(DocumentId::Role(RoleId(*id))),
        Edit::Group(id) => {
            let name = format!("group{id}").into();
            GroupView { id: JumpGroupId(*id), name }.into()
        }
        Edit::NoGroup(id) => return Err(DocumentId::Group(JumpGroupId(*id))),
        Edit::Item { id, place } => {
            let mut item = crate::sample::item(*id);
            Arc::make_mut(&mut item.view).place = match place {
                Ok(group) => Place::JumpGroup(JumpGroupId(*group)),
                Err(owner) => Place::Personal(UserId(*owner)),
            };
            item.into()
        }
        Edit::NoItem(id) => return Err(DocumentId::Item(ItemId(*id))),
        Edit::Team { id, members } => {
            let members = members.iter().map(|(user, number)| (UserId(*user), rank(*number)));
            let members = members.collect();
            Team { id: TeamId(*id), name: format!("team{id}"), members }.into()
        }
        Edit::NoTeam(id) => return Err(DocumentId::Team(TeamId(*id))),
        Edit::Policy(policy) => group_policy(policy).into(),
        Edit::NoPolicy(id) => return Err(DocumentId::GroupPolicy(GroupPolicyId(*id))),
    })
}

/// What there is, as the reference keeps it: the last word on each thing.
#[derive(Default)]
struct Reference {
    users: BTreeMap<u64, (bool, [u64; 4], Vec<(u64, Option<u64>)>)>,
    /// Whether a role permits starts.
    roles: BTreeMap<u64, bool>,
    groups: BTreeSet<u64>,
    items: BTreeMap<u64, Result<u64, u64>>,
    teams: BTreeMap<u64, Vec<(u64, u8)>>,
    policies: BTreeMap<u64, PolicyEdit>,
}

impl Reference {
    fn new() -> Self {
        // No Access, Administrator, Start Sessions Only, Auditor.
        let roles = BTreeMap::from([(1, false), (2, true), (3, true), (4, false)]);
        Self { roles, ..Self::default() }
    }

    fn take(&mut self, edit: &Edit) {
        match edit.clone() {
            Edit::User { id, enabled, slots, groups } => {
                self.users.insert(id, (enabled, slots, groups));
            }
            Edit::NoUser(id) => drop(self.users.remove(&id)),
            Edit::Role { id, start } => drop(self.roles.insert(id, start)),
            Edit::NoRole(id) => drop(self.roles.remove(&id)),
            Edit::Group(id) => drop(self.groups.insert(id)),
            Edit::NoGroup(id) => drop(self.groups.remove(&id)),
            Edit::Item { id, place } => drop(self.items.insert(id, place)),
            Edit::NoItem(id) => drop(self.items.remove(&id)),
            Edit::Team { id, members } => drop(self.teams.insert(id, members)),
            Edit::NoTeam(id) => drop(self.teams.remove(&id)),
            Edit::Policy(policy) => drop(self.policies.insert(policy.id, *policy)),
            Edit::NoPolicy(id) => drop(self.policies.remove(&id)),
        }
    }

    /// The group policies about a user, in the list's order.
    fn about(&self, user: u64) -> Vec<&PolicyEdit> {
        let mut about: Vec<_> =
            self.policies.values().filter(|p| p.everybody || p.members.contains(&user)).collect();
        about.sort_by_key(|policy| (policy.order, policy.id));
        about
    }

    fn slot(&self, user: u64, own: u64, said: impl Fn(&PolicyEdit) -> (u8, u64)) -> u64 {
        let mut role = own;
        for policy in self.about(user) {
            match said(policy) {
                (0, _) => {}
                (1, other) => role = other,
                (_, other) => return other,
            }
        }
        role
    }

    /// Whether a user is a member of a group, and the role that is set on that.
    fn membership(&self, user: u64, group: u64) -> Option<Option<u64>> {
        let mut through_policies: Option<Option<u64>> = None;
        for policy in self.about(user) {
            if policy.remove.contains(&group) {
                through_policies = None;
            }
            // Of a group that is there twice the last one counts.
            if let Some((_, role)) = policy.add.iter().rev().find(|(of, _)| *of == group) {
                let before = through_policies.flatten();
                through_policies = Some(role.or(before));
            }
        }
        let own = self.users[&user].2.iter().rev().find(|(of, _)| *of == group);
        match (own, through_policies) {
            (None, through) => through,
            (Some((_, role)), through) => Some(role.or(through.flatten())),
        }
    }

    /// The rank of a user in a team: one's own, else what the last policy gives.
    fn rank(&self, user: u64, team: u64) -> Option<u8> {
        let members = self.teams.get(&team)?;
        let last = |list: &[(u64, u8)], wanted: u64| {
            list.iter().rev().find(|(of, _)| *of == wanted).map(|(_, rank)| rank % 3)
        };
        let own = last(members, user);
        let known = self.users.contains_key(&user);
        let through = || self.about(user).iter().rev().find_map(|p| last(&p.teams, team));
        own.or_else(|| known.then(through).flatten())
    }

    fn outranks(&self, user: u64, other: u64) -> bool {
        self.teams.keys().any(|team| {
            let (one, two) = (self.rank(user, *team), self.rank(other, *team));
            one.zip(two).is_some_and(|(one, two)| one > two)
        })
    }

    /// The role that counts.
    fn role(&self, user: u64, place: Result<u64, u64>) -> u64 {
        let [default, personal, teams, system] = self.users[&user].1;
        let system = self.slot(user, system, |policy| policy.system_role);
        match place {
            Err(owner) if owner == user => personal,
            Err(owner) if self.outranks(user, owner) => teams,
            Err(_) => system,
            Ok(group) => match self.membership(user, group) {
                Some(Some(role)) => role,
                Some(None) => self.slot(user, default, |policy| policy.default_role),
                None => system,
            },
        }
    }

    fn sees(&self, user: u64, place: Result<u64, u64>) -> bool {
        let enabled = self.users.get(&user).is_some_and(|user| user.0);
        enabled && {
            let role = self.role(user, place);
            role != 1 && self.roles.contains_key(&role)
        }
    }

    fn starts(&self, user: u64, place: Result<u64, u64>) -> bool {
        self.sees(user, place) && self.roles[&self.role(user, place)]
    }
}

/// What a console knows: the items and groups that it was sent, without those that it was to forget.
#[derive(Default)]
struct WorldReplica {
    items: BTreeSet<u64>,
    groups: BTreeSet<u64>,
}

fn check(edits: &[Edit]) -> Result<(), TestCaseError> {
    let (mut world, mut reference) = (World::new("e"), Reference::new());
    for role in Role::built_in() {
        let revision = world.revision().next();
        world.put(revision, role);
    }
    let mut replicas: BTreeMap<u64, WorldReplica> = BTreeMap::new();
    for edit in edits {
        let before = world.clone();
        let revision: Revision = world.revision().next();
        match document(edit) {
            Ok(document) => world.put(revision, document),
            Err(id) => world.remove(revision, id),
        }
        reference.take(edit);
        for user in 1..=USERS {
            let told = tell(&before, &world, user);
            let replica = replicas.entry(user).or_default();
            for part in told {
                replica.items.extend(part.items.iter().map(|item| item.id.0));
                replica.items.retain(|item| !part.gone.contains(&ItemId(*item)));
                replica.groups.extend(part.groups.iter().map(|group| group.id.0));
                replica.groups.retain(|id| !part.gone_groups.contains(&JumpGroupId(*id)));
            }
            agrees(&world, &reference, user, replica)?;
        }
    }
    Ok(())
}

fn tell(
    before: &World,
    now: &World,
    user: u64,
) -> Vec<jumpdeck_protocol::inventory::InventoryPart> {
    let of = |world: &World| world.user(UserId(user)).cloned();
    let (was, is) = (of(before), of(now));
    let past = Visibility::of(before, was.as_deref());
    changes(&Visibility::of(now, is.as_deref()), Some(&past), before.revision()).unwrap_or_default()
}

fn agrees(
    world: &World,
    reference: &Reference,
    user: u64,
    replica: &WorldReplica,
) -> Result<(), TestCaseError> {
    let may_see = reference.items.iter().filter(|(_, place)| reference.sees(user, **place));
    let may_see: BTreeSet<u64> = may_see.map(|(id, _)| *id).collect();
    prop_assert_eq!(&replica.items, &may_see, "what user{} was sent", user);
    let groups = reference.groups.iter().filter(|group| reference.sees(user, Ok(**group)));
    prop_assert_eq!(&replica.groups, &groups.copied().collect(), "groups of user{}", user);
    let Some(known) = world.user(UserId(user)) else {
        return Ok(());
    };
    for (id, place) in &reference.items {
        let place = match place {
            Ok(group) => Place::JumpGroup(JumpGroupId(*group)),
            Err(owner) => Place::Personal(UserId(*owner)),
        };
        let decision = world.decide(known, place, Some(Permission::PermStart));
        let starts = reference.starts(user, reference.items[id]);
        prop_assert_eq!(decision.is_allowed(), starts, "{}", decision);
        let replayed = jumpdeck_policy::Decision::of(decision.because.clone());
        prop_assert_eq!(replayed, decision);
        prop_assert_eq!(world.decide(known, place, None).is_allowed(), world.sees(known, place));
    }
    Ok(())
}

#[test]
fn no_sequence_of_edits_shows_what_the_reference_denies() {
    let worlds = std::env::var("JUMPDECK_WORLDS").ok().and_then(|worlds| worlds.parse().ok());
    let cases = worlds.unwrap_or(400);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let edits = prop::collection::vec(edit(), 1..40);
    TestRunner::new(config).run(&edits, |edits| check(&edits)).unwrap();
}

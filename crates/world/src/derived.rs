//! What follows from users, group policies and teams together.

use crate::World;
use jumpdeck_policy::{Effective, GroupPolicy};
use jumpdeck_protocol::queue::Rank;
use jumpdeck_protocol::{TeamId, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// Reckoned once for each state of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Derived {
    /// What counts for each user.
    pub effective: BTreeMap<UserId, Effective>,
    /// Who is in each team.
    pub teams: BTreeMap<TeamId, BTreeMap<UserId, Rank>>,
    /// Whom each user outranks in a team they share.
    pub outranked: BTreeMap<UserId, BTreeSet<UserId>>,
}

impl Derived {
    pub(crate) fn of(world: &World) -> Self {
        let policies = world.group_policies();
        let mut derived = Self::default();
        for team in world.teams() {
            derived.teams.insert(team.id, team.members.clone());
        }
        for user in world.users() {
            let about = policies.iter().filter(|policy| policy.is_about(user.id));
            let about: Vec<&GroupPolicy> = about.map(AsRef::as_ref).collect();
            let effective = Effective::of(&user.settings, &user.memberships, &about);
            for (team, rank) in &effective.teams {
                // A rank of one's own counts before one that a policy brings.
                if let Some(members) = derived.teams.get_mut(team) {
                    members.entry(user.id).or_insert(rank.value);
                }
            }
            derived.effective.insert(user.id, effective);
        }
        for members in derived.teams.values() {
            for (user, rank) in members {
                let lower = members.iter().filter(|(_, other)| *other < rank);
                let mut lower = lower.map(|(other, _)| *other).peekable();
                if lower.peek().is_some() {
                    derived.outranked.entry(*user).or_default().extend(lower);
                }
            }
        }
        derived
    }
}

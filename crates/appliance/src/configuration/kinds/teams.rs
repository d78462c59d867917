//! Teams and ranks.

use super::ConfigurationKind;
use crate::configuration::applying::Applying;
use crate::configuration::file::member;
use crate::configuration::file::{Name, named};
use crate::configuration::reader::At;
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::UserId;
use jumpdeck_protocol::limits;
use jumpdeck_protocol::queue::Rank;
use jumpdeck_world::Team;
use jumpdeck_world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamEntry {
    pub name: Name,
    #[serde(default)]
    pub members: Vec<MemberEntry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberEntry {
    pub user: Name,
    #[serde(default = "member")]
    pub rank: Rank,
}

pub(in crate::configuration) struct TeamKind;

impl ConfigurationKind for TeamKind {
    type Entity = Team;
    type Entry = TeamEntry;

    const NAME: &'static str = "team";

    fn all(world: &World) -> Vec<Arc<Team>> {
        world.teams().cloned().collect()
    }

    fn name(entity: &Team) -> &str {
        &entity.name
    }

    fn entry(world: &World, team: &Team) -> TeamEntry {
        let member = |(user, rank): (&UserId, &Rank)| MemberEntry {
            user: named(world.username(*user)),
            rank: *rank,
        };
        TeamEntry { name: named(&team.name), members: team.members.iter().map(member).collect() }
    }

    fn entry_name(entry: &TeamEntry) -> &Name {
        &entry.name
    }

    fn make(
        applying: &mut Applying<'_, '_>,
        entry: &TeamEntry,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), Refusal> {
        // Teams are made before their members are.
        let Applying { draft, reader, .. } = applying;
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

    fn finish(applying: &mut Applying<'_, '_>, entry: &TeamEntry) -> Result<(), Refusal> {
        let Applying { draft, reader, .. } = applying;
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
                reader.wrong(at, "members", &member.user, "this user is listed twice");
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

    fn used_by(applying: &Applying<'_, '_>, team: &Team) -> Vec<String> {
        let policies = applying.draft.group_policies().into_iter().filter(|policy| {
            policy.add_to_teams.contains_key(&team.id)
                || policy.remove_from_teams.contains(&team.id)
        });

        policies.map(|policy| format!("group policy {}", policy.name)).collect()
    }

    fn remove(applying: &mut Applying<'_, '_>, team: &Team) {
        if let Err(refusal) = crate::policies::teams::remove(applying.draft, team.id) {
            applying.applied.notes.push(refusal.to_string());
        }
    }
}

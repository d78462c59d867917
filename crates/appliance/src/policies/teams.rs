//! Teams: reps who work together, each with a rank (DOMAIN 1).

use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::bus::ApplianceEvent;
use crate::links::consoles::RepLink;
use crate::sessions::sharing::Sharing;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::queue::{Queue, Rank, TeamView};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::{Refusal, RefusalCode, SessionId, TeamId, UserId, limits, text};
use jumpdeck_store::Draft;
use jumpdeck_world::{DocumentId, Item, Team};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Makes teams and shares sessions with them.
pub(crate) struct Teams {
    pub(super) base: Base,
    pub(super) book: Arc<Book>,
    pub(super) sharing: Arc<Sharing>,
}

impl Teams {
    /// Makes a team or changes who is in it; without members, it is removed.
    async fn set_team(
        &self,
        rep: &RepLink,
        name: &str,
        members: Vec<(String, Rank)>,
    ) -> Result<(), Refusal> {
        if !self.base.world().administers(rep.user) {
            return Err(RefusalCode::PermissionDenied.because("only an administrator makes teams"));
        }
        let name = name.trim().to_owned();
        let plain = text::clean(&name) == name;
        if name.is_empty() || name.chars().count() > limits::NAME || !plain {
            let detail = "A team's name has 1 to 128 visible characters.";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        if members.len() > limits::TEAM_MEMBERS {
            let detail = format!("A team has at most {} members.", limits::TEAM_MEMBERS);
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let (maker, now) = (rep.user, self.base.now());
        let edit = move |draft: &mut Draft| {
            let known = draft.team_by_name(&name).map(|team| team.id);
            if members.is_empty() {
                let none = || RefusalCode::NotFound.because(format!("There is no team {name}."));
                draft.audit_by(now, maker, Action::TeamRemoved, (&name, ""));
                return remove(draft, known.ok_or_else(none)?);
            }
            if known.is_none() && draft.teams().count() >= limits::TEAMS {
                let detail = format!("There are {} teams already, the limit.", limits::TEAMS);
                return Err(RefusalCode::InvalidValue.because(detail));
            }
            let mut them = BTreeMap::new();
            for (member, rank) in &members {
                let user = draft.user_by_name(member.trim());
                let none = || RefusalCode::NoSuchUser.because(text::bounded(member, limits::NAME));
                if them.insert(user.ok_or_else(none)?.id, *rank).is_some() {
                    let detail = format!("{} is listed twice.", text::bounded(member, 64));
                    return Err(RefusalCode::InvalidValue.because(detail));
                }
            }
            let before = known.and_then(|id| draft.team(id)).map(|team| team.members.clone());
            let before = before.unwrap_or_default();
            // One event each: no long team crowds out its end.
            for user in before.keys().chain(them.keys()).collect::<BTreeSet<_>>() {
                let rank = |team: &BTreeMap<UserId, Rank>| team.get(user).map(|rank| rank.word());
                let (was, is) = (rank(&before), rank(&them));
                if was != is {
                    let words = |rank: Option<&'static str>| rank.unwrap_or("no member");
                    let detail =
                        format!("{}: {}, was {}", draft.username(*user), words(is), words(was));
                    draft.audit_by(now, maker, Action::TeamChanged, (&name, &detail));
                }
            }
            let id = known.unwrap_or_else(|| draft.next::<Team>());
            draft.put(Team { id, name: name.clone(), members: them })
        };
        self.base.store.edit(edit).await?;
        self.base.bus.publish(ApplianceEvent::QueuesChanged);
        Ok(())
    }

    /// The teams a rep is in; for an administrator, all.
    pub(crate) fn teams(&self, rep: &RepLink) -> Vec<TeamView> {
        let world = self.base.world();
        let all = world.administers(rep.user);
        let seen = |team: &&Arc<Team>| all || world.members(team.id).contains_key(&rep.user);
        let view = |team: &Arc<Team>| TeamView {
            name: team.name.as_str().into(),
            members: world
                .members(team.id)
                .iter()
                .map(|(user, rank)| (world.username(*user), *rank))
                .collect(),
        };
        let mut teams: Vec<_> = world.teams().filter(seen).map(view).collect();
        teams.sort_by(|one, other| one.name.cmp(&other.name));
        teams
    }

    /// Lets everybody of one of the rep's teams take part in a session.
    async fn share_with_team(
        &self,
        rep: &RepLink,
        session: SessionId,
        team: &str,
        part: Option<Part>,
    ) -> Result<(), Refusal> {
        self.book.takes_part(session, rep.user, Part::Owner)?;
        let world = self.base.world();
        let none = || {
            RefusalCode::NotFound
                .because(format!("You are in no team {}.", text::bounded(team, limits::NAME)))
        };
        let team = world.teams_of(rep.user).find(|one| one.name == team).ok_or_else(none)?;
        let others = world.members(team.id).keys().filter(|user| **user != rep.user);
        let mut names: Vec<_> = others.map(|user| world.username(*user)).collect();
        // A user who may not log in is no reason to keep the others out.
        names.retain(|name| world.user_by_name(name).is_some_and(|user| user.enabled));
        if names.is_empty() {
            return Err(RefusalCode::InvalidValue
                .because(format!("Nobody else is in the team {}.", team.name)));
        }
        let part_of = |name: &str| {
            let user = world.user_by_name(name)?;
            self.book.part(session, user.id)
        };
        // Who takes part already is not made to look on.
        names.retain(|name| part.is_none() || part_of(name) < part);
        let newcomers = names.iter().filter(|name| part_of(name).is_none()).count();
        self.book.room_for(session, if part.is_some() { newcomers } else { 0 })?;
        for name in names {
            self.sharing.share(rep, session, &name, part).await?;
        }
        Ok(())
    }
}

impl Answered for request::ShareTeam {
    type By = Teams;

    async fn answer(self, teams: &Arc<Teams>, rep: &RepLink) -> Result<(), Refusal> {
        teams.share_with_team(rep, self.session, &self.team, self.part).await
    }
}

impl Answered for request::Teams {
    type By = Teams;

    async fn answer(self, teams: &Arc<Teams>, rep: &RepLink) -> Result<reply::TeamList, Refusal> {
        Ok(reply::TeamList { teams: teams.teams(rep) })
    }
}

impl Answered for request::SetTeam {
    type By = Teams;

    async fn answer(self, teams: &Arc<Teams>, rep: &RepLink) -> Result<(), Refusal> {
        teams.set_team(rep, &self.name, self.members).await
    }
}

/// Removes a team. Its keys go with it, and who waited for it waits for the user who made the key.
pub(crate) fn remove(draft: &mut Draft, team: TeamId) -> Result<(), Refusal> {
    let keys: Vec<_> = draft.session_keys().filter(|key| key.queue == Queue::Team(team)).collect();
    let keys: Vec<_> = keys.into_iter().map(|key| key.id).collect();
    for key in keys {
        draft.remove(DocumentId::SessionKey(key));
    }
    let waits = |item: &&Arc<Item>| item.view.place == Place::Queue(Queue::Team(team));
    let waiting: Vec<_> = draft.visitors().filter(waits).cloned().collect();
    for before in waiting {
        let mut item = Item::clone(&before);
        let maker = before.edited_by.unwrap_or(UserId(1));
        Arc::make_mut(&mut item.view).place = Place::Queue(Queue::Personal(maker));
        draft.put(item)?;
    }
    draft.remove(DocumentId::Team(team));
    Ok(())
}

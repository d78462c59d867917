//! The sessions of the past that a rep may know of, by a filter: one's own, those one took part in,
//! and those with items whose report one may see (`perm_view_jump_item_report`).

use super::history::SessionHistory;
use crate::answered::Answered;
use crate::links::consoles::RepLink;
use jumpdeck_protocol::history::{HistoryFilter, SessionRecord};
use jumpdeck_protocol::inventory::{ItemView, Place};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::Permission;
use jumpdeck_protocol::{ItemId, Refusal, RefusalCode, UserId, limits};
use jumpdeck_store::{SessionFilter, SessionWord, StoredSession};
use jumpdeck_world::{Item, Visibility, World};
use std::sync::Arc;

/// What a rep's filter means in this world.
///
/// # Errors
/// `invalid_value` where it names what the rep does not know of, or is too long.
fn resolve(world: &World, viewer: UserId, filter: HistoryFilter) -> Result<SessionFilter, Refusal> {
    check(&filter)?;
    let sight = Visibility::new(world, viewer);
    let items_that = |fits: &dyn Fn(&ItemView) -> bool| -> Vec<ItemId> {
        let seen = world.items().filter(|item| sight.place(item.view.place));
        seen.filter(|item| fits(&item.view)).map(|item| item.view.id).collect()
    };
    let HistoryFilter { session, words, item, rep, group, tag, since, until, command } = filter;
    let owners = rep.map(|name| owner(world, &name)).transpose()?;
    let place = group.map(|name| place(world, &sight, &name)).transpose()?;
    let items = match (place, tag.as_deref()) {
        (None, None) => None,
        (place, tag) => Some(items_that(&|item| {
            place.is_none_or(|place| item.place == place)
                && tag.is_none_or(|tag| same(&item.tag, tag))
        })),
    };
    let mut all_words: Vec<SessionWord> = Vec::new();
    for text in words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
        let users = world.users().filter(|user| has(&user.username, text));
        all_words.push(SessionWord {
            text: text.to_owned(),
            owners: users.map(|user| user.id).collect(),
            items: items_that(&|item| same(&item.tag, text)),
        });
    }
    all_words.extend(item.map(|text| SessionWord {
        text: text.into(),
        owners: Vec::new(),
        items: Vec::new(),
    }));
    Ok(SessionFilter {
        viewer,
        reported: reported(world, viewer, &sight),
        session,
        items,
        owners,
        words: all_words,
        since,
        until,
        command: command.map(Into::into),
    })
}

fn check(filter: &HistoryFilter) -> Result<(), Refusal> {
    let HistoryFilter { words, item, rep, group, tag, command, .. } = filter;
    let named = [item, rep, group, tag, command].into_iter().flatten();
    let too_long =
        words.iter().chain(named).any(|word| word.chars().count() > limits::HISTORY_WORD);
    if words.len() > limits::HISTORY_WORDS || too_long {
        let (words, characters) = (limits::HISTORY_WORDS, limits::HISTORY_WORD);
        let what = format!("A search has at most {words} words of {characters} characters.");
        return Err(RefusalCode::InvalidValue.because(what));
    }
    Ok(())
}

fn owner(world: &World, name: &str) -> Result<Vec<UserId>, Refusal> {
    let found = world.user_by_name(name).map(|user| vec![user.id]);
    found.ok_or_else(|| RefusalCode::InvalidValue.because(format!("There is no user “{name}”.")))
}

fn place(world: &World, sight: &Visibility<'_>, name: &str) -> Result<Place, Refusal> {
    let found = world.group_by_name(name).map(|group| Place::JumpGroup(group.id));
    found.filter(|place| sight.place(*place)).ok_or_else(|| {
        RefusalCode::InvalidValue.because(format!("There is no Jump Group “{name}”."))
    })
}

/// The items whose report a rep may see.
fn reported(world: &World, viewer: UserId, sight: &Visibility<'_>) -> Vec<ItemId> {
    let Some(user) = world.user(viewer) else {
        return Vec::new();
    };
    let wanted = Some(Permission::PermViewJumpItemReport);
    let places = world.places().map(|(place, _)| place).filter(|place| sight.place(*place));
    let open = places.filter(|place| world.decide(user, *place, wanted).is_allowed());
    // What a move or a copy must not lift, it does not lift here either.
    let held = |item: &&Arc<Item>| world.is_held(user, item, Permission::PermViewJumpItemReport);
    let items = open.flat_map(|place| world.items_in(place)).filter(|item| !held(item));
    items.map(|item| item.view.id).collect()
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn has(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

fn record(world: &World, stored: StoredSession) -> SessionRecord {
    let recordings = stored.recordings.into_iter().map(|(mut recording, user)| {
        recording.user = world.username(user);
        recording
    });
    SessionRecord {
        session: stored.id,
        item: stored.item,
        item_name: stored.item_name.into(),
        owner: world.username(stored.owner),
        others: stored.others.into_iter().map(|user| world.username(user)).collect(),
        started: stored.started,
        ended: stored.ended,
        reason: stored.reason,
        commands: stored.commands,
        took_part: stored.took_part,
        recordings: recordings.collect(),
    }
}

impl Answered for request::PastSessions {
    type By = SessionHistory;

    async fn answer(
        self,
        history: &Arc<SessionHistory>,
        rep: &RepLink,
    ) -> Result<reply::PastSessionsPart, Refusal> {
        let filter = resolve(&history.base.world(), rep.user, self.filter)?;
        let (before, most) = (self.before, limits::SESSIONS_CHUNK + 1);
        let read =
            history.base.store.search(move |past| past.sessions_before(&filter, before, most));
        let mut found = read.await?;
        let more = found.len() > limits::SESSIONS_CHUNK;
        found.truncate(limits::SESSIONS_CHUNK);
        let world = history.base.world();
        let sessions = found.into_iter().map(|stored| record(&world, stored)).collect();
        Ok(reply::PastSessionsPart { sessions, more })
    }
}

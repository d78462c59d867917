//! What a change of the configuration does to whom.

use super::export::Entries;
use super::kinds::KINDS;
use jumpdeck_protocol::configuration::{Change, Effect, Effected, PlannedChange};
use jumpdeck_protocol::inventory::{ItemPolicies, Place};
use jumpdeck_protocol::session_policy::{SessionPermission, StartMethod};
use jumpdeck_protocol::{UserId, limits, text};
use jumpdeck_world::World;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is added, changed and removed between two states of the configuration.
pub(super) fn changes(before: &Entries, after: &Entries) -> Vec<Change> {
    let keys: BTreeSet<_> = before.tables.keys().chain(after.tables.keys()).collect();
    let mut changes = Vec::new();
    for key in keys {
        let (kind, name) = (KINDS.get(key.0).copied().unwrap_or("?"), key.1.as_str());
        let planned = match (before.tables.get(key), after.tables.get(key)) {
            (None, Some(_)) => vec![PlannedChange::Added],
            (Some(_), None) => vec![PlannedChange::Removed],
            (Some(was), Some(is)) => differences(was, is),
            (None, None) => Vec::new(),
        };
        let change = |deed| Change { kind: kind.into(), name: name.into(), deed };
        changes.extend(planned.into_iter().map(change));
    }
    changes
}

fn differences(was: &Value, is: &Value) -> Vec<PlannedChange> {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    flatten("", was, &mut before);
    flatten("", is, &mut after);
    let fields: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut planned = Vec::new();
    for field in fields {
        let (was, is) = (before.get(field), after.get(field));
        if was != is {
            let (was, is) = shorter(was.map(String::as_str), is.map(String::as_str));
            planned.push(PlannedChange::Changed(field.as_str().into(), was.into(), is.into()));
        }
    }
    planned
}

/// All fields of something, in words.
pub(super) fn whole(entries: &Entries, kind: &str, name: &str) -> String {
    let at = KINDS.iter().position(|known| *known == kind).unwrap_or_default();
    let mut fields = BTreeMap::new();
    if let Some(value) = entries.tables.get(&(at, name.to_owned())) {
        flatten("", value, &mut fields);
    }
    let fields: Vec<_> = fields.iter().map(|(field, value)| format!("{field}: {value}")).collect();
    fields.join("; ")
}

/// Two values in words; of long lists only what is in one and not in the other.
fn shorter(was: Option<&str>, is: Option<&str>) -> (String, String) {
    let long = |value: Option<&str>| value.is_some_and(|value| value.chars().count() > LONG);
    let words = |value: Option<&str>| text::bounded(value.unwrap_or("—"), limits::COMMENTS / 3);
    if !long(was) && !long(is) {
        return (words(was), words(is));
    }
    let parts = |value: Option<&str>| -> BTreeSet<String> {
        value.unwrap_or_default().split(", ").map(str::to_owned).collect()
    };
    let (before, after) = (parts(was), parts(is));
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        let only: Vec<_> = one.difference(other).map(String::as_str).collect();
        words(Some(&only.join(", ")))
    };
    (format!("… {}", only(&before, &after)), format!("… {}", only(&after, &before)))
}

/// Characters from which on a value is long.
const LONG: usize = 200;

/// Every field by its path.
fn flatten(path: &str, value: &Value, fields: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, fields);
            }
        }
        Value::Null => {}
        Value::String(text) => drop(fields.insert(path.to_owned(), text.clone())),
        Value::Array(list) => {
            let words: Vec<_> = list.iter().map(words).collect();
            fields.insert(path.to_owned(), words.join(", "));
        }
        other => drop(fields.insert(path.to_owned(), other.to_string())),
    }
}

/// An element of a list, in words.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => {
            let fields = map.iter().filter(|(_, value)| !value.is_null());
            let fields: Vec<_> = fields.map(|(_, value)| words(value)).collect();
            fields.join(" as ")
        }
        other => other.to_string(),
    }
}

/// What a change does: the effects one by one, and how many gain and lose something.
pub(super) struct Effects {
    pub effects: Vec<Effect>,
    pub in_all: u64,
    pub gain: u64,
    pub lose: u64,
}

/// What the change does to a user at a place, if anything.
fn at(
    before: &World,
    after: &World,
    (user, name): (UserId, Box<str>),
    (place, items): (Place, u64),
    (gains, loses): (&mut bool, &mut bool),
) -> Option<Effect> {
    let (was, is) = (before.permitted(user, place), after.permitted(user, place));
    let (had, hours) = (before.hours(user, place), after.hours(user, place));
    if was == is && had == hours {
        return None;
    }
    if was.is_some() && is.is_some() && had != hours {
        // Which hours are more is not for a plan to judge, but that there are none is.
        *gains |= !had.is_empty();
        *loses |= !hours.is_empty();
    }
    let (held, holds) = (was.unwrap_or_default(), is.unwrap_or_default());
    let (gained, lost) = (holds.without(held), held.without(holds));
    *gains |= is.is_some() && was.is_none() || !gained.is_empty();
    *loses |= was.is_some() && is.is_none() || !lost.is_empty();
    Some(Effect {
        user: name,
        place: place_name(before, after, place),
        items,
        what: Effected::Items {
            saw: was.is_some(),
            sees: is.is_some(),
            gains: gained,
            loses: lost,
            hours: hours.into(),
            had: had.into(),
        },
    })
}

/// What the change from one World to another does to every user.
pub(super) fn effects(before: &World, after: &World) -> Effects {
    let counts = after.places().filter(|(place, _)| !matches!(place, Place::Queue(_)));
    let items: BTreeMap<Place, u64> = counts.map(|(place, n)| (place, n as u64)).collect();
    let groups = before.groups().chain(after.groups()).map(|group| Place::JumpGroup(group.id));
    let lists = items.keys().copied().filter(|place| matches!(place, Place::Personal(_)));
    let places: BTreeSet<Place> = groups.chain(lists).collect();
    let users: BTreeSet<UserId> = before.users().chain(after.users()).map(|user| user.id).collect();
    let mut told = Effects { effects: Vec::new(), in_all: 0, gain: 0, lose: 0 };
    for user in users {
        let name = if after.user(user).is_some() { after } else { before }.username(user);
        let own = std::iter::once(Place::Personal(user));
        let places: BTreeSet<Place> = places.iter().copied().chain(own).collect();
        let mut of_user: Vec<Effect> = Vec::new();
        let (mut gains, mut loses) = (false, false);
        for place in places {
            let items = items.get(&place).copied().unwrap_or(0);
            let who = (user, name.clone());
            of_user.extend(at(before, after, who, (place, items), (&mut gains, &mut loses)));
        }
        for (method, place) in
            [(StartMethod::Unattended, "jumps"), (StartMethod::Attended, "attended sessions")]
        {
            for (permission, was, is) in granted(before, after, user, method) {
                note(&was, &is, &mut gains, &mut loses);
                of_user.push(Effect {
                    user: name.clone(),
                    place: place.into(),
                    items: 0,
                    what: Effected::Session(permission.as_str().into(), was.into(), is.into()),
                });
            }
        }
        for (setting, was, is) in settings(before, after, user) {
            note(&was, &is, &mut gains, &mut loses);
            let what = Effected::Setting(setting.into(), was.into(), is.into());
            let place = "settings".into();
            of_user.push(Effect { user: name.clone(), place, items: 0, what });
        }
        told.in_all += of_user.len() as u64;
        let room = limits::PLAN_LINES.saturating_sub(told.effects.len());
        told.effects.extend(of_user.into_iter().take(room));
        told.gain += u64::from(gains);
        told.lose += u64::from(loses);
    }
    told
}

/// What sessions grant otherwise than before.
fn granted(
    before: &World,
    after: &World,
    user: UserId,
    method: StartMethod,
) -> Vec<(SessionPermission, String, String)> {
    let of = |world: &World| {
        let known = world.user(user).is_some();
        known.then(|| world.layers(user, ItemPolicies::default(), method, false).granted())
    };
    let (Some(was), Some(is)) = (of(before), of(after)) else {
        return Vec::new();
    };
    let differs = |permission: &&SessionPermission| was.says(**permission) != is.says(**permission);
    let different = SessionPermission::ALL.iter().filter(differs);
    different.map(|one| (*one, was.says(*one), is.says(*one))).collect()
}

/// Whether one value is more than another; of those that cannot be compared, both.
fn note(was: &str, is: &str, gains: &mut bool, loses: &mut bool) {
    const ORDERS: [&[&str]; 4] = [
        &["deny", "view_only", "view_and_control", "allow"],
        &["deny", "to_rep", "both"],
        &["deny", "to_customer", "both"],
        &["false", "true"],
    ];
    let place = |order: &&[&str], value| order.iter().position(|one| *one == value);
    let places = ORDERS.iter().find_map(|order| place(order, was).zip(place(order, is)));
    match places {
        Some((was, is)) => (*gains, *loses) = (*gains || is > was, *loses || is < was),
        None => (*gains, *loses) = (true, true),
    }
}

/// Settings that count otherwise than before and are about no item.
fn settings(before: &World, after: &World, user: UserId) -> Vec<(&'static str, String, String)> {
    let of = |world: &World| -> Vec<(&'static str, String)> {
        let Some(own) = world.effective(user).map(|effective| &effective.settings) else {
            return Vec::new();
        };
        let enabled = world.user(user).is_some_and(|user| user.enabled);
        let methods: Vec<_> = own.jump_methods.value.iter().map(|one| one.title()).collect();
        vec![
            ("enabled", enabled.to_string()),
            ("administrator", own.administrator.value.to_string()),
            ("view_audit", own.view_audit.value.to_string()),
            ("generate_session_keys", own.generate_session_keys.value.to_string()),
            ("jump_clients_pinning", own.jump_clients_pinning.value.to_string()),
            ("second_factor_required", own.second_factor_required.value.to_string()),
            ("jump_methods", methods.join(", ")),
        ]
    };
    let (was, is) = (of(before), of(after));
    let pairs = was.into_iter().zip(is).filter(|((_, was), (_, is))| was != is);
    pairs.map(|((name, was), (_, is))| (name, was, is)).collect()
}

fn place_name(before: &World, after: &World, place: Place) -> Box<str> {
    match place {
        Place::JumpGroup(group) => {
            let found = after.group(group).or_else(|| before.group(group));
            found.map_or("—".into(), |group| group.name.clone())
        }
        Place::Personal(owner) => {
            let world = if after.user(owner).is_some() { after } else { before };
            format!("personal list of {}", world.username(owner)).into()
        }
        Place::Queue(_) => "—".into(),
    }
}

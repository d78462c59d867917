//! What people call things.

use crate::World;
use jiff::tz::TimeZone;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::item::{FieldValue, ItemField};
use jumpdeck_protocol::queue::Queue;
use jumpdeck_protocol::{Timestamp, text};

/// A moment, for anyone who may be anywhere.
pub fn in_utc(time: Timestamp) -> String {
    let instant = jiff::Timestamp::from_second(time.0).unwrap_or_default();
    instant.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A place's name, for people.
pub fn place_name(world: &World, place: Place) -> String {
    match place {
        Place::JumpGroup(id) => {
            world.group(id).map_or_else(String::new, |group| group.name.to_string())
        }
        Place::Personal(user) => format!("{}'s list", world.username(user)),
        Place::Queue(queue) => queue_name(world, queue),
    }
}

/// A queue's name, for people.
pub fn queue_name(world: &World, queue: Queue) -> String {
    match queue {
        Queue::Personal(user) => format!("queue of {}", world.username(user)),
        Queue::Team(team) => {
            let name = world.team(team).map_or("—", |team| &team.name);
            format!("queue of the team {name}")
        }
        Queue::General => "general queue".to_owned(),
    }
}

/// What a property was and is, in words.
pub fn difference(world: &World, field: ItemField, from: &FieldValue, to: &FieldValue) -> String {
    let title = field.title();
    match (field, from, to) {
        // Comments may say anything, and a page of it is no event.
        (ItemField::Comments, FieldValue::Text(from), FieldValue::Text(to)) => {
            let count = |text: &str| text.chars().count();
            format!("{title} changed: {} characters before, {} now", count(from), count(to))
        }
        _ => format!("{title} from {} to {}", value(world, field, from), value(world, field, to)),
    }
}

/// A property's value in words, without what is nobody's business.
pub fn value(world: &World, field: ItemField, value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) if field == ItemField::Url => {
            // Who logs in there does not belong into an audit.
            let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
            let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
            let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
            let path = path.split_once('?').map_or(path, |(path, _)| path);
            format!("\"{scheme}://{server}/{}\"", text::bounded(path, 200))
        }
        FieldValue::Text(text) => format!("\"{}\"", text::bounded(text, 300)),
        FieldValue::Place(place) => place_name(world, *place),
        FieldValue::JumpPolicy(policy) => {
            let policy = policy.and_then(|policy| world.policy(policy));
            policy.map_or("none".to_owned(), |policy| policy.display_name.clone())
        }
        FieldValue::Portal(portal) => {
            let portal = world.portals().find(|one| Some(one.id) == *portal);
            portal.map_or("default".to_owned(), |portal| portal.name.clone())
        }
        FieldValue::SessionPolicy(policy) => {
            let policy = policy.and_then(|policy| world.session_policy(policy));
            policy.map_or("none".to_owned(), |policy| policy.display_name.clone())
        }
        FieldValue::Time(time) => time.map_or("never".to_owned(), in_utc),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
    }
}

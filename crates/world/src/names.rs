//! What people call things.

use crate::World;
use jiff::tz::TimeZone;
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::queue::Queue;

/// A moment, for whoever may be anywhere.
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

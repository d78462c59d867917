//! What becomes of somebody who jumps to an item while others have sessions with its machine.

use crate::book::Book;
use jumpdeck_policy::SimultaneousJumps;
use jumpdeck_protocol::Timestamp;
use jumpdeck_world::rights::Other;
use jumpdeck_world::{Item, User, World};

/// What becomes of somebody who jumps to an item while others have sessions with its machine.
pub(crate) enum Beside {
    /// A session of one's own.
    Alone,
    /// A part in that one.
    Joins(Other),
    /// Nothing.
    Denied {
        /// Who is in a session, if that may be known.
        owner: Option<Box<str>>,
        /// The item's own policy would let it be joined.
        joinable: bool,
    },
}

/// What becomes of somebody who jumps to an item while others have sessions with its machine,
/// and what says so.
pub(crate) fn beside(
    book: &Book,
    world: &World,
    (user, item): (&User, &Item),
    now: Timestamp,
) -> (Beside, String) {
    let (wanted, source) = world.simultaneous(user.id, item);
    let others = item.endpoint().map(|machine| book.of_others(machine, user.id));
    let others = others.unwrap_or_default();
    // Who is in a session through an item that is hidden is nobody's business.
    let named = |other: &Other| {
        let place = world.item(other.item)?.view.place;
        world.sees(user, place).then(|| world.username(other.owner))
    };
    let beside = match (others.first(), wanted) {
        (None, _) | (_, SimultaneousJumps::NewSession) => Beside::Alone,
        (Some(first), SimultaneousJumps::Disallow) => {
            Beside::Denied { owner: named(first), joinable: false }
        }
        (Some(first), SimultaneousJumps::Join) => {
            let takes_part = |one: &&Other| book.part(one.session, user.id).is_some();
            let may = |one: &&Other| world.may_join(user, item.view.id, one, now);
            let joined = others.iter().find(takes_part).or_else(|| others.iter().find(may));
            match joined {
                Some(other) => Beside::Joins(*other),
                None => Beside::Denied { owner: named(first), joinable: true },
            }
        }
    };
    (beside, source)
}

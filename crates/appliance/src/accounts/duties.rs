//! What a rep has to do before anything else, and how long logins are kept.

use crate::accounts::second_factor::has_one;
use jumpdeck_protocol::{RefusalCode, UserId};
use jumpdeck_world::World;

/// What a user must do before anything else.
pub(crate) fn first_of(world: &World, user: UserId) -> Option<RefusalCode> {
    let needs_factor = || {
        let settings = &world.effective(user)?.settings;
        // One's own appliance has no password, and needs no second factor beside it.
        world.account(user)?.password.as_ref()?;
        Some(settings.second_factor_required.value && !has_one(world, user))
    };
    if world.account(user).is_some_and(|account| account.must_change) {
        Some(RefusalCode::PasswordChangeRequired)
    } else if needs_factor().unwrap_or(false) {
        Some(RefusalCode::SecondFactorUnknown)
    } else {
        None
    }
}

/// Seconds a login holds; nothing if it holds for ever.
pub(crate) fn login_life(world: &World) -> Option<u64> {
    Some(world.site().login_life).filter(|life| *life > 0)
}

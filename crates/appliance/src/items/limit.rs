//! How many machines may be Jump Clients.

use jumpdeck_protocol::{Refusal, RefusalCode};
use jumpdeck_world::World;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The site's limit; 0: any number.
#[derive(Debug, Default)]
pub(crate) struct ClientLimit(AtomicUsize);

impl ClientLimit {
    pub(crate) fn most(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, most: usize) {
        self.0.store(most, Ordering::Relaxed);
    }
}

/// Whether another Jump Client fits, where there may be so many; 0: any number.
pub(crate) fn room_for_another(world: &World, most: usize) -> Result<(), Refusal> {
    if most > 0 && world.clients() >= most {
        let detail = format!("at most {most}");
        return Err(RefusalCode::JumpClientLimitReached.because(detail));
    }
    Ok(())
}

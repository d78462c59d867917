//! The clocks, injected so that tests can set them: the one on the wall, which people set and which
//! may step, and one that only ever goes on.

use jumpdeck_protocol::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use std::time::SystemTime;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// This moment, as people write it. It may step either way.
    fn now(&self) -> Timestamp;

    /// How long the machine has run. Waits and throttles are counted with this.
    fn uptime(&self) -> Uptime;
}

/// Seconds since the machine started, also those it slept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uptime(pub u64);

impl Uptime {
    /// Seconds since an earlier moment.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// That of this machine.
    pub fn of_system() -> Self {
        let seconds = clock_gettime(ClockId::Boottime).tv_sec;
        Self(u64::try_from(seconds).unwrap_or_default())
    }
}

/// The clocks of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_system(SystemTime::now())
    }

    fn uptime(&self) -> Uptime {
        Uptime::of_system()
    }
}

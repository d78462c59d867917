//! The clocks, injected so that tests can set them: the one on the wall, which people set and which
//! may step, and one that only ever goes on.

use jumpdeck_protocol::Timestamp;
use jumpdeck_store::Lived;
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Arc, Mutex, PoisonError};
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

/// A moment by both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    pub wall: Timestamp,
    pub lived: Lived,
}

impl Moment {
    /// Seconds that have gone by for certain: as many as both clocks say.
    pub(crate) fn since(self, earlier: Self) -> u64 {
        self.wall.since(earlier.wall).min(self.lived.since(earlier.lived))
    }
}

/// A wall clock that differs from the other by more than this between two looks was set.
const STEP: u64 = 30;
/// Seconds after a start or a step of the clock before anything is removed because of its time:
/// the one who was away gets a chance to come back, and the one who set the clock to set it right.
const SETTLING: u64 = 3600;

/// Whether the clock on the wall goes as time does.
#[derive(Debug)]
pub(crate) struct ClockPace(Mutex<ClockReading>);

#[derive(Clone, Copy, Debug)]
struct ClockReading {
    wall: Timestamp,
    uptime: Uptime,
    /// When it was begun to look.
    began: Uptime,
    /// When the last step was noticed.
    stepped: Option<Uptime>,
}

impl ClockPace {
    /// From now on.
    pub(crate) const fn new(wall: Timestamp, uptime: Uptime) -> Self {
        Self(Mutex::new(ClockReading { wall, uptime, began: uptime, stepped: None }))
    }

    /// By how many seconds the clock on the wall was set since the last look, if it was. What a
    /// clock loses or gains little by little never adds up to a step.
    pub(crate) fn look(&self, wall: Timestamp, uptime: Uptime) -> Option<i64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = i64::try_from(uptime.since(told.uptime)).unwrap_or(i64::MAX);
        let set = wall.0.saturating_sub(told.wall.0).saturating_sub(passed);
        (told.wall, told.uptime) = (wall, uptime);
        let stepped = set.unsigned_abs() > STEP;
        if stepped {
            told.stepped = Some(uptime);
        }
        stepped.then_some(set)
    }

    /// Whether nobody has set the clock for so many seconds, as far as can be known.
    pub(crate) fn has_held(&self, seconds: u64, uptime: Uptime) -> bool {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.stepped.is_none_or(|stepped| uptime.since(stepped) > seconds)
    }

    /// Whether the clock has been right for long enough that something may be removed by it.
    pub(crate) fn has_settled(&self, uptime: Uptime) -> bool {
        let began = self.0.lock().unwrap_or_else(PoisonError::into_inner).began;
        uptime.since(began) > SETTLING && self.has_held(SETTLING, uptime)
    }
}

/// The clocks of an appliance, and what follows from both.
pub(crate) struct Clocks {
    clock: Arc<dyn Clock>,
    /// How long the database had been served when it was opened, and when that was.
    began: (Lived, Uptime),
    pace: ClockPace,
}

impl Clocks {
    /// Those of an appliance that is being opened.
    pub(crate) fn new(clock: Arc<dyn Clock>, lived: Lived) -> Self {
        let (now, uptime) = (clock.now(), clock.uptime());
        Self { clock, began: (lived, uptime), pace: ClockPace::new(now, uptime) }
    }

    /// This moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long the machine has run.
    pub(crate) fn uptime(&self) -> Uptime {
        self.clock.uptime()
    }

    /// This moment by both clocks.
    pub(crate) fn moment(&self) -> Moment {
        let (lived, began) = self.began;
        let passed = self.uptime().0.cast_signed().saturating_sub(began.0.cast_signed());
        Moment { wall: self.now(), lived: Lived(lived.0.saturating_add(passed)) }
    }

    /// Whether the clock has been right for long enough that something may be removed by it.
    pub(crate) fn has_settled(&self) -> bool {
        self.pace.has_settled(self.uptime())
    }

    /// Whether nobody has set the clock for so many seconds, as far as can be known.
    pub(crate) fn has_held(&self, seconds: u64) -> bool {
        self.pace.has_held(seconds, self.uptime())
    }

    /// By how many seconds the clock on the wall was set since the last look, if it was.
    pub(crate) fn look(&self) -> Option<i64> {
        self.pace.look(self.now(), self.uptime())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_either_way_settles_anew_and_one_that_drifts_does_not() {
        let pace = ClockPace::new(Timestamp(1000), Uptime(0));
        for second in 1..=4000 {
            // A second in ten is lost.
            let wall = Timestamp(1000 + second - second / 10);
            assert_eq!(pace.look(wall, Uptime(u64::try_from(second).unwrap())), None);
        }
        assert!(pace.has_settled(Uptime(4000)));
        assert_eq!(pace.look(Timestamp(1_000_000), Uptime(4001)), Some(995_399));
        assert!(!pace.has_settled(Uptime(4001 + SETTLING)));
        assert_eq!(pace.look(Timestamp(5000), Uptime(4002)), Some(-995_001));
        assert!(pace.has_settled(Uptime(4003 + SETTLING)));
    }

    #[test]
    fn what_only_one_clock_says_has_not_gone_by() {
        let at = |wall, lived| Moment { wall: Timestamp(wall), lived: Lived(lived) };
        assert_eq!(at(1000, 10).since(at(0, 0)), 10);
        assert_eq!(at(10, 1000).since(at(0, 0)), 10);
        assert_eq!(at(0, 1000).since(at(10, 0)), 0);
    }
}

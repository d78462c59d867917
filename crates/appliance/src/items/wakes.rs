//! The machines that somebody tried to wake lately.

use crate::clock::Uptime;
use jumpdeck_protocol::EndpointId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Seconds after a try in which nobody can try again (DOMAIN 2).
const COOL_DOWN: u64 = 30;

/// The last tries.
#[derive(Debug, Default)]
pub(crate) struct Wakes(Mutex<HashMap<EndpointId, Try>>);

#[derive(Clone, Debug)]
struct Try {
    at: Uptime,
    by: Box<str>,
}

impl Wakes {
    /// Takes the turn to wake a machine, or says how many seconds it is too early.
    pub(crate) fn take_turn(&self, endpoint: EndpointId, by: &str, now: Uptime) -> Result<(), u64> {
        let mut tries = self.tries();
        tries.retain(|_, last| now.since(last.at) < COOL_DOWN);
        if let Some(last) = tries.get(&endpoint) {
            return Err(COOL_DOWN.saturating_sub(now.since(last.at)));
        }
        tries.insert(endpoint, Try { at: now, by: by.into() });
        Ok(())
    }

    /// Nobody could call: the turn is given back.
    pub(crate) fn give_back(&self, endpoint: EndpointId) {
        self.tries().remove(&endpoint);
    }

    /// The machines that cannot be woken yet, who tried, and for how many seconds.
    pub(crate) fn cooling(&self, now: Uptime) -> Vec<(EndpointId, Box<str>, u64)> {
        let left = |last: &Try| COOL_DOWN.saturating_sub(now.since(last.at));
        let tries = self.tries();
        let cooling = tries.iter().filter(|(_, last)| left(last) > 0);
        cooling.map(|(endpoint, last)| (*endpoint, last.by.clone(), left(last))).collect()
    }

    fn tries(&self) -> MutexGuard<'_, HashMap<EndpointId, Try>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_woken_once_in_thirty_seconds_whoever_tries() {
        let wakes = Wakes::default();
        let (one, two) = (EndpointId(1), EndpointId(2));
        assert_eq!(wakes.take_turn(one, "alice", Uptime(100)), Ok(()));
        assert_eq!(wakes.take_turn(one, "bob", Uptime(110)), Err(20));
        assert_eq!(wakes.take_turn(two, "bob", Uptime(110)), Ok(()));
        assert_eq!(wakes.cooling(Uptime(129)).len(), 2);
        assert_eq!(wakes.cooling(Uptime(130)), [(two, "bob".into(), 10)]);
        assert_eq!(wakes.take_turn(one, "bob", Uptime(130)), Ok(()));
        wakes.give_back(one);
        assert_eq!(wakes.take_turn(one, "bob", Uptime(131)), Ok(()));
    }
}

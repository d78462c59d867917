//! Copies of a machine's disk that came lately, with the machine's own key.

use crate::clock::Uptime;
use jumpdeck_protocol::EndpointId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Seconds for which a copy is remembered after it was seen last.
const REMEMBERED: u64 = 86_400;
/// Seconds after which the same copy is an event again.
const EACH: u64 = 3600;
/// Copies that are remembered, at most.
const MOST: usize = 1000;

/// The copies that came lately.
#[derive(Debug, Default)]
pub(crate) struct CloneSightings(Mutex<HashMap<EndpointId, Sighting>>);

#[derive(Clone, Debug)]
struct Sighting {
    hostname: String,
    from: String,
    last: Uptime,
    audited: Uptime,
}

impl CloneSightings {
    /// A copy came. Returns whether that is to be written down.
    pub(crate) fn note(
        &self,
        endpoint: EndpointId,
        hostname: &str,
        from: &str,
        now: Uptime,
    ) -> bool {
        let mut clones = self.lock();
        if let Some(known) = clones.get_mut(&endpoint)
            && (known.hostname.as_str(), known.from.as_str()) == (hostname, from)
        {
            known.last = now;
            let anew = now.since(known.audited) >= EACH;
            if anew {
                known.audited = now;
            }
            return anew;
        }
        if clones.len() >= MOST {
            clones.retain(|_, clone| now.since(clone.last) < REMEMBERED);
        }
        if clones.len() >= MOST {
            return false;
        }
        let (hostname, from) = (hostname.to_owned(), from.to_owned());
        clones.insert(endpoint, Sighting { hostname, from, last: now, audited: now });
        true
    }

    /// What there is to say of a machine's copies.
    pub(crate) fn of(&self, endpoint: EndpointId, now: Uptime) -> Option<String> {
        let clones = self.lock();
        let clone = clones.get(&endpoint)?;
        (now.since(clone.last) < REMEMBERED).then(|| {
            format!(
                "A copy of this machine ({} at {}) came with the same key and was refused. Give it \
                 an identity of its own there: jumpdeck-agent run --new-identity",
                clone.hostname, clone.from
            )
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Sighting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

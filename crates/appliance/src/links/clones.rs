//! Machines that come with the key of another one: copies of a disk.

use crate::appliance::Appliance;
use crate::clock::Uptime;
use jumpdeck_protocol::{EndpointId, ItemId, Refusal, RefusalCode};
use jumpdeck_store::{Deed, Draft};
use jumpdeck_world::Item;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Seconds for which a copy is remembered after it was seen last.
const REMEMBERED: u64 = 86_400;
/// Seconds after which the same copy is an event again.
const EACH: u64 = 3600;
/// Copies that are remembered, at the most.
const MOST: usize = 1000;

/// The copies that came lately.
#[derive(Debug, Default)]
pub(crate) struct Doubles(Mutex<HashMap<EndpointId, Double>>);

#[derive(Clone, Debug)]
struct Double {
    hostname: String,
    from: String,
    last: Uptime,
    audited: Uptime,
}

impl Doubles {
    /// A copy came. Returns whether that is to be written down.
    fn came(&self, endpoint: EndpointId, hostname: &str, from: &str, now: Uptime) -> bool {
        let mut doubles = self.lock();
        if let Some(known) = doubles.get_mut(&endpoint)
            && (known.hostname.as_str(), known.from.as_str()) == (hostname, from)
        {
            known.last = now;
            let anew = now.since(known.audited) >= EACH;
            if anew {
                known.audited = now;
            }
            return anew;
        }
        if doubles.len() >= MOST {
            doubles.retain(|_, double| now.since(double.last) < REMEMBERED);
        }
        if doubles.len() >= MOST {
            return false;
        }
        let (hostname, from) = (hostname.to_owned(), from.to_owned());
        doubles.insert(endpoint, Double { hostname, from, last: now, audited: now });
        true
    }

    /// What there is to say of a machine's copies.
    fn of(&self, endpoint: EndpointId, now: Uptime) -> Option<String> {
        let doubles = self.lock();
        let double = doubles.get(&endpoint)?;
        (now.since(double.last) < REMEMBERED).then(|| {
            format!(
                "A copy of this machine ({} at {}) came with the same key and was refused. Give it \
                 an identity of its own there: jumpdeck-agent run --new-identity",
                double.hostname, double.from
            )
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Double>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Appliance {
    /// Refuses a machine that comes with the key of another, and writes it down.
    pub(crate) fn refuse_double(&self, item: &Item, hostname: &str, from: &str) -> Refusal {
        let view = &item.view;
        let detail = format!(
            "{} is {} at {}, this machine is {hostname} at {from}. If it is a copy, give it an \
             identity of its own: `jumpdeck-agent run --new-identity`",
            view.name, view.facts.hostname, view.public_ip
        );
        if let Some(endpoint) = item.endpoint()
            && self.doubles.came(endpoint, hostname, from, self.uptime())
        {
            let (now, item, what) = (self.now(), view.id, detail.clone());
            self.store.note(move |draft: &mut Draft| {
                let (action, subject) = ("identity_check_failed", format!("item {item}"));
                draft.audit(now, Deed { who: "", action, subject: &subject, detail: &what });
            });
        }
        RefusalCode::IdentityCheckFailed.because(detail)
    }

    /// What a rep should know of an item's machine before anything else.
    pub(crate) fn warning_of(&self, item: ItemId) -> Option<Box<str>> {
        let world = self.world();
        let endpoint = world.item(item)?.endpoint()?;
        self.doubles.of(endpoint, self.uptime()).map(Into::into)
    }
}

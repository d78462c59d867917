//! Copies of a machine's disk, which come with its key: they are refused, and the item says so.

use crate::base::Base;
use crate::clock::Uptime;
use jumpdeck_protocol::audit::Action;
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
struct Lately(Mutex<HashMap<EndpointId, Seen>>);

#[derive(Clone, Debug)]
struct Seen {
    hostname: String,
    from: String,
    last: Uptime,
    audited: Uptime,
}

impl Lately {
    /// A copy came. Returns whether that is to be written down.
    fn note(&self, endpoint: EndpointId, hostname: &str, from: &str, now: Uptime) -> bool {
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
        clones.insert(endpoint, Seen { hostname, from, last: now, audited: now });
        true
    }

    /// What there is to say of a machine's copies.
    fn of(&self, endpoint: EndpointId, now: Uptime) -> Option<String> {
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

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses copies, and remembers them for a while.
pub(crate) struct Clones {
    base: Base,
    lately: Lately,
}

impl Clones {
    pub(crate) fn new(base: Base) -> Self {
        Self { base, lately: Lately::default() }
    }

    /// Refuses a machine that comes with the key of another, and writes it down.
    pub(crate) fn refuse(&self, item: &Item, hostname: &str, from: &str) -> Refusal {
        let view = &item.view;
        let detail = format!(
            "{} is {} at {}, this machine is {hostname} at {from}. If it is a copy, give it an \
             identity of its own: `jumpdeck-agent run --new-identity`",
            view.name, view.facts.hostname, view.public_ip
        );
        if let Some(endpoint) = item.endpoint()
            && self.lately.note(endpoint, hostname, from, self.base.uptime())
        {
            let (now, item, what) = (self.base.now(), view.id, detail.clone());
            self.base.store.note(move |draft: &mut Draft| {
                let (action, subject) = (Action::IdentityCheckFailed, format!("item {item}"));
                draft.audit(now, Deed { who: "", action, subject: &subject, detail: &what });
            });
        }
        RefusalCode::IdentityCheckFailed.because(detail)
    }

    /// What a rep should know of an item's machine before anything else.
    pub(crate) fn warning_of(&self, item: ItemId) -> Option<Box<str>> {
        let world = self.base.world();
        let endpoint = world.item(item)?.endpoint()?;
        self.lately.of(endpoint, self.base.uptime()).map(Into::into)
    }
}

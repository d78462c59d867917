//! Copies of a machine's disk, which come with its key: they are refused, and the item says so.

use crate::base::Base;
use crate::links::Links;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::{Refusal, RefusalCode};
use jumpdeck_store::{AuditRecord, Draft};
use jumpdeck_world::Item;
use std::sync::Arc;

/// Refuses copies.
pub(crate) struct Clones {
    base: Base,
    links: Arc<Links>,
}

impl Clones {
    pub(crate) fn new(base: Base, links: Arc<Links>) -> Self {
        Self { base, links }
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
            && self.links.clones.note(endpoint, hostname, from, self.base.uptime())
        {
            let (now, item, what) = (self.base.now(), view.id, detail.clone());
            self.base.store.note(move |draft: &mut Draft| {
                let (action, subject) = (Action::IdentityCheckFailed, format!("item {item}"));
                draft.audit(now, AuditRecord { who: "", action, subject: &subject, detail: &what });
            });
        }
        RefusalCode::IdentityCheckFailed.because(detail)
    }
}

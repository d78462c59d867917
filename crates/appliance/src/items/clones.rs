//! Copies of a machine's disk, which come with its key: they are refused, and the item says so.

use crate::app::Appliance;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::{ItemId, Refusal, RefusalCode};
use jumpdeck_store::{Deed, Draft};
use jumpdeck_world::Item;

impl Appliance {
    /// Refuses a machine that comes with the key of another, and writes it down.
    pub(crate) fn refuse_clone(&self, item: &Item, hostname: &str, from: &str) -> Refusal {
        let view = &item.view;
        let detail = format!(
            "{} is {} at {}, this machine is {hostname} at {from}. If it is a copy, give it an \
             identity of its own: `jumpdeck-agent run --new-identity`",
            view.name, view.facts.hostname, view.public_ip
        );
        if let Some(endpoint) = item.endpoint()
            && self.clones.note(endpoint, hostname, from, self.uptime())
        {
            let (now, item, what) = (self.now(), view.id, detail.clone());
            self.store.note(move |draft: &mut Draft| {
                let (action, subject) = (Action::IdentityCheckFailed, format!("item {item}"));
                draft.audit(now, Deed { who: "", action, subject: &subject, detail: &what });
            });
        }
        RefusalCode::IdentityCheckFailed.because(detail)
    }

    /// What a rep should know of an item's machine before anything else.
    pub(crate) fn warning_of(&self, item: ItemId) -> Option<Box<str>> {
        let world = self.world();
        let endpoint = world.item(item)?.endpoint()?;
        self.clones.of(endpoint, self.uptime()).map(Into::into)
    }
}

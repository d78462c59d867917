//! The audit: what is written down of what was done, and who may read it.

use crate::answered::Answered;
use crate::audit::rate::Rate;
use crate::clock::Clocks;
use crate::keys::Keys;
use crate::links::consoles::RepLink;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::audit::{AuditEvent, Seal};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::{Refusal, RefusalCode, UserId};
use jumpdeck_store::{AuditRecord, Store};
use std::sync::Arc;

/// Writes the audit, and reads it to whom it may be read.
pub(crate) struct Audit {
    pub(crate) store: Store,
    pub(crate) clocks: Arc<Clocks>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) rate: Rate,
}

impl Audit {
    /// Writes down that something was done, where nobody waits for it.
    pub(crate) fn record(&self, user: Option<UserId>, action: Action, subject: &str, detail: &str) {
        let who = user.map(|user| self.store.world().username(user)).unwrap_or_default();
        self.record_as(&who, action, subject, detail);
    }

    /// The same, in the name of somebody who may be no user.
    fn record_as(&self, who: &str, action: Action, subject: &str, detail: &str) {
        let (at, who) = (self.clocks.now(), who.to_owned());
        let (subject, detail) = (subject.to_owned(), detail.to_owned());
        self.store.note(move |draft| {
            let (who, subject, detail) = (who.as_str(), subject.as_str(), detail.as_str());
            draft.audit(at, AuditRecord { who, action, subject, detail });
        });
    }

    /// The same for what anybody can bring about as often as it pleases: of each kind so much in a
    /// minute. How much more there was is written down, too.
    pub(crate) fn record_often(&self, who: &str, action: Action, subject: &str, detail: &str) {
        let minute = self.clocks.now().0.div_euclid(60);
        let Some(omitted) = self.rate.count(minute, action) else {
            return;
        };
        if omitted > 0 {
            let more = format!("{omitted} more events like those of that minute");
            self.record_as("", Action::EventsOmitted, "", &more);
        }
        self.record_as(who, action, subject, detail);
    }

    /// A part of the audit, and its seal once nothing follows.
    pub(crate) async fn read(
        &self,
        rep: &RepLink,
        after: u64,
    ) -> Result<(Vec<AuditEvent>, Option<Box<Seal>>), Refusal> {
        let world = self.store.world();
        let sees = world.effective(rep.user).is_some_and(|user| user.settings.view_audit.value);
        if !sees && !world.administers(rep.user) {
            let detail = "only administrators and auditors read the audit";
            return Err(RefusalCode::PermissionDenied.because(detail));
        }
        let ((events, last), chain) = self.store.audit_after(after).await?;
        if !last {
            return Ok((events, None));
        }
        let end = events.last().map_or(after, |event| event.number);
        if end > chain.events() {
            return Err(RefusalCode::NotFound.because("The audit is not that long."));
        }
        if end < chain.events() {
            let detail = "events of the audit are missing from the database";
            return Err(RefusalCode::StoreFailed.because(detail));
        }
        let seal = Seal::new(&self.keys.pair, &chain, self.clocks.now());
        Ok((events, Some(Box::new(seal))))
    }
}

impl Answered for request::Audit {
    type By = Audit;

    async fn answer(self, audit: &Arc<Audit>, rep: &RepLink) -> Result<reply::AuditPart, Refusal> {
        let (events, seal) = audit.read(rep, self.after).await?;
        Ok(reply::AuditPart { events, seal })
    }
}

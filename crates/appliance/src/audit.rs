//! The audit: what is written down of what was done, and who may read it.

use crate::appliance::Appliance;
use crate::reps::RepLink;
use crate::store::Deed;
use jumpdeck_protocol::audit::{AuditEvent, Chain, Seal};
use jumpdeck_protocol::{Refusal, RefusalCode, Timestamp, UserId, limits};
use rusqlite::{Connection, params};
use std::sync::PoisonError;

/// Events that strangers bring about in one second, at the most.
const STRANGERS: u32 = 20;

impl Appliance {
    /// Writes down that something was done, where nobody waits for it.
    pub(crate) fn audit(
        &self,
        user: Option<UserId>,
        action: &'static str,
        subject: &str,
        detail: &str,
    ) {
        let who = user.map(|user| self.world().username(user)).unwrap_or_default();
        self.audit_as(&who, action, subject, detail);
    }

    /// The same, in the name of somebody who may be no user.
    pub(crate) fn audit_as(&self, who: &str, action: &'static str, subject: &str, detail: &str) {
        tracing::info!(target: "audit", who, action, subject, detail);
        let (at, who) = (self.now(), who.to_owned());
        let (subject, detail) = (subject.to_owned(), detail.to_owned());
        self.store.note(move |draft| {
            let (who, subject, detail) = (who.as_str(), subject.as_str(), detail.as_str());
            draft.audit(at, Deed { who, action, subject, detail });
        });
    }

    /// The same for what anybody on the network can bring about: so much of it, and no more.
    pub(crate) fn audit_stranger(
        &self,
        who: &str,
        action: &'static str,
        subject: &str,
        detail: &str,
    ) {
        let now = self.now();
        {
            let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
            if strangers.0 != now {
                *strangers = (now, 0);
            }
            strangers.1 += 1;
            if strangers.1 > STRANGERS {
                tracing::warn!(who, action, subject, detail, "not audited: too many in a second");
                return;
            }
        }
        self.audit_as(who, action, subject, detail);
    }

    /// A part of the audit, and its seal once nothing follows.
    pub(crate) async fn read_audit(
        &self,
        rep: &RepLink,
        after: u64,
    ) -> Result<(Vec<AuditEvent>, Option<Box<Seal>>), Refusal> {
        if rep.user != UserId(1) {
            return Err(
                RefusalCode::PermissionDenied.because("only the first user reads the audit")
            );
        }
        let (events, last) = self.store.read(move |db| some(db, after)).await?;
        let seal = last.then(|| self.seal(&events, after)).transpose()?;
        Ok((events, seal.map(Box::new)))
    }

    /// Seals what ends with these.
    fn seal(&self, events: &[AuditEvent], after: u64) -> Result<Seal, Refusal> {
        let damaged = || RefusalCode::StoreFailed.because("the audit is damaged");
        let chain = match events.last() {
            None if after == 0 => Chain::default(),
            // Whoever has everything already asks for nothing but the seal.
            None => return Err(RefusalCode::NotFound.because("the audit is not that long")),
            Some(last) => {
                let hash = data_encoding::HEXLOWER.decode(last.hash.as_bytes());
                let hash = hash.ok().and_then(|hash| hash.try_into().ok()).ok_or_else(damaged)?;
                Chain::at(last.number, hash)
            }
        };
        Ok(Seal::new(&self.keys.pair, &chain))
    }
}

/// Some events, and whether they are the last.
fn some(db: &Connection, after: u64) -> rusqlite::Result<(Vec<AuditEvent>, bool)> {
    let most = i64::try_from(limits::AUDIT_CHUNK + 1).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(
        "SELECT number, at, who, action, subject, detail, hash FROM audit
         WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![after, most], |row| {
        let text = |column| row.get::<_, String>(column).map(Box::from);
        Ok(AuditEvent {
            number: row.get::<_, i64>(0)?.cast_unsigned(),
            at: Timestamp(row.get(1)?),
            who: text(2)?,
            action: text(3)?,
            subject: text(4)?,
            detail: text(5)?,
            hash: text(6)?,
        })
    })?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    for row in rows {
        let event: AuditEvent = row?;
        bytes += event.who.len() + event.subject.len() + event.detail.len() + 256;
        if events.len() == limits::AUDIT_CHUNK
            || (bytes > limits::AUDIT_BYTES && !events.is_empty())
        {
            return Ok((events, false));
        }
        events.push(event);
    }
    Ok((events, true))
}

//! A start that nothing stands in the way of: the session's terms, the book, its first channel.

use super::Starting;
use super::pending::PendingStart;
use crate::bus::ApplianceEvent;
use crate::links::agent::AgentLink;
use crate::links::consoles::RepLink;
use crate::sessions::open::may_run;
use jumpdeck_protocol::agent::{AgentReply, AgentRequest};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::inventory::StartMode;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::session::{ChannelKind, EndReason, SessionView, Terms};
use jumpdeck_protocol::session_policy::StartMethod;
use jumpdeck_protocol::{EndpointId, ItemId, Refusal, RefusalCode, SessionId, UserId};
use jumpdeck_store::{AuditRecord, History, NewSession};
use jumpdeck_world::Item;
use std::sync::Arc;
use std::time::Duration;

/// How long it may take to say who is logged in.
const CUSTOMER_PATIENCE: Duration = Duration::from_secs(3);

impl Starting {
    /// Enters the session and opens its first channel.
    pub(super) async fn enter_and_open(
        self: &Arc<Self>,
        start: PendingStart<'_>,
    ) -> Result<SessionView, Refusal> {
        let PendingStart { rep, ref item, ref kind, ref why, ref reason, .. } = start;
        let (endpoint, agent) = start.machine()?;
        let terms = self.terms_of(rep.user, item, agent, kind).await?;
        let why_so = why.decision.to_string();
        let session = self.enter(rep.user, item, endpoint, (terms, &why_so)).await?;
        if let Some(policy) = &why.overrides {
            let (policy, reason) = (policy.as_str().into(), reason.as_deref().unwrap_or_default());
            let overrode = LogEvent::Overrode { policy, reason: reason.into() };
            self.log.log(session, Some(rep.user), overrode);
        }
        if item.is_visitor() {
            let what = "to come in".into();
            self.log.log(session, Some(rep.user), LogEvent::Asked { what, allowed: true });
        }
        self.open_first(rep, (session, item.view.id), agent, kind.clone()).await
    }

    /// Opens the first channel of a session that was entered, and ends it if that cannot be.
    async fn open_first(
        self: &Arc<Self>,
        rep: &RepLink,
        (session, id): (SessionId, ItemId),
        agent: &AgentLink,
        kind: ChannelKind,
    ) -> Result<SessionView, Refusal> {
        let opened = self.opening.open_channel(rep, session, agent, kind).await;
        if let Err(refusal) = opened {
            // The person there, if one was asked, reads that in the session's end.
            self.endings.end_session(session, EndReason::StartFailed);
            return Err(refusal);
        }
        if self.base.world().item(id).is_none() {
            // It was removed while the session started.
            self.endings.end_session(session, EndReason::StartFailed);
            return Err(RefusalCode::JumpItemGone.plain());
        }
        // A right that was withdrawn while it started was not seen by the one who looks after that.
        self.withdrawal.end_if_over(session);
        let view = self.book.view(session, &self.base.world());
        let view = view.ok_or_else(|| RefusalCode::SessionGone.plain())?;
        tracing::info!(session = view.id.0, item = id.0, user = rep.user.0, "session started");
        self.base.bus.publish(ApplianceEvent::SessionOpened { session, owner: rep.user });
        Ok(view)
    }

    /// What is decided now, and holds for the whole session.
    async fn terms_of(
        &self,
        user: UserId,
        item: &Item,
        agent: &AgentLink,
        kind: &ChannelKind,
    ) -> Result<Terms, Refusal> {
        let attended = item.is_visitor();
        let customer_present = attended || self.somebody_is_at(item, agent).await;
        let start_mode = if attended { StartMode::Normal } else { item.view.start_mode };
        let method = if attended { StartMethod::Attended } else { StartMethod::Unattended };
        let world = self.base.world();
        let layers = world.layers(user, item.view.policies, method, customer_present);
        let granted = Box::new(layers.granted());
        may_run(&granted, kind, || layers.because(kind.nature().permission))?;
        let recording = granted.recording.is_allowed() && self.opening.records(user, item);
        Ok(Terms { granted, customer_present, recording, start_mode, attended })
    }

    /// Enters a session without channels into the history and the book.
    async fn enter(
        &self,
        user: UserId,
        item: &Item,
        endpoint: EndpointId,
        (terms, why): (Terms, &str),
    ) -> Result<SessionId, Refusal> {
        let new = NewSession {
            id: self.base.store.take_session_id(),
            owner: user,
            endpoint,
            item: item.view.id,
            item_name: item.view.name.to_string(),
            started: self.base.now(),
            terms: terms.clone(),
        };
        let id = new.id;
        let started = History::SessionStarted {
            session: id,
            item: new.item,
            item_name: new.item_name.clone(),
            user,
            endpoint,
            terms,
            at: new.started,
        };
        let who = self.base.world().username(user);
        let (subject, detail) =
            (format!("session {id}"), format!("item {}: {}; {why}", new.item, new.item_name));
        let at = new.started;
        let edit = move |draft: &mut jumpdeck_store::Draft| {
            draft.history(started.clone());
            let action = Action::SessionStarted;
            draft.audit(at, AuditRecord { who: &who, action, subject: &subject, detail: &detail });
            Ok(())
        };
        self.base.store.edit(edit).await?;
        self.book.add(new, self.base.uptime());
        self.log.log(id, Some(user), LogEvent::Started);
        if !item.attributes.is_empty() {
            self.log.log(id, None, LogEvent::Attributes { set: item.attributes.clone() });
        }
        self.base.bus.publish(ApplianceEvent::SessionStarted { endpoint });
        Ok(id)
    }

    /// Whether somebody is logged in at a machine at this moment.
    async fn somebody_is_at(&self, item: &Item, agent: &AgentLink) -> bool {
        match agent.call(AgentRequest::Customer, CUSTOMER_PATIENCE).await {
            Ok(AgentReply::Customer { user }) => !user.trim().is_empty(),
            // An older agent; what it said when it came is all there is.
            _ => !item.view.facts.console_user.trim().is_empty(),
        }
    }
}

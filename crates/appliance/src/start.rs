//! The start and the end of a session.

use crate::appliance::Appliance;
use crate::document::Item;
use crate::reps::RepLink;
use crate::sessions::Leg;
use crate::store::History;
use jumpdeck_policy::Permission;
use jumpdeck_protocol::agent::{AgentOrder, AgentRequest};
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::session::{ChannelKind, ChannelOrder, ChannelView, EndReason, SessionView};
use jumpdeck_protocol::{EndpointId, ItemId, Refusal, RefusalCode, SessionId, UserId, limits};
use std::sync::Arc;
use std::time::Duration;

/// How long an agent may take to start a program.
const SPAWN_PATIENCE: Duration = Duration::from_secs(20);

impl Appliance {
    /// Starts a session with an item and opens its first channel.
    pub(crate) async fn start_session(
        self: &Arc<Self>,
        rep: &RepLink,
        item: ItemId,
        kind: ChannelKind,
        override_schedule: bool,
    ) -> Result<SessionView, Refusal> {
        check_kind(&kind)?;
        let item = self.startable(rep.user, item)?;
        let id = item.view.id;
        let endpoint = item.endpoint().ok_or_else(|| {
            let what = item.view.method.title();
            RefusalCode::Unsupported.because(format!("{what} sessions come with a later version"))
        })?;
        let overridden = self.check_policy(&item, override_schedule)?;
        let agent = self
            .presences
            .startable(endpoint)
            .map_err(|code| code.because(item.view.name.to_string()))?;
        let _turn = self.starts.try_acquire().map_err(|_| RefusalCode::ServerBusy.plain())?;
        let view = self.enter(rep, &item, endpoint, &kind).await?;
        let Some(channel) = view.channels.first() else {
            return Err(RefusalCode::SpawnFailed.plain());
        };
        let request = AgentRequest::Open {
            channel: channel.id,
            errors: channel.errors,
            session: view.id,
            kind,
        };
        if let Err(refusal) = agent.call(request, SPAWN_PATIENCE).await {
            self.end_session(view.id, EndReason::StartFailed);
            return Err(refusal);
        }
        if self.world().item(id).is_none() {
            // It was removed while the session started.
            self.end_session(view.id, EndReason::StartFailed);
            return Err(RefusalCode::JumpItemGone.plain());
        }
        if overridden {
            tracing::warn!(target: "audit", session = view.id.0, item = id.0, user = rep.user.0,
                "a closed schedule was overridden");
        }
        tracing::info!(session = view.id.0, item = id.0, user = rep.user.0, "session started");
        self.tell_sessions(rep.user);
        let (appliance, user) = (Arc::clone(self), rep.user);
        tokio::spawn(async move { appliance.tell_used(user).await });
        Ok(view)
    }

    /// The item, if this user may start a session with it.
    fn startable(&self, user: UserId, item: ItemId) -> Result<Arc<Item>, Refusal> {
        let world = self.world();
        let user = world.user(user).ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
        let gone = || RefusalCode::JumpItemGone.plain();
        let item = world.item(item).ok_or_else(gone)?;
        if !world.decide(user, item.view.place, None).is_allowed() {
            return Err(gone());
        }
        let decision = world.decide(user, item.view.place, Some(Permission::PermStart));
        if decision.is_allowed() {
            Ok(Arc::clone(item))
        } else {
            Err(RefusalCode::PermissionDenied.because(decision.to_string()))
        }
    }

    /// Enters the session into the history and the book.
    async fn enter(
        self: &Arc<Self>,
        rep: &RepLink,
        item: &Item,
        endpoint: EndpointId,
        kind: &ChannelKind,
    ) -> Result<SessionView, Refusal> {
        let (session, channel, errors) = self.sessions.numbers();
        let is_shell = matches!(kind, ChannelKind::Shell { .. });
        let errors = (!is_shell).then_some(errors);
        let view = SessionView {
            id: session,
            item: item.view.id,
            item_name: item.view.name.to_string(),
            started: self.now(),
            channels: vec![ChannelView { id: channel, errors, is_shell, attached: true }],
        };
        let started = History::SessionStarted {
            session,
            item: view.item,
            item_name: view.item_name.clone(),
            user: rep.user,
            at: view.started,
        };
        let at = view.started;
        let opened = History::ChannelOpened { channel, errors, session, is_shell, at };
        let edit = move |draft: &mut crate::store::Draft| {
            draft.history(started);
            draft.history(opened);
            Ok(())
        };
        self.store.edit(edit).await?;
        self.sessions.add(rep.user, endpoint, view.clone());
        for id in [Some(channel), errors].into_iter().flatten() {
            let leg = Leg { link: rep.id, outbox: rep.outbox.clone() };
            self.sessions.change(id, |entry| entry.leg = Some(leg));
        }
        if rep.outbox.is_closed() {
            // The console left before its session was entered; nobody else will say so.
            self.rep_left(rep);
        }
        self.tell_in_sessions(endpoint);
        Ok(view)
    }

    /// Ends a session and everything in it.
    pub(crate) fn end_session(&self, session: SessionId, reason: EndReason) {
        let Some(ended) = self.sessions.remove(session) else {
            return;
        };
        let agent = self.presences.link(ended.endpoint);
        for (channel, _) in &ended.channels {
            if let Some(agent) = &agent {
                agent.order(AgentOrder::Channel(ChannelOrder::Close { channel: *channel }));
            }
        }
        let (at, channels, why) = (self.now(), ended.channels, reason.clone());
        self.store.note(move |draft| {
            for (channel, status) in channels {
                draft.history(History::ChannelClosed { channel, status, at });
            }
            draft.history(History::SessionEnded { session, reason: why, at });
        });
        tracing::info!(session = session.0, ?reason, "session ended");
        self.tell_in_sessions(ended.endpoint);
        for rep in self.reps.those(|rep| rep.user == ended.owner) {
            rep.tell(ApplianceNotice::SessionEnded { session, reason: reason.clone() });
        }
        self.tell_sessions(ended.owner);
    }

    /// Tells everyone who sees a machine whether it is in a session.
    fn tell_in_sessions(&self, endpoint: EndpointId) {
        self.presences.in_sessions(endpoint, self.sessions.count(endpoint), self.now());
    }

    /// Tells a rep's consoles which sessions are open.
    pub(crate) fn tell_sessions(&self, user: UserId) {
        let sessions = self.sessions.of(user);
        for rep in self.reps.those(|rep| rep.user == user) {
            rep.tell(ApplianceNotice::Sessions { sessions: sessions.clone() });
        }
    }
}

fn check_kind(kind: &ChannelKind) -> Result<(), Refusal> {
    let invalid = |detail: &str| Err(RefusalCode::InvalidValue.because(detail));
    match kind {
        ChannelKind::Shell { term, .. } if term.len() > 64 || term.contains(['\0', '/']) => {
            invalid("the terminal's type")
        }
        ChannelKind::Exec { argv } if argv.is_empty() => invalid("no command was given"),
        ChannelKind::Exec { argv }
            if argv.len() > limits::ARGUMENTS
                || argv.iter().map(String::len).sum::<usize>() > limits::ARGUMENT_BYTES =>
        {
            invalid("the command has too many arguments")
        }
        ChannelKind::Exec { argv } if argv.iter().any(|part| part.contains('\0')) => {
            invalid("an argument holds a zero byte")
        }
        _ => Ok(()),
    }
}

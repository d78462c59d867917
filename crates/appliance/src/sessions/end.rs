//! The end of a channel and of a session, however it comes about.

use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::book::RemovedChannel;
use crate::book::channel::Channel;
use crate::bus::{ApplianceEvent, SessionEnd};
use crate::clock::Uptime;
use crate::jobs::{Every, Jobs};
use crate::links::Links;
use crate::links::consoles::RepLink;
use crate::sessions::log::SessionLog;
use crate::sessions::recordings::Recordings;
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::agent::AgentOrder;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::log::{LogEntry, LogEvent};
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::session::{ChannelOrder, ChannelReport, EndReason};
use jumpdeck_protocol::{RefusalCode, SessionId};
use jumpdeck_store::{AuditRecord, History};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Ends channels and sessions, and writes down how. With a session's last channel the session ends.
pub(crate) struct Endings {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) book: Arc<Book>,
    pub(super) log: Arc<SessionLog>,
    pub(super) recordings: Arc<Recordings>,
    /// Seconds after which a session ends in which nobody does anything; 0: it does not.
    pub(super) idle: AtomicU64,
}

impl Endings {
    /// Ends a channel; with the last one its session ends too.
    pub(crate) fn close_channel(&self, channel: &Arc<Channel>, reason: EndReason) {
        match self.book.remove_channel(channel.id) {
            // Somebody else was quicker.
            RemovedChannel::Gone => {}
            RemovedChannel::Errors => self.end_session(channel.session, reason),
            RemovedChannel::Last => {
                self.log_closed(channel);
                let closed = self.hang_up(channel);
                self.end_session_after(channel.session, reason, vec![closed]);
            }
            RemovedChannel::OneOfMany => {
                self.log_closed(channel);
                let closed = self.hang_up(channel);
                self.base.store.note(move |draft| draft.history(closed.clone()));
                let refusal = RefusalCode::ChannelGone.plain();
                let gone = ChannelReport::Gone { channel: channel.id, refusal };
                channel.hub().tell_all(&ApplianceNotice::Channel(gone));
                let session = channel.session;
                self.base.bus.publish(ApplianceEvent::SessionChanged { session });
            }
        }
    }

    fn log_closed(&self, channel: &Channel) {
        if channel.nature().terminal {
            let status = channel.exit().map(|(status, _)| status);
            let event = LogEvent::ShellClosed { channel: channel.id, status };
            self.log.log(channel.session, None, event);
        }
    }

    /// The end of a channel that was taken out of the book. Returns what is to be written down.
    fn hang_up(&self, channel: &Arc<Channel>) -> History {
        if let Some(agent) = self.links.agents.link(channel.endpoint) {
            agent.order(AgentOrder::Channel(ChannelOrder::Close { channel: channel.id }));
        }
        if let Some(recording) = channel.recording.get() {
            self.recordings.keep_recording(channel.session, channel.id, Some(recording.clone()));
        }
        let status = channel.exit().map(|(status, _)| status);
        History::ChannelClosed { channel: channel.id, status, at: self.base.now() }
    }

    /// Ends a session and everything in it.
    pub(crate) fn end_session(&self, session: SessionId, reason: EndReason) {
        self.end_session_after(session, reason, Vec::new());
    }

    /// Ends a session, of which some channels were closed just now: all of it is written down at
    /// once.
    fn end_session_after(&self, session: SessionId, reason: EndReason, mut closed: Vec<History>) {
        for channel in &self.book.channels_of(session) {
            self.log_closed(channel);
        }
        let Some(ended) = self.book.remove(session, self.base.now()) else {
            if !closed.is_empty() {
                self.base.store.note(move |draft| {
                    for closed in &closed {
                        draft.history(closed.clone());
                    }
                });
            }
            return;
        };
        closed.extend(ended.channels.iter().map(|channel| self.hang_up(channel)));
        let (at, why) = (self.base.now(), reason.clone());
        let entry = LogEntry {
            number: ended.last + 1,
            at,
            who: None,
            event: LogEvent::Ended { reason: reason.clone() },
            position: None,
        };
        let kept = entry.clone();
        self.base.store.note(move |draft| {
            for closed in &closed {
                draft.history(closed.clone());
            }
            draft.history(History::Logged { session, entry: kept.clone(), position: None });
            let (subject, detail) = (format!("session {session}"), why.words());
            let action = Action::SessionEnded;
            draft.audit(at, AuditRecord { who: "", action, subject: &subject, detail: &detail });
            draft.history(History::SessionEnded { session, reason: why.clone(), at });
        });
        tracing::info!(session = session.0, ?reason, "session ended");
        self.base.bus.publish(ApplianceEvent::SessionEnded(&SessionEnd {
            session,
            endpoint: ended.endpoint,
            users: &ended.users,
            terms: &ended.terms,
            summary: &ended.summary,
            reason: &reason,
            entry: &entry,
        }));
    }

    /// Ends sessions without channels: the appliance was killed while they began or ended.
    pub(crate) fn end_empty_sessions(&self) {
        for session in self.book.ids() {
            if self.book.channels_of(session).is_empty() {
                self.end_session(session, EndReason::AgentLost);
            }
        }
    }

    /// Sessions in which nobody does anything for so many seconds end; 0: they do not.
    pub(crate) fn end_idle_after(&self, seconds: u64) {
        self.idle.store(seconds, Ordering::Relaxed);
    }

    /// Ends them now; the appliance does so by itself each minute.
    fn end_idle_sessions(&self) {
        let patience = self.idle.load(Ordering::Relaxed);
        if patience == 0 {
            return;
        }
        let then = Uptime(self.base.uptime().0.saturating_sub(patience));
        for session in self.book.idle_since(then) {
            self.end_session(session, EndReason::Idle);
        }
    }

    pub(crate) fn jobs(self: &Arc<Self>, jobs: &mut Jobs) {
        jobs.add(Every::Minute, self, |endings| async move { endings.end_idle_sessions() });
    }
}

impl Answered for request::EndSession {
    type By = Endings;

    async fn answer(self, endings: &Arc<Endings>, rep: &RepLink) -> Result<(), Refusal> {
        endings.book.takes_part(self.session, rep.user, Part::Owner)?;
        endings.end_session(self.session, EndReason::EndedByRep);
        Ok(())
    }
}

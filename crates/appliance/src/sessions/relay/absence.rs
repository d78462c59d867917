//! Consoles that leave a channel, and what becomes of it when none comes back.

use super::Relay;
use crate::book::channel::Channel;
use crate::bus::ApplianceEvent;
use crate::links::consoles::RepLink;
use jumpdeck_protocol::agent::AgentOrder;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::session::WhenAlone;
use jumpdeck_protocol::session::{ChannelReport, EndReason};
use jumpdeck_protocol::{LinkId, RefusalCode, UserId};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a channel waits for a console that went away without a word.
const GRACE: Duration = jumpdeck_protocol::limits::CONSOLE_GRACE;

impl Relay {
    /// A console does not show a channel any more.
    pub(super) fn console_left(self: &Arc<Self>, link: LinkId, channel: &Arc<Channel>) {
        self.detach(link, channel);
        if channel.exit().is_some() {
            channel.hub().let_go();
            self.finish_alone(channel);
        }
        let session = channel.session;
        self.base.bus.publish(ApplianceEvent::SessionChanged { session });
        self.expect_back(vec![Arc::clone(channel)]);
    }

    /// Takes a console's subscriber away, and sees to it that the rest goes on.
    pub(super) fn detach(&self, link: LinkId, channel: &Arc<Channel>) {
        let size = {
            let mut hub = channel.hub();
            if !hub.has_subscriber(link) {
                return;
            }
            let size = hub.detach(link);
            channel.departures.fetch_add(1, Ordering::Relaxed);
            size
        };
        self.resize(channel, size);
    }

    /// A console is gone. What it showed is held for it for a while.
    pub(crate) fn rep_left(self: &Arc<Self>, rep: &RepLink) {
        let shown = self.book.channels();
        let shown: Vec<_> = shown.into_iter().filter(|c| c.hub().has_subscriber(rep.id)).collect();
        for channel in &shown {
            self.detach(rep.id, channel);
        }
        let mut sessions: Vec<_> = shown.iter().map(|channel| channel.session).collect();
        sessions.dedup();
        for session in sessions {
            self.base.bus.publish(ApplianceEvent::SessionChanged { session });
        }
        self.expect_back(shown);
    }

    /// Whose console shows a channel must still take part.
    pub(crate) fn expel(self: &Arc<Self>, session: jumpdeck_protocol::SessionId, user: UserId) {
        for channel in self.book.channels_of(session) {
            let links: Vec<_> = channel.hub().consoles().filter(|(_, of)| *of == user).collect();
            if links.is_empty() {
                continue;
            }
            let typed = channel.hub().typist() == Some(user);
            for (link, _) in links {
                let detail = "your part in this session was taken back";
                let refusal = RefusalCode::PermissionDenied.because(detail);
                let gone = ChannelReport::Gone { channel: channel.id, refusal };
                channel.hub().tell(link, ApplianceNotice::Channel(gone));
                self.detach(link, &channel);
            }
            if typed {
                channel.hub().let_go();
            }
            self.expect_back(vec![channel]);
        }
        if self.book.went(session, user) {
            self.log.log(session, Some(user), LogEvent::Left);
        }
    }

    /// Holds channels for a while; then lets go of those that no console came for.
    pub(crate) fn expect_back(self: &Arc<Self>, channels: Vec<Arc<Channel>>) {
        if channels.is_empty() {
            return;
        }
        let departures = |c: &Channel| c.departures.load(Ordering::Relaxed);
        let awaited: Vec<_> = channels.into_iter().map(|c| (departures(&c), c)).collect();
        // An appliance that has ended meanwhile is not kept for this.
        let relay = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(GRACE).await;
            let Some(relay) = relay.upgrade() else {
                return;
            };
            for (departure, channel) in awaited {
                // Anyone who came and left again meanwhile has a time of its own.
                if departures(&channel) == departure {
                    relay.release(&channel);
                }
            }
        });
    }

    /// Nobody came back: a shell runs on by itself, a command is over.
    pub(super) fn release(&self, channel: &Arc<Channel>) {
        channel.hub().let_go();
        for user in self.book.users(channel.session) {
            if self.book.went(channel.session, user) {
                self.log.log(channel.session, Some(user), LogEvent::Left);
                let session = channel.session;
                self.base.bus.publish(ApplianceEvent::SessionChanged { session });
            }
        }
        if self.book.channel(channel.id).is_none() || !self.leave_alone(channel) {
            return;
        }
        if channel.exit().is_some() {
            self.finish_alone(channel);
        } else if channel.nature().when_alone == WhenAlone::Ends {
            self.endings.end_session(channel.session, EndReason::ConsoleGone);
        }
    }

    /// Nobody holds its output any more, if no console shows it. The hub stays locked meanwhile: a
    /// console that attaches now is heard of after this.
    fn leave_alone(&self, channel: &Channel) -> bool {
        let mut hub = channel.hub();
        if hub.is_shown() {
            return false;
        }
        channel.released.store(true, Ordering::Relaxed);
        hub.record_unseen();
        let runs_on = channel.exit().is_none() && channel.nature().when_alone != WhenAlone::Ends;
        if runs_on
            && !hub.is_recorded()
            && let Some(agent) = self.links.agents.link(channel.endpoint)
        {
            agent.order(AgentOrder::Hold { channel: channel.id, held: false });
        }
        true
    }
}

//! The relay: bytes between a console and an agent, unchanged, and only where they belong.
//!
//! A message for a channel that does not exist, or that the sender has no part in, is dropped: it
//! may have crossed with the channel's end, and its sender learns nothing from the silence.

use crate::appliance::Appliance;
use crate::presence::AgentLink;
use crate::reps::RepLink;
use crate::sessions::{Channel, Leg};
use bytes::Bytes;
use jumpdeck_protocol::agent::AgentOrder;
use jumpdeck_protocol::rep::{ApplianceNotice, ToRep};
use jumpdeck_protocol::session::{ChannelOrder, ChannelReport, EndReason};
use jumpdeck_protocol::{ChannelId, EndpointId, LinkId, RefusalCode, SessionId};
use std::sync::Arc;
use std::time::Duration;

/// How long a channel waits for a console that went away without a word.
const GRACE: Duration = Duration::from_secs(30);

impl Appliance {
    /// Data or credit from an agent, to the console that shows the channel.
    pub(crate) fn relay_to_rep(&self, endpoint: EndpointId, channel: ChannelId, message: Bytes) {
        self.sessions.with(channel, |entry| {
            if let Some(leg) = entry.leg.as_ref().filter(|_| entry.endpoint == endpoint) {
                leg.outbox.push(entry.lane(), message);
            }
        });
    }

    /// Data or credit from a console, to the channel's agent.
    pub(crate) fn relay_to_agent(&self, link: LinkId, channel: ChannelId, message: Bytes) {
        let mine = |entry: &Channel| {
            let leg = entry.leg.as_ref().filter(|leg| leg.link == link)?;
            (!leg.outbox.is_closed()).then(|| (entry.endpoint, entry.lane()))
        };
        if let Some(Some((endpoint, lane))) = self.sessions.with(channel, mine)
            && let Some(agent) = self.presences.link(endpoint)
        {
            agent.outbox.push(lane, message);
        }
    }

    /// A report of an agent about a channel. Returns whether the channel is its own.
    pub(crate) fn report(&self, endpoint: EndpointId, report: ChannelReport) -> bool {
        let channel = report.channel();
        let Some(entry) = self.sessions.channel(channel).filter(|entry| entry.endpoint == endpoint)
        else {
            return false;
        };
        if let ChannelReport::Exited { status, .. } = &report {
            self.sessions.change(channel, |entry| entry.exit = Some(*status));
        }
        let gone = matches!(report, ChannelReport::Gone { .. });
        match entry.leg {
            Some(leg) => leg.outbox.send(&ToRep::Notice { body: ApplianceNotice::Channel(report) }),
            None if entry.released => self.end_if_over(channel),
            None => {}
        }
        if gone {
            self.end_session(entry.session, EndReason::AgentLost);
        }
        true
    }

    /// An order of a console about a channel of its own.
    pub(crate) fn channel_order(self: &Arc<Self>, rep: &RepLink, order: ChannelOrder) {
        let channel = order.channel();
        let entry = self.sessions.channel(channel).filter(|entry| entry.owner == rep.user);
        let Some(entry) = entry else {
            let refusal = RefusalCode::SessionGone.plain();
            rep.tell(ApplianceNotice::Channel(ChannelReport::Gone { channel, refusal }));
            return;
        };
        match order {
            ChannelOrder::Attach { .. } => self.attach(rep, &entry, order),
            _ if entry.leg.is_none_or(|leg| leg.link != rep.id) => {}
            ChannelOrder::Close { .. } => self.closed_by_console(channel, entry.session),
            ChannelOrder::Resize { .. } | ChannelOrder::InputEnd { .. } => {
                if let Some(agent) = self.presences.link(entry.endpoint) {
                    agent.order(AgentOrder::Channel(order));
                }
            }
        }
    }

    fn attach(&self, rep: &RepLink, entry: &Channel, order: ChannelOrder) {
        let channel = order.channel();
        let leg = Leg { link: rep.id, outbox: rep.outbox.clone() };
        let former = self.sessions.change(channel, |entry| {
            entry.released = false;
            entry.leg.replace(leg)
        });
        if let Some(former) = former.flatten().filter(|former| former.link != rep.id) {
            let refusal = RefusalCode::AttachedElsewhere.plain();
            let body = ApplianceNotice::Channel(ChannelReport::Gone { channel, refusal });
            former.outbox.send(&ToRep::Notice { body });
        }
        match self.presences.link(entry.endpoint) {
            Some(agent) => agent.order(AgentOrder::Channel(order)),
            None => rep.tell(ApplianceNotice::AgentLink { channel, linked: false }),
        }
    }

    /// The console has all output of an ended program, or does not want the program any more.
    fn closed_by_console(&self, channel: ChannelId, session: SessionId) {
        let exit = self.sessions.with(channel, |entry| entry.exit).flatten();
        let reason = exit.map_or(EndReason::EndedByRep, EndReason::Exited);
        self.end_session(session, reason);
    }

    /// A console is gone. What it showed is held for it for a while.
    pub(crate) fn rep_left(self: &Arc<Self>, rep: &RepLink) {
        self.expect_back(self.sessions.detach(rep.id));
    }

    /// Holds channels for a while; then lets go of those that no console came for.
    pub(crate) fn expect_back(self: &Arc<Self>, channels: Vec<ChannelId>) {
        if channels.is_empty() {
            return;
        }
        let departures = |id: &ChannelId| self.sessions.with(*id, |entry| entry.departures);
        let awaited: Vec<_> = channels.iter().map(|id| (*id, departures(id))).collect();
        // An appliance that has ended meanwhile is not kept for this.
        let appliance = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(GRACE).await;
            let Some(appliance) = appliance.upgrade() else {
                return;
            };
            for (channel, departure) in awaited {
                // Whoever came and left again meanwhile has a time of its own.
                let same = |entry: &Channel| Some(entry.departures) == departure;
                if appliance.sessions.with(channel, same) == Some(true) {
                    appliance.release(channel);
                }
            }
        });
    }

    /// Nobody came back: a shell runs on by itself, a command is over.
    fn release(&self, channel: ChannelId) {
        let Some(entry) = self.sessions.channel(channel).filter(|entry| entry.leg.is_none()) else {
            return;
        };
        self.sessions.change(channel, |entry| entry.released = true);
        if entry.exit.is_some() {
            self.end_if_over(channel);
        } else if entry.is_shell {
            if let Some(agent) = self.presences.link(entry.endpoint) {
                agent.order(AgentOrder::Hold { channel, held: false });
            }
        } else {
            self.end_session(entry.session, EndReason::ConsoleGone);
        }
    }

    fn end_if_over(&self, channel: ChannelId) {
        let ended = self.sessions.with(channel, |entry| (entry.session, entry.exit));
        if let Some((session, Some(status))) = ended {
            self.end_session(session, EndReason::Exited(status));
        }
    }

    /// Consoles that show this machine's channels learn whether its agent is there.
    pub(crate) fn tell_legs(&self, endpoint: EndpointId, channels: &[ChannelId], linked: bool) {
        for channel in channels {
            let leg = self
                .sessions
                .with(*channel, |entry| entry.leg.clone().filter(|_| entry.endpoint == endpoint));
            if let Some(Some(leg)) = leg {
                let body = ApplianceNotice::AgentLink { channel: *channel, linked };
                leg.outbox.send(&ToRep::Notice { body });
            }
        }
    }

    /// An agent is back: what lives on there goes on, what died with it is over. Returns the
    /// channels it still has whose sessions have ended.
    pub(crate) fn reconcile(&self, endpoint: EndpointId, alive: &[ChannelId]) -> Vec<ChannelId> {
        let ours = self.sessions.channels_at(endpoint);
        for lost in ours.iter().filter(|channel| !alive.contains(channel)) {
            if let Some(session) = self.sessions.with(*lost, |entry| entry.session) {
                self.end_session(session, EndReason::AgentLost);
            }
        }
        alive.iter().filter(|channel| !ours.contains(channel)).copied().collect()
    }

    /// Tells an agent that came back which channels nobody holds.
    pub(crate) fn release_again(&self, agent: &AgentLink, channels: &[ChannelId]) {
        for channel in channels {
            if self.sessions.with(*channel, |entry| entry.released) == Some(true) {
                agent.order(AgentOrder::Hold { channel: *channel, held: false });
            }
        }
    }
}

//! The relay: bytes between consoles and an agent, unchanged, and only where they belong.
//!
//! A message for a channel that does not exist, or that the sender has no part in, is dropped: it
//! may have crossed with the channel's end, and its sender learns nothing from the silence.
//!
//! Never look into the book of sessions while holding a hub: the book looks into hubs.

mod absence;

use crate::base::Base;
use crate::book::Book;
use crate::book::channel::{Channel, ConsoleWay};
use crate::bus::{ApplianceEvent, EventListener};
use crate::links::Links;
use crate::links::agent::{AgentLink, Stray};
use crate::links::consoles::RepLink;
use crate::sessions::end::Endings;
use crate::sessions::log::SessionLog;
use bytes::Bytes;
use jumpdeck_protocol::agent::AgentOrder;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::session::{
    ChannelOrder, ChannelReport, EndReason, Keyboard, Part, RecordingState,
};
use jumpdeck_protocol::{ChannelId, EndpointId, LinkId, RefusalCode};
use jumpdeck_session::hub::{AttachRequest, Console};
use jumpdeck_session::recording::RecorderEvent;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Passes bytes and orders between consoles and agents, as each channel's hub allows.
pub(crate) struct Relay {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) book: Arc<Book>,
    pub(super) endings: Arc<Endings>,
    pub(super) log: Arc<SessionLog>,
}

impl EventListener for Relay {
    fn on(self: Arc<Self>, event: ApplianceEvent<'_>) {
        if let ApplianceEvent::AgentLeft { endpoint, .. } = event {
            self.agent_left(endpoint);
        }
    }
}

impl Relay {
    /// Output from an agent, to those who show or record the channel.
    pub(crate) fn relay_output(
        &self,
        (link, endpoint): (&AgentLink, EndpointId),
        (id, offset, bytes): (ChannelId, u64, Bytes),
        message: &Bytes,
    ) -> Result<(), &'static str> {
        let Some(channel) = self.channel_of((link, endpoint), id, Stray::Output) else {
            return Ok(());
        };
        let mut hub = channel.hub();
        let heard = hub.output(link.id, offset, &bytes, message);
        if let (Some((from, new)), Some(recording)) = (heard.record, channel.recording.get()) {
            recording.output(from, new);
        }
        let left_alone = !hub.has_keyboard() && !hub.is_held();
        drop(hub);
        if heard.violated {
            return Err("more output than was allowed");
        }
        if channel.nature().terminal
            && let Some((from, new)) = heard.watch
        {
            let seen = channel.tracker().output(new);
            for command in seen {
                self.log.log_command(&channel, from + new.len() as u64, command);
            }
        }
        if left_alone && channel.exit().is_some() {
            self.finish_alone(&channel);
        }
        Ok(())
    }

    /// An agent takes more input.
    pub(crate) fn relay_input_credit(
        &self,
        agent: (&AgentLink, EndpointId),
        id: ChannelId,
        message: Bytes,
    ) {
        if let Some(channel) = self.channel_of(agent, id, Stray::Credit) {
            channel.hub().input_credit(agent.0.id, message);
        }
    }

    /// A channel that an agent speaks of, if it is its own. One that is gone is nobody's: it may
    /// have ended while the agent spoke. Somebody else's is written down.
    fn channel_of(
        &self,
        (link, endpoint): (&AgentLink, EndpointId),
        id: ChannelId,
        what: Stray,
    ) -> Option<Arc<Channel>> {
        let channel = self.book.channel(id)?;
        if channel.endpoint != endpoint {
            self.audit_stray((link, endpoint), what, &format!("channel {id} is another machine's"));
            return None;
        }
        Some(channel)
    }

    /// Writes down that an agent spoke of what is not its own: of each kind once a link, as it may
    /// do so as often as it pleases.
    pub(crate) fn audit_stray(
        &self,
        (link, endpoint): (&AgentLink, EndpointId),
        what: Stray,
        why: &str,
    ) {
        if link.strays_anew(what) {
            let detail = format!("{}: {why}", what.words());
            self.base.audit.record_often(
                "",
                Action::AgentStrayed,
                &format!("machine {endpoint}"),
                &detail,
            );
        }
    }

    /// Input from a console, to the channel's agent.
    pub(crate) fn relay_input(
        &self,
        link: LinkId,
        (id, offset, bytes): (ChannelId, u64, Bytes),
        message: Bytes,
    ) {
        let Some(channel) = self.book.channel(id) else {
            return;
        };
        if !channel.hub().input(link, message) {
            return;
        }
        if channel.nature().terminal {
            channel.tracker().input(offset, &bytes);
        }
        self.book.touch(channel.session, self.base.uptime());
    }

    /// A console has output and takes more.
    pub(crate) fn relay_output_credit(
        &self,
        link: LinkId,
        id: ChannelId,
        received: u64,
        limit: u64,
    ) {
        let Some(channel) = self.book.channel(id) else {
            return;
        };
        channel.hub().credited(link, received, limit);
    }

    /// A report of an agent about a channel. Returns whether the channel is its own.
    pub(crate) fn report(
        &self,
        (link, endpoint): (&AgentLink, EndpointId),
        report: &ChannelReport,
    ) -> bool {
        let what = match report {
            ChannelReport::Attached { .. } => Stray::Attached,
            ChannelReport::Exited { .. } => Stray::Exited,
            ChannelReport::Gone { .. } => Stray::Gone,
            ChannelReport::Echo { .. } => Stray::Echo,
        };
        let Some(channel) = self.channel_of((link, endpoint), report.channel(), what) else {
            return false;
        };
        if let ChannelReport::Exited { status, end, .. } = report {
            channel.exited(*status, *end);
        }
        channel.hub().report(link.id, report);
        match report {
            ChannelReport::Gone { .. } => {
                self.endings.close_channel(&channel, EndReason::AgentLost);
            }
            ChannelReport::Echo { .. } => {}
            ChannelReport::Exited { .. } | ChannelReport::Attached { .. } => {
                let left_alone = !channel.hub().has_keyboard() && !channel.hub().is_held();
                let released = channel.released.load(Ordering::Relaxed);
                if left_alone
                    && (released || channel.hub().is_recorded() || channel.hub().is_shown())
                {
                    self.finish_alone(&channel);
                }
            }
        }
        true
    }

    /// Nobody types who would say that all output has arrived: the channel is over once its program
    /// has ended and what is to be recorded is.
    fn finish_alone(&self, channel: &Arc<Channel>) {
        let Some((status, end)) = channel.exit() else {
            return;
        };
        let over = {
            let hub = channel.hub();
            let shown = hub.is_shown() || hub.is_recorded();
            !hub.has_keyboard()
                && hub.is_recorded_to(end)
                && (!shown || hub.position().is_some_and(|position| position >= end))
        };
        if over {
            self.endings.close_channel(channel, EndReason::Exited(status));
        }
    }

    /// An order of a console about a channel of a session it takes part in.
    pub(crate) fn channel_order(self: &Arc<Self>, rep: &RepLink, order: ChannelOrder) {
        let id = order.channel();
        let found = self.book.channel(id).and_then(|channel| {
            let part = self.book.part(channel.session, rep.user)?;
            Some((channel, part))
        });
        let Some((channel, part)) = found else {
            let refusal = RefusalCode::SessionGone.plain();
            rep.tell(ApplianceNotice::Channel(ChannelReport::Gone { channel: id, refusal }));
            return;
        };
        match order {
            ChannelOrder::Attach { received, window, keyboard, attempt, .. } => {
                let keyboard = if part >= Part::Participant { keyboard } else { Keyboard::Watch };
                self.attach(rep, &channel, AttachRequest { received, window, keyboard, attempt });
            }
            _ if !channel.hub().has_subscriber(rep.id) => {}
            // Who only looks on has to take the terminal as it is.
            ChannelOrder::Resize { .. } if part < Part::Participant => {}
            ChannelOrder::Resize { size, .. } => {
                let size = channel.hub().sized(rep.id, size);
                self.resize(&channel, size);
            }
            ChannelOrder::Fit { .. } if part < Part::Owner => {}
            ChannelOrder::Fit { own, .. } => {
                let size = channel.hub().fit_to(own.then_some((rep.user, rep.id)));
                self.resize(&channel, size);
            }
            ChannelOrder::Detach { .. } => self.console_left(rep.id, &channel),
            _ if !channel.hub().types(rep.id) => {}
            ChannelOrder::Close { .. }
                if part < Part::Owner
                    && channel.exit().is_none()
                    && self.book.shells(channel.session) < 2 => {}
            ChannelOrder::Close { .. } => {
                let reason = channel.exit();
                let reason =
                    reason.map_or(EndReason::EndedByRep, |(status, _)| EndReason::Exited(status));
                self.endings.close_channel(&channel, reason);
            }
            ChannelOrder::InputEnd { .. } | ChannelOrder::Acknowledge { .. } => {
                if let Some(agent) = self.links.agents.link(channel.endpoint) {
                    agent.order(AgentOrder::Channel(order));
                }
            }
        }
    }

    /// The terminal takes a new size, on the machine and in the recording.
    fn resize(&self, channel: &Channel, size: Option<jumpdeck_protocol::session::Size>) {
        let Some(size) = size else {
            return;
        };
        if let Some(agent) = self.links.agents.link(channel.endpoint) {
            agent.order(AgentOrder::Channel(ChannelOrder::Resize { channel: channel.id, size }));
        }
        channel.tracker().resize(size.columns);
        if let Some(recording) = channel.recording.get() {
            recording.resize(size);
        }
    }

    fn attach(self: &Arc<Self>, rep: &RepLink, channel: &Arc<Channel>, wish: AttachRequest) {
        channel.released.store(false, Ordering::Relaxed);
        let way = ConsoleWay { outbox: rep.outbox.clone(), lane: channel.lane() };
        let name = self.base.world().username(rep.user);
        let console = Console { link: rep.id, user: rep.user, name, way };
        let (before, after) = {
            let mut hub = channel.hub();
            let before = (hub.typist(), hub.is_shown());
            hub.attach(console, wish);
            (before, hub.typist())
        };
        let session = channel.session;
        if self.book.part(session, rep.user).is_none() {
            // It was taken back at this very moment.
            self.detach(rep.id, channel);
            return;
        }
        self.book.touch(session, self.base.uptime());
        if self.book.came(session, rep.user) {
            self.log.log(session, Some(rep.user), LogEvent::Joined);
            self.base.bus.publish(ApplianceEvent::SessionChanged { session });
        } else if !before.1 {
            self.base.bus.publish(ApplianceEvent::SessionChanged { session });
        }
        // A console that types on after a loss of its link took nothing from anybody.
        if let (Some(former), Some(typist)) = (before.0, after)
            && former != typist
        {
            self.log.log(session, Some(rep.user), LogEvent::TookKeyboard { channel: channel.id });
        }
    }

    /// Consoles that show this machine's channels learn that its agent went away.
    fn agent_left(&self, endpoint: EndpointId) {
        for channel in self.book.channels_at(endpoint) {
            drop(channel.settle_agent(&self.links.agents));
        }
    }

    /// An agent is there: those who show its channels attach again, what is recorded goes on by
    /// itself, and it learns what nobody holds.
    pub(crate) fn agent_came(&self, endpoint: EndpointId, link: &AgentLink, alive: &[ChannelId]) {
        for channel in self.book.channels_at(endpoint) {
            // The hub stays locked: a console that attaches now is heard of after this.
            let hub = channel.settle_agent(&self.links.agents);
            let alone = channel.released.load(Ordering::Relaxed) && !hub.is_recorded();
            if alone && alive.contains(&channel.id) {
                link.order(AgentOrder::Hold { channel: channel.id, held: false });
            }
        }
    }

    /// An agent is back: what died with it is over. Returns the channels it still has whose
    /// sessions have ended.
    pub(crate) fn reconcile(&self, endpoint: EndpointId, alive: &[ChannelId]) -> Vec<ChannelId> {
        let ours = self.book.channels_at(endpoint);
        for lost in ours.iter().filter(|channel| !alive.contains(&channel.id)) {
            self.endings.close_channel(lost, EndReason::AgentLost);
        }
        let known = |id: &ChannelId| ours.iter().any(|channel| channel.id == *id);
        alive.iter().filter(|id| !known(id)).copied().collect()
    }

    /// The recorder has something to tell.
    pub(crate) fn recorder_says(&self, news: RecorderEvent) {
        let (id, state) = match &news {
            RecorderEvent::Written(id, _) => (*id, RecordingState::On),
            RecorderEvent::Failed(id, reason) => {
                (*id, RecordingState::Failed { reason: reason.as_str().into() })
            }
        };
        let Some(channel) = self.book.channel(id) else {
            return;
        };
        let changed = {
            let mut hub = channel.hub();
            if let RecorderEvent::Written(_, written) = news {
                hub.written(written);
            }
            let changed = hub.recording_is(state);
            if changed && matches!(news, RecorderEvent::Written(..)) {
                // Input that was refused meanwhile is sent again by the one who typed it.
                hub.go_on_typing();
            }
            changed
        };
        match news {
            RecorderEvent::Failed(_, reason) if changed => {
                tracing::error!(
                    channel = id.0,
                    reason,
                    "a recording cannot be written; input is refused"
                );
                let reason = reason.into();
                self.log.log(
                    channel.session,
                    None,
                    LogEvent::RecordingFailed { channel: id, reason },
                );
            }
            RecorderEvent::Written(..) if changed => {
                self.log.log(channel.session, None, LogEvent::RecordingResumed { channel: id });
            }
            _ => {}
        }
    }
}

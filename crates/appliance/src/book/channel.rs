//! A channel as the relay knows it, and the ways to both of its ends.

use crate::links::agent::AgentLink;
use crate::links::presence::Presences;
use bytes::Bytes;
use jumpdeck_link::{Lane, Outbox};
use jumpdeck_protocol::agent::AgentOrder;
use jumpdeck_protocol::rep::{ApplianceNotice, ToRep};
use jumpdeck_protocol::session::Family;
use jumpdeck_protocol::session::Nature;
use jumpdeck_protocol::session::{ChannelOrder, ExitStatus, Size};
use jumpdeck_protocol::{ChannelId, EndpointId, LinkId, SessionId};
use jumpdeck_session::hub::{Hub, ToConsole, ToMachine};
use jumpdeck_session::recording::LiveRecording;
use jumpdeck_terminal::Tracker;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A channel as the relay knows it.
#[derive(Debug)]
pub(crate) struct Channel {
    pub id: ChannelId,
    pub session: SessionId,
    pub endpoint: EndpointId,
    pub family: Family,
    /// It is to be recorded.
    pub recorded: bool,
    /// Its recording, if it has one.
    pub recording: OnceLock<LiveRecording>,
    /// How often a console went away from it.
    pub departures: AtomicU64,
    /// Nobody holds its output any more.
    pub released: AtomicBool,
    hub: Mutex<Hub<ConsoleWay, AgentWay>>,
    tracker: Mutex<Tracker>,
    exit: Mutex<Option<(ExitStatus, u64)>>,
}

/// The way to a console that shows a channel.
#[derive(Clone, Debug)]
pub(crate) struct ConsoleWay {
    pub outbox: Outbox,
    pub lane: Lane,
}

impl ToConsole for ConsoleWay {
    fn frame(&self, message: Bytes) {
        self.outbox.push(self.lane, message);
    }

    fn tell(&self, notice: ApplianceNotice) {
        self.outbox.send(&ToRep::Notice { body: notice });
    }

    fn is_closed(&self) -> bool {
        self.outbox.is_closed()
    }
}

/// The way to a channel's agent.
#[derive(Debug)]
pub(crate) struct AgentWay {
    pub link: Arc<AgentLink>,
    pub lane: Lane,
}

impl ToMachine for AgentWay {
    fn link(&self) -> LinkId {
        self.link.id
    }

    fn frame(&self, message: Bytes) {
        self.link.outbox.push(self.lane, message);
    }

    fn order(&self, order: ChannelOrder) {
        self.link.order(AgentOrder::Channel(order));
    }
}

impl Channel {
    pub(crate) fn new(
        id: ChannelId,
        session: SessionId,
        endpoint: EndpointId,
        (family, recorded): (Family, bool),
        size: Option<Size>,
    ) -> Self {
        Self {
            id,
            session,
            endpoint,
            family,
            recorded,
            recording: OnceLock::new(),
            departures: AtomicU64::new(0),
            released: AtomicBool::new(false),
            hub: Mutex::new(Hub::new(id, size)),
            tracker: Mutex::new(Tracker::new()),
            exit: Mutex::new(None),
        }
    }

    /// How it is treated.
    pub(crate) const fn nature(&self) -> Nature {
        self.family.nature()
    }

    /// The lane its bytes travel in.
    pub(crate) const fn lane(&self) -> Lane {
        self.nature().lane
    }

    /// The way to its agent.
    const fn way(&self, link: Arc<AgentLink>) -> AgentWay {
        AgentWay { link, lane: self.lane() }
    }

    /// Its machine may be linked by another link than before, or no more. The hub is locked before
    /// it is looked who is linked, so that what the hub heard last is what holds.
    pub(crate) fn settle_agent(
        &self,
        agents: &Presences,
    ) -> MutexGuard<'_, Hub<ConsoleWay, AgentWay>> {
        let mut hub = self.hub();
        let agent = agents.link(self.endpoint).map(|link| self.way(link));
        hub.agent_is(agent);
        hub
    }

    /// It is new: its machine is linked as it is now.
    pub(crate) fn open_at(&self, agents: &Presences) {
        let mut hub = self.hub();
        let agent = agents.link(self.endpoint).map(|link| self.way(link));
        hub.born_with(agent);
    }

    pub(crate) fn hub(&self) -> MutexGuard<'_, Hub<ConsoleWay, AgentWay>> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tracker(&self) -> MutexGuard<'_, Tracker> {
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How its program ended, and how many bytes it wrote in all.
    pub(crate) fn exit(&self) -> Option<(ExitStatus, u64)> {
        *self.exit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn exited(&self, status: ExitStatus, end: u64) {
        *self.exit.lock().unwrap_or_else(PoisonError::into_inner) = Some((status, end));
    }
}

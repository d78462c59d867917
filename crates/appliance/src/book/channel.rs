//! A channel as the relay knows it, and the ways to both of its ends.

use crate::links::agent::AgentLink;
use bytes::Bytes;
use jumpdeck_link::{Lane, Outbox};
use jumpdeck_protocol::agent::AgentOrder;
use jumpdeck_protocol::rep::{ApplianceNotice, ToRep};
use jumpdeck_protocol::session::Family;
use jumpdeck_protocol::session::Nature;
use jumpdeck_protocol::session::{ChannelOrder, ExitStatus, Size};
use jumpdeck_protocol::{ChannelId, EndpointId, SessionId};
use jumpdeck_session::hub::{Hub, ToConsole, ToMachine};
use jumpdeck_session::recording::LiveRecording;
use jumpdeck_terminal::Tracker;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

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
    pub tape: OnceLock<LiveRecording>,
    /// How often a console went away from it.
    pub departures: AtomicU64,
    /// Nobody holds its output any more.
    pub released: AtomicBool,
    hub: Mutex<Hub<ConsoleWay>>,
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
pub(crate) struct AgentWay<'l> {
    pub link: &'l AgentLink,
    pub lane: Lane,
}

impl ToMachine for AgentWay<'_> {
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
            tape: OnceLock::new(),
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
    pub(crate) const fn way<'l>(&self, link: &'l AgentLink) -> AgentWay<'l> {
        AgentWay { link, lane: self.lane() }
    }

    pub(crate) fn hub(&self) -> MutexGuard<'_, Hub<ConsoleWay>> {
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

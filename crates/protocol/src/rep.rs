//! Between an appliance and a console, after the handshake.

use crate::inventory::{InventoryPart, Position, Presence, PresencePosition, Statistics};
use crate::session::{ChannelKind, ChannelOrder, ChannelReport, EndReason, SessionView};
use crate::{ChannelId, Control, ItemId, Never, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// Console to appliance.
pub type FromRep = Control<RepRequest, Never, RepNotice>;
/// Appliance to console.
pub type ToRep = Control<Never, RepReply, ApplianceNotice>;

/// What a console asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepRequest {
    /// Send the inventory, and every change of it from now on.
    Subscribe {
        /// What the console has from before.
        have: Option<Position>,
        /// What it knows of the presence from before.
        #[serde(default)]
        presence: Option<PresencePosition>,
    },
    /// Start a session with an item and open a channel in it.
    StartSession {
        /// The item.
        item: ItemId,
        /// What to start there.
        kind: ChannelKind,
    },
    /// End a session and everything in it.
    EndSession {
        /// The session.
        session: SessionId,
    },
    /// Make an installer for a Jump Group (DOMAIN 7).
    CreateInstaller {
        /// The group's name; it is made if there is none.
        group: Option<String>,
        /// Seconds it can be used: 600 to 31,536,000.
        valid: u64,
    },
    /// End an embedded appliance.
    Stop,
}

/// The answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepReply {
    /// The inventory follows.
    Subscribed,
    /// The session runs; attach to its channels.
    SessionStarted(SessionView),
    /// The session is over.
    SessionEnded,
    /// An installer was made.
    Installer(Installer),
    /// The appliance stops.
    Stopping,
}

/// A new installer. The key is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installer {
    /// What an agent proves it was invited with.
    pub key: String,
    /// Until when it can be used.
    pub expires: Timestamp,
    /// The fingerprint of the appliance's key, for the agent to check.
    pub fingerprint: String,
    /// The name of the group its clients will stand in.
    pub group: String,
}

impl std::fmt::Debug for Installer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Installer")
            .field("expires", &self.expires)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

/// What a console says without wanting an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepNotice {
    /// To be relayed to the channel's agent.
    Channel(ChannelOrder),
    /// These items are on the screen: send their statistics. Replaces what was said before.
    Watch {
        /// At most [`crate::limits::WATCHED_ITEMS`].
        items: Vec<ItemId>,
    },
}

/// What an appliance tells a console.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplianceNotice {
    /// A part of the inventory.
    Inventory(InventoryPart),
    /// Presence of items; with `all`, every item that is not named is offline.
    Presence {
        /// A full picture.
        all: bool,
        /// What is known or has changed.
        changes: Vec<Presence>,
        /// Where the replica stands once it took this in; nothing while more follows.
        #[serde(default)]
        position: Option<PresencePosition>,
    },
    /// A measurement of an item on the screen.
    Statistics {
        /// The item.
        item: ItemId,
        /// The measurement.
        statistics: Statistics,
    },
    /// The rep's open sessions, all of them.
    Sessions {
        /// In the order they started.
        sessions: Vec<SessionView>,
    },
    /// A session of this rep is over.
    SessionEnded {
        /// The session.
        session: SessionId,
        /// Why.
        reason: EndReason,
    },
    /// Relayed from the channel's agent.
    Channel(ChannelReport),
    /// The agent of a channel went away or came back: attach again when it is back.
    AgentLink {
        /// The channel.
        channel: ChannelId,
        /// It is linked.
        linked: bool,
    },
    /// The appliance stops on purpose; do not try to come back at once.
    Stopping,
}

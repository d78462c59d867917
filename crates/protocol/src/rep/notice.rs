//! What an appliance says to a console unasked.

use super::{Choices, Used};
use crate::inventory::{
    Figure, InventoryPart, JumpPolicyView, Presence, PresencePosition, Statistics, Thumbnail,
};
use crate::log::{LogEntry, Summary};
use crate::preferences::Preferences;
use crate::queue::QueueView;
use crate::rights::PlaceRights;
use crate::session::{ChannelReport, ChannelState, EndReason, SessionView, Size};
use crate::{ChannelId, ItemId, SessionId};
use serde::{Deserialize, Serialize};

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
    /// The screen of an item on the screen.
    Thumbnail {
        /// The item.
        item: ItemId,
        /// The picture.
        thumbnail: Thumbnail,
    },
    /// The few figures that are searched for, of some items.
    Figures {
        /// New and changed ones.
        figures: Vec<Figure>,
    },
    /// What the rep may do, place by place. Replaces what was said before, once the last part is
    /// there.
    Rights {
        /// The places the rep may see, or some of them.
        places: Vec<PlaceRights>,
        /// Another part follows.
        more: bool,
    },
    /// What can be chosen for items. Replaces what was said before.
    Choices(Choices),
    /// All Jump Policies. Replaces what was said before.
    JumpPolicies {
        /// In the order of their ids.
        policies: Vec<JumpPolicyView>,
    },
    /// What the rep likes.
    Preferences(Box<Preferences>),
    /// The items the rep has used, the last one first.
    Used {
        /// At most 200.
        items: Vec<Used>,
    },
    /// Somebody wakes a machine; nobody else can for a while.
    Waking {
        /// The item.
        item: ItemId,
        /// Who does.
        by: Box<str>,
        /// Seconds until it can be tried again.
        wait: u32,
    },
    /// The open sessions the rep takes part in, all of them.
    Sessions {
        /// In the order they started.
        sessions: Vec<SessionView>,
    },
    /// What goes on besides the rep's own sessions.
    Queues(QueueView),
    /// A session the rep took part in is over.
    SessionEnded {
        /// The session.
        session: SessionId,
        /// Why.
        reason: EndReason,
        /// What is left of it.
        #[serde(default)]
        summary: Option<Summary>,
    },
    /// Something new is in the log of a session the rep takes part in.
    Logged {
        /// The session.
        session: SessionId,
        /// The entry.
        entry: LogEntry,
    },
    /// Who shows a channel, and how.
    ChannelState {
        /// The channel.
        channel: ChannelId,
        /// All of it.
        state: ChannelState,
    },
    /// A console that only watches fell behind: this is what the terminal shows.
    Picture {
        /// The channel.
        channel: ChannelId,
        /// Output goes on at this offset.
        offset: u64,
        /// The terminal's size.
        size: Size,
        /// What draws the picture on an empty terminal of this size.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
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
    /// The agent of a channel is linked and has not answered for a few seconds, or answers again.
    AgentSilent {
        /// The channel.
        channel: ChannelId,
        /// It does not answer.
        silent: bool,
    },
    /// The appliance stops on purpose; do not try to come back at once.
    Stopping,
}

//! Between an appliance and an agent, after the handshake.

use crate::inventory::{Facts, StartMode, Statistics, Thumbnail};
use crate::session::{ChannelKind, ChannelOrder, ChannelReport};
use crate::wake::{Mac, SecureOn};
use crate::{ChannelId, Control, Never, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// Appliance to agent.
pub type ToAgent = Control<AgentRequest, Never, AgentOrder>;
/// Agent to appliance.
pub type FromAgent = Control<Never, AgentReply, AgentReport>;

/// What the appliance asks of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentRequest {
    /// Start a program and keep its output until somebody attaches.
    Open {
        /// The channel's id from now on.
        channel: ChannelId,
        /// For a command: the channel of its errors.
        errors: Option<ChannelId>,
        /// The session it belongs to.
        session: SessionId,
        /// What to start.
        kind: ChannelKind,
        /// Who starts it, for the program's environment.
        #[serde(default)]
        rep: Box<str>,
    },
    /// Say who is logged in there now.
    Customer,
    /// Ask the person at the machine whether this rep may come in, or may do something there.
    Ask {
        /// Who wants to.
        rep: Box<str>,
        /// What; nothing for coming in.
        #[serde(default)]
        what: Option<Box<str>>,
        /// Seconds to wait for the answer; 0 for [`crate::limits::CUSTOMER_PATIENCE`].
        #[serde(default)]
        patience: u8,
    },
    /// Ask the person at the machine, then become a Jump Client that outlives the session.
    Pin {
        /// Who wants that.
        rep: Box<str>,
        /// The item's name from then on.
        name: Box<str>,
        /// When it uninstalls itself.
        expires: Option<Timestamp>,
        /// What the person is shown of later sessions.
        #[serde(default)]
        start_mode: StartMode,
    },
    /// Be no Jump Client any more; the session goes on.
    Unpin,
    /// Broadcast a magic packet on every network this machine is in.
    Wake {
        /// Whom it wakes.
        mac: Mac,
        /// What that one wants to hear.
        password: Option<SecureOn>,
    },
}

/// The answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentReply {
    /// The program runs.
    Opened {
        /// Its process id on the machine.
        process: u32,
    },
    /// Who is logged in.
    Customer {
        /// The user name; empty for nobody.
        user: Box<str>,
    },
    /// What the person at the machine said.
    Answered {
        /// Nobody said anything in time.
        #[serde(default)]
        silent: bool,
        /// Yes.
        yes: bool,
    },
    /// It is a Jump Client, and has what it needs on its disk.
    Pinned {
        /// Nothing if it starts by itself from now on; else why it does not.
        by_hand: Option<Box<str>>,
    },
    /// It is none any more, and nothing of it is left on its disk.
    Unpinned,
    /// The packet is on its way.
    Called {
        /// On so many networks.
        networks: u32,
    },
}

/// What the appliance tells an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentOrder {
    /// Relayed from a console.
    Channel(ChannelOrder),
    /// Whether somebody relies on every byte of this channel's output. If nobody does, the
    /// program runs on and only the last [`crate::limits::RING`] bytes are kept.
    Hold {
        /// The channel.
        channel: ChannelId,
        /// Somebody does.
        held: bool,
    },
    /// Measure this often, in milliseconds; 0 means not at all.
    Interest {
        /// The interval.
        interval: u32,
    },
    /// The appliance ends for good and takes this agent along (an embedded one only).
    Retire,
    /// The Jump Client was removed: forget the appliance, and end.
    Uninstall,
    /// Show the person at the machine this sentence.
    Say {
        /// The sentence.
        text: Box<str>,
    },
    /// No session goes through this machine any more. Told only where a person sits.
    SessionsOver,
    /// When the Jump Client uninstalls itself has changed.
    Expires {
        /// When; nothing for never.
        at: Option<Timestamp>,
    },
}

/// Whether a Jump Client may be used, as far as its own machine has a say (DOMAIN 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It may.
    #[default]
    Ready,
    /// A new version of it waits to be put in place.
    UpgradePending,
    /// The customer disabled it.
    Disabled,
    /// It is being removed from its machine.
    Uninstalled,
}

/// What an agent tells its appliance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentReport {
    /// To be relayed to the channel's consoles.
    Channel(ChannelReport),
    /// A measurement.
    Statistics(Statistics),
    /// The screen, while somebody looks.
    Thumbnail(Thumbnail),
    /// The machine is not as it was said to be when the link was made.
    Facts(Box<Facts>),
    /// Whether it may be used has changed.
    Standing(Standing),
    /// The person at the machine wants no session any more.
    Stopped,
    /// The person at the machine says something to the reps.
    Said {
        /// What.
        text: Box<str>,
    },
}

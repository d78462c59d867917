//! Sessions and channels: what a console asks of an agent, and what the agent reports.

use crate::{ChannelId, ItemId, Refusal, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// What runs at the other end of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// The user's login shell on a terminal.
    Shell {
        /// The terminal's size.
        size: Size,
        /// The terminal's type, as in `TERM`.
        term: String,
    },
    /// One command without a terminal; its errors come on a channel of their own.
    Exec {
        /// The program and its arguments, unchanged.
        argv: Vec<String>,
    },
}

/// A terminal's size in character cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Cells in a row.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}

impl Size {
    /// A size with both sides between 1 and [`crate::limits::TERMINAL_SIDE`].
    #[must_use]
    pub fn clamped(self) -> Self {
        Self {
            columns: self.columns.clamp(1, crate::limits::TERMINAL_SIDE),
            rows: self.rows.clamp(1, crate::limits::TERMINAL_SIDE),
        }
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// By itself, with this status.
    Code(i32),
    /// By a signal of this number.
    Signal(i32),
}

impl ExitStatus {
    /// The status a shell would show: 128 and the number for a signal.
    pub const fn as_code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

/// From a console to the agent of a channel, relayed unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelOrder {
    /// Send output from here on. Answered with [`ChannelReport::Attached`].
    Attach {
        /// The channel.
        channel: ChannelId,
        /// Where this console stands; nothing if it has seen no output yet.
        received: Option<u64>,
        /// How many bytes may be under way to it.
        window: u64,
    },
    /// The terminal has a new size.
    Resize {
        /// The channel.
        channel: ChannelId,
        /// The new size.
        size: Size,
    },
    /// The input ends at this offset.
    InputEnd {
        /// The channel.
        channel: ChannelId,
        /// Bytes of input in all.
        offset: u64,
    },
    /// End the program (hang up) and forget the channel.
    Close {
        /// The channel.
        channel: ChannelId,
    },
}

/// From the agent of a channel to its consoles, relayed unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelReport {
    /// Output goes on from here.
    Attached {
        /// The channel.
        channel: ChannelId,
        /// The offset of the next byte of output that will be sent.
        from: u64,
        /// The output's end at this moment: what stands before it is history.
        end: u64,
        /// Input that has arrived: go on sending at this offset.
        input_received: u64,
        /// Input may be sent up to here.
        input_limit: u64,
    },
    /// The program ended.
    Exited {
        /// The channel.
        channel: ChannelId,
        /// Bytes of output in all.
        end: u64,
        /// How it ended.
        status: ExitStatus,
    },
    /// The agent has no such channel (any more).
    Gone {
        /// The channel.
        channel: ChannelId,
        /// Why.
        refusal: Refusal,
    },
}

impl ChannelOrder {
    /// The channel that is meant.
    pub const fn channel(&self) -> ChannelId {
        match self {
            Self::Attach { channel, .. }
            | Self::Resize { channel, .. }
            | Self::InputEnd { channel, .. }
            | Self::Close { channel } => *channel,
        }
    }
}

impl ChannelReport {
    /// The channel that is meant.
    pub const fn channel(&self) -> ChannelId {
        match self {
            Self::Attached { channel, .. }
            | Self::Exited { channel, .. }
            | Self::Gone { channel, .. } => *channel,
        }
    }
}

/// A channel as it stands in a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelView {
    /// Its id.
    pub id: ChannelId,
    /// For a command: the channel of its errors.
    pub errors: Option<ChannelId>,
    /// Whether it is a shell (or else a command).
    pub is_shell: bool,
    /// Whether a console is attached to it at this moment.
    pub attached: bool,
}

/// A session as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// The Jump Item it goes to.
    pub item: ItemId,
    /// The item's name when the session started.
    pub item_name: String,
    /// When it started.
    pub started: Timestamp,
    /// Its open channels.
    pub channels: Vec<ChannelView>,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Its last program ended.
    Exited(ExitStatus),
    /// Its first program could not be started.
    StartFailed,
    /// A rep ended it.
    EndedByRep,
    /// The agent restarted or lost the session's programs.
    AgentLost,
    /// The console of a command went away and did not come back.
    ConsoleGone,
    /// The appliance was stopped.
    ApplianceStopped,
}

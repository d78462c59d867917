//! Sessions and channels: what a console asks of an agent, and what the agent reports.

pub use crate::channel::{ChannelKind, Family, Nature, Program, WhenAlone};

use crate::inventory::StartMode;
use crate::session_policy::Granted;
use crate::{ChannelId, ItemId, Refusal, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

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
            Self::Signal(signal @ 0..=127) => 128 + signal,
            // Whatever an agent calls a signal, it is no success.
            Self::Signal(_) => 255,
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
        /// Whether this console wants to type. For the appliance; an agent does not look at it.
        #[serde(default)]
        keyboard: Keyboard,
        /// The answer bears the same number, so that it is not taken for that to another attach.
        #[serde(default)]
        attempt: u32,
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
    /// How large the terminal is to be. For the appliance, from the session's owner; an agent does
    /// not look at it.
    Fit {
        /// The channel.
        channel: ChannelId,
        /// As the owner's own panes; else as the smallest pane that shows it.
        own: bool,
    },
    /// This console does not show the channel any more. For the appliance; an agent does not look
    /// at it.
    Detach {
        /// The channel.
        channel: ChannelId,
    },
    /// Acknowledge input as soon as the program's terminal has it, and say whether that prints what is
    /// typed: [`ChannelReport::Echo`]. For consoles that show typed characters before they are printed.
    Acknowledge {
        /// The channel.
        channel: ChannelId,
    },
    /// End the program (hang up) and forget the channel.
    Close {
        /// The channel.
        channel: ChannelId,
    },
}

/// What a console that attaches wants of the keyboard: one console at a time types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyboard {
    /// To have it, no matter who has it now.
    #[default]
    Take,
    /// To have it if nobody has it.
    IfFree,
    /// To watch.
    Watch,
}

/// From the agent of a channel to its consoles, relayed unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelReport {
    /// Output goes on from here.
    Attached {
        /// The channel.
        channel: ChannelId,
        /// The number of the attach that this answers.
        #[serde(default)]
        attempt: u32,
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
    /// The terminal prints what is typed, or a program reads it that may; or it is read without being
    /// printed, as a password is.
    Echo {
        /// The channel.
        channel: ChannelId,
        /// Something may print it.
        on: bool,
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
            | Self::Fit { channel, .. }
            | Self::Detach { channel }
            | Self::Acknowledge { channel }
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
            | Self::Echo { channel, .. }
            | Self::Gone { channel, .. } => *channel,
        }
    }
}

/// Who shows a channel at this moment, and how. Told to every console that is attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelState {
    /// The terminal's size on the machine.
    pub size: Option<Size>,
    /// Who types.
    pub keyboard: Option<Box<str>>,
    /// It is the console that gets this.
    pub yours: bool,
    /// Consoles that are attached, the one that types among them.
    pub consoles: u32,
    /// Whether it is recorded.
    pub recording: RecordingState,
    /// Its size is that of its owner's panes, not of the smallest one.
    #[serde(default)]
    pub fitted: bool,
}

/// Whether a channel is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// It is not to be.
    #[default]
    Off,
    /// It is.
    On,
    /// It is to be, but cannot be written: nothing is let through.
    Failed {
        /// What the appliance's system said.
        reason: Box<str>,
    },
}

/// How far somebody may take part in a session that is another rep's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// May look.
    Observer,
    /// May type, open shells and write into the log.
    Participant,
    /// May also share, hand over and end it.
    Owner,
}

/// Somebody who takes part in a session, or may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Who.
    pub user: UserId,
    /// The user's name.
    pub name: Box<str>,
    /// How far.
    pub part: Part,
    /// Has a console in it at this moment.
    pub here: bool,
}

/// A channel as it is in a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WireView", into = "WireView")]
pub struct ChannelView {
    /// Its id.
    pub id: ChannelId,
    /// The channel of its errors, if they have one of their own.
    pub errors: Option<ChannelId>,
    /// What it is.
    pub family: Family,
    /// Whether a console is attached to it at this moment.
    pub attached: bool,
    /// Whether it is recorded.
    pub recorded: bool,
}

/// The same on the wire. Earlier versions know terminals and all else.
#[derive(Serialize, Deserialize)]
struct WireView {
    id: ChannelId,
    errors: Option<ChannelId>,
    is_shell: bool,
    /// A word that a later version knows is as none.
    #[serde(default)]
    family: Option<Box<str>>,
    attached: bool,
    #[serde(default)]
    recorded: bool,
}

impl From<WireView> for ChannelView {
    fn from(wire: WireView) -> Self {
        let WireView { id, errors, is_shell, family, attached, recorded } = wire;
        let known = family.and_then(|word| Family::named(&word));
        let family = known.unwrap_or_else(|| Family::of_old(is_shell));
        Self { id, errors, family, attached, recorded }
    }
}

impl From<ChannelView> for WireView {
    fn from(view: ChannelView) -> Self {
        let ChannelView { id, errors, family, attached, recorded } = view;
        let is_shell = family.nature().terminal;
        Self { id, errors, is_shell, family: Some(family.as_str().into()), attached, recorded }
    }
}

/// A session as those see it who take part.
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
    /// Whose it is.
    #[serde(default)]
    pub owner: UserId,
    /// Who takes part or may: the owner first.
    #[serde(default)]
    pub participants: Vec<Participant>,
    /// What was so when it started, and holds until its end.
    #[serde(default)]
    pub terms: Terms,
    /// Whether its machine is a Jump Client.
    #[serde(default)]
    pub pinned: bool,
}

/// What is decided when a session starts, and holds for all of it (DOMAIN 6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What may be done in it.
    #[serde(default = "everything")]
    pub granted: Box<Granted>,
    /// The customer started it, with a session key.
    #[serde(default)]
    pub attended: bool,
    /// Somebody was logged in at the machine.
    pub customer_present: bool,
    /// Shells are recorded.
    pub recording: bool,
    /// What the person at the machine is shown of it.
    #[serde(default)]
    pub start_mode: StartMode,
}

/// What a session of an older appliance grants.
fn everything() -> Box<Granted> {
    Box::new(Granted::everything())
}

impl SessionView {
    /// How far a user takes part.
    pub fn part(&self, user: UserId) -> Option<Part> {
        self.participants.iter().find(|one| one.user == user).map(|one| one.part)
    }
}

impl EndReason {
    /// The reason as a half-sentence.
    pub fn words(&self) -> String {
        match self {
            Self::Exited(status) => match status.as_code() {
                0 => "its last program ended".to_owned(),
                code => format!("its last program ended with status {code}"),
            },
            Self::StartFailed => "it could not be started".to_owned(),
            Self::EndedByRep => "a rep ended it".to_owned(),
            Self::AgentLost => "the agent restarted without it".to_owned(),
            Self::ConsoleGone => "it was left alone".to_owned(),
            Self::ApplianceStopped => "the appliance was stopped".to_owned(),
            Self::Idle => "nobody did anything in it for too long".to_owned(),
            Self::EndedByCustomer => "the person at the machine ended it".to_owned(),
            Self::ScheduleClosed => "its Jump Policy closed".to_owned(),
            Self::RightsWithdrawn => "its owner may not have it any more".to_owned(),
        }
    }
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
    /// Nobody did anything in it for too long.
    Idle,
    /// The person at the machine ended it.
    EndedByCustomer,
    /// Its strict Jump Policy closed.
    ScheduleClosed,
    /// Its owner may not have sessions with the item any more.
    RightsWithdrawn,
}

//! What happens to a console, and what it wants done. Both are data.

use super::export::{Export, ExportError};
use super::keymap::Keymap;
use super::mouse::Mouse;
use super::search::{Found, Job};
use bytes::Bytes;
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply};
use jumpdeck_protocol::script::Script;
use jumpdeck_protocol::session::Size;
use jumpdeck_protocol::{ChannelId, ItemId, Outcome, RefusalCode, RequestId, Timestamp, UserId};
use jumpdeck_terminal::key::Key;
use jumpdeck_terminal::{PredictionTimer, Unsettled};
use std::sync::Arc;
use std::time::Duration;

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// The mouse did something.
    Mouse(Mouse),
    /// Text was pasted.
    Paste(String),
    /// The terminal has a new size.
    Resize(Size),
    /// Time passed.
    Tick(Timestamp),
    /// A timer that was asked for ran out.
    Timer(Timer),
    /// A clock that was asked for: with its number, and how long it has been since.
    Clock(u64, Duration),
    /// A search is done.
    Found(Found),
    /// The link.
    Link(LinkEvent),
    /// A list was written, or why not.
    Exported(Result<String, ExportError>),
    /// The keys are others from now on.
    Keymap(Arc<Keymap>),
    /// A message that something went well.
    Said(String),
    /// A message from outside the console: a keymap with a mistake in it, say.
    Notice(String),
    /// A script is to be run.
    Script(Script),
    /// A frame is about to be drawn: what follows from much that happened is reckoned once.
    Frame,
}

/// Something happened to the link.
#[derive(Debug)]
pub enum LinkEvent {
    /// It is up.
    Up(Welcome),
    /// It is gone, and will be tried again after a while.
    Down {
        /// Why.
        reason: String,
    },
    /// It will not be tried again.
    Ended {
        /// Why.
        reason: String,
        /// What the appliance refused it with, if it did.
        code: Option<RefusalCode>,
    },
    /// The appliance said something.
    Notice(ApplianceNotice),
    /// The appliance answered.
    Reply(RequestId, Outcome<RepReply>),
    /// Output of a channel.
    Data {
        /// The channel.
        channel: ChannelId,
        /// Where it stands.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// The agent of a channel takes more input.
    Credit {
        /// The channel.
        channel: ChannelId,
        /// What has arrived.
        received: u64,
        /// What may be sent.
        limit: u64,
    },
    /// How long a message takes there and back.
    Delay(Duration),
}

/// What an appliance says when the link is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Under which name the rep is logged in.
    pub username: String,
    /// Where the appliance is, for people.
    pub address: String,
    /// Where it is, for programs.
    pub url: String,
    /// It is embedded.
    pub embedded: bool,
    /// Whose console this is.
    pub user: UserId,
    /// What has to be done before anything else.
    pub first: Option<RefusalCode>,
    /// Time without a key after which the console locks itself; nothing: it does not.
    pub idle_lock: Option<Duration>,
    /// The rep prefers a prompt to panes.
    pub plain: bool,
}

/// A timer of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The selection may have stayed at this item: then it is watched.
    Watch(Option<ItemId>),
    /// What a program began in this shell must be ended by now.
    Settle(ChannelId, Unsettled),
    /// Something should have been heard by now; with this number.
    Silence(u64),
    /// A recording that goes on may have more; with its number.
    MoreToPlay(u64),
    /// What was typed in the history may be all; with the number of the search.
    HistoryTyped(u64),
    /// What the prediction of this shell waited for is over.
    Predicted(ChannelId, PredictionTimer),
}

/// What a console wants done.
#[derive(Debug)]
pub enum Effect {
    /// Send this message to the appliance. It is dropped if the link is gone.
    Send(Bytes),
    /// Run this search off the loop.
    Search(Box<Job>),
    /// Ask the appliance whether it is there.
    Probe,
    /// Come back with a timer.
    After(Duration, Timer),
    /// Come back with a clock's number, and say how long it was.
    Clock(Duration, u64),
    /// Put this into the rep's own clipboard.
    Copy(String),
    /// Write a list to a file.
    Export(Box<Export>),
    /// Take the mouse over, or give it back.
    Mouse(bool),
    /// Give the terminal back until somebody wants this program in the foreground again.
    Suspend,
    /// Draw everything again.
    Redraw,
    /// Ring the terminal's bell.
    Bell,
    /// Leave.
    Quit,
}

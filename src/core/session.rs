//! A session's tab: its shell's terminal, and where its channel stands.

use super::terminal::Terminal;
use jumpdeck_protocol::endpoint::Endpoint;
use jumpdeck_protocol::session::{ChannelOrder, SessionView, Size};
use jumpdeck_protocol::{ItemId, SessionId, limits, text};

/// What a session's shell is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pane {
    /// It was asked for and has not answered yet.
    Attaching,
    /// It is here.
    Live,
    /// The machine's agent is away; the shell goes on there.
    AgentAway,
    /// Another console of this rep shows it.
    Elsewhere,
}

/// One session.
#[derive(Debug)]
pub struct Tab {
    /// The session.
    pub id: SessionId,
    /// The item it goes to.
    pub item: ItemId,
    /// The item's name.
    pub name: String,
    /// What its shell is doing.
    pub pane: Pane,
    /// The channel of its shell.
    pub endpoint: Endpoint,
    /// The shell's screen.
    pub terminal: Terminal,
    /// The screen is being made from output of before; its sizes then may not be ours.
    pub replaying: bool,
}

impl Tab {
    /// A tab for a session with a shell; nothing if it has none.
    pub fn new(view: &SessionView, size: Size) -> Option<Self> {
        let shell = view.channels.iter().find(|channel| channel.is_shell)?;
        Some(Self {
            id: view.id,
            item: view.item,
            name: text::clean(&view.item_name).into_owned(),
            pane: Pane::Attaching,
            endpoint: Endpoint::new(shell.id, limits::SHELL_WINDOW),
            terminal: Terminal::new(size),
            replaying: true,
        })
    }

    /// The orders that show the shell here.
    pub fn attach(&mut self, size: Size) -> [ChannelOrder; 2] {
        self.pane = Pane::Attaching;
        [self.endpoint.attach(), self.resize(size)]
    }

    /// Starts over with an empty screen, which the agent's ring fills again.
    pub fn attach_anew(&mut self, size: Size) -> [ChannelOrder; 2] {
        self.endpoint = Endpoint::new(self.endpoint.channel(), limits::SHELL_WINDOW);
        self.terminal = Terminal::new(size);
        self.replaying = true;
        self.attach(size)
    }

    /// Takes the pane's size.
    pub fn resize(&mut self, size: Size) -> ChannelOrder {
        self.terminal.resize(size);
        ChannelOrder::Resize { channel: self.endpoint.channel(), size }
    }
}

//! A session's tab: who takes part, its shells, and where their channels stand.

use super::session_row::Selection;
use super::silence::AnswerSilence;
use super::silence::Answers;
use jumpdeck_protocol::endpoint::Endpoint;
use jumpdeck_protocol::log::LogEntry;
use jumpdeck_protocol::queue::QueueView;
use jumpdeck_protocol::session::{
    ChannelOrder, ChannelState, ChannelView, Keyboard, Part, Participant, SessionView, Size,
};
use jumpdeck_protocol::{ChannelId, ItemId, SessionId, Timestamp, UserId, limits, text};
use jumpdeck_terminal::Prediction;
use jumpdeck_terminal::terminal::Terminal;
use std::collections::HashSet;
use std::collections::{BTreeMap, BTreeSet};

/// What a session's terminal calls itself.
pub(super) const TERM: &str = "xterm-256color";

/// What a shell is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pane {
    /// It was asked for and has not answered yet.
    Attaching,
    /// It is here.
    Live,
    /// The machine's agent is away; the shell goes on there.
    AgentAway,
    /// It is not shown here: another console shows it, or it is another rep's session.
    Away,
}

/// The sessions: the rep's own and shared ones, and those that wait or are a team's.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    pub tabs: Vec<Tab>,
    /// Sessions of others that were mentioned once.
    pub tabs_known: HashSet<SessionId>,
    /// The selected row of their screen.
    pub row: Selection,
    pub queues: QueueView,
    /// Those that are marked, to be typed into together.
    pub several: Several,
    /// Those that were started together last.
    pub together: StartedTogether,
    pub silence: AnswerSilence,
}

/// Sessions that are marked, and whether keys go to all of them.
#[derive(Debug, Default)]
pub(super) struct Several {
    pub marked: BTreeSet<SessionId>,
    pub typing: bool,
}

/// Sessions that were started together: one message for all of them.
#[derive(Debug, Default)]
pub(super) struct StartedTogether {
    pub all: usize,
    pub open: usize,
    pub refused: usize,
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
    /// When it started.
    pub started: Timestamp,
    /// How far this rep takes part.
    pub part: Part,
    /// Whether its machine is a Jump Client.
    pub pinned: bool,
    /// Somebody was at the machine when it started.
    pub customer_present: bool,
    /// Who takes part or may, the owner first.
    pub participants: Vec<Participant>,
    /// Its shells.
    pub shells: Vec<Shell>,
    /// The one on the screen.
    pub shown: usize,
    /// What is in its log, as far as it was asked for or has happened since.
    pub log: BTreeMap<u64, LogEntry>,
    /// The whole log was asked for.
    pub log_asked: bool,
    /// Words of others that came while nobody looked.
    pub unread: usize,
}

/// One shell.
#[derive(Debug)]
pub struct Shell {
    /// What it is doing.
    pub pane: Pane,
    /// Its channel.
    pub endpoint: Endpoint,
    /// Its screen.
    pub terminal: Terminal,
    /// The screen is being made from output of before; its sizes then may not be ours.
    pub replaying: bool,
    /// Who shows it, and how, once the appliance has said so.
    pub state: Option<ChannelState>,
    /// Whether it is recorded.
    pub recorded: bool,
    /// A console shows it, this one or another.
    pub shown_somewhere: bool,
    /// Whether its machine answers to what is typed.
    pub answers: Answers,
    /// What is shown of what is typed before the machine has printed it.
    pub prediction: Prediction,
    /// What happened while it was not on the screen.
    pub unseen: Unseen,
}

/// What happened in a shell that was not on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unseen {
    /// Output came.
    pub output: bool,
    /// The bell rang.
    pub bell: bool,
}

impl Tab {
    /// A tab for a session; nothing if it has no shell.
    pub fn new(view: &SessionView, user: Option<UserId>, size: Size) -> Option<Self> {
        let mut tab = Self {
            id: view.id,
            item: view.item,
            name: text::clean(&view.item_name).into_owned(),
            started: view.started,
            part: Part::Owner,
            pinned: view.pinned,
            customer_present: view.terms.customer_present,
            participants: Vec::new(),
            shells: Vec::new(),
            shown: 0,
            log: BTreeMap::new(),
            log_asked: false,
            unread: 0,
        };
        tab.update(view, user, size);
        (!tab.shells.is_empty()).then_some(tab)
    }

    /// Takes what the appliance says of it. Shells that are new are not shown yet.
    pub fn update(&mut self, view: &SessionView, user: Option<UserId>, size: Size) {
        self.part = user.and_then(|user| view.part(user)).unwrap_or(Part::Owner);
        self.participants.clone_from(&view.participants);
        self.pinned = view.pinned;
        let shown = self.shell().map(Shell::channel);
        let shells: Vec<_> =
            view.channels.iter().filter(|channel| channel.family.nature().terminal).collect();
        self.shells.retain(|shell| shells.iter().any(|view| view.id == shell.channel()));
        for view in shells {
            match self.shells.iter_mut().find(|shell| shell.channel() == view.id) {
                Some(shell) => shell.shown_somewhere = view.attached,
                None => self.shells.push(Shell::new(view, size)),
            }
        }
        let still = shown.and_then(|id| self.shells.iter().position(|s| s.channel() == id));
        self.shown = still.unwrap_or(self.shown).min(self.shells.len().saturating_sub(1));
    }

    /// Output came in a shell of it that was not on the screen.
    pub fn has_unseen_output(&self) -> bool {
        self.shells.iter().any(|shell| shell.unseen.output)
    }

    /// The bell rang in a shell of it that was not on the screen.
    pub fn has_rung(&self) -> bool {
        self.shells.iter().any(|shell| shell.unseen.bell)
    }

    /// The shell on the screen.
    pub fn shell(&self) -> Option<&Shell> {
        self.shells.get(self.shown)
    }

    /// The shell on the screen.
    pub fn shell_mut(&mut self) -> Option<&mut Shell> {
        self.shells.get_mut(self.shown)
    }

    /// Whose session it is.
    pub fn owner(&self) -> &str {
        self.participants.first().map_or("", |owner| &owner.name)
    }

    /// Who else is in it at this moment.
    pub fn others_here(&self, user: Option<UserId>) -> impl Iterator<Item = &Participant> {
        let others = move |one: &&Participant| one.here && Some(one.user) != user;
        self.participants.iter().filter(others)
    }

    /// Takes entries of its log.
    pub fn take_log(&mut self, entries: Vec<LogEntry>) {
        self.log.extend(entries.into_iter().map(|entry| (entry.number, entry)));
    }
}

impl Shell {
    /// A shell that is not shown yet.
    pub fn new(view: &ChannelView, size: Size) -> Self {
        Self {
            pane: Pane::Away,
            endpoint: Endpoint::wishing(view.id, limits::SHELL_WINDOW, Keyboard::IfFree),
            terminal: Terminal::new(size),
            replaying: true,
            state: None,
            recorded: view.recorded,
            shown_somewhere: view.attached,
            answers: Answers::default(),
            prediction: Prediction::default(),
            unseen: Unseen::default(),
        }
    }

    /// Its channel.
    pub const fn channel(&self) -> ChannelId {
        self.endpoint.channel()
    }

    /// Whether this console types there.
    pub const fn types(&self) -> bool {
        self.endpoint.types()
    }

    /// Who types there, if somebody does.
    pub fn typist(&self) -> Option<&str> {
        self.state.as_ref()?.keyboard.as_deref()
    }

    /// The orders that show it here, from where it stands.
    pub fn attach(&mut self, size: Size) -> [ChannelOrder; 2] {
        self.pane = Pane::Attaching;
        let channel = self.channel();
        [self.endpoint.attach(), ChannelOrder::Resize { channel, size }]
    }

    /// Starts over with an empty screen, which what the agent kept fills again.
    pub fn attach_anew(&mut self, size: Size, keyboard: Keyboard) -> [ChannelOrder; 2] {
        // Who only watches is not waited for: all that was kept must have room.
        let types =
            keyboard == Keyboard::Take || (keyboard == Keyboard::IfFree && !self.shown_somewhere);
        let window = if types { limits::SHELL_WINDOW } else { limits::WATCHER_WINDOW };
        self.endpoint = Endpoint::wishing(self.channel(), window, keyboard);
        self.terminal =
            Terminal::new(self.state.as_ref().and_then(|state| state.size).unwrap_or(size));
        self.replaying = true;
        self.prediction.forget();
        self.attach(size)
    }

    /// Stops showing it here if it is only watched.
    pub fn leave(&mut self) -> Option<ChannelOrder> {
        (!self.types() && self.pane != Pane::Away).then(|| self.detach())
    }

    /// The order that stops showing it here.
    pub fn detach(&mut self) -> ChannelOrder {
        self.pane = Pane::Away;
        self.answers = Answers::default();
        self.prediction.forget();
        self.state = None;
        self.endpoint.link_lost();
        ChannelOrder::Detach { channel: self.channel() }
    }

    /// The pane has this size; alone here, the terminal takes it at once.
    pub fn resize(&mut self, size: Size) -> ChannelOrder {
        if self.state.as_ref().is_none_or(|state| state.consoles <= 1) {
            self.terminal.resize(size);
            self.prediction.forget();
        }
        ChannelOrder::Resize { channel: self.channel(), size }
    }
}

//! What lies over the screen: choosers, readers, questions, forms.

use super::command::Command;
use super::form::Form;
use super::input::Input;
use super::inventory::List;
use super::keymap::Context;
use super::layers::key_note::KeyNote;
use super::layers::scroll::Scroll;
use super::layers::simulator::Simulator;
use super::layers::who::Who;
use super::query::Field;
use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;
use jumpdeck_protocol::inventory::{JumpMethod, Place};
use jumpdeck_protocol::item::FieldValue;
use jumpdeck_protocol::preferences::Column;
use jumpdeck_protocol::queue::QueueWish;
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::{ChannelId, ItemId, SessionId};

/// One layer.
#[derive(Debug)]
pub enum Layer {
    /// The keys that work in a context.
    Help {
        /// Where it was asked for.
        context: Context,
        /// Lines scrolled down.
        scroll: usize,
    },
    /// All messages.
    Messages {
        /// Lines scrolled up from the newest.
        scroll: usize,
    },
    /// A session's log.
    Log {
        /// The session.
        session: SessionId,
        /// Lines scrolled up from the newest.
        scroll: usize,
    },
    /// What the rep may do with an item, and why.
    Why {
        /// The item.
        item: ItemId,
        /// Lines scrolled down.
        scroll: usize,
    },
    /// What a session would grant.
    Simulator(Box<Simulator>),
    /// Who may do something with an item.
    Who(Box<Who>),
    /// A session key that was made.
    SessionKey(KeyNote),
    /// A choice by a few typed letters.
    Chooser(Chooser),
    /// A question.
    Confirm(Question),
    /// A line of text.
    Prompt(Prompt),
    /// What is to be shown, or looked at.
    Toggles(Toggles),
    /// The properties of items.
    Form(Box<Form>),
    /// A look back at a shell.
    Scroll(Scroll),
}

/// A choice by a few typed letters.
#[derive(Debug)]
pub struct Chooser {
    /// What is chosen from.
    pub kind: ChooserKind,
    /// What was typed.
    pub input: Input,
    /// The chosen row.
    pub selected: usize,
}

/// What is chosen from.
#[derive(Debug)]
pub enum ChooserKind {
    /// Commands, with where the palette was opened.
    Commands {
        /// Where it was opened.
        context: Context,
        /// What fits what was typed.
        fitting: Vec<Command>,
    },
    /// Items, open sessions and commands.
    Jump {
        /// Where it was opened.
        context: Context,
        /// Open sessions that fit what was typed, with their names: they stay where they stand, also
        /// when one ends.
        sessions: Vec<(SessionId, String)>,
        /// Items that do.
        items: List,
        /// Commands that do.
        commands: Vec<Command>,
    },
    /// Something else, told apart by its name.
    Entries {
        /// What becomes of the choice.
        purpose: Pick,
        /// All there is.
        entries: Vec<Entry>,
        /// What fits what was typed, by its number.
        fitting: Vec<usize>,
    },
}

/// What becomes of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The items go there.
    Move(Vec<ItemId>),
    /// They stand there too.
    Copy(Vec<ItemId>),
    /// A shortcut of this method is made.
    New,
    /// The list is ordered by this column.
    Sort,
    /// This search is shown, or the present one is saved.
    Saved,
    /// The field of the form holds this.
    Field,
    /// Somebody takes part in this session.
    Share(SessionId),
    /// The session belongs to somebody else.
    Transfer(SessionId),
    /// A session key is made for it.
    Queue,
    /// The machine of the session becomes a Jump Client.
    Pin(SessionId),
    /// A script starts a session with it.
    Scripted,
}

/// Something that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub label: String,
    /// What more there is to say.
    pub detail: String,
    /// What it stands for.
    pub value: EntryValue,
}

/// What an entry stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryValue {
    /// A place.
    Place(Place),
    /// A method.
    Method(JumpMethod),
    /// A column.
    Column(Column),
    /// A saved search.
    Saved(Box<str>),
    /// The present search, to be saved.
    SaveThis,
    /// What a field can hold.
    Field(FieldValue),
    /// Another rep, and how far that one shall take part.
    Colleague {
        /// The user name.
        name: Box<str>,
        /// How far; nothing for no more.
        part: Option<Part>,
    },
    /// Everybody of a team, and how far they shall take part.
    Team {
        /// Its name.
        team: Box<str>,
        /// How far.
        part: Option<Part>,
    },
    /// An item.
    Item(ItemId),
    /// A queue.
    Queue(QueueWish),
    /// The form with everything that can be said of it.
    Customize,
}

/// A question, and what a yes means.
#[derive(Debug, PartialEq, Eq)]
pub enum Question {
    /// End this session?
    EndSession {
        /// The session.
        session: SessionId,
        /// The item's name.
        name: String,
    },
    /// End this shell?
    CloseShell {
        /// Its channel.
        channel: ChannelId,
        /// Its number in the session.
        number: usize,
        /// The item's name.
        name: String,
    },
    /// Take no part in this session any more?
    Leave {
        /// The session.
        session: SessionId,
        /// The item's name.
        name: String,
        /// Whose session it is.
        owner: String,
    },
    /// Give this session away?
    Transfer {
        /// The session.
        session: SessionId,
        /// The item's name.
        name: String,
        /// To whom.
        to: String,
    },
    /// Turn this machine away?
    TurnAway {
        /// The machine.
        item: ItemId,
        /// Its name.
        name: String,
    },
    /// Undo the pin of the session's machine?
    Unpin {
        /// The session.
        session: SessionId,
        /// The item's name.
        name: String,
    },
    /// Remove these?
    Remove {
        /// The items.
        items: Vec<ItemId>,
        /// Their names and groups, the first few.
        names: Vec<(String, String)>,
    },
    /// Start sessions with all of these?
    Start {
        /// The items and their names.
        items: Vec<(ItemId, String)>,
    },
    /// Throw away what was typed into a form?
    Discard,
    /// Forget this saved search?
    Forget {
        /// Its name.
        name: Box<str>,
    },
}

/// A line of text that is asked for.
#[derive(Debug)]
pub struct Prompt {
    /// What it is for.
    pub purpose: Ask,
    /// What was typed.
    pub input: Input,
    /// What is wrong with it.
    pub mistake: Option<String>,
}

/// What a line of text is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The name of a saved search.
    SearchName,
    /// Where the list is written to.
    ExportPath,
    /// Words for the others in a session.
    Chat {
        /// The session.
        session: SessionId,
        /// The item's name.
        name: String,
    },
    /// A note for a session's log.
    Note {
        /// The session.
        session: SessionId,
        /// The item's name.
        name: String,
    },
    /// What is looked for in a shell's lines.
    LineWith,
    /// Where a shell's lines are written to.
    LinesPath,
    /// Where a session's log is written to.
    LogPath {
        /// The session.
        session: SessionId,
    },
    /// A code of the second factor, before a session starts.
    Code {
        /// The item.
        item: ItemId,
        /// Its name.
        name: String,
        /// Why its Jump Policy is overridden, if it is closed.
        reason: Option<String>,
    },
    /// Why a session is started although the Jump Policy is closed.
    Reason {
        /// The item.
        item: ItemId,
        /// Its name.
        name: String,
        /// The policy's name, and when it opens.
        policy: String,
    },
    /// Whose session is simulated.
    SimulatedUser,
    /// When it is simulated.
    SimulatedTime,
    /// What the machine wants to hear before it wakes.
    WakePassword {
        /// The machines.
        items: Vec<ItemId>,
        /// What to call them.
        name: String,
    },
}

impl Ask {
    /// Whether nobody may read what is typed.
    pub const fn is_secret(&self) -> bool {
        matches!(self, Self::WakePassword { .. } | Self::Code { .. })
    }
}

/// Things that are on or off.
#[derive(Debug)]
pub struct Toggles {
    /// What they are.
    pub kind: ToggleKind,
    /// The selected one.
    pub selected: usize,
}

/// What can be on or off.
#[derive(Debug, PartialEq, Eq)]
pub enum ToggleKind {
    /// The columns of the list: those that are shown first, in their order.
    Columns(Vec<Column>),
    /// The fields that bare words are looked for in.
    Fields(Vec<Field>),
}

impl Toggles {
    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.kind {
            ToggleKind::Columns(columns) => columns.len(),
            ToggleKind::Fields(fields) => fields.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Layer {
    /// Whether it goes with the session on the screen.
    pub const fn is_of_session(&self) -> bool {
        matches!(
            self,
            Self::Log { .. }
                | Self::Scroll(_)
                | Self::Confirm(
                    Question::EndSession { .. }
                        | Question::CloseShell { .. }
                        | Question::Transfer { .. }
                        | Question::Unpin { .. }
                        | Question::Leave { .. }
                )
                | Self::Prompt(Prompt {
                    purpose: Ask::Chat { .. }
                        | Ask::Note { .. }
                        | Ask::LineWith
                        | Ask::LinesPath
                        | Ask::LogPath { .. },
                    ..
                })
        )
    }

    /// Where keys are pressed while this layer is on top.
    pub const fn context(&self) -> Context {
        match self {
            Self::Help { .. }
            | Self::Messages { .. }
            | Self::Why { .. }
            | Self::Log { .. }
            | Self::SessionKey(_) => Context::Reader,
            Self::Simulator(_) => Context::Simulator,
            Self::Who(_) => Context::Who,
            Self::Chooser(_) => Context::Chooser,
            Self::Confirm(_) => Context::Confirm,
            Self::Prompt(_) => Context::Prompt,
            Self::Toggles(_) => Context::Toggles,
            Self::Form(_) => Context::Form,
            Self::Scroll(_) => Context::Scroll,
        }
    }
}

impl Chooser {
    /// A palette of the commands that apply in a context.
    pub fn commands(context: Context) -> Self {
        let kind = ChooserKind::Commands { context, fitting: commands(context, "") };
        Self { kind, input: Input::default(), selected: 0 }
    }

    /// A choice of entries.
    pub fn entries(purpose: Pick, entries: Vec<Entry>) -> Self {
        let fitting = (0..entries.len()).collect();
        let kind = ChooserKind::Entries { purpose, entries, fitting };
        Self { kind, input: Input::default(), selected: 0 }
    }

    /// How many entries fit.
    pub fn len(&self) -> usize {
        match &self.kind {
            ChooserKind::Commands { fitting, .. } => fitting.len(),
            ChooserKind::Jump { sessions, items, commands, .. } => {
                sessions.len() + items.len() + commands.len()
            }
            ChooserKind::Entries { fitting, .. } => fitting.len(),
        }
    }

    /// Whether none fits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was typed has changed. Items and sessions are searched elsewhere.
    pub fn typed(&mut self) {
        self.selected = 0;
        let text = self.input.text();
        match &mut self.kind {
            ChooserKind::Commands { context, fitting } => *fitting = commands(*context, text),
            ChooserKind::Jump { context, commands: fitting, .. } => {
                let few = commands(*context, text).into_iter().take(FEW);
                *fitting = if text.trim().is_empty() { Vec::new() } else { few.collect() };
            }
            ChooserKind::Entries { purpose: Pick::Share(_), entries, fitting } => {
                // A name stands there more than once, and what is beside it tells them apart.
                let label = |entry: &Entry| format!("{} {}", entry.label, entry.detail);
                let labels: Vec<_> = entries.iter().map(label).collect();
                *fitting = like(labels.iter().map(String::as_str), text);
            }
            ChooserKind::Entries { entries, fitting, .. } => {
                let labels = entries.iter().map(|entry| entry.label.as_str());
                *fitting = like(labels, text);
            }
        }
    }

    /// The chosen entry.
    pub fn entry(&self) -> Option<&Entry> {
        match &self.kind {
            ChooserKind::Entries { entries, fitting, .. } => {
                entries.get(*fitting.get(self.selected)?)
            }
            _ => None,
        }
    }
}

/// Commands that stand under the items in the fuzzy jump.
const FEW: usize = 5;

/// The numbers of the texts that are like another, the likest first; all of them for nothing.
pub fn like<'t>(texts: impl Iterator<Item = &'t str>, text: &str) -> Vec<usize> {
    let text = text.trim();
    let matcher = SkimMatcherV2::default().ignore_case();
    let score = |(n, label): (usize, &str)| Some((matcher.fuzzy_match(label, text)?, n));
    let mut scored: Vec<_> = texts.enumerate().filter_map(score).collect();
    if !text.is_empty() {
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    }
    scored.into_iter().map(|(_, n)| n).collect()
}

/// The commands of a context that are like `text`, the likest first.
fn commands(context: Context, text: &str) -> Vec<Command> {
    let chain = context.chain();
    // One of nine sessions is reached by its key; the palette has room for better.
    let applies = |command: &Command| {
        let counted = command.spec().name.starts_with("tab-");
        let belongs = command.spec().context;
        !counted && (belongs == Context::Global || chain.contains(&belongs))
    };
    let matcher = SkimMatcherV2::default().ignore_case();
    let score = |command: Command| {
        let spec = command.spec();
        // A name that fits says more than a sentence that does.
        let subjects = [(spec.name, 3), (spec.title, 2), (spec.doc, 1)];
        let fits = |(subject, weight)| Some(matcher.fuzzy_match(subject, text.trim())? * weight);
        subjects.into_iter().filter_map(fits).max().map(|score| (score, command))
    };
    let mut scored: Vec<_> = Command::all().filter(applies).filter_map(score).collect();
    if !text.trim().is_empty() {
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    }
    scored.into_iter().map(|(_, command)| command).collect()
}

//! A choice by a few typed letters.

use crate::core::command::Command;
use crate::core::input::Input;
use crate::core::inventory::List;
use crate::core::keymap::Context;
use crate::core::room::Room;
use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::item::FieldValue;
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::preferences::Column;
use jumpdeck_protocol::queue::QueueChoice;
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::{ItemId, SessionId};

/// A choice by a few typed letters.
#[derive(Debug)]
pub struct Chooser {
    /// What is chosen from.
    pub kind: ChooserKind,
    /// What was typed.
    pub input: Input,
    /// The chosen row.
    pub selected: usize,
    /// The entries are still to come.
    pub coming: Coming,
}

/// Whether entries are still to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coming {
    /// They are there.
    #[default]
    No,
    /// They are not.
    Yes,
    /// They are not, and the one that fits is chosen as soon as they are.
    Chosen,
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
    /// They are there too.
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
    Queue(QueueChoice),
    /// The form with everything that can be said of it.
    Customize,
}

impl Chooser {
    /// A palette of the commands that apply in a context.
    pub fn commands(context: Context) -> Self {
        let kind = ChooserKind::Commands { context, fitting: commands(context, "") };
        Self { kind, input: Input::default(), selected: 0, coming: Coming::No }
    }

    /// A choice of entries.
    pub fn entries(purpose: Pick, entries: Vec<Entry>) -> Self {
        let fitting = (0..entries.len()).collect();
        let kind = ChooserKind::Entries { purpose, entries, fitting };
        Self { kind, input: Input::default(), selected: 0, coming: Coming::No }
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
                // A name is there more than once, and what is beside it tells them apart.
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

/// Commands that are under the items in the fuzzy jump.
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

impl Room for Chooser {
    fn context(&self) -> Context {
        Context::Chooser
    }

    fn takes_text(&self) -> bool {
        true
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }

    fn edited(&mut self) {
        self.typed();
    }
}

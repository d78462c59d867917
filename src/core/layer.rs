//! What lies over the screen: choosers, readers, questions.

use super::command::Command;
use super::input::Input;
use super::inventory::List;
use super::keymap::Context;
use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;
use jumpdeck_protocol::SessionId;

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
    /// A choice by a few typed letters.
    Chooser(Chooser),
    /// A question.
    Confirm(Question),
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
    /// Items.
    Items {
        /// What fits what was typed.
        fitting: List,
    },
}

/// A question, and what a yes means.
#[derive(Debug)]
pub enum Question {
    /// End this session?
    EndSession {
        /// The session.
        session: SessionId,
        /// The item's name.
        name: String,
    },
}

impl Layer {
    /// Where keys are pressed while this layer is on top.
    pub const fn context(&self) -> Context {
        match self {
            Self::Help { .. } | Self::Messages { .. } => Context::Reader,
            Self::Chooser(_) => Context::Chooser,
            Self::Confirm(_) => Context::Confirm,
        }
    }
}

impl Chooser {
    /// A palette of the commands that apply in a context.
    pub fn commands(context: Context) -> Self {
        let kind = ChooserKind::Commands { context, fitting: commands(context, "") };
        Self { kind, input: Input::default(), selected: 0 }
    }

    /// How many entries fit.
    pub fn len(&self) -> usize {
        match &self.kind {
            ChooserKind::Commands { fitting, .. } => fitting.len(),
            ChooserKind::Items { fitting } => fitting.len(),
        }
    }

    /// Whether none fits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was typed has changed. Items are searched elsewhere.
    pub fn typed(&mut self) {
        self.selected = 0;
        if let ChooserKind::Commands { context, fitting } = &mut self.kind {
            *fitting = commands(*context, self.input.text());
        }
    }
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

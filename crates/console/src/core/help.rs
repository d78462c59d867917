//! The help: what the keys of a context do, from the command table.

use super::Console;
use super::input::Input;
use super::keymap::Context;
use super::layers::{Ask, Layer, Prompt};
use jumpdeck_terminal::key::chord;

/// A line of the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelpLine {
    /// A heading.
    Heading(&'static str),
    /// A command.
    Command {
        /// Its keys.
        keys: String,
        /// What it does.
        doc: &'static str,
        /// It cannot be done now; the next line says why.
        disabled: bool,
    },
    /// Why something cannot be done now.
    Reason(String),
    /// Nothing.
    Blank,
}

/// The help of a context: the commands in whose keys, name or words the query occurs.
pub fn lines(console: &Console, context: Context, query: &str) -> Vec<HelpLine> {
    let query = query.trim().to_lowercase();
    let mut lines = Vec::new();
    for part in context.chain() {
        let mut commands: Vec<_> = console.keymap().of(*part).map(|(_, command)| command).collect();
        commands.sort_unstable();
        commands.dedup();
        // Nine keys that differ in their number are one line for a reader.
        commands.retain(|command| {
            let name = command.spec().name;
            !name.starts_with("tab-") || name == "tab-1"
        });
        let mut begun = false;
        for command in commands {
            let spec = command.spec();
            let bound = console.keymap().of(*part).filter(|(_, bound)| *bound == command);
            let mut keys: Vec<_> = bound.map(|(keys, _)| chord(keys)).collect();
            keys.sort_by_key(|keys| keys.chars().count());
            let many = spec.name == "tab-1";
            let keys = keys.join("  ");
            let fits = [&*keys, spec.name, spec.title, spec.doc]
                .into_iter()
                .any(|text| text.to_lowercase().contains(&query));
            if !fits {
                continue;
            }
            if !std::mem::replace(&mut begun, true) {
                if !lines.is_empty() {
                    lines.push(HelpLine::Blank);
                }
                lines.push(HelpLine::Heading(part.title()));
            }
            let reason = (spec.disabled)(console).filter(|_| !many);
            lines.push(HelpLine::Command {
                keys: if many { keys.replace('1', "1…9") } else { keys },
                doc: if many { "Go to the session of this number." } else { spec.doc },
                disabled: reason.is_some(),
            });
            lines.extend(reason.map(HelpLine::Reason));
        }
    }
    lines
}

impl Console {
    pub(super) fn no_help_search(&self) -> Option<String> {
        let is_help = matches!(self.dialogs.layers.last(), Some(Layer::Help(_)));
        (!is_help).then(|| "Only the help can be searched.".to_owned())
    }

    pub(super) fn ask_help_search(&mut self) {
        let prompt = Prompt { purpose: Ask::HelpWith, input: Input::default(), mistake: None };
        self.dialogs.layers.push(Layer::Prompt(prompt));
    }

    /// What is looked for in the help was typed.
    pub(super) fn search_help(&mut self, query: String) {
        self.dialogs.layers.pop();
        if let Some(Layer::Help(help)) = self.dialogs.layers.last_mut() {
            help.query = query;
            help.scroll = 0;
        }
        self.out.dirty = true;
    }
}

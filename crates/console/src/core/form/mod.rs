//! Forms: the properties of one item or of many of a kind, or of a new one.
//!
//! A field remembers what each item held when it was opened. A field that nobody touched follows
//! what others change meanwhile; where somebody else changed one that was touched, both values
//! are beside each other until the rep has chosen.

mod open;
mod save;
mod value;

use super::input::Input;
use crate::core::input::KeyAnswer;
use crate::core::keymap::Context;
use crate::core::room::Room;
use jumpdeck_protocol::item::{FieldValue, ItemField};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::{ItemId, SessionId};
use jumpdeck_terminal::key::{Code, Key};
pub(super) use save::weight;
pub use value::{time_text, value_text};

/// What a form is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Changing these.
    Edit(Vec<ItemId>),
    /// Making a new one.
    New(JumpMethod),
    /// Making the machine of this session one.
    Pin(SessionId),
}

/// A form.
#[derive(Clone, Debug)]
pub struct Form {
    /// Which form of this console it is.
    pub number: u64,
    /// What it is for.
    pub purpose: Purpose,
    /// What stands above it.
    pub title: String,
    /// Its fields.
    pub rows: Vec<Row>,
    /// The one that has the keys.
    pub selected: usize,
    /// It is being saved: nothing is typed until the appliance answers.
    pub saving: bool,
    /// Every item of it is gone.
    pub gone: bool,
}

/// A field of a form.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which.
    pub field: ItemField,
    /// What is in it.
    pub entry: FieldEntry,
    /// The rep has changed it.
    pub touched: bool,
    /// Nothing was typed into it since it was reached: the first character replaces what is there.
    pub fresh: bool,
    /// The text that was in it.
    pub original: String,
    /// What each item held when the form was opened, or when the rep last looked.
    pub before: Vec<(ItemId, FieldValue)>,
    /// What somebody else has put there meanwhile, in words.
    pub theirs: Option<String>,
    /// Why the rep may not change it.
    pub why_not: Option<String>,
    /// What is wrong with what is in it.
    pub mistake: Option<String>,
}

/// What is in a field.
#[derive(Clone, Debug)]
pub enum FieldEntry {
    /// A text, or what reads as a number or a time.
    Text(Input),
    /// One of these; none while the items differ.
    Choice {
        /// What can be chosen, and how it is called.
        options: Vec<(FieldValue, String)>,
        /// What is.
        at: Option<usize>,
    },
}

impl Row {
    /// Whether the items differ in it and the rep has not changed that.
    pub fn is_mixed(&self) -> bool {
        let mut values = self.before.iter().map(|(_, value)| value);
        let first = values.next();
        !self.touched && values.any(|value| Some(value) != first)
    }

    /// What is in it, in words.
    pub fn text(&self) -> &str {
        match &self.entry {
            FieldEntry::Text(input) => input.text(),
            FieldEntry::Choice { options, at } => {
                let chosen = at.and_then(|at| options.get(at));
                chosen.map_or("", |(_, label)| label)
            }
        }
    }

    fn may_edit(&self) -> bool {
        self.why_not.is_none()
    }

    /// Takes the next choice, or the one before.
    fn cycle(&mut self, by: isize) -> bool {
        let FieldEntry::Choice { options, at } = &mut self.entry else {
            return false;
        };
        let count = isize::try_from(options.len()).unwrap_or(0).max(1);
        let now = at.and_then(|at| isize::try_from(at).ok());
        let next = now.map_or(0, |now| (now + by).rem_euclid(count));
        *at = usize::try_from(next).ok().filter(|at| *at < options.len());
        self.touched = true;
        true
    }

    /// Chooses what has a value.
    pub(super) fn choose(&mut self, value: &FieldValue) {
        if let FieldEntry::Choice { options, at } = &mut self.entry
            && let Some(found) = options.iter().position(|(option, _)| option == value)
        {
            *at = Some(found);
            self.touched = true;
        }
    }
}

impl Form {
    /// The field that has the keys.
    pub fn row(&self) -> Option<&Row> {
        self.rows.get(self.selected)
    }

    pub(super) fn row_mut(&mut self) -> Option<&mut Row> {
        self.rows.get_mut(self.selected)
    }

    /// Whether the rep has changed anything.
    pub fn is_touched(&self) -> bool {
        self.rows.iter().any(|row| row.touched)
    }

    /// Goes to another field.
    pub(super) fn go(&mut self, by: isize) {
        let count = isize::try_from(self.rows.len()).unwrap_or(0).max(1);
        let now = isize::try_from(self.selected).unwrap_or(0);
        self.selected = usize::try_from((now + by).rem_euclid(count)).unwrap_or(0);
        if let Some(row) = self.row_mut() {
            row.fresh = true;
        }
    }

    /// Takes a key that edits the field. Returns whether it was one: everything that types is, so
    /// that no letter is a command here.
    pub(super) fn field_key(&mut self, key: Key) -> bool {
        let saving = self.saving;
        let Some(row) = self.row_mut() else {
            return false;
        };
        let types = key.typed().is_some();
        if saving || !row.may_edit() {
            return types;
        }
        row.mistake = None;
        match (&mut row.entry, key.code) {
            (FieldEntry::Text(input), _) => {
                let before = input.text().to_owned();
                // As in a spreadsheet: who wants to change a part moves the cursor first.
                if row.fresh && types {
                    input.clear();
                }
                let was_key = input.key(key);
                row.fresh &= !was_key;
                if input.text() != before {
                    row.touched = input.text() != row.original;
                }
                was_key
            }
            (FieldEntry::Choice { .. }, Code::Char(' ') | Code::Right) => row.cycle(1),
            (FieldEntry::Choice { .. }, Code::Left) => row.cycle(-1),
            (FieldEntry::Choice { options, at }, Code::Char(letter)) if types => {
                // The next one that begins with the letter.
                let letter = letter.to_lowercase().next();
                let begins = |n: &usize| {
                    let label = options.get(*n).map_or("", |(_, label)| label);
                    label.to_lowercase().chars().next() == letter
                };
                let from = at.map_or(0, |at| at + 1);
                let found = (from..options.len()).chain(0..from).find(begins);
                if found.is_some() {
                    *at = found;
                    row.touched = true;
                }
                true
            }
            _ => false,
        }
    }

    /// The field's text was changed by a command.
    pub(super) fn field_edited(&mut self) {
        if let Some(row) = self.row_mut() {
            row.touched = row.text() != row.original;
            row.mistake = None;
        }
    }

    /// The field is emptied on purpose, no matter what was in it.
    pub(super) fn cleared(&mut self) {
        if let Some(row) = self.row_mut() {
            row.touched = !row.original.is_empty() || row.is_mixed() || row.touched;
        }
    }

    /// Puts text into the field.
    pub(super) fn paste_into_field(&mut self, text: &str) {
        let saving = self.saving;
        if let Some(row) = self.row_mut()
            && row.may_edit()
            && !saving
            && let FieldEntry::Text(input) = &mut row.entry
        {
            if std::mem::take(&mut row.fresh) {
                input.clear();
            }
            input.insert(text);
            row.touched = input.text() != row.original;
            row.mistake = None;
        }
    }
}

impl Room for Form {
    fn context(&self) -> Context {
        Context::Form
    }

    fn takes_text(&self) -> bool {
        true
    }

    fn input(&mut self) -> Option<&mut Input> {
        if self.saving {
            return None;
        }
        match self.row_mut() {
            Some(Row { entry: FieldEntry::Text(input), why_not: None, .. }) => Some(input),
            _ => None,
        }
    }

    fn key(&mut self, key: Key) -> KeyAnswer {
        let reason = self.row().and_then(|row| row.why_not.clone());
        match reason {
            Some(reason) if key == Key::char('!') => KeyAnswer::Said(reason),
            _ if self.field_key(key) => KeyAnswer::Handled,
            _ => KeyAnswer::Bubble,
        }
    }

    fn edited(&mut self) {
        self.field_edited();
    }

    fn paste(&mut self, text: &str) {
        self.paste_into_field(text);
    }
}

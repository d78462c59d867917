//! What the rep likes: columns, order, fields, folding, saved searches. Kept by the appliance.

use super::inventory::Look;
use super::layers::{Layer, ToggleKind, Toggles};
use super::query::{Field, Query};
use super::search::Scope;
use super::tree::Dynamic;
use super::{Console, columns};
use crate::core::requests::{About, IfLost};
use crate::text;
use jumpdeck_protocol::preferences::{Column, Preferences, ShownColumn};
use jumpdeck_protocol::rep::request;
use std::sync::Arc;

/// A saved search that was read.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    pub name: Box<str>,
    /// Nothing if it means nothing to this version.
    pub query: Option<Query>,
    pub count: Option<usize>,
}

/// The rep's preferences, and how far the appliance knows them.
#[derive(Debug, Default)]
pub(super) struct OwnPreferences {
    pub current: Preferences,
    /// They were changed here, and the appliance has not kept that yet.
    pub unsaved: bool,
    /// How often they were sent.
    pub sent: u64,
    /// The appliance has told what it keeps.
    pub known: bool,
    /// The saved searches among them, read.
    pub saved: Vec<Saved>,
}

impl Console {
    /// What the rep likes.
    pub const fn preferences(&self) -> &Preferences {
        &self.preferences.current
    }

    /// The appliance told what the rep likes. What was changed here and not kept yet stays.
    pub(super) fn take_preferences(&mut self, preferences: Preferences) {
        let first = !std::mem::replace(&mut self.preferences.known, true);
        if self.preferences.unsaved && !first {
            return;
        }
        let knows_the_keys = self.preferences.current.knows_the_keys;
        let scope = self.list.jump.tree.selected().clone();
        self.preferences.current = preferences;
        self.list.jump.tree.remember(&self.preferences.current.unfolded);
        self.read_saved();
        if *self.list.jump.tree.selected() != scope {
            self.list.jump.start_over();
        }
        self.list.stale.items = true;
        self.out.dirty = true;
        self.preferences.unsaved = false;
        if knows_the_keys {
            self.knows_the_keys();
        }
    }

    /// Something the rep likes has changed: it is kept.
    pub(super) fn preferences_changed(&mut self) {
        self.preferences.unsaved = true;
        self.out.dirty = true;
        self.save_preferences();
    }

    pub(super) fn save_preferences(&mut self) {
        // Before it is known what is kept, nothing is put in its place.
        if self.preferences.unsaved && self.preferences.known && self.is_linked() {
            let preferences = Box::new(self.preferences.current.clone());
            self.preferences.sent += 1;
            let number = self.preferences.sent;
            let note = (About::Anything, IfLost::Nothing);
            let request = request::SavePreferences { preferences };
            self.ask(note, request, move |console, outcome| match outcome {
                Ok(()) => console.preferences_saved(number),
                Err(refusal) => console.refused("Your preferences are not kept", &refusal),
            });
        }
    }

    /// The appliance has kept them.
    const fn preferences_saved(&mut self, number: u64) {
        if number == self.preferences.sent {
            self.preferences.unsaved = false;
        }
    }

    pub(super) fn folding_changed(&mut self) {
        self.preferences.current.unfolded = self.list.jump.tree.unfolded();
        self.preferences_changed();
    }

    /// Reads the saved searches again.
    pub(super) fn read_saved(&mut self) {
        let saved = self.preferences.current.saved.iter().map(|saved| {
            let before = self.preferences.saved.iter().find(|known| known.name == saved.name);
            let query = saved.query.parse().ok();
            let count = before.filter(|known| known.query == query).and_then(|known| known.count);
            Saved { name: saved.name.clone(), query, count }
        });
        self.preferences.saved = saved.collect();
        self.rebuild_tree();
        self.count_saved();
        self.watch_figures();
    }

    /// The saved searches as the tree shows them.
    pub(super) fn dynamic_groups(&self) -> Vec<Dynamic> {
        let group = |saved: &Saved| Dynamic { name: saved.name.clone(), count: saved.count };
        self.preferences.saved.iter().map(group).collect()
    }

    /// What a saved search looks for.
    pub(super) fn saved_query(&self, name: &str) -> Option<Query> {
        self.preferences.saved.iter().find(|saved| &*saved.name == name)?.query.clone()
    }

    /// Has the items of every saved search counted, off the loop.
    pub(super) fn count_saved(&mut self) {
        let looks: Vec<_> = self
            .preferences
            .saved
            .iter()
            .filter_map(|saved| Some(self.look(Scope::All, saved.query.clone()?)))
            .collect();
        if self.list.searches.counting {
            self.list.searches.count_again = true;
        } else if !looks.is_empty() {
            self.list.searches.counting = true;
            self.start_job(super::search::Wanted::Counts(looks));
        }
    }

    pub(super) fn counted(&mut self, counts: &[usize]) {
        self.list.searches.counting = false;
        let readable = self.preferences.saved.iter_mut().filter(|saved| saved.query.is_some());
        let mut changed = false;
        for (saved, count) in readable.zip(counts) {
            changed |= saved.count != Some(*count);
            saved.count = Some(*count);
        }
        if changed {
            self.rebuild_tree();
            self.out.dirty = true;
        }
        if std::mem::take(&mut self.list.searches.count_again) {
            self.count_saved();
        }
    }

    /// A search as this rep wants it.
    pub(super) fn look(&self, scope: Scope, query: Query) -> Look {
        let fields: Arc<[Field]> = self.fields().into();
        let familiar = self.list.inventory.familiar(self.frecency());
        Look { scope, query, fields, sort: self.preferences.current.sort, now: self.now, familiar }
    }

    /// The fields that bare words are looked for in; none for all.
    pub fn fields(&self) -> Vec<Field> {
        let named = |word: &str| {
            Field::ALL.iter().find(|(known, _)| *known == word).map(|(_, field)| *field)
        };
        self.preferences.current.fields.iter().filter_map(|word| named(word)).collect()
    }

    pub(super) fn open_columns(&mut self) {
        let shown = columns::chosen(&self.preferences.current.columns);
        let shown: Vec<_> = shown.iter().map(|one| one.column).collect();
        let others = Column::ALL.iter().copied().filter(|column| !shown.contains(column));
        let kind = ToggleKind::Columns(shown.iter().copied().chain(others).collect());
        self.dialogs.layers.push(Layer::Toggles(Toggles { kind, selected: 0 }));
    }

    pub(super) fn open_fields(&mut self) {
        let kind = ToggleKind::Fields(Field::ALL.map(|(_, field)| field).to_vec());
        self.dialogs.layers.push(Layer::Toggles(Toggles { kind, selected: 0 }));
    }

    pub(super) fn move_toggle(&mut self, by: isize) {
        if let Some(Layer::Toggles(toggles)) = self.dialogs.layers.last_mut() {
            let last = toggles.len().saturating_sub(1);
            toggles.selected = toggles.selected.saturating_add_signed(by).min(last);
        }
    }

    fn selected_toggle(&self) -> Option<(usize, Option<Column>, Option<Field>)> {
        let Some(Layer::Toggles(toggles)) = self.dialogs.layers.last() else {
            return None;
        };
        let at = toggles.selected;
        match &toggles.kind {
            ToggleKind::Columns(columns) => Some((at, Some(*columns.get(at)?), None)),
            ToggleKind::Fields(fields) => Some((at, None, Some(*fields.get(at)?))),
        }
    }

    /// Shows or hides a column, takes a field in or out.
    pub(super) fn toggle(&mut self) {
        match self.selected_toggle() {
            Some((_, Some(column), _)) => self.toggle_column(column),
            Some((_, _, Some(field))) => self.toggle_field(field),
            _ => {}
        }
    }

    fn toggle_column(&mut self, column: Column) {
        let mut shown = columns::chosen(&self.preferences.current.columns);
        match shown.iter().position(|one| one.column == column) {
            Some(_) if shown.len() == 1 => {
                self.warn("One column must stay.");
                return;
            }
            Some(at) => drop(shown.remove(at)),
            None => shown.push(ShownColumn { column, width: None }),
        }
        self.preferences.current.columns = shown;
        self.preferences_changed();
    }

    fn toggle_field(&mut self, field: Field) {
        let word: Box<str> = field.word().into();
        let mut fields = self.preferences.current.fields.clone();
        if fields.is_empty() {
            fields = Field::ALL.map(|(word, _)| word.into()).to_vec();
        }
        match fields.iter().position(|known| *known == word) {
            Some(_) if fields.len() == 1 => {
                self.warn("One field must stay.");
                return;
            }
            Some(at) => drop(fields.remove(at)),
            None => fields.push(word),
        }
        let all = Field::ALL.iter().all(|(word, _)| fields.iter().any(|known| **known == **word));
        self.preferences.current.fields = if all { Vec::new() } else { fields };
        self.preferences_changed();
        self.start_filter();
    }

    /// Why columns only can be moved and sized.
    pub(super) fn no_column(&self) -> Option<String> {
        let column = self.selected_toggle().and_then(|(_, column, _)| column);
        let shown = columns::chosen(&self.preferences.current.columns);
        match column {
            None => Some("This is for columns.".to_owned()),
            Some(column) if !shown.iter().any(|one| one.column == column) => {
                Some("This column is not shown.".to_owned())
            }
            Some(_) => None,
        }
    }

    /// Moves the column to the left or to the right.
    pub(super) fn shift_column(&mut self, by: isize) {
        let Some((at, Some(column), _)) = self.selected_toggle() else {
            return;
        };
        let mut shown = columns::chosen(&self.preferences.current.columns);
        let Some(from) = shown.iter().position(|one| one.column == column) else {
            return;
        };
        let to = from.saturating_add_signed(by).min(shown.len() - 1);
        if from == to {
            return;
        }
        let moved = shown.remove(from);
        shown.insert(to, moved);
        self.preferences.current.columns = shown;
        if let Some(Layer::Toggles(Toggles { kind: ToggleKind::Columns(order), selected })) =
            self.dialogs.layers.last_mut()
        {
            let shown = self.preferences.current.columns.iter().map(|one| one.column);
            let others = order.iter().copied().filter(|column| {
                !self.preferences.current.columns.iter().any(|one| one.column == *column)
            });
            let next: Vec<_> = shown.chain(others.collect::<Vec<_>>()).collect();
            *selected = next.iter().position(|other| *other == column).unwrap_or(at);
            *order = next;
        }
        self.preferences_changed();
    }

    /// Makes the column wider or narrower; by nothing, as wide as there is room.
    pub(super) fn size_column(&mut self, by: i16) {
        let Some((_, Some(column), _)) = self.selected_toggle() else {
            return;
        };
        let cells = super::layout::list_columns(self.shown.size, &self.list.jump);
        let now = columns::place(&self.preferences.current.columns, cells);
        let now = now.iter().find(|placed| placed.column == column).map_or(12, |one| one.width);
        let mut shown = columns::chosen(&self.preferences.current.columns);
        if let Some(one) = shown.iter_mut().find(|one| one.column == column) {
            let width = columns::fitting(one.width.unwrap_or(now).saturating_add_signed(by));
            one.width = (by != 0).then_some(width);
        }
        self.preferences.current.columns = shown;
        self.preferences_changed();
    }

    /// The usual columns, or all fields.
    pub(super) fn reset_toggles(&mut self) {
        match self.selected_toggle() {
            Some((_, Some(_), _)) => {
                self.preferences.current.columns.clear();
                self.dialogs.layers.pop();
                self.open_columns();
            }
            Some(_) => self.preferences.current.fields.clear(),
            None => return,
        }
        self.preferences_changed();
        self.start_filter();
    }

    /// The hints of the first start have been of use.
    pub(super) fn knows_the_keys(&mut self) {
        if !self.preferences.current.knows_the_keys {
            self.preferences.current.knows_the_keys = true;
            self.preferences_changed();
        }
    }

    /// What a rep who is new here should know, in so many cells: the keys that help most, and how to
    /// be rid of this.
    pub fn hint(&self, width: usize) -> Option<String> {
        if self.preferences.current.knows_the_keys
            || !self.preferences.known
            || !self.list.whole_once
        {
            return None;
        }
        let says = |(command, words): (&str, &str)| format!("{} {words}", self.key_of(command));
        let end = format!(" · {}", says(("back", "hides this")));
        let mut hint = "New here?".to_owned();
        let keys =
            [("help", "all keys"), ("search", "search"), ("jump", "jump"), ("fuzzy-jump", "find")];
        for (number, key) in keys.map(says).into_iter().enumerate() {
            let key = format!("{}{key}", if number == 0 { " " } else { " · " });
            if [&hint, &key, &end].into_iter().map(|part| text::width(part)).sum::<usize>() > width
            {
                break;
            }
            hint.push_str(&key);
        }
        Some(hint + &end)
    }
}

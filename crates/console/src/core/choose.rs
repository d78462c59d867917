//! Choosers: what is in them, and what becomes of a choice.

use super::Console;
use super::form::Purpose;
use super::inventory::List;
use super::layers::{
    Ask, Chooser, ChooserKind, Coming, Entry, EntryValue, Layer, Pick, Prompt, Question, like,
};
use crate::core::batch::BatchEdit;
use crate::core::undoing::Inverse;
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::item::{FieldValue, ItemChange, ItemEdit, ItemField};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::preferences::{Column, SavedSearch, Sort};
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::Permission;

/// Open sessions that the fuzzy jump shows, at most.
const SESSIONS: usize = 5;

impl Console {
    pub(super) fn open_palette(&mut self) {
        let chooser = Chooser::commands(self.ground());
        self.dialogs.layers.push(Layer::Chooser(chooser));
    }

    pub(super) fn open_fuzzy_jump(&mut self) {
        let (context, items) = (self.ground(), List::default());
        let kind = ChooserKind::Jump { context, sessions: Vec::new(), items, commands: Vec::new() };
        let (input, coming) = (super::input::Input::default(), Coming::No);
        let chooser = Chooser { kind, input, selected: 0, coming };
        self.dialogs.layers.push(Layer::Chooser(chooser));
        self.search_for_chooser();
    }

    fn open_entries(&mut self, purpose: Pick, entries: Vec<Entry>) {
        self.dialogs.layers.push(Layer::Chooser(Chooser::entries(purpose, entries)));
    }

    pub(super) fn open_move(&mut self) {
        let entries = self.destinations();
        self.open_entries(Pick::Move(self.targets_in_order()), entries);
    }

    pub(super) fn open_copy(&mut self) {
        let entries = self.destinations();
        self.open_entries(Pick::Copy(self.targets_in_order()), entries);
    }

    /// The places that the rep may move and copy items to.
    fn destinations(&self) -> Vec<Entry> {
        let counts: Vec<_> =
            self.list.inventory.places().iter().map(|place| (place.place, place.count)).collect();
        let entry = |(place, label): (Place, String)| {
            let count = counts.iter().find(|(known, _)| *known == place);
            let detail = count.map_or(String::new(), |(_, count)| match count {
                1 => "1 item".to_owned(),
                many => format!("{many} items"),
            });
            Entry { label, detail, value: EntryValue::Place(place) }
        };
        self.places_for(Permission::PermAssignJumpGroup).into_iter().map(entry).collect()
    }

    pub(super) fn open_new_shortcut(&mut self) {
        let methods = JumpMethod::ALL.iter().filter(|method| method.is_shortcut());
        let entry = |method: &JumpMethod| Entry {
            label: method.title().to_owned(),
            detail: method.about().to_owned(),
            value: EntryValue::Method(*method),
        };
        let entries = methods.map(entry).collect();
        self.open_entries(Pick::New, entries);
    }

    pub(super) fn open_sort(&mut self) {
        let sort = self.preferences.current.sort;
        let entry = |column: &Column| Entry {
            label: column.heading().to_owned(),
            detail: match (sort.column == *column, sort.descending) {
                (true, true) => "now, the other way round".to_owned(),
                (true, false) => "now; again for the other way round".to_owned(),
                (false, _) => String::new(),
            },
            value: EntryValue::Column(*column),
        };
        let entries = Column::ALL.iter().map(entry).collect();
        self.open_entries(Pick::Sort, entries);
    }

    pub(super) fn open_saved(&mut self) {
        let typed = self.list.jump.search.text().trim();
        let savable = !typed.is_empty() && self.list.jump.mistake.is_none();
        let this = savable.then(|| Entry {
            label: "Save this search …".to_owned(),
            detail: typed.to_owned(),
            value: EntryValue::SaveThis,
        });
        let saved = self.preferences.current.saved.iter().map(|saved| Entry {
            label: saved.name.to_string(),
            detail: saved.query.to_string(),
            value: EntryValue::Saved(saved.name.clone()),
        });
        let entries = this.into_iter().chain(saved).collect();
        self.open_entries(Pick::Saved, entries);
    }

    pub(super) fn no_saved(&self) -> Option<String> {
        let nothing = self.list.jump.search.text().trim().is_empty()
            && self.preferences.current.saved.is_empty();
        let search = self.key_of("search");
        nothing.then(|| {
            format!("No search is saved yet. Search with {search}; then it can be saved here.")
        })
    }

    /// Opens the choices of a form's field.
    pub(super) fn open_field(&mut self) {
        let Some(row) = self.form().and_then(super::form::Form::row) else {
            return;
        };
        let super::form::FieldEntry::Choice { options, .. } = &row.entry else {
            self.next_field();
            return;
        };
        if let Some(reason) = row.why_not.clone() {
            self.warn(&reason);
            return;
        }
        let entry = |(value, label): &(FieldValue, String)| Entry {
            label: label.clone(),
            detail: String::new(),
            value: EntryValue::Field(value.clone()),
        };
        let entries = options.iter().map(entry).collect();
        self.open_entries(Pick::Field, entries);
    }

    /// Sessions and commands of the fuzzy jump follow what is typed at once.
    pub(super) fn fit_sessions(&mut self) {
        let open: Vec<_> =
            self.sessions.tabs.iter().map(|tab| (tab.id, tab.name.clone())).collect();
        if let Some(Layer::Chooser(chooser)) = self.dialogs.layers.last_mut()
            && let ChooserKind::Jump { sessions, .. } = &mut chooser.kind
        {
            let names = open.iter().map(|(_, name)| name.as_str());
            let fitting = like(names, chooser.input.text());
            *sessions = fitting.iter().filter_map(|n| open.get(*n).cloned()).collect();
            sessions.truncate(SESSIONS);
        }
    }

    pub(super) fn choose(&mut self) {
        if let Some(Layer::Chooser(chooser)) = self.dialogs.layers.last_mut()
            && chooser.coming != Coming::No
        {
            chooser.coming = Coming::Chosen;
            return;
        }
        let Some(Layer::Chooser(chooser)) = self.dialogs.layers.last() else {
            return;
        };
        let selected = chooser.selected;
        match &chooser.kind {
            ChooserKind::Commands { fitting, .. } => {
                let command = fitting.get(selected).copied();
                self.choose_command(command);
            }
            ChooserKind::Jump { sessions, items, commands, .. } => {
                if let Some((session, name)) = sessions.get(selected) {
                    match self.sessions.tabs.iter().position(|tab| tab.id == *session) {
                        Some(tab) => {
                            self.dialogs.layers.pop();
                            self.show_tab(tab);
                        }
                        None => self.warn(&format!("The session with {name} has ended.")),
                    }
                    return;
                }
                let number = selected - sessions.len();
                if let Some(item) = items.get(number).map(|item| item.id()) {
                    self.dialogs.layers.pop();
                    self.jump_to(item);
                    return;
                }
                let command = number.checked_sub(items.len());
                let command = command.and_then(|n| commands.get(n)).copied();
                if command.is_none() {
                    self.warn("No match for what you typed.");
                }
                self.choose_command(command);
            }
            ChooserKind::Entries { purpose, entries, .. } => {
                let (purpose, entry) = (purpose.clone(), chooser.entry().cloned());
                let typed = chooser.input.text().trim().to_owned();
                let savable = entries.iter().any(|entry| entry.value == EntryValue::SaveThis);
                if let Some(entry) = entry {
                    self.dialogs.layers.pop();
                    // A name that is typed whole was meant.
                    let by_name = entry.label.eq_ignore_ascii_case(&typed);
                    self.chose(purpose, entry, by_name);
                } else if purpose == Pick::Saved && savable {
                    // A name that is not there yet is the one to save this search under.
                    self.dialogs.layers.pop();
                    self.save_search(&typed);
                } else {
                    self.warn(&format!("No match for “{typed}”."));
                }
            }
        }
    }

    fn choose_command(&mut self, command: Option<super::command::Command>) {
        if let Some(command) = command {
            self.dialogs.layers.pop();
            self.run(command);
        }
    }

    /// Something was chosen, by its name or only because it was selected.
    fn chose(&mut self, purpose: Pick, entry: Entry, by_name: bool) {
        match (purpose, entry.value) {
            (Pick::Move(items), EntryValue::Place(to)) => self.move_items(&items, to, entry.label),
            (Pick::Copy(items), EntryValue::Place(to)) => {
                if let Some(reason) = self.no_link() {
                    self.warn(&reason);
                    return;
                }
                let name =
                    |item: &ItemId| Some((*item, self.list.inventory.name(*item)?.to_owned()));
                let originals = items.iter().filter_map(name).collect();
                let after = self.list.inventory.last_id();
                let inverse = Inverse::Copies { to, originals, after };
                let deed = (BatchEdit::Copy(entry.label), inverse);
                self.begin_undoable(deed, items, |_| 16, |items| request::CopyItems { items, to });
            }
            (Pick::New, EntryValue::Method(method)) => self.open_new(method),
            (Pick::Sort, EntryValue::Column(column)) => self.sort_by(column),
            (Pick::Saved, EntryValue::Saved(name)) => self.show_saved(&name),
            (Pick::Saved, EntryValue::SaveThis) => {
                let prompt = Prompt {
                    purpose: Ask::SearchName,
                    input: super::input::Input::default(),
                    mistake: None,
                };
                self.dialogs.layers.push(Layer::Prompt(prompt));
            }
            (Pick::Share(session), EntryValue::Colleague { name, part }) => {
                self.share_with(session, &name, part);
            }
            (Pick::Share(session), EntryValue::Team { team, part }) => {
                self.share_with_team(session, &team, part);
            }
            (Pick::Queue, EntryValue::Queue(queue)) => self.make_session_key(queue, Vec::new()),
            (Pick::Pin(session), EntryValue::Place(place)) => self.pin_to(session, place),
            (Pick::Scripted, EntryValue::Item(item)) => self.jump_scripted(item),
            (Pick::Pin(session), EntryValue::Customize) => self.customize_pin(session),
            (Pick::Transfer(session), EntryValue::Colleague { name, .. }) if by_name => {
                self.transfer_to(session, name.into());
            }
            (Pick::Transfer(session), EntryValue::Colleague { name, .. }) => {
                self.ask_transfer_to(session, &name);
            }
            (Pick::Field, EntryValue::Field(value)) => {
                if let Some(Layer::Form(form)) = self.dialogs.layers.last_mut()
                    && !form.saving
                    && let Some(row) = form.row_mut()
                {
                    row.choose(&value);
                }
            }
            _ => {}
        }
    }

    fn move_items(&mut self, items: &[ItemId], to: Place, name: String) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let edit = |item: &ItemId| {
            let from = FieldValue::Place(self.list.inventory.item(*item)?.place());
            let change = ItemChange { field: ItemField::Place, from, to: FieldValue::Place(to) };
            Some(ItemEdit { item: *item, changes: vec![change] })
        };
        let edits: Vec<_> = items.iter().filter_map(edit).collect();
        let request = |edits| request::EditItems { edits };
        let deed = (BatchEdit::Move(name), Inverse::of(&edits));
        self.begin_undoable(deed, edits, |_| 160, request);
    }

    /// Orders the list by a column; by the same one again, the other way round.
    pub(super) fn sort_by(&mut self, column: Column) {
        let before = self.preferences.current.sort;
        let descending = before.column == column && !before.descending;
        self.preferences.current.sort = Sort { column, descending };
        self.preferences_changed();
        self.start_filter();
    }

    /// Shows the items for which a saved search holds.
    fn show_saved(&mut self, name: &str) {
        self.list.jump.search.clear();
        self.read_search();
        self.list.jump.tree.select_scope(super::search::Scope::Saved(name.into()));
        self.list.jump.focus = super::Focus::List;
        self.scope_changed();
    }

    /// Keeps the present search under a name.
    pub(super) fn save_search(&mut self, name: &str) {
        let query: Box<str> = self.list.jump.search.text().trim().into();
        let name: Box<str> =
            jumpdeck_protocol::text::bounded(name, jumpdeck_protocol::preferences::SAVED_NAME)
                .into();
        let known = self.preferences.current.saved.iter().any(|saved| saved.name == name);
        let most = jumpdeck_protocol::preferences::SAVED;
        if self.preferences.current.saved.len() >= most && !known {
            let forget = self.key_of("forget-search");
            self.warn(&format!(
                "{most} searches are saved already, and more do not fit. Forget one first ({forget})."
            ));
            return;
        }
        self.preferences.current.saved.retain(|saved| saved.name != name);
        self.preferences.current.saved.push(SavedSearch { name: name.clone(), query });
        self.preferences.current.saved.sort_by_cached_key(|saved| saved.name.to_lowercase());
        self.preferences_changed();
        self.read_saved();
        self.show_saved(&name);
        self.say(&format!("The search is in the tree as {name}."));
    }

    pub(super) fn no_forget(&self) -> Option<String> {
        let chosen = match self.dialogs.layers.last() {
            Some(Layer::Chooser(chooser)) => chooser.entry(),
            _ => None,
        };
        let is_saved = chosen.is_some_and(|entry| matches!(entry.value, EntryValue::Saved(_)));
        (!is_saved).then(|| "Only a saved search can be forgotten here.".to_owned())
    }

    pub(super) fn ask_forget(&mut self) {
        if let Some(Layer::Chooser(chooser)) = self.dialogs.layers.last()
            && let Some(Entry { value: EntryValue::Saved(name), .. }) = chooser.entry()
        {
            let name = name.clone();
            self.dialogs.layers.push(Layer::Confirm(Question::Forget { name }));
        }
    }

    pub(super) fn forget_search(&mut self, name: &str) {
        self.preferences.current.saved.retain(|saved| &*saved.name != name);
        self.preferences_changed();
        self.read_saved();
        // The chooser below shows what is left.
        self.dialogs.layers.pop();
        if self.no_saved().is_none() {
            self.open_saved();
        }
        self.scope_changed();
    }

    /// Whether an edit or a new shortcut is on the screen, for the footer.
    pub fn form_purpose(&self) -> Option<&Purpose> {
        self.form().map(|form| &form.purpose)
    }

    pub(super) fn move_choice(&mut self, by: isize) {
        if let Some(Layer::Chooser(chooser)) = self.dialogs.layers.last_mut() {
            let last = chooser.len().saturating_sub(1);
            chooser.selected = chooser.selected.saturating_add_signed(by).min(last);
        }
    }
}

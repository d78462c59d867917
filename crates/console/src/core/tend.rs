//! Tending items: what the keys of the list do with the marked ones, or with the selected one.

use super::export::ExportError;
use super::form::time_text;
use super::layers::{Ask, Layer, Prompt, Question};
use super::session::StartedTogether;
use super::start::StartHow;
use super::{Console, Effect};
use crate::core::batch::BatchEdit;
use crate::core::columns;
use crate::core::known::Past;
use crate::core::layers::Why;
use crate::core::requests::{About, IfLost};
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::inventory::Status;
use jumpdeck_protocol::limits::STARTS_AT_ONCE;
use jumpdeck_protocol::preferences::Column;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::Permission;
use std::path::PathBuf;

/// Items of one form, at most.
const FORM: usize = 10_000;
/// Who removes more items says how many they are.
const COUNTED: usize = 10;
/// Names that a question lists.
const NAMED: usize = 8;

impl Console {
    /// The items that a command is about: the marked ones, else the selected one.
    pub(super) fn targets(&self) -> Vec<ItemId> {
        if self.list.jump.marked.is_empty() {
            return self.list.jump.selected.into_iter().collect();
        }
        self.list.jump.marked.iter().copied().collect()
    }

    /// The same, in the order of the list; marked ones that it does not show come last.
    pub(super) fn targets_in_order(&self) -> Vec<ItemId> {
        let marked = &self.list.jump.marked;
        if marked.is_empty() {
            return self.targets();
        }
        let shown = self.list.jump.fitting.iter().map(|item| item.id());
        let mut items: Vec<ItemId> = shown.filter(|item| marked.contains(item)).collect();
        if items.len() < marked.len() {
            let known: std::collections::BTreeSet<ItemId> = items.iter().copied().collect();
            items.extend(marked.difference(&known));
        }
        items
    }

    pub(super) fn no_link(&self) -> Option<String> {
        let down = "There is no link to the appliance; it is being made again.";
        (!self.is_linked()).then(|| down.to_owned())
    }

    pub(super) fn no_targets(&self) -> Option<String> {
        self.targets().is_empty().then(|| "There is no item here.".to_owned())
    }

    pub(super) fn mark(&mut self) {
        if let Some(item) = self.list.jump.selected {
            if !self.list.jump.marked.remove(&item) {
                self.list.jump.marked.insert(item);
            }
            self.count_hidden_marks();
            self.move_selection(1);
        }
    }

    /// Marks all items that are shown; if all of them are marked, none of them.
    pub(super) fn mark_all(&mut self) {
        let shown: Vec<ItemId> = self.list.jump.fitting.iter().map(|item| item.id()).collect();
        if shown.iter().all(|item| self.list.jump.marked.contains(item)) {
            for item in &shown {
                self.list.jump.marked.remove(item);
            }
        } else {
            self.list.jump.marked.extend(shown);
        }
        self.count_hidden_marks();
    }

    /// Marks and list have changed: how many marked items the list does not show.
    pub(super) fn count_hidden_marks(&mut self) {
        let jump = &self.list.jump;
        let shown = if jump.marked.is_empty() {
            0
        } else {
            jump.fitting.iter().filter(|item| jump.marked.contains(&item.id())).count()
        };
        self.list.jump.hidden_marks = self.list.jump.marked.len().saturating_sub(shown);
    }

    /// How many of the marked items the list does not show, to follow their number.
    pub(super) fn not_shown(&self) -> String {
        let (hidden, all) = (self.list.jump.hidden_marks, self.list.jump.marked.len());
        match hidden {
            0 => String::new(),
            hidden if hidden == all => ", none of them shown".to_owned(),
            hidden => format!(", {hidden} of them not shown"),
        }
    }

    /// Marks of items that are gone.
    pub(super) fn forget_marks(&mut self) {
        let inventory = &self.list.inventory;
        self.list.jump.marked.retain(|item| inventory.name(*item).is_some());
        self.count_hidden_marks();
    }

    /// Why the rep may not do something with all of the targets.
    fn no_right(&self, permission: Permission) -> Option<String> {
        let no_targets = self.no_targets();
        let places = || {
            self.targets().into_iter().filter_map(|i| Some(self.list.inventory.item(i)?.place()))
        };
        let mut places: Vec<_> = no_targets.is_none().then(places).into_iter().flatten().collect();
        places.sort_unstable();
        places.dedup();
        let forbidden = places.into_iter().find_map(|place| self.forbidden(place, permission));
        no_targets.or(forbidden)
    }

    pub(super) fn no_properties(&self) -> Option<String> {
        let items = self.targets();
        let methods =
            items.iter().filter_map(|item| Some(self.list.inventory.item(*item)?.method()));
        let mut methods: Vec<_> = methods.collect();
        methods.sort_unstable();
        methods.dedup();
        match methods.as_slice() {
            [] => Some("There is no item here.".to_owned()),
            [_] if items.len() > FORM => Some(format!(
                "{} items are marked; properties are edited for at most {FORM} at a time.",
                items.len()
            )),
            [_] => None,
            [one, other, ..] => Some(format!(
                "Both {} and {} items are marked; properties are for one kind at a time.",
                one.title(),
                other.title()
            )),
        }
    }

    pub(super) fn no_move(&self) -> Option<String> {
        self.no_right(Permission::PermAssignJumpGroup).or_else(|| self.no_link())
    }

    pub(super) fn no_remove(&self) -> Option<String> {
        let in_use = || {
            let items = self.targets();
            let used = |item: &ItemId| self.list.inventory.presence(*item).status == Status::InUse;
            let code = jumpdeck_protocol::RefusalCode::InSession;
            items.iter().all(used).then(|| code.plain().to_string())
        };
        self.no_right(Permission::PermRemove).or_else(|| self.no_link()).or_else(in_use)
    }

    /// What is looked for means nothing: what the list shows is not what was asked for.
    pub(super) fn no_whole_list(&self) -> Option<String> {
        self.list.jump.mistake.as_ref().map(|mistake| mistake.what.clone())
    }

    pub(super) fn no_mark_all(&self) -> Option<String> {
        self.no_whole_list().or_else(|| self.no_selected())
    }

    pub(super) fn ask_remove(&mut self) {
        let items = self.targets_in_order();
        let name = |item: &ItemId| {
            let item = self.list.inventory.item(*item)?;
            Some((item.name().to_owned(), item.group().to_owned()))
        };
        let names = items.iter().filter_map(name).take(NAMED).collect();
        if items.len() > COUNTED {
            let (purpose, input) =
                (Ask::RemoveCount { items, names }, super::input::Input::default());
            self.dialogs.layers.push(Layer::Prompt(Prompt { purpose, input, mistake: None }));
            return;
        }
        let not_shown = self.not_shown();
        self.dialogs.layers.push(Layer::Confirm(Question::Remove { items, names, not_shown }));
    }

    pub(super) fn remove(&mut self, items: Vec<ItemId>) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        self.begin_batch(BatchEdit::Remove, items, |_| 16, |items| request::RemoveItems { items });
    }

    pub(super) fn no_new(&self) -> Option<String> {
        let none =
            self.list.known.rights.is_some() && self.places_for(Permission::PermAdd).is_empty();
        let reason = "No Jump Group lets you add items: that takes perm_add in your role there.";
        none.then(|| reason.to_owned())
    }

    /// Why there is nothing to be copied to the clipboard.
    pub(super) fn no_yank(&self) -> Option<String> {
        let host = self.list.jump.row().map(|item| super::columns::text(item, HOST));
        match host {
            None => Some("There is no item here.".to_owned()),
            Some("") => Some("This item has no host name.".to_owned()),
            Some(_) => None,
        }
    }

    /// Copies the host name to the rep's own clipboard, through the terminal.
    pub(super) fn yank(&mut self) {
        if let Some(item) = self.list.jump.row() {
            let host = super::columns::text(item, HOST).to_owned();
            self.say(&format!("{host} is in the clipboard, if your terminal takes it (OSC 52)."));
            self.out.effects.push(Effect::Copy(host));
        }
    }

    pub(super) fn open_why(&mut self) {
        if let Some(item) = self.list.jump.selected {
            self.dialogs.layers.push(Why { item, scroll: 0 }.into());
            self.ask_why(item);
        }
    }

    pub(super) fn no_selected(&self) -> Option<String> {
        let why = || match &self.list.jump.gone {
            Some(name) => format!("{name} is gone. Move to another item."),
            None => "There is no item here.".to_owned(),
        };
        self.list.jump.selected.is_none().then(why)
    }

    /// The selected item in a line: its whole name, where it is reached, and its tag.
    pub fn selected_words(&self) -> Option<String> {
        let id = self.list.jump.selected?;
        let item = self.list.inventory.item(id)?;
        let parts = [Column::Name, Column::Host, Column::Tag];
        let parts = parts.map(|column| columns::text(item, column)).into_iter();
        Some(parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · "))
    }

    pub(super) fn no_export(&self) -> Option<String> {
        let empty = self.list.jump.fitting.is_empty();
        let nothing = || empty.then(|| "There is nothing in the list to export.".to_owned());
        self.no_whole_list().or_else(nothing)
    }

    pub(super) fn ask_export(&mut self) {
        let stamp = time_text(self.now, self.zone()).replace([' ', ':'], "-");
        let input = super::input::Input::of(&format!("jumpdeck-{stamp}.csv"));
        let prompt = Prompt { purpose: Ask::ExportPath, input, mistake: None };
        self.dialogs.layers.push(Layer::Prompt(prompt));
    }

    fn export(&mut self, path: &str) {
        let columns = super::columns::chosen(&self.preferences.current.columns);
        let columns = columns.iter().map(|shown| shown.column).collect();
        let export = super::export::Export::Items {
            path: PathBuf::from(path),
            list: self.list.jump.fitting.clone(),
            columns,
            zone: self.zone().clone(),
        };
        self.say(&format!("Writing {} …", export.path().display()));
        self.out.effects.push(Effect::Export(Box::new(export)));
    }

    /// An export is over.
    pub(super) fn exported(&mut self, outcome: Result<String, ExportError>) {
        match outcome {
            Ok(text) => self.say(&text),
            // The path is there again, to be corrected.
            Err(error)
                if matches!(
                    self.dialogs.layers.last(),
                    None | Some(Layer::Scroll(_) | Layer::Log(_))
                ) =>
            {
                let input = super::input::Input::of(&error.path);
                let mistake = Some(error.to_string());
                let purpose = match self.dialogs.layers.last() {
                    Some(Layer::Scroll(_)) => Ask::LinesPath,
                    Some(Layer::Log(log)) => Ask::LogPath { session: log.session },
                    _ => Ask::ExportPath,
                };
                self.dialogs.layers.push(Layer::Prompt(Prompt { purpose, input, mistake }));
                self.out.dirty = true;
            }
            Err(error) => self.warn(&error.to_string()),
        }
    }

    /// The line that was asked for is typed.
    pub(super) fn accept_prompt(&mut self) {
        let Some(Layer::Prompt(prompt)) = self.dialogs.layers.last() else {
            return;
        };
        let text = prompt.input.text().trim().to_owned();
        match prompt.purpose.clone() {
            Ask::SearchName if text.is_empty() => self.prompt_mistake("A name is needed."),
            Ask::SearchName => {
                self.dialogs.layers.pop();
                self.save_search(&text);
            }
            Ask::ExportPath if text.is_empty() => self.prompt_mistake("A file name is needed."),
            Ask::ExportPath => {
                self.dialogs.layers.pop();
                self.export(&text);
            }
            Ask::WakePassword { items, .. } => self.accept_password(&text, &items),
            Ask::RemoveCount { items, .. } if text == items.len().to_string() => {
                self.dialogs.layers.pop();
                self.remove(items);
            }
            Ask::RemoveCount { items, .. } => {
                self.prompt_mistake(&format!(
                    "These are {0} items. Enter {0} to remove them; Esc keeps them.",
                    items.len()
                ));
            }
            Ask::Code { item, reason, .. } => self.accept_code(item, &text, reason),
            Ask::Reason { .. } if text.is_empty() => {
                self.prompt_mistake("A reason is needed; it is logged.");
            }
            Ask::Reason { item, .. } => {
                self.dialogs.layers.pop();
                self.start(
                    item,
                    StartHow { show: true, reason: Some(text), ..StartHow::default() },
                );
            }
            Ask::SimulatedUser => self.simulate_user(&text),
            Ask::SimulatedTime => self.simulate_time(&text),
            Ask::LineWith => self.search_lines(text),
            Ask::Played => self.search_played(text),
            Ask::HelpWith => self.search_help(text),
            Ask::LinesPath if text.is_empty() => self.prompt_mistake("A file name is needed."),
            Ask::LinesPath => self.save_lines(&text),
            Ask::LogPath { .. } if text.is_empty() => {
                self.prompt_mistake("A file name is needed.");
            }
            Ask::LogPath { session } => self.save_log(session, &text),
            purpose @ (Ask::Chat { .. } | Ask::Note { .. }) => self.accept_words(purpose, text),
        }
    }

    pub(super) fn prompt_mistake(&mut self, what: &str) {
        if let Some(Layer::Prompt(prompt)) = self.dialogs.layers.last_mut() {
            prompt.mistake = Some(what.to_owned());
        }
    }

    /// Jumps to all marked items, after a question that names them.
    pub(super) fn ask_start(&mut self) {
        let items = self.targets_in_order().into_iter();
        let items =
            items.filter_map(|item| Some((item, self.list.inventory.name(item)?.to_owned())));
        let items = items.collect();
        let not_shown = self.not_shown();
        self.dialogs.layers.push(Layer::Confirm(Question::Start { items, not_shown }));
    }

    pub(super) fn no_start_of_many(&self) -> Option<String> {
        let items = self.targets();
        if items.len() > STARTS_AT_ONCE {
            let count = items.len();
            return Some(format!(
                "{count} items are marked; at most {STARTS_AT_ONCE} sessions start at once. Mark fewer."
            ));
        }
        items.iter().find_map(|item| self.no_jump_to(*item))
    }

    pub(super) fn start_many(&mut self, items: Vec<(ItemId, String)>) {
        self.list.jump.marked.clear();
        let open = |item: &ItemId| self.sessions.tabs.iter().any(|tab| tab.item == *item);
        let items: Vec<ItemId> =
            items.into_iter().map(|(item, _)| item).filter(|item| !open(item)).collect();
        let together = items.len() > 1;
        if together {
            self.say(&format!("Starting {} sessions …", items.len()));
            self.sessions.together = StartedTogether { all: items.len(), ..<_>::default() };
        }
        for item in items {
            self.start(item, StartHow { together, ..StartHow::default() });
        }
    }

    /// Wakes are for machines that are away.
    pub(super) fn is_away(&self, item: ItemId) -> bool {
        matches!(self.list.inventory.presence(item).status, Status::Offline | Status::Lost)
    }

    pub(super) fn ask_history(&mut self, item: ItemId) {
        let about = About::History(item);
        if self.is_linked() && !self.link.requests.is_open(about) {
            let note = (about, IfLost::Nothing);
            self.ask(note, request::History { item }, move |console, outcome| {
                // What an item's history is does not matter enough to complain.
                if let Ok(reply::ItemHistory { sessions, warning }) = outcome {
                    console.list.known.history = Some(Past { item, sessions, warning });
                }
            });
        }
    }
}

/// What goes into the clipboard.
const HOST: jumpdeck_protocol::preferences::Column = jumpdeck_protocol::preferences::Column::Host;

//! Saving a form, and what comes of it.

use super::{Form, Purpose, Row, value};
use crate::core::batch::BatchEdit;
use crate::core::layers::{Layer, Question};
use crate::core::messages::Level;
use crate::core::requests::{About, IfLost};
use crate::core::undoing::Inverse;
use crate::core::{Console, query};
use jumpdeck_protocol::inventory::ItemView;
use jumpdeck_protocol::item::{ItemChange, ItemEdit, Shortcut};
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::{ItemId, Refusal, RefusalCode};
use std::collections::BTreeMap;

impl Console {
    /// The form that is on top.
    pub fn form(&self) -> Option<&Form> {
        match self.dialogs.layers.last() {
            Some(Layer::Form(form)) => Some(form),
            _ => None,
        }
    }

    fn form_mut(&mut self) -> Option<&mut Form> {
        self.dialogs.layers.iter_mut().find_map(|layer| match layer {
            Layer::Form(form) => Some(&mut **form),
            _ => None,
        })
    }

    pub(in crate::core) fn next_field(&mut self) {
        if let Some(form) = self.form_mut() {
            form.go(1);
        }
    }

    pub(in crate::core) fn previous_field(&mut self) {
        if let Some(form) = self.form_mut() {
            form.go(-1);
        }
    }

    /// Completes a tag, or goes to the next field.
    pub(in crate::core) fn complete_field(&mut self) {
        let completed = self.form().and_then(Form::row).and_then(|row| {
            let fits = self.tags_like(row)?;
            query::common_beginning(&fits)
                .filter(|tag| tag.len() > row.text().len())
                .map(str::to_owned)
        });
        match completed {
            Some(tag) => {
                if let Some(row) = self.form_mut().and_then(Form::row_mut) {
                    row.entry = super::FieldEntry::Text(crate::core::input::Input::of(&tag));
                    (row.touched, row.fresh) = (true, false);
                }
            }
            None => self.next_field(),
        }
    }

    /// The tags that begin as what is typed into a tag's field.
    pub fn tags_like(&self, row: &Row) -> Option<Vec<String>> {
        use query::Values;
        if row.field != jumpdeck_protocol::item::ItemField::Tag || row.why_not.is_some() {
            return None;
        }
        let typed = row.text();
        let lower = typed.to_lowercase();
        let mut tags = self.list.inventory.of(query::Field::Tag);
        tags.retain(|tag| tag.to_lowercase().starts_with(&lower) && tag != typed);
        tags.sort_unstable();
        Some(tags)
    }

    /// Puts back what was there before the rep changed the field.
    pub(in crate::core) fn revert_field(&mut self) {
        let Some(row) = self.form().and_then(Form::row).cloned() else {
            return;
        };
        let values: Vec<_> = row.before.iter().map(|(_, value)| value).collect();
        let same = values.first().filter(|first| values.iter().all(|value| value == *first));
        let permission = jumpdeck_protocol::rights::Permission::PermAssignJumpGroup;
        let entry = self.entry(row.field, same.copied(), permission);
        if let Some(place) = self.form_mut().and_then(Form::row_mut) {
            let fresh = true;
            *place = Row { entry, touched: false, fresh, theirs: None, mistake: None, ..row };
        }
        self.follow_form();
    }

    /// Where somebody else changed the field: takes over what is there now.
    pub(in crate::core) fn take_theirs(&mut self) {
        let items = self.form_items();
        let now = self.form().and_then(Form::row).map(|row| self.values(row.field, &items));
        if let (Some(now), Some(row)) = (now, self.form_mut().and_then(Form::row_mut)) {
            row.before = now;
        }
        self.revert_field();
    }

    /// Where somebody else changed the field: keeps what the rep typed.
    pub(in crate::core) fn keep_mine(&mut self) {
        let items = self.form_items();
        let now = self.form().and_then(Form::row).map(|row| self.values(row.field, &items));
        if let (Some(now), Some(row)) = (now, self.form_mut().and_then(Form::row_mut)) {
            row.before = now;
            row.theirs = None;
        }
    }

    fn form_items(&self) -> Vec<ItemId> {
        match self.form().map(|form| &form.purpose) {
            Some(Purpose::Edit(items)) => items.clone(),
            _ => Vec::new(),
        }
    }

    pub(in crate::core) fn no_conflict(&self) -> Option<String> {
        let has = self.form().and_then(Form::row).is_some_and(|row| row.theirs.is_some());
        (!has).then(|| "Nobody else has changed this field.".to_owned())
    }

    pub(in crate::core) fn no_save(&self) -> Option<String> {
        let form = self.form()?;
        if form.saving {
            return Some("It is being saved.".to_owned());
        }
        if form.gone {
            return Some(
                "The item is gone: somebody removed it, or you may not see it.".to_owned(),
            );
        }
        if let Some(row) = form.rows.iter().find(|row| row.theirs.is_some()) {
            let (mine, theirs) = (self.key_of("keep-mine"), self.key_of("take-theirs"));
            return Some(format!(
                "Somebody else has changed {}: go there, and keep yours with {mine} or take theirs \
                 with {theirs}.",
                row.field.title()
            ));
        }
        self.no_link()
    }

    /// Saves what was changed.
    pub(in crate::core) fn save_form(&mut self) {
        let Some(form) = self.form().cloned() else {
            return;
        };
        match &form.purpose {
            Purpose::Edit(_) if !form.is_touched() => self.close_form(),
            Purpose::Edit(items) => self.save_edits(&form, items),
            Purpose::Pin(session) => {
                let (session, number) = (*session, form.number);
                let mut view = ItemView::default();
                if self.fill(&form, &mut view) {
                    self.begin_saving();
                    self.pin(session, view, Some(number));
                }
            }
            Purpose::New(method) => {
                let mut view = ItemView {
                    method: *method,
                    shortcut: Some(Box::new(Shortcut::new(*method))),
                    ..ItemView::default()
                };
                if self.fill(&form, &mut view) {
                    let name = view.name.to_string();
                    self.begin_saving();
                    let item = Box::new(view);
                    let (number, request) = (form.number, request::AddShortcut { item });
                    let note = (About::Anything, IfLost::Nothing);
                    self.ask(note, request, move |console, outcome| {
                        console.added(number, &name, outcome.map(|reply| reply.item));
                    });
                }
            }
        }
    }

    fn begin_saving(&mut self) {
        if let Some(form) = self.form_mut() {
            form.saving = true;
        }
    }

    /// Puts the fields' values into an item, to see whether they fit. What does not is marked.
    fn fill(&mut self, form: &Form, view: &mut ItemView) -> bool {
        let mut mistakes = Vec::new();
        for (number, row) in form.rows.iter().enumerate() {
            if matches!(form.purpose, Purpose::Edit(_)) && !row.touched {
                continue;
            }
            let value = value::value(row, self.now, self.zone());
            let fits =
                value.and_then(|value| view.set(row.field, value).map_err(|wrong| wrong.why));
            if let Err(why) = fits {
                mistakes.push((number, why));
            }
        }
        let first = mistakes.first().map(|(number, _)| *number);
        if let (Some(first), Some(form)) = (first, self.form_mut()) {
            form.selected = first;
            for (number, why) in mistakes {
                if let Some(row) = form.rows.get_mut(number) {
                    row.mistake = Some(why);
                }
            }
        }
        first.is_none()
    }

    fn save_edits(&mut self, form: &Form, items: &[ItemId]) {
        let method =
            items.first().and_then(|item| self.list.inventory.item(*item)).map(|i| i.method());
        let shortcut = method
            .filter(|method| method.is_shortcut())
            .map(|method| Box::new(Shortcut::new(method)));
        let mut view = ItemView { name: "x".into(), shortcut, ..ItemView::default() };
        if !self.fill(form, &mut view) {
            return;
        }
        let mut edits: BTreeMap<ItemId, Vec<ItemChange>> = BTreeMap::new();
        for row in form.rows.iter().filter(|row| row.touched) {
            // As it will be kept: without blanks around it, for one.
            let to = view.field(row.field);
            for (item, from) in row.before.iter().filter(|(_, from)| *from != to) {
                let change = ItemChange { field: row.field, from: from.clone(), to: to.clone() };
                edits.entry(*item).or_default().push(change);
            }
        }
        if edits.is_empty() {
            self.close_form();
            return;
        }
        self.begin_saving();
        let edits: Vec<_> =
            edits.into_iter().map(|(item, changes)| ItemEdit { item, changes }).collect();
        let request = |edits| request::EditItems { edits };
        let deed = (BatchEdit::Edit(form.number), Inverse::of(&edits));
        self.begin_undoable(deed, edits, weight, request);
    }

    /// The appliance has answered about what a form saved. It may be closed, and another open.
    pub(in crate::core) fn form_saved(&mut self, number: u64, refused: &[(ItemId, Refusal)]) {
        let Some(form) = self.form_mut().filter(|form| form.number == number) else {
            return;
        };
        form.saving = false;
        if refused.is_empty() {
            self.close_form();
            return;
        }
        if refused.iter().any(|(_, refusal)| refusal.code == RefusalCode::EditConflict) {
            self.follow_form();
        }
    }

    /// The appliance did not do what a form wanted.
    pub(in crate::core) fn form_refused(&mut self, number: u64) {
        if let Some(form) = self.form_mut().filter(|form| form.number == number) {
            form.saving = false;
        }
    }

    /// The link was lost before the appliance answered.
    pub(in crate::core) fn form_unanswered(&mut self) {
        let Some(form) = self.form_mut().filter(|form| form.saving) else {
            return;
        };
        form.saving = false;
        if matches!(form.purpose, Purpose::New(_) | Purpose::Pin(_)) {
            self.warn(
                "The link was lost before the appliance answered. What you typed is kept; look \
                 whether it was made before you save it again.",
            );
        } else {
            self.warn(
                "The link was lost before the appliance answered. What you typed is kept; save it \
                 again when the link is back.",
            );
        }
    }

    /// The appliance has answered about a new shortcut.
    fn added(&mut self, form: u64, name: &str, outcome: Result<ItemId, Refusal>) {
        let is_open = self.form_mut().is_some_and(|open| open.number == form);
        match outcome {
            Ok(item) => {
                if is_open {
                    self.close_form();
                }
                self.say(&format!("{name} was made."));
                self.list.jump.select_when_there(item);
                self.list.stale.items = true;
            }
            Err(refusal) => {
                self.form_refused(form);
                self.dialogs.messages.say(self.now, Level::Error, &format!("{name}: {refusal}"));
            }
        }
    }

    pub(in crate::core) fn close_form(&mut self) {
        let of_form =
            |layer: &Layer| matches!(layer, Layer::Form(_) | Layer::Confirm(Question::Discard));
        self.dialogs.layers.retain(|layer| !of_form(layer));
    }

    /// Leaves a form; what was typed is not thrown away without a question.
    pub(in crate::core) fn leave_form(&mut self) {
        let asks = self.form().is_some_and(|form| form.is_touched() && !form.gone);
        if asks {
            self.dialogs.layers.push(Layer::Confirm(Question::Discard));
        } else {
            self.close_form();
        }
    }
}

/// About how many bytes an edit takes on the wire.
pub(in crate::core) fn weight(edit: &ItemEdit) -> usize {
    let value = |value: &jumpdeck_protocol::item::FieldValue| match value {
        jumpdeck_protocol::item::FieldValue::Text(text) => text.len() + 16,
        _ => 32,
    };
    let changes = edit.changes.iter();
    changes.map(|change| value(&change.from) + value(&change.to) + 48).sum::<usize>() + 32
}

//! Forms as they are opened, and as they follow what others change.

use super::{FieldEntry, Form, Purpose, Row, value_text};
use crate::core::input::Input;
use crate::core::layers::Layer;
use crate::core::{Console, Link};
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::inventory::{ItemView, Place};
use jumpdeck_protocol::item::{FieldValue, ItemField, Shortcut};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::rights::Permission;

impl Console {
    /// Opens the properties of items that are of one kind.
    pub(in crate::core) fn open_properties(&mut self) {
        let items = self.targets_in_order();
        let method =
            items.first().and_then(|item| self.list.inventory.item(*item)).map(|i| i.method());
        let Some(method) = method else {
            return;
        };
        let title = match items.as_slice() {
            [one] => {
                format!("Properties of {}", self.list.inventory.name(*one).unwrap_or_default())
            }
            many => format!("Properties of {} items{}", many.len(), self.not_shown()),
        };
        let fields = method.fields().iter();
        let rows = fields.map(|field| self.row_of(*field, &items)).collect();
        self.open_form(Purpose::Edit(items), title, rows);
    }

    /// The same, at the tag: that is what many items mostly get.
    pub(in crate::core) fn open_tag(&mut self) {
        self.open_properties();
        if let Some(Layer::Form(form)) = self.dialogs.layers.last_mut() {
            let tag = form.rows.iter().position(|row| row.field == ItemField::Tag);
            form.selected = tag.unwrap_or(0);
        }
    }

    /// Opens the form of a new Jump Client, with what is known of it.
    pub(in crate::core) fn open_new_client(
        &mut self,
        purpose: Purpose,
        title: String,
        view: &ItemView,
    ) {
        let rows = JumpMethod::JumpClient.fields().iter();
        let rows = rows.map(|field| self.new_row(*field, &view.field(*field))).collect();
        self.open_form(purpose, title, rows);
    }

    fn new_row(&self, field: ItemField, value: &FieldValue) -> Row {
        let entry = self.entry(field, Some(value), Permission::PermAdd);
        Row {
            field,
            original: original(&entry),
            entry,
            touched: false,
            fresh: true,
            before: Vec::new(),
            theirs: None,
            why_not: None,
            mistake: None,
        }
    }

    fn open_form(&mut self, purpose: Purpose, title: String, rows: Vec<Row>) {
        self.dialogs.last_form += 1;
        let number = self.dialogs.last_form;
        let form = Form { number, purpose, title, rows, selected: 0, saving: false, gone: false };
        self.dialogs.layers.push(Layer::Form(Box::new(form)));
    }

    /// Opens the form of a new shortcut.
    pub(in crate::core) fn open_new(&mut self, method: JumpMethod) {
        let shortcut = Shortcut::new(method);
        let place = self.new_place();
        let rows = method.fields().iter().map(|field| {
            let value = match field {
                ItemField::Place => FieldValue::Place(place),
                ItemField::Name | ItemField::Hostname | ItemField::Tag | ItemField::Comments => {
                    FieldValue::Text("".into())
                }
                ItemField::JumpPolicy => FieldValue::JumpPolicy(None),
                other => shortcut.field(*other),
            };
            self.new_row(*field, &value)
        });
        let rows = rows.collect();
        self.open_form(Purpose::New(method), format!("New {}", method.title()), rows);
    }

    /// Where a new shortcut goes: to the place that is shown, if the rep may add there.
    pub(in crate::core) fn new_place(&self) -> Place {
        let places = self.places_for(Permission::PermAdd);
        let shown = self.list.jump.tree.selected().place();
        let shown = shown.filter(|shown| places.iter().any(|(place, _)| place == shown));
        shown.or_else(|| places.first().map(|(place, _)| *place)).unwrap_or_default()
    }

    fn row_of(&self, field: ItemField, items: &[ItemId]) -> Row {
        let before = self.values(field, items);
        let first = before.first().map(|(_, value)| value);
        let same = first.filter(|first| before.iter().all(|(_, value)| value == *first));
        let entry = self.entry(field, same, Permission::PermAssignJumpGroup);
        Row {
            field,
            original: original(&entry),
            entry,
            touched: false,
            fresh: true,
            theirs: None,
            why_not: self.why_not(field, items),
            mistake: None,
            before,
        }
    }

    /// What items hold now.
    pub(super) fn values(&self, field: ItemField, items: &[ItemId]) -> Vec<(ItemId, FieldValue)> {
        let value = |item: &ItemId| Some((*item, self.list.inventory.item(*item)?.field(field)));
        items.iter().filter_map(value).collect()
    }

    /// A field with a value in it, or none where the items differ.
    pub(super) fn entry(
        &self,
        field: ItemField,
        value: Option<&FieldValue>,
        permission: Permission,
    ) -> FieldEntry {
        let mut options: Vec<(FieldValue, String)> = match field {
            ItemField::Place => self
                .places_for(permission)
                .into_iter()
                .map(|(place, name)| (FieldValue::Place(place), name))
                .collect(),
            ItemField::JumpPolicy => {
                let policies = self.list.known.policies.iter().map(|policy| Some(policy.id));
                let all = std::iter::once(None).chain(policies).map(FieldValue::JumpPolicy);
                all.map(|value| (value.clone(), value_text(self, &value))).collect()
            }
            ItemField::PublicPortal => {
                let portals =
                    self.list.known.choices.portals.iter().map(|(portal, _)| Some(*portal));
                let all = std::iter::once(None).chain(portals).map(FieldValue::Portal);
                all.map(|value| (value.clone(), value_text(self, &value))).collect()
            }
            ItemField::CustomerPresentPolicy | ItemField::CustomerNotPresentPolicy => {
                let policies = self
                    .list
                    .known
                    .choices
                    .session_policies
                    .iter()
                    .map(|(policy, _)| Some(*policy));
                let all = std::iter::once(None).chain(policies).map(FieldValue::SessionPolicy);
                all.map(|value| (value.clone(), value_text(self, &value))).collect()
            }
            ItemField::ConsoleSession
            | ItemField::IgnoreUntrusted
            | ItemField::VerifyCertificate => [true, false]
                .map(FieldValue::Flag)
                .map(|value| (value.clone(), value_text(self, &value)))
                .to_vec(),
            other if !other.words().is_empty() => {
                let words = other.words().iter();
                words.map(|word| (FieldValue::Text((*word).into()), (*word).to_owned())).collect()
            }
            _ => {
                let text = value.map(|value| value_text(self, value)).unwrap_or_default();
                return FieldEntry::Text(Input::of(&text));
            }
        };
        let Some(value) = value else {
            return FieldEntry::Choice { options, at: None };
        };
        let at = options.iter().position(|(option, _)| option == value).unwrap_or_else(|| {
            options.insert(0, (value.clone(), value_text(self, value)));
            0
        });
        FieldEntry::Choice { options, at: Some(at) }
    }

    /// Why a property of items cannot be changed by this rep.
    fn why_not(&self, field: ItemField, items: &[ItemId]) -> Option<String> {
        let places = items.iter().filter_map(|item| Some(self.list.inventory.item(*item)?.place()));
        places.into_iter().find_map(|place| self.forbidden(place, field.permission()))
    }

    /// Brings an open form up to date after items, rights or policies changed.
    pub(in crate::core) fn follow_form(&mut self) {
        // Amid a snapshot half of the items are not there yet.
        let whole = self.list.inventory.position().is_some();
        let form = self.dialogs.layers.iter().position(|layer| matches!(layer, Layer::Form(_)));
        let Some(at) = form.filter(|_| whole) else {
            return;
        };
        let Some(Layer::Form(form)) = self.dialogs.layers.get(at) else {
            return;
        };
        let mut form = form.clone();
        if let Purpose::Edit(items) = &form.purpose {
            let there: Vec<_> = items
                .iter()
                .copied()
                .filter(|item| self.list.inventory.item(*item).is_some())
                .collect();
            form.gone = there.is_empty() && matches!(self.link.state, Link::Up { .. });
            for row in &mut form.rows {
                self.follow_row(row, &there, form.saving);
            }
        }
        if let Some(Layer::Form(place)) = self.dialogs.layers.get_mut(at) {
            *place = form;
        }
    }

    fn follow_row(&self, row: &mut Row, items: &[ItemId], saving: bool) {
        row.why_not = self.why_not(row.field, items);
        let now = self.values(row.field, items);
        // Both are in the order of the ids.
        row.before.retain(|(item, _)| items.binary_search(item).is_ok());
        if now == row.before {
            return;
        }
        if !row.touched {
            *row = Row { mistake: row.mistake.take(), ..self.row_of(row.field, items) };
            return;
        }
        let wanted = super::value::value(row, self.now, self.zone()).ok();
        let differs = |(item, value): &&(ItemId, FieldValue)| {
            let at = row.before.binary_search_by_key(item, |(other, _)| *other).ok();
            let before = at.and_then(|at| row.before.get(at));
            before.is_none_or(|(_, before)| before != value) && Some(value) != wanted.as_ref()
        };
        // While it is being saved, what comes is mostly our own change.
        let theirs = now.iter().find(differs).filter(|_| !saving);
        match theirs {
            Some((_, value)) => row.theirs = Some(value_text(self, value)),
            None if !saving => {
                row.before = now;
                row.theirs = None;
            }
            None => {}
        }
    }
}

/// The text that is in a field.
fn original(entry: &FieldEntry) -> String {
    match entry {
        FieldEntry::Text(input) => input.text().to_owned(),
        FieldEntry::Choice { .. } => String::new(),
    }
}

//! Making the machine of a session a Jump Client, and undoing that.

use super::Console;
use super::form::Purpose;
use super::layers::{Chooser, Entry, EntryValue, Layer, Pick, Question};
use crate::core::queues::clean;
use crate::core::requests::{About, IfLost};
use jumpdeck_protocol::inventory::{ItemView, Place};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::Permission;
use jumpdeck_protocol::{ItemId, SessionId};

impl Console {
    pub(super) fn no_pin(&self) -> Option<String> {
        self.no_ownership().or_else(|| {
            let tab = self.shown_tab()?;
            if self.link.requests.is_open(About::Pin(tab.id)) {
                return Some("The person at the machine is being asked already.".to_owned());
            }
            if tab.pinned {
                let place = self.list.inventory.item(tab.item)?.place();
                return self.forbidden(place, Permission::PermRemove);
            }
            let nowhere = self.places_for(Permission::PermAdd).is_empty();
            nowhere.then(|| "You may not add Jump Items anywhere.".to_owned())
        })
    }

    /// Pins the machine of the session, or undoes that.
    pub(super) fn ask_pin(&mut self) {
        let Some(tab) = self.shown_tab() else {
            return;
        };
        let (session, name) = (tab.id, tab.name.clone());
        if tab.pinned {
            self.dialogs.layers.push(Layer::Confirm(Question::Unpin { session, name }));
            return;
        }
        let customize = Entry {
            label: "Customize …".to_owned(),
            detail: "name, group, tag, comments, policy, expiry".to_owned(),
            value: EntryValue::Customize,
        };
        let places = self.places_for(Permission::PermAdd).into_iter();
        let entries = places.map(|(place, label)| Entry {
            label,
            detail: "pin it there as it is".to_owned(),
            value: EntryValue::Place(place),
        });
        let entries = std::iter::once(customize).chain(entries).collect();
        self.dialogs.layers.push(Layer::Chooser(Chooser::entries(Pick::Pin(session), entries)));
    }

    /// Pins the machine to a place without more ado.
    pub(super) fn pin_to(&mut self, session: SessionId, place: Place) {
        let Some(tab) = self.sessions.tabs.iter().find(|tab| tab.id == session) else {
            return;
        };
        let view = ItemView { name: tab.name.as_str().into(), place, ..ItemView::default() };
        self.pin(session, view, None);
    }

    pub(super) fn customize_pin(&mut self, session: SessionId) {
        if let Some(tab) = self.sessions.tabs.iter().find(|tab| tab.id == session) {
            let (name, place) = (tab.name.clone(), self.new_place());
            let view = ItemView { name: name.as_str().into(), place, ..ItemView::default() };
            self.open_new_client(Purpose::Pin(session), format!("Pin {name}"), &view);
        }
    }

    pub(super) fn pin(&mut self, session: SessionId, view: ItemView, form: Option<u64>) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let name = view.name.to_string();
        self.say(&format!("Asking the person at {name} …"));
        let item = Box::new(view);
        // A form says itself that its answer is lost.
        let unknown = || IfLost::Unknown(name.clone());
        let if_lost = form.map_or_else(unknown, |_| IfLost::Nothing);
        let note = (About::Pin(session), if_lost);
        self.ask(note, request::Pin { session, item }, move |console, outcome| match outcome {
            Ok(reply::PinnedItem { item, by_hand }) => {
                console.was_pinned(form, &name, item, by_hand.as_deref());
            }
            Err(refusal) => {
                console.refused(&format!("{name} is not pinned"), &refusal);
                if let Some(form) = form {
                    console.form_refused(form);
                }
            }
        });
    }

    /// The machine is a Jump Client.
    pub(super) fn was_pinned(
        &mut self,
        form: Option<u64>,
        name: &str,
        item: ItemId,
        by_hand: Option<&str>,
    ) {
        if let Some(number) = form {
            self.form_saved(number, &[]);
        }
        self.list.jump.select_when_there(item);
        self.list.stale.items = true;
        match by_hand {
            None => self.say(&format!("{name} is pinned; its service starts it from now on.")),
            Some(reason) => self.warn(&format!(
                "{name} is pinned, but does not start by itself: {} It stays reachable while its \
                 program runs there.",
                sentence(reason)
            )),
        }
    }

    pub(super) fn unpin(&mut self, session: SessionId, name: &str) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let done = Some(format!("{name} is unpinned; the session continues."));
        self.ask_for(format!("Unpinning {name}"), done, request::Unpin { session });
    }
}

fn sentence(words: &str) -> String {
    format!("{}.", clean(words).trim_end_matches('.'))
}

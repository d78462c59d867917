//! What becomes of a key: text where text is typed, else the command it is bound to here.

use super::command::Command;
use super::keymap::{Context, Meaning};
use super::layers::Layer;
use super::{Console, Focus, Screen, input};
use crate::core::input::KeyAnswer;
use jumpdeck_terminal::key::Key;

impl Console {
    pub(super) fn key(&mut self, key: Key) {
        self.keys.pressed += 1;
        self.dialogs.lock.touched(self.now);
        let to_shell = self.dialogs.layers.is_empty()
            && matches!(self.shown.screen, Screen::Session(_))
            && !self.keys.prefixed;
        // What a shell does with a key is drawn when it has done it: a frame that shows nothing new would
        // hold up the next one.
        self.out.dirty |= !to_shell || key == self.settings.prefix;
        if self.is_lock_key(key) && !to_shell {
            // Whatever else is going on: what is typed next may be the password.
            self.end_chord();
            match self.no_lock() {
                None => self.lock_now(),
                Some(reason) => self.warn(&reason),
            }
            return;
        }
        if self.list.searches.holds_keys() {
            self.list.searches.held.push(key);
            return;
        }
        // Anyone who goes on typing has thought better of what was waiting.
        self.list.searches.waiting = None;
        if self.is_too_small() {
            return;
        }
        if to_shell {
            self.session_key(key);
            if self.is_lock_key(key) && self.no_lock().is_none() {
                let prefix = self.settings.prefix;
                let words = format!("{prefix} {key} locks; {key} went to the shell.");
                self.warn(&words);
            }
            return;
        }
        if self.keys.chord.is_empty() && self.takes_text() && self.text_key(key) {
            return;
        }
        let context = self.context();
        let is_prefix =
            self.keys.prefixed && self.keys.chord.is_empty() && key == self.settings.prefix;
        if is_prefix && !self.settings.keymap.is_bound(Context::Session, key) {
            self.end_chord();
            self.type_into_session(key);
            return;
        }
        self.keys.chord.push(key);
        match self.settings.keymap.meaning(context, &self.keys.chord) {
            Meaning::Command(command) => {
                self.end_chord();
                self.run(command);
            }
            Meaning::Beginning(_) => {}
            Meaning::Nothing => self.unbound(key),
        }
    }

    fn unbound(&mut self, key: Key) {
        let prefixed = self.keys.prefixed;
        self.end_chord();
        if self.context() == Context::Confirm {
            self.warn("Press y or n.");
        } else if !prefixed && key == Key::ctrl('c') {
            self.warn(&self.way_out());
        } else if prefixed {
            let prefix = self.settings.prefix;
            self.warn(&format!("{prefix} {key} means nothing; {prefix} ? shows what does."));
        }
    }

    /// How the console is left, for anyone who tries it as everywhere else.
    fn way_out(&self) -> String {
        if self.dialogs.layers.is_empty() {
            format!("{} leaves the console; open sessions continue.", self.key_of("quit"))
        } else {
            format!("{} closes this.", self.key_of("back"))
        }
    }

    fn is_lock_key(&self, key: Key) -> bool {
        let global = self.settings.keymap.meaning(Context::Global, &[key]);
        matches!(global, Meaning::Command(command) if command.spec().name == "lock")
    }

    pub(super) fn end_chord(&mut self) {
        self.keys.chord.clear();
        self.keys.prefixed = false;
    }

    /// Runs a command, or says why it cannot be done.
    pub(crate) fn run(&mut self, command: Command) {
        let spec = command.spec();
        if self.must_wait(spec.name) {
            self.list.searches.waiting = Some(command);
            return;
        }
        match (spec.disabled)(self) {
            None => (spec.run)(self),
            Some(reason) => self.warn(&reason),
        }
    }

    fn takes_text(&self) -> bool {
        match self.dialogs.layers.last() {
            Some(layer) => layer.room().takes_text(),
            None => {
                let typing = matches!(self.list.jump.focus, Focus::Search | Focus::TreeFind);
                self.shown.screen == Screen::Jump && typing
            }
        }
    }

    /// A key in a line of text. Returns whether it was one.
    fn text_key(&mut self, key: Key) -> bool {
        let answer = match self.dialogs.layers.last_mut() {
            Some(layer) => layer.room_mut().key(key),
            None => self.list.jump.input().answer(key),
        };
        match answer {
            KeyAnswer::Bubble => return false,
            KeyAnswer::Handled => {}
            KeyAnswer::Edited => self.typed(),
            KeyAnswer::Said(words) => self.warn(&words),
        }
        true
    }

    pub(super) fn text_input(&mut self) -> Option<&mut input::Input> {
        match self.dialogs.layers.last_mut() {
            Some(layer) => layer.room_mut().input(),
            None => Some(self.list.jump.input()),
        }
    }

    /// The text of the input in front has changed.
    pub(super) fn typed(&mut self) {
        match self.dialogs.layers.last_mut() {
            Some(layer) => {
                layer.room_mut().edited();
                self.search_for_chooser();
                if matches!(self.dialogs.layers.last(), Some(Layer::History(_))) {
                    self.search_history();
                }
            }
            None if self.list.jump.focus == Focus::TreeFind => self.find_in_tree(),
            None => {
                self.list.jump.start_over();
                if self.read_search() {
                    self.watch_figures();
                    self.start_filter();
                }
            }
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.out.dirty = true;
        self.dialogs.lock.touched(self.now);
        let takes_text = self.takes_text();
        match self.dialogs.layers.last_mut() {
            Some(layer) if takes_text => {
                layer.room_mut().paste(text);
                self.search_for_chooser();
            }
            None if takes_text => {
                self.list.jump.input().insert(text);
                self.typed();
            }
            None if matches!(self.shown.screen, Screen::Session(_)) => {
                self.paste_into_session(text);
            }
            _ => {}
        }
    }
}

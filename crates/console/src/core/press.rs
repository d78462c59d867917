//! What becomes of a key: text where text is typed, else the command it is bound to here.

use super::command::Command;
use super::keymap::{Context, Meaning};
use super::layer::Layer;
use super::{Console, Focus, Screen, form, input};
use jumpdeck_terminal::key::Key;

impl Console {
    pub(super) fn key(&mut self, key: Key) {
        self.out.dirty = true;
        self.keys.pressed += 1;
        self.dialogs.lock.touched(self.now);
        let to_shell = self.dialogs.layers.is_empty()
            && matches!(self.shown.screen, Screen::Session(_))
            && !self.keys.prefixed;
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
        // Whoever goes on typing has thought better of what was waiting.
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
            self.warn("This asks for y or n.");
        } else if !prefixed && key == Key::ctrl('c') {
            self.warn(&self.way_out());
        } else if prefixed {
            let prefix = self.settings.prefix;
            self.warn(&format!("{prefix} {key} means nothing; {prefix} ? shows what does."));
        }
    }

    /// How the console is left, for whoever tries it as everywhere else.
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
            Some(Layer::Chooser(_) | Layer::Prompt(_) | Layer::Form(_)) => true,
            Some(_) => false,
            None => {
                let typing = matches!(self.list.jump.focus, Focus::Search | Focus::TreeFind);
                self.shown.screen == Screen::Jump && typing
            }
        }
    }

    /// A key in a line of text. Returns whether it was one.
    fn text_key(&mut self, key: Key) -> bool {
        if let Some(Layer::Form(form)) = self.dialogs.layers.last_mut() {
            let reason = form.row().and_then(|row| row.why_not.clone());
            return match reason {
                Some(reason) if key == Key::char('!') => {
                    self.warn(&reason);
                    true
                }
                _ => form.key(key),
            };
        }
        let Some(input) = self.text_input() else {
            return false;
        };
        let before = input.text().to_owned();
        if !input.key(key) {
            return false;
        }
        if input.text() != before {
            self.typed();
        }
        true
    }

    pub(super) fn text_input(&mut self) -> Option<&mut input::Input> {
        match self.dialogs.layers.last_mut() {
            Some(Layer::Chooser(chooser)) => Some(&mut chooser.input),
            Some(Layer::Prompt(prompt)) => Some(&mut prompt.input),
            Some(Layer::Form(form)) if form.saving => None,
            Some(Layer::Form(form)) => match form.row_mut() {
                Some(form::Row { entry: form::Entry::Text(input), why_not: None, .. }) => {
                    Some(input)
                }
                _ => None,
            },
            Some(_) => None,
            None if self.list.jump.focus == Focus::TreeFind => Some(&mut self.list.jump.find),
            None => Some(&mut self.list.jump.search),
        }
    }

    /// The text of the input in front has changed.
    pub(super) fn typed(&mut self) {
        match self.dialogs.layers.last_mut() {
            Some(Layer::Chooser(chooser)) => {
                chooser.typed();
                self.search_for_chooser();
            }
            Some(Layer::Prompt(prompt)) => prompt.mistake = None,
            Some(Layer::Form(form)) => form.edited(),
            Some(_) => {}
            None if self.list.jump.focus == Focus::TreeFind => self.find_in_tree(),
            _ => {
                self.list.jump.start_over();
                if self.list.jump.read_query() {
                    self.watch_figures();
                    self.start_filter();
                }
            }
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.out.dirty = true;
        self.dialogs.lock.touched(self.now);
        if let Some(Layer::Form(form)) = self.dialogs.layers.last_mut() {
            form.paste(text);
        } else if self.takes_text() {
            if let Some(input) = self.text_input() {
                input.insert(text);
            }
            self.typed();
        } else if self.dialogs.layers.is_empty() && matches!(self.shown.screen, Screen::Session(_))
        {
            self.paste_into_session(text);
        }
    }
}

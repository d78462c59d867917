//! Sessions: starting, showing, typing, ending.

use super::layers::{Layer, Question};
use super::session::{Pane, Shell, Tab, Unseen};
use super::{Console, Effect, Screen, layout};
use crate::core::requests::About;
use jumpdeck_protocol::rep::RepNotice;
use jumpdeck_protocol::session::{
    ChannelOrder, ChannelState, Keyboard, Part, RecordingState, SessionView, Size,
};
use jumpdeck_protocol::{ChannelId, UserId, limits};
use jumpdeck_terminal::key::Key;

impl Console {
    /// The size of a session's pane.
    pub fn pane_size(&self) -> Size {
        if self.shown.zoomed {
            self.shown.size.clamped()
        } else {
            layout::session_pane(self.shown.size)
        }
    }

    /// The shell takes the bar's row, or gives it back.
    pub(super) fn zoom(&mut self) {
        self.shown.zoomed = !self.shown.zoomed;
        self.resize_sessions();
        if self.shown.zoomed {
            let prefix = self.settings.prefix;
            self.say(&format!("Whole screen; {prefix} z gives the bar back."));
        }
    }

    pub(super) fn started(&mut self, view: &SessionView, show: bool) {
        let Some(tab) = self.open_tab(view) else {
            return;
        };
        let typing = self.dialogs.layers.iter().any(|layer| matches!(layer, Layer::Form(_)));
        if show && !typing {
            // The session's own screen says the rest.
            self.dialogs.messages.settle();
            self.show_tab(tab);
        } else {
            let name = jumpdeck_protocol::text::clean(&view.item_name).into_owned();
            let key = self.key_of_tab(tab);
            self.say(&format!("The session with {name} runs; {key} shows it."));
        }
    }

    /// Adds a tab for a session that was started here, if there is none yet. Returns its number.
    pub(super) fn open_tab(&mut self, view: &SessionView) -> Option<usize> {
        let size = self.pane_size();
        let position = match self.sessions.tabs.iter().position(|tab| tab.id == view.id) {
            Some(position) => position,
            None => {
                // By their numbers, in whatever order the answers come.
                let tab = Tab::new(view, self.user(), size)?;
                let after = self.sessions.tabs.iter().rposition(|other| other.id < view.id);
                let position = after.map_or(0, |before| before + 1);
                self.insert_tab(position, tab);
                position
            }
        };
        let own = self.sessions.tabs.get(position).is_some_and(|tab| tab.part == Part::Owner);
        self.attach_shells(position, if own { Keyboard::Take } else { Keyboard::IfFree });
        Some(position)
    }

    /// Shows all shells of a session that are not shown yet.
    fn attach_shells(&mut self, position: usize, keyboard: Keyboard) {
        let size = self.pane_size();
        let Some(tab) = self.sessions.tabs.get_mut(position) else {
            return;
        };
        let away = tab.shells.iter_mut().filter(|shell| shell.pane == Pane::Away);
        let orders: Vec<_> = away.flat_map(|shell| shell.attach_anew(size, keyboard)).collect();
        self.order_all(orders);
    }

    /// Who is logged in here.
    pub fn user(&self) -> Option<UserId> {
        self.link.welcome.as_ref().map(|welcome| welcome.user)
    }

    /// The appliance tells which sessions are open.
    pub(super) fn take_sessions(&mut self, sessions: &[SessionView]) {
        let gone = |tab: &Tab| !sessions.iter().any(|view| view.id == tab.id);
        while let Some(position) = self.sessions.tabs.iter().position(gone) {
            self.close_tab(position);
        }
        let (user, size) = (self.user(), self.pane_size());
        for view in sessions {
            if let Some(tab) = self.sessions.tabs.iter_mut().find(|tab| tab.id == view.id) {
                tab.update(view, user, size);
            } else if !self.link.requests.is_open(About::Start(view.item))
                && let Some(tab) = Tab::new(view, user, size)
            {
                self.sessions.tabs.push(tab);
                self.came_by_others(self.sessions.tabs.len() - 1);
                // What nobody shows is held for its owner.
                let held = view.channels.iter().any(|channel| channel.attached);
                if !held && view.part(user.unwrap_or_default()) == Some(Part::Owner) {
                    self.attach_shells(self.sessions.tabs.len() - 1, Keyboard::IfFree);
                }
            }
        }
        self.show_shells();
        self.out.dirty = true;
    }

    /// Somebody shared a session with this rep.
    fn came_by_others(&mut self, position: usize) {
        let Some(tab) = self.sessions.tabs.get(position) else {
            return;
        };
        let id = tab.id;
        if tab.part != Part::Owner && !self.sessions.tabs_known.contains(&id) {
            let how = if tab.part == Part::Observer { "watch" } else { "join" };
            let key = self.key_of_tab(position);
            let words = format!(
                "You can {how} {}'s session with {}. {key} shows it.",
                tab.owner(),
                tab.name
            );
            self.say(&words);
        }
        self.sessions.tabs_known.insert(id);
    }

    /// A tab that does not come last moves those behind it.
    fn insert_tab(&mut self, position: usize, tab: Tab) {
        self.sessions.tabs.insert(position, tab);
        if let Screen::Session(shown) = self.shown.screen
            && shown >= position
        {
            self.shown.screen = Screen::Session(shown + 1);
        }
    }

    pub(super) fn close_tab(&mut self, position: usize) {
        if position >= self.sessions.tabs.len() {
            return;
        }
        let gone = self.sessions.tabs.remove(position);
        self.forget_marked_session(gone.id);
        self.shown.screen = match self.shown.screen {
            Screen::Session(shown) if shown == position => {
                self.end_chord();
                self.dialogs.layers.retain(|layer| !layer.room().is_of_session());
                Screen::Jump
            }
            Screen::Session(shown) if shown > position => Screen::Session(shown - 1),
            other => other,
        };
        self.out.dirty = true;
    }

    pub(super) fn show_tab(&mut self, position: usize) {
        if self
            .dialogs
            .layers
            .iter()
            .any(|layer| matches!(layer, Layer::Form(form) if form.is_touched()))
        {
            self.warn("Save the form first, or leave it.");
        } else if position < self.sessions.tabs.len() {
            self.dialogs.layers.clear();
            self.end_chord();
            if self.shown.screen != Screen::Session(position) {
                self.hide_shells();
            }
            self.shown.screen = Screen::Session(position);
            if let Some(tab) = self.sessions.tabs.get_mut(position) {
                tab.unread = 0;
            }
            self.show_shells();
            self.out.dirty = true;
        }
    }

    /// What came in the shell on the screen has been seen.
    pub(super) fn see_shell(&mut self) {
        if let Screen::Session(position) = self.shown.screen
            && let Some(shell) = self.sessions.tabs.get_mut(position).and_then(Tab::shell_mut)
        {
            shell.unseen = Unseen::default();
        }
    }

    /// What is on the screen is shown; who only watches begins when the session comes up.
    pub(super) fn show_shells(&mut self) {
        self.see_shell();
        let Screen::Session(position) = self.shown.screen else {
            return;
        };
        let Some(tab) = self.sessions.tabs.get(position).filter(|_| self.is_linked()) else {
            return;
        };
        let keyboard = if tab.part == Part::Observer { Keyboard::Watch } else { Keyboard::IfFree };
        self.attach_shells(position, keyboard);
    }

    /// A session that is only watched here does not hold its terminal's size from elsewhere.
    pub(super) fn hide_shells(&mut self) {
        let Screen::Session(position) = self.shown.screen else {
            return;
        };
        let Some(tab) = self.sessions.tabs.get_mut(position) else {
            return;
        };
        let orders: Vec<_> = tab.shells.iter_mut().filter_map(Shell::leave).collect();
        self.order_all(orders);
    }

    /// The same for one shell, which another console of this rep began to type in.
    pub(super) fn hide_shell(&mut self, channel: ChannelId) {
        let order = self.shell_of(channel).and_then(Shell::leave);
        self.order_all(order);
    }

    /// Whether a shell's session is on the screen.
    pub(super) fn is_on_screen(&self, channel: ChannelId) -> bool {
        let Screen::Session(position) = self.shown.screen else {
            return false;
        };
        let shells = self.sessions.tabs.get(position).map(|tab| &tab.shells);
        shells.is_some_and(|shells| shells.iter().any(|shell| shell.channel() == channel))
    }

    /// The tab that a digit means: the session of this number, else the tab at this place.
    fn tab_of_digit(&self, digit: usize) -> Option<usize> {
        let tabs = &self.sessions.tabs;
        let named = tabs.iter().position(|tab| usize::try_from(tab.id.0) == Ok(digit));
        named.or_else(|| digit.checked_sub(1).filter(|at| *at < tabs.len()))
    }

    pub(super) fn show_digit(&mut self, digit: usize) {
        if let Some(position) = self.tab_of_digit(digit) {
            self.show_tab(position);
        }
    }

    pub(super) fn no_digit(&self, digit: usize) -> Option<String> {
        self.tab_of_digit(digit).is_none().then(|| format!("There is no session {digit}."))
    }

    /// How a session is reached from where we are: by a digit if one leads there, else through the
    /// list of sessions.
    pub(super) fn key_of_tab(&self, position: usize) -> String {
        let number =
            self.sessions.tabs.get(position).and_then(|tab| usize::try_from(tab.id.0).ok());
        let digit = number
            .into_iter()
            .chain([position + 1])
            .find(|digit| *digit < 10 && self.tab_of_digit(*digit) == Some(position));
        match (digit, self.shown.screen) {
            (Some(digit), Screen::Session(_)) => format!("{} {digit}", self.settings.prefix),
            (Some(digit), Screen::Jump | Screen::Sessions) => format!("Alt-{digit}"),
            (None, _) => self.key_of("go-sessions"),
        }
    }

    pub(super) fn cycle_tab(&mut self, by: isize) {
        if let (Screen::Session(shown), Ok(count)) =
            (self.shown.screen, isize::try_from(self.sessions.tabs.len()))
        {
            let next = isize::try_from(shown).unwrap_or(0).saturating_add(by);
            self.show_tab(usize::try_from(next.rem_euclid(count.max(1))).unwrap_or(0));
        }
    }

    pub(super) fn no_end_session(&self) -> Option<String> {
        match self.shown.screen {
            Screen::Session(_) => self.no_ownership(),
            Screen::Jump | Screen::Sessions => Some("This works in a session.".to_owned()),
        }
    }

    pub(super) fn ask_end_session(&mut self) {
        if let Some(tab) = self.shown_tab() {
            let question = Question::EndSession { session: tab.id, name: tab.name.clone() };
            self.dialogs.layers.push(Layer::Confirm(question));
        }
    }

    pub(super) fn no_take_over(&self) -> Option<String> {
        let Some(tab) = self.shown_tab() else {
            return Some("This works in a session.".to_owned());
        };
        let ours = tab.shell().is_some_and(Shell::types);
        match tab.part {
            Part::Observer => Some(format!("{} lets you watch, but not type.", tab.owner())),
            _ if ours => Some("You have the keyboard already.".to_owned()),
            _ => None,
        }
    }

    /// From now on, this console types.
    pub(super) fn take_over(&mut self) {
        let size = self.pane_size();
        let Some(shell) = self.shown_shell_mut() else {
            return;
        };
        shell.endpoint.want_keyboard(limits::SHELL_WINDOW);
        let orders = shell.attach(size);
        self.order_all(orders);
    }

    /// The terminal is as large as this rep's own pane, or as the smallest one again.
    pub(super) fn fit_terminal(&mut self) {
        let Some(shell) = self.shown_shell_mut() else {
            return;
        };
        let own = !shell.state.as_ref().is_some_and(|state| state.fitted);
        let channel = shell.channel();
        self.order_all([ChannelOrder::Fit { channel, own }]);
        self.say(if own {
            "The terminal is as large as your pane; others may see a part of it."
        } else {
            "The terminal is as large as the smallest pane that shows it."
        });
    }

    fn shown_shell_mut(&mut self) -> Option<&mut Shell> {
        match self.shown.screen {
            Screen::Session(shown) => self.sessions.tabs.get_mut(shown)?.shell_mut(),
            Screen::Jump | Screen::Sessions => None,
        }
    }

    /// The session on the screen.
    pub fn shown_tab(&self) -> Option<&Tab> {
        match self.shown.screen {
            Screen::Session(shown) => self.sessions.tabs.get(shown),
            Screen::Jump | Screen::Sessions => None,
        }
    }

    pub(super) fn session_key(&mut self, key: Key) {
        if key == self.settings.prefix {
            self.keys.prefixed = true;
        } else {
            self.type_into_session(key);
        }
    }

    pub(super) fn type_into_session(&mut self, key: Key) {
        // As each program wants it.
        self.input(|shell| shell.terminal.encode(key));
    }

    pub(super) fn paste_into_session(&mut self, text: &str) {
        self.input(|shell| shell.terminal.encode_paste(text));
    }

    fn input(&mut self, bytes: impl Fn(&Shell) -> Vec<u8>) {
        if !self.may_type() {
            return;
        }
        for tab in self.typed_tabs() {
            let Some(shell) = self.sessions.tabs.get_mut(tab).and_then(Tab::shell_mut) else {
                continue;
            };
            let bytes = bytes(shell);
            self.out.dirty |= shell.answers.typed();
            shell.endpoint.write(&bytes);
            let channel = shell.channel();
            self.flush(channel);
            self.predict(channel, &bytes);
        }
        self.typed_away();
    }

    /// Whether a key goes to the shell on the screen. Says why not; from another console of the
    /// same rep, the keyboard comes along.
    fn may_type(&mut self) -> bool {
        let own = self.link.welcome.as_ref().map(|welcome| welcome.username.clone());
        let Some(tab) = self.shown_tab() else {
            return false;
        };
        let Some(shell) = tab.shell().filter(|shell| shell.pane != Pane::Away) else {
            return false;
        };
        if let Some(ChannelState { recording: RecordingState::Failed { reason }, .. }) =
            &shell.state
        {
            let words = format!("Not typed: this shell is to be recorded, but {reason}.");
            self.warn(&words);
            return false;
        }
        if shell.types() {
            return true;
        }
        let typist = shell.typist().map(str::to_owned);
        if tab.part == Part::Observer {
            let words = format!("{} lets you watch, but not type.", tab.owner());
            self.warn(&words);
            return false;
        }
        match typist {
            Some(other) if Some(&other) != own.as_ref() => {
                let prefix = self.settings.prefix;
                self.warn(&format!("{other} types here; {prefix} t takes the keyboard."));
                false
            }
            _ => {
                self.take_over();
                true
            }
        }
    }

    /// Sends the input that may be sent.
    pub(super) fn flush(&mut self, channel: ChannelId) {
        let mut messages = Vec::new();
        if let Some(shell) = self.shell_of(channel) {
            while let Some(message) = shell.endpoint.next_message() {
                messages.push(Effect::Send(message));
            }
        }
        self.out.effects.extend(messages);
    }

    /// The shell of a channel.
    pub(super) fn shell_of(&mut self, channel: ChannelId) -> Option<&mut Shell> {
        let mut shells = self.sessions.tabs.iter_mut().flat_map(|tab| &mut tab.shells);
        shells.find(|shell| shell.channel() == channel)
    }

    /// What to call the shell of a channel.
    pub(super) fn name_of_shell(&self, channel: ChannelId) -> String {
        let has = |tab: &&Tab| tab.shells.iter().any(|shell| shell.channel() == channel);
        self.sessions.tabs.iter().find(has).map(|tab| tab.name.clone()).unwrap_or_default()
    }

    pub(super) fn resize_sessions(&mut self) {
        let size = self.pane_size();
        let shells = self.sessions.tabs.iter_mut().flat_map(|tab| &mut tab.shells);
        let shown = shells.filter(|shell| shell.pane != Pane::Away);
        let orders: Vec<_> = shown.map(|shell| shell.resize(size)).collect();
        self.order_all(orders);
    }

    pub(super) fn order_all(&mut self, orders: impl IntoIterator<Item = ChannelOrder>) {
        for order in orders {
            self.notify(RepNotice::Channel(order));
        }
    }
}

//! Sessions: starting, showing, typing, ending.

use super::key::Key;
use super::layer::{Layer, Question};
use super::session::{Pane, Tab};
use super::{Asked, Console, Effect, Screen, layout};
use jumpdeck_protocol::inventory::{JumpPolicyView, PolicyState, Status};
use jumpdeck_protocol::rep::{RepNotice, RepRequest};
use jumpdeck_protocol::rights::Permission;
use jumpdeck_protocol::session::{ChannelKind, ChannelOrder, SessionView, Size};
use jumpdeck_protocol::{ItemId, RefusalCode};

/// What a session's terminal calls itself.
const TERM: &str = "xterm-256color";

impl Console {
    pub(super) fn jump(&mut self) {
        self.knows_the_keys();
        let targets = self.targets();
        match targets.as_slice() {
            // One that is marked, and is not the selected one, may have been forgotten.
            [one] if Some(*one) == self.jump.selected => self.jump_to(*one),
            [] => {}
            _ => self.ask_start(),
        }
    }

    pub(super) fn no_jump(&self) -> Option<String> {
        if !self.jump.marked.is_empty() {
            return self.no_start_of_many();
        }
        match self.jump.selected {
            None => Some("There is no item to jump to.".to_owned()),
            Some(item) => self.no_jump_to(item),
        }
    }

    /// Why no session can be started with an item; the appliance has the last word.
    pub(super) fn no_jump_to(&self, item: ItemId) -> Option<String> {
        if self.tabs.iter().any(|tab| tab.item == item) {
            return None;
        }
        if !self.is_linked() {
            return Some("There is no link to the appliance; it is being made again.".to_owned());
        }
        let there = self.inventory.item(item)?;
        let name = there.name();
        if !there.is_client() {
            let method = there.method().title();
            return Some(format!("{method} sessions come with a later version of jumpdeck."));
        }
        if let Some(reason) = self.forbidden(there.place(), Permission::PermStart) {
            return Some(reason);
        }
        if let Some(policy) = self.closed_policy(item).filter(|policy| policy.strict) {
            let when = super::why::state_text(self, policy.state);
            return Some(format!("{}: nobody may start a session now; it {when}.", policy.name));
        }
        let code = match self.inventory.presence(item).status {
            Status::Online | Status::InUse => return None,
            Status::Disabled => RefusalCode::DisabledByUser,
            Status::UpgradePending => RefusalCode::UpgradePending,
            Status::Uninstalled => RefusalCode::JumpClientUninstalled,
            Status::Offline | Status::Lost | Status::Passive => RefusalCode::JumpClientOffline,
        };
        Some(code.because(name).to_string())
    }

    /// Shows the item's session, or starts one.
    pub(super) fn jump_to(&mut self, item: ItemId) {
        if let Some(reason) = self.no_jump_to(item) {
            self.warn(&reason);
            return;
        }
        self.jump.marked.remove(&item);
        if let Some(tab) = self.tabs.iter().position(|tab| tab.item == item) {
            self.show_tab(tab);
            return;
        }
        if let Some(policy) = self.closed_policy(item) {
            let policy = format!("{} {}", policy.name, super::why::state_text(self, policy.state));
            let name = self.inventory.name(item).unwrap_or_default().to_owned();
            self.layers.push(Layer::Confirm(Question::Override { item, name, policy }));
            return;
        }
        self.start(item, true, false);
    }

    /// The item's Jump Policy, if it lets nobody in now.
    fn closed_policy(&self, item: ItemId) -> Option<&JumpPolicyView> {
        let policy = self.policy(self.inventory.item(item)?.jump_policy()?)?;
        matches!(policy.state, PolicyState::Closed { .. }).then_some(policy)
    }

    /// Starts a session, and shows it once it runs if that is wanted.
    pub(super) fn start(&mut self, item: ItemId, show: bool, override_schedule: bool) {
        let Some(name) = self.inventory.name(item).map(str::to_owned) else {
            return;
        };
        let is_starting =
            |asked: &Asked| matches!(asked, Asked::Start { item: other, .. } if *other == item);
        if self.asked.values().any(is_starting) {
            self.warn(&format!("A session with {name} is starting already."));
            return;
        }
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let starting = Asked::Start { item, name: name.clone(), show };
        self.say(&format!("Starting a session with {name} …"));
        let kind = ChannelKind::Shell { size: self.pane_size(), term: TERM.to_owned() };
        self.request(starting, RepRequest::StartSession { item, kind, override_schedule });
    }

    /// The size of a session's pane.
    pub fn pane_size(&self) -> Size {
        layout::session_pane(self.size)
    }

    pub(super) fn started(&mut self, view: &SessionView, show: bool) {
        let Some(tab) = self.open_tab(view) else {
            return;
        };
        let typing = self.layers.iter().any(|layer| matches!(layer, Layer::Form(_)));
        if show && !typing {
            // The session's own screen says the rest.
            self.messages.settle();
            self.show_tab(tab);
        } else {
            let name = jumpdeck_protocol::text::clean(&view.item_name).into_owned();
            self.say(&format!("The session with {name} runs; Alt-{} shows it.", tab + 1));
        }
    }

    /// Adds a tab if there is none yet. Returns its number.
    fn open_tab(&mut self, view: &SessionView) -> Option<usize> {
        if let Some(tab) = self.tabs.iter().position(|tab| tab.id == view.id) {
            return Some(tab);
        }
        let mut tab = Tab::new(view, self.pane_size())?;
        let orders = tab.attach(self.pane_size());
        self.tabs.push(tab);
        self.order_all(orders);
        Some(self.tabs.len() - 1)
    }

    /// The appliance tells which sessions are open.
    pub(super) fn take_sessions(&mut self, sessions: &[SessionView]) {
        let gone = |tab: &Tab| !sessions.iter().any(|view| view.id == tab.id);
        while let Some(position) = self.tabs.iter().position(gone) {
            self.close_tab(position);
        }
        for view in sessions {
            let held = view.channels.iter().any(|channel| channel.attached);
            let known = self.tabs.iter().any(|tab| tab.id == view.id);
            let starting =
                |asked: &Asked| matches!(asked, Asked::Start { item, .. } if *item == view.item);
            if known || self.asked.values().any(starting) {
                continue;
            }
            if !held {
                self.open_tab(view);
            } else if let Some(mut tab) = Tab::new(view, self.pane_size()) {
                tab.pane = Pane::Elsewhere;
                self.tabs.push(tab);
            }
        }
        self.dirty = true;
    }

    pub(super) fn close_tab(&mut self, position: usize) {
        if position >= self.tabs.len() {
            return;
        }
        self.tabs.remove(position);
        self.screen = match self.screen {
            Screen::Session(shown) if shown == position => {
                self.end_chord();
                Screen::Jump
            }
            Screen::Session(shown) if shown > position => Screen::Session(shown - 1),
            other => other,
        };
        self.dirty = true;
    }

    pub(super) fn show_tab(&mut self, position: usize) {
        if self.layers.iter().any(|layer| matches!(layer, Layer::Form(form) if form.is_touched())) {
            self.warn("Save the form first, or leave it.");
        } else if position < self.tabs.len() {
            self.layers.clear();
            self.end_chord();
            self.screen = Screen::Session(position);
            self.dirty = true;
        }
    }

    pub(super) fn no_tab(&self, position: usize) -> Option<String> {
        let missing = position >= self.tabs.len();
        missing.then(|| format!("There is no session {}.", position + 1))
    }

    pub(super) fn cycle_tab(&mut self, by: isize) {
        if let (Screen::Session(shown), Ok(count)) = (self.screen, isize::try_from(self.tabs.len()))
        {
            let next = isize::try_from(shown).unwrap_or(0).saturating_add(by);
            self.show_tab(usize::try_from(next.rem_euclid(count.max(1))).unwrap_or(0));
        }
    }

    pub(super) fn no_end_session(&self) -> Option<String> {
        match self.screen {
            Screen::Session(_) if !self.is_linked() => {
                Some("There is no link to the appliance; it is being made again.".to_owned())
            }
            Screen::Session(_) => None,
            Screen::Jump => Some("This works in a session.".to_owned()),
        }
    }

    pub(super) fn ask_end_session(&mut self) {
        if let Some(tab) = self.shown_tab() {
            let question = Question::EndSession { session: tab.id, name: tab.name.clone() };
            self.layers.push(Layer::Confirm(question));
        }
    }

    pub(super) fn no_take_over(&self) -> Option<String> {
        let elsewhere = self.shown_tab().is_some_and(|tab| tab.pane == Pane::Elsewhere);
        (!elsewhere).then(|| "No other console shows this session.".to_owned())
    }

    pub(super) fn take_over(&mut self) {
        let size = self.pane_size();
        if let Screen::Session(shown) = self.screen
            && let Some(tab) = self.tabs.get_mut(shown)
        {
            let orders = tab.attach_anew(size);
            self.order_all(orders);
        }
    }

    /// The session on the screen.
    pub fn shown_tab(&self) -> Option<&Tab> {
        match self.screen {
            Screen::Session(shown) => self.tabs.get(shown),
            Screen::Jump => None,
        }
    }

    pub(super) fn session_key(&mut self, key: Key) {
        if key == self.settings.prefix {
            self.prefixed = true;
        } else {
            self.type_into_session(key);
        }
    }

    pub(super) fn type_into_session(&mut self, key: Key) {
        self.input(|tab| tab.terminal.encode(key));
    }

    pub(super) fn paste_into_session(&mut self, text: &str) {
        self.input(|tab| tab.terminal.encode_paste(text));
    }

    fn input(&mut self, bytes: impl FnOnce(&Tab) -> Vec<u8>) {
        let Screen::Session(shown) = self.screen else {
            return;
        };
        let Some(tab) = self.tabs.get_mut(shown) else {
            return;
        };
        if tab.pane == Pane::Elsewhere {
            return;
        }
        let bytes = bytes(tab);
        tab.endpoint.write(&bytes);
        self.flush(shown);
    }

    /// Sends the input that may be sent.
    pub(super) fn flush(&mut self, position: usize) {
        let Some(tab) = self.tabs.get_mut(position) else {
            return;
        };
        while let Some(message) = tab.endpoint.next_message() {
            self.effects.push(Effect::Send(message));
        }
    }

    pub(super) fn resize_sessions(&mut self) {
        let size = self.pane_size();
        let orders: Vec<_> = self
            .tabs
            .iter_mut()
            .filter(|tab| tab.pane != Pane::Elsewhere)
            .map(|tab| tab.resize(size))
            .collect();
        self.order_all(orders);
    }

    pub(super) fn order_all(&mut self, orders: impl IntoIterator<Item = ChannelOrder>) {
        for order in orders {
            self.notify(RepNotice::Channel(order));
        }
    }
}

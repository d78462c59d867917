//! Sessions: starting, showing, typing, ending.

use super::input::Input;
use super::layers::{Ask, Layer, Prompt, Question};
use super::session::{Pane, Shell, Tab};
use super::{Console, Effect, Screen, layout};
use crate::core::requests::{About, IfLost};
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::inventory::{JumpPolicyView, PolicyState, Status};
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{RepNotice, Secret};
use jumpdeck_protocol::rights::Permission;
use jumpdeck_protocol::session::{
    ChannelKind, ChannelOrder, ChannelState, Keyboard, Part, RecordingState, SessionView, Size,
};
use jumpdeck_protocol::{ChannelId, ItemId, RefusalCode, UserId, limits};
use jumpdeck_terminal::key::Key;

/// What a session's terminal calls itself.
pub(super) const TERM: &str = "xterm-256color";

/// How a session is started.
#[derive(Clone, Debug, Default)]
pub(super) struct StartHow {
    /// Show it once it runs.
    pub(super) show: bool,
    /// Although its Jump Policy is closed, and why.
    pub(super) reason: Option<String>,
    /// A code of the second factor.
    pub(super) code: Option<Secret>,
}

/// A session that was asked for.
pub(super) struct WantedSession {
    pub name: String,
    pub show: bool,
    pub reason: Option<String>,
    /// How many keys had been pressed then.
    pub pressed: u64,
    /// Somebody else has to answer first.
    pub waits: bool,
}

impl Console {
    pub(super) fn jump(&mut self) {
        self.knows_the_keys();
        let targets = self.targets();
        match targets.as_slice() {
            // One that is marked, and is not the selected one, may have been forgotten.
            [one] if Some(*one) == self.list.jump.selected => self.jump_to(*one),
            [] => {}
            _ => self.ask_start(),
        }
    }

    pub(super) fn no_jump(&self) -> Option<String> {
        if !self.list.jump.marked.is_empty() {
            return self.no_start_of_many();
        }
        match self.list.jump.selected {
            None if self.list.jump.gone.is_some() => self.no_selected(),
            None => Some("There is no item to jump to.".to_owned()),
            Some(item) => self.no_jump_to(item),
        }
    }

    /// Why no session can be started with an item; the appliance has the last word.
    pub(super) fn no_jump_to(&self, item: ItemId) -> Option<String> {
        if self.sessions.tabs.iter().any(|tab| tab.item == item) {
            return None;
        }
        if !self.is_linked() {
            return Some("There is no link to the appliance; it is being made again.".to_owned());
        }
        let there = self.list.inventory.item(item)?;
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
        let code = match self.list.inventory.presence(item).status {
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
        self.list.jump.marked.remove(&item);
        if let Some(tab) = self.sessions.tabs.iter().position(|tab| tab.item == item) {
            self.show_tab(tab);
            return;
        }
        if let Some(policy) = self.closed_policy(item) {
            let policy = format!("{} {}", policy.name, super::why::state_text(self, policy.state));
            let name = self.list.inventory.name(item).unwrap_or_default().to_owned();
            let (purpose, input) = (Ask::Reason { item, name, policy }, Input::default());
            self.dialogs.layers.push(Layer::Prompt(Prompt { purpose, input, mistake: None }));
            return;
        }
        self.start(item, StartHow { show: true, ..StartHow::default() });
    }

    /// The item's Jump Policy, if it lets nobody in now.
    pub(super) fn closed_policy(&self, item: ItemId) -> Option<&JumpPolicyView> {
        let policy = self.policy(self.jump_policy_of(item)?)?;
        matches!(policy.state, PolicyState::Closed { .. }).then_some(policy)
    }

    /// Starts a session, and shows it once it runs if that is wanted.
    pub(super) fn start(&mut self, item: ItemId, start: StartHow) {
        let Some(name) = self.list.inventory.name(item).map(str::to_owned) else {
            return;
        };
        if self.link.requests.is_open(About::Start(item)) {
            self.warn(&format!("A session with {name} is starting already."));
            return;
        }
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let StartHow { show, reason, code } = start;
        self.say(&format!("Starting a session with {name} …"));
        let (pressed, waits) = (self.keys.pressed, false);
        let wanted = WantedSession { name, show, reason: reason.clone(), pressed, waits };
        let (size, modes) = (self.pane_size(), TerminalModes::utf8());
        let kind = ChannelKind::Shell { size, term: TERM.to_owned(), modes };
        let (override_schedule, reason) = (reason.is_some(), reason.map(Into::into));
        let request = request::StartSession { item, kind, override_schedule, reason, code };
        self.ask_session(wanted, request);
    }

    pub(super) fn ask_session(&mut self, wanted: WantedSession, request: request::StartSession) {
        let item = request.item;
        let note = (About::Start(item), IfLost::Unknown(wanted.name.clone()));
        self.ask(note, request, move |console, outcome| {
            console.start_answered(item, wanted, outcome);
        });
    }

    fn start_answered(
        &mut self,
        item: ItemId,
        wanted: WantedSession,
        outcome: Result<SessionView, Refusal>,
    ) {
        let WantedSession { name, show, reason, pressed, waits } = wanted;
        match outcome {
            Ok(view) => {
                self.started(&view, show && (!waits || pressed == self.keys.pressed));
                self.started_scripted(view.id, item);
            }
            Err(refusal)
                if refusal.code == RefusalCode::SecondFactorRequired
                    && show
                    && pressed == self.keys.pressed =>
            {
                self.refused(&format!("No session with {name} yet"), &refusal);
                self.ask_code(item, name, reason);
            }
            Err(refusal) => {
                self.forget_script();
                self.refused(&format!("No session with {name}"), &refusal);
            }
        }
    }

    /// The appliance wants a code of the second factor before it starts a session.
    pub(super) fn ask_code(&mut self, item: ItemId, name: String, reason: Option<String>) {
        let (input, mistake) = (Input::default(), None);
        let purpose = Ask::Code { item, name, reason };
        self.dialogs.layers.push(Layer::Prompt(Prompt { purpose, input, mistake }));
    }

    pub(super) fn accept_code(&mut self, item: ItemId, code: &str, reason: Option<String>) {
        if code.is_empty() {
            self.prompt_mistake("A code is needed: the one your authenticator shows now.");
            return;
        }
        self.dialogs.layers.pop();
        let code = Some(Secret(code.to_owned()));
        self.start(item, StartHow { show: true, reason, code });
    }

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
            let key = self.key_of_tab(tab + 1);
            self.say(&format!("The session with {name} runs; {key} shows it."));
        }
    }

    /// Adds a tab for a session that was started here, if there is none yet. Returns its number.
    fn open_tab(&mut self, view: &SessionView) -> Option<usize> {
        let size = self.pane_size();
        let position = match self.sessions.tabs.iter().position(|tab| tab.id == view.id) {
            Some(position) => position,
            None => {
                self.sessions.tabs.push(Tab::new(view, self.user(), size)?);
                self.sessions.tabs.len() - 1
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
                self.came_by_others(&tab);
                self.sessions.tabs.push(tab);
                // What nobody shows is held for whoever owns it.
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
    fn came_by_others(&mut self, tab: &Tab) {
        if tab.part != Part::Owner && !self.sessions.tabs_known.contains(&tab.id) {
            let how = if tab.part == Part::Observer { "look at" } else { "take part in" };
            let key = self.key_of_tab(self.sessions.tabs.len() + 1);
            self.say(&format!(
                "You may {how} {}'s session with {}; {key} shows it.",
                tab.owner(),
                tab.name
            ));
        }
        self.sessions.tabs_known.insert(tab.id);
    }

    pub(super) fn close_tab(&mut self, position: usize) {
        if position >= self.sessions.tabs.len() {
            return;
        }
        self.sessions.tabs.remove(position);
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

    /// What is on the screen is shown; who only watches begins when the session comes up.
    pub(super) fn show_shells(&mut self) {
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

    pub(super) fn no_tab(&self, position: usize) -> Option<String> {
        let missing = position >= self.sessions.tabs.len();
        missing.then(|| format!("There is no session {}.", position + 1))
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
            Part::Observer => Some(format!("{} lets you look, but not type.", tab.owner())),
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
        self.input(|shell| shell.terminal.encode(key));
    }

    pub(super) fn paste_into_session(&mut self, text: &str) {
        self.input(|shell| shell.terminal.encode_paste(text));
    }

    fn input(&mut self, bytes: impl FnOnce(&Shell) -> Vec<u8>) {
        if !self.may_type() {
            return;
        }
        let Some(shell) = self.shown_shell_mut() else {
            return;
        };
        let bytes = bytes(shell);
        shell.answers.typed();
        shell.endpoint.write(&bytes);
        let channel = shell.channel();
        self.flush(channel);
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
            let words = format!("{} lets you look, but not type.", tab.owner());
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

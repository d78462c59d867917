//! Starting a session with an item, or going back to the one there is.

use super::Console;
use super::input::Input;
use super::layers::{Ask, Layer, Prompt, Question};
use crate::core::requests::{About, IfLost};
use crate::core::session::{StartedTogether, TERM};
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::inventory::{JumpPolicyView, PolicyState, Status};
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::rep::Secret;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::Permission;
use jumpdeck_protocol::session::{ChannelKind, SessionView};
use jumpdeck_protocol::{ItemId, RefusalCode};

/// How a session is started.
#[derive(Clone, Debug, Default)]
pub(super) struct StartHow {
    /// Show it once it runs.
    pub(super) show: bool,
    /// Although its Jump Policy is closed, and why.
    pub(super) reason: Option<String>,
    /// A code of the second factor.
    pub(super) code: Option<Secret>,
    /// With others: one message for all of them.
    pub(super) together: bool,
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
    /// It was started with others.
    pub together: bool,
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
            Some(item) if self.can_wake_first(item) => None,
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
        if !there.method().route().is_served() {
            let method = there.method().title();
            return Some(format!("{method} sessions are not supported yet."));
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
        if self.can_wake_first(item) {
            let name = self.list.inventory.name(item).unwrap_or_default().to_owned();
            let question = Question::WakeAndJump { item, name };
            self.dialogs.layers.push(Layer::Confirm(question));
            return;
        }
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

    /// Starts a session, and shows it once it runs if that is asked for.
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
        let StartHow { show, reason, code, together } = start;
        if !together {
            self.say(&format!("Starting a session with {name} …"));
        }
        let (pressed, waits) = (self.keys.pressed, false);
        let reason_given = reason.clone();
        let wanted = WantedSession { name, show, reason: reason_given, pressed, waits, together };
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
        let WantedSession { name, show, reason, pressed, waits, together } = wanted;
        if together {
            self.started_together(&name, outcome);
            return;
        }
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

    /// One of several that were started together.
    fn started_together(&mut self, name: &str, outcome: Result<SessionView, Refusal>) {
        match outcome {
            Ok(view) => {
                self.open_tab(&view);
                self.sessions.together.open += 1;
            }
            Err(refusal) => {
                self.refused(&format!("No session with {name}"), &refusal);
                self.sessions.together.refused += 1;
            }
        }
        let StartedTogether { all, open, refused } = self.sessions.together;
        if open + refused < all {
            return;
        }
        let key = self.key_of("go-sessions");
        match refused {
            0 => self.say(&format!("{open} sessions run; {key} shows them.")),
            _ => self.warn(&format!(
                "{open} of {all} sessions run; {key} shows them. {} shows why the others do not.",
                self.key_of("messages")
            )),
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
        self.start(item, StartHow { show: true, reason, code, together: false });
    }
}

//! Machines that are being woken: who tries, how long nobody else can, and what became of it.

use super::Console;
use super::layers::{Ask, Layer, Prompt, Question};
use super::messages::Level;
use super::start::StartHow;
use crate::core::requests::{About, IfLost};
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::inventory::Status;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::Permission;
use jumpdeck_protocol::wake::SecureOn;
use jumpdeck_protocol::{ItemId, Timestamp};
use std::collections::BTreeMap;

/// Seconds after which a machine that was woken should be there.
const PATIENCE: u64 = 180;

/// Seconds for which somebody who waits for a machine still looks at the screen.
const WATCHED: u64 = 60;

/// More machines than this are called only after a question.
const ASKED: usize = 10;

/// Machines that are called with one key, at most.
const AT_ONCE: usize = 50;

/// One machine that is being woken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waking {
    /// Who tries.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// Nobody can try again before.
    pub until: Timestamp,
    /// This console asked for it, and tells what becomes of it.
    pub mine: bool,
    /// A session starts once it is up; so many keys had been pressed when that was asked for.
    pub jump: Option<u64>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Wakings(BTreeMap<ItemId, Waking>);

impl Console {
    /// Whether a machine is being woken.
    pub fn waking(&self, item: ItemId) -> Option<&Waking> {
        self.list.wakings.0.get(&item)
    }

    pub(super) fn no_wake(&self) -> Option<String> {
        let items = self.targets();
        if items.is_empty() {
            return Some("There is no item here.".to_owned());
        }
        if items.len() > AT_ONCE {
            return Some(format!(
                "{} items are marked; at most {AT_ONCE} machines are called at once. Mark fewer.",
                items.len()
            ));
        }
        let mut reasons = items.iter().map(|item| self.no_wake_of(*item));
        // One of them is enough.
        let first = reasons.next().flatten();
        if reasons.all(|reason| reason.is_some()) { first } else { None }
    }

    fn no_wake_of(&self, item: ItemId) -> Option<String> {
        let there = self.list.inventory.item(item)?;
        let name = there.name();
        if !there.is_client() {
            return Some(format!("{name} has no Jump Client; only those can be woken."));
        }
        if let Some(reason) = self.forbidden(there.place(), Permission::PermStart) {
            return Some(reason);
        }
        if !self.is_away(item) {
            let status = self.list.inventory.presence(item).status.word();
            return Some(format!("{name} is {status}: there is nothing to wake."));
        }
        if let Some(waking) = self.waking(item).filter(|waking| waking.until > self.now) {
            let left = waking.until.since(self.now);
            let by = &waking.by;
            return Some(format!(
                "{by} tries to wake {name}; another try is possible in {left} s."
            ));
        }
        if there.mac().is_none() {
            return Some(format!(
                "{name} cannot be woken: its hardware address is not known. Its Jump Client must \
                 have been linked once since it can tell."
            ));
        }
        self.no_link()
    }

    /// Whether a machine that is away can be woken before a session with it starts.
    pub(super) fn can_wake_first(&self, item: ItemId) -> bool {
        let open = self.sessions.tabs.iter().any(|tab| tab.item == item);
        let closed = self.closed_policy(item).is_some_and(|policy| policy.strict);
        !open && !closed && self.is_away(item) && self.no_wake_of(item).is_none()
    }

    /// Wakes the machines; many of them after a question.
    pub(super) fn wake(&mut self) {
        let items = self.wakeable();
        if items.len() > ASKED {
            let names = items.iter().filter_map(|item| self.list.inventory.name(*item));
            let names = names.take(8).map(str::to_owned).collect();
            self.dialogs.layers.push(Layer::Confirm(Question::Wake { items, names }));
            return;
        }
        self.wake_these(&items, None, None);
    }

    fn wakeable(&self) -> Vec<ItemId> {
        let items = self.targets_in_order().into_iter();
        items.filter(|item| self.no_wake_of(*item).is_none()).collect()
    }

    /// Asks for the password that some machines want to hear.
    pub(super) fn ask_wake(&mut self) {
        let items = self.wakeable();
        let name = match items.as_slice() {
            [one] => self.list.inventory.name(*one).unwrap_or_default().to_owned(),
            many => format!("{} machines", many.len()),
        };
        let purpose = Ask::WakePassword { items, name };
        let prompt = Prompt { purpose, input: super::input::Input::default(), mistake: None };
        self.dialogs.layers.push(Layer::Prompt(prompt));
    }

    pub(super) fn accept_password(&mut self, text: &str, items: &[ItemId]) {
        let password: Option<SecureOn> = match text {
            "" => None,
            text => match text.parse() {
                Ok(password) => Some(password),
                Err(error) => {
                    self.prompt_mistake(&format!("The password: {error}."));
                    return;
                }
            },
        };
        if let Some(reason) = self.no_link() {
            self.prompt_mistake(&reason);
            return;
        }
        self.dialogs.layers.pop();
        self.wake_these(items, password, None);
    }

    /// Wakes a machine, and starts a session once it is up.
    pub(super) fn wake_and_jump(&mut self, item: ItemId) {
        self.wake_these(&[item], None, Some(self.keys.pressed));
    }

    pub(super) fn wake_these(
        &mut self,
        items: &[ItemId],
        password: Option<SecureOn>,
        jump: Option<u64>,
    ) {
        if let [_, _, ..] = items {
            self.say(&format!("Looking for somebody who can wake {} machines …", items.len()));
        }
        for item in items {
            if let Some(name) = self.list.inventory.name(*item).map(str::to_owned) {
                if items.len() == 1 {
                    self.say(&format!("Looking for somebody who can wake {name} …"));
                }
                let (item, note) = (*item, (About::Anything, IfLost::Unknown(name.clone())));
                let request = request::Wake { item, password };
                self.ask(note, request, move |console, outcome| {
                    let outcome = outcome.map(|reply| reply.helper);
                    console.wake_answered((item, jump), &name, outcome);
                });
            }
        }
    }

    /// The appliance has answered.
    fn wake_answered(
        &mut self,
        (item, jump): (ItemId, Option<u64>),
        name: &str,
        outcome: Result<Box<str>, Refusal>,
    ) {
        match outcome {
            Ok(helper) => {
                let helper = jumpdeck_protocol::text::clean(&helper).into_owned();
                let then = if jump.is_some() { " The session starts when it is up." } else { "" };
                self.say(&format!(
                    "Wake-up packet sent by {helper}. {name} may take a few minutes.{then}"
                ));
                let now = self.now;
                let waking = self.list.wakings.0.entry(item).or_insert_with(|| Waking {
                    by: String::new(),
                    since: now,
                    until: now,
                    mine: true,
                    jump: None,
                });
                (waking.mine, waking.jump) = (true, jump);
                // It may have been quick.
                self.look_at_waking();
            }
            Err(refusal) => {
                self.dialogs.messages.say(self.now, Level::Error, &format!("{name}: {refusal}"));
            }
        }
    }

    /// Somebody wakes a machine.
    pub(super) fn is_waking(&mut self, item: ItemId, by: &str, wait: u32) {
        let now = self.now;
        let known = self.list.wakings.0.get(&item);
        let mine = known.is_some_and(|waking| waking.mine);
        let jump = known.and_then(|waking| waking.jump);
        let by = jumpdeck_protocol::text::clean(by).into_owned();
        let until = now.plus(wait.into());
        // After a lost link it is told again; it did not begin again.
        let again = known.filter(|known| known.until.0.abs_diff(until.0) <= 2);
        let since = again.map_or(now, |known| known.since);
        self.list.wakings.0.insert(item, Waking { by, since, until, mine, jump });
        self.out.dirty = true;
    }

    /// Presence has changed: who was woken may be there.
    pub(super) fn look_at_waking(&mut self) {
        if self.list.wakings.0.is_empty() {
            return;
        }
        let there = |item: &ItemId| {
            matches!(self.list.inventory.presence(*item).status, Status::Online | Status::InUse)
        };
        let up: Vec<_> = self.list.wakings.0.keys().copied().filter(there).collect();
        for item in up {
            let waking = self.list.wakings.0.remove(&item);
            let name = self.list.inventory.name(item).unwrap_or_default().to_owned();
            if let Some(waking) = waking.filter(|waking| waking.mine) {
                let seconds = self.now.since(waking.since);
                self.say(&format!("{name} is awake, {seconds} s after the call."));
                if let Some(pressed) = waking.jump {
                    self.jump_to_awake(item, pressed, seconds);
                }
            }
        }
    }

    /// A machine that was woken for a session is up. Who went on with something else, or looks elsewhere by
    /// now, is not torn away.
    fn jump_to_awake(&mut self, item: ItemId, pressed: u64, waited: u64) {
        let waits = pressed == self.keys.pressed && waited <= WATCHED;
        if waits || self.closed_policy(item).is_some() {
            self.jump_to(item);
        } else {
            self.start(item, StartHow::default());
        }
    }

    /// Time has passed. Returns whether a countdown has to be drawn again.
    pub(super) fn tick_waking(&mut self) -> bool {
        let now = self.now;
        let mut late = Vec::new();
        let before = self.list.wakings.0.len();
        self.list.wakings.0.retain(|item, waking| {
            let over = now.since(waking.since) > PATIENCE;
            if over && waking.mine {
                late.push(*item);
            }
            !over && (waking.mine || waking.until > now)
        });
        for item in late {
            let name = self.list.inventory.name(item).unwrap_or_default().to_owned();
            self.warn(&format!(
                "{name} has not come up {} min after it was called. Wake-on-LAN may be off in its \
                 firmware, or it wants a SecureOn password.",
                PATIENCE / 60
            ));
        }
        before > 0
    }
}

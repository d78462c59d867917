//! The lock of a console that nobody sits at: nothing is shown until the password opens it.

use super::input::Input;
use super::{Console, Effect};
use crate::core::requests::{About, IfLost};
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::rep::Secret;
use jumpdeck_protocol::rep::request;
use jumpdeck_terminal::key::{Code, Key};
use std::time::Duration;

/// Whether and how the console is locked.
#[derive(Debug, Default)]
pub struct Lock {
    /// When a key was last pressed.
    touched: Option<Timestamp>,
    locked: Option<Locked>,
}

/// A locked console.
#[derive(Debug, Default)]
pub struct Locked {
    /// What was typed.
    pub input: Input,
    /// What is to be said.
    pub words: String,
    /// The appliance is asked.
    pub asking: bool,
}

impl Lock {
    /// Whether nothing is shown.
    pub const fn is_locked(&self) -> bool {
        self.locked.is_some()
    }

    /// Somebody is there.
    pub(super) const fn touched(&mut self, now: Timestamp) {
        self.touched = Some(now);
    }
}

impl Console {
    /// The lock, while it is closed.
    pub const fn locked(&self) -> Option<&Locked> {
        self.dialogs.lock.locked.as_ref()
    }

    /// Locks the console once nobody has pressed a key for so long.
    pub(super) fn tick_lock(&mut self) {
        let patience = self.link.welcome.as_ref().and_then(|welcome| welcome.idle_lock);
        let touched = *self.dialogs.lock.touched.get_or_insert(self.now);
        let patience = patience.filter(|_| self.no_lock().is_none());
        let due = patience.is_some_and(|patience| self.now.since(touched) >= patience.as_secs());
        if due && !self.dialogs.lock.is_locked() {
            self.lock_now();
        }
    }

    /// The appliance says after how many seconds; 0: never.
    pub(super) fn locks_after(&mut self, seconds: u64) {
        if let Some(welcome) = &mut self.link.welcome {
            welcome.idle_lock = (seconds > 0).then(|| Duration::from_secs(seconds));
        }
    }

    /// Locks the console.
    pub(super) fn lock_now(&mut self) {
        self.dialogs.lock.locked = Some(Locked::default());
        self.end_chord();
        self.out.dirty = true;
    }

    /// Why the console cannot be locked.
    pub(super) fn no_lock(&self) -> Option<String> {
        let embedded = self.link.welcome.as_ref().is_some_and(|welcome| welcome.embedded);
        let why = "Your own appliance has no password that could open the lock.";
        embedded.then(|| why.to_owned())
    }

    pub(super) fn lock_key(&mut self, key: Key) {
        self.out.dirty = true;
        let linked = self.is_linked();
        let Some(locked) = &mut self.dialogs.lock.locked else {
            return;
        };
        if key.ctrl && matches!(key.code, Code::Char('q')) {
            self.out.effects.push(Effect::Quit);
            return;
        }
        if locked.asking {
            return;
        }
        if key.code != Code::Enter {
            locked.words.clear();
            locked.input.key(key);
            return;
        }
        if !linked {
            let words = "There is no link; the appliance must say whether it is you.";
            words.clone_into(&mut locked.words);
            return;
        }
        let password = Secret(std::mem::take(&mut locked.input).text().to_owned());
        locked.asking = true;
        let note = (About::Anything, IfLost::Nothing);
        self.ask(note, request::Unlock { password }, Self::unlocked);
    }

    pub(super) fn lock_paste(&mut self, text: &str) {
        if let Some(locked) = &mut self.dialogs.lock.locked {
            locked.input.insert(text);
            self.out.dirty = true;
        }
    }

    /// The appliance says whether the password was right.
    fn unlocked(&mut self, outcome: Result<(), Refusal>) {
        match (outcome, &mut self.dialogs.lock.locked) {
            (Ok(()), _) => {
                self.dialogs.lock.locked = None;
                self.dialogs.lock.touched(self.now);
            }
            (Err(refusal), Some(locked)) => {
                locked.asking = false;
                locked.words = refusal.to_string();
            }
            (Err(_), None) => {}
        }
    }

    /// The link is gone, and with it the question.
    pub(super) fn lock_unlinked(&mut self) {
        if let Some(locked) = &mut self.dialogs.lock.locked {
            locked.asking = false;
        }
    }
}

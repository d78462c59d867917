//! Whether the appliance, and the machine behind it, answer to what is typed: a link whose other
//! side hangs looks whole for a long time.

use super::{Console, Effect, Link, Timer};
use jumpdeck_protocol::silence::{HeardStep, Silence, SilenceStep};
use jumpdeck_protocol::{ChannelId, Timestamp};
use std::time::Duration;

/// What is waited for.
#[derive(Debug, Default)]
pub(super) struct AnswerSilence {
    /// Keys typed since something was heard.
    keys: u64,
    /// Times something was waited for: older timers mean nothing.
    waits: u64,
    /// When its silence was first told.
    told: Timestamp,
    silence: Silence,
}

/// Whether a machine answers to what is typed in one of its shells. The appliance says so.
#[derive(Debug, Default)]
pub struct Answers {
    /// Keys typed since something was heard of the program.
    keys: u64,
    /// When its silence was reported.
    silent: Option<Timestamp>,
}

impl Answers {
    /// A key was typed. Returns whether that is shown.
    pub(super) const fn typed(&mut self) -> bool {
        self.keys += 1;
        self.silent.is_some()
    }

    /// The program said something: its machine lives, no matter what was reported.
    pub(super) const fn heard(&mut self) {
        self.keys = 0;
        self.silent = None;
    }
}

impl Console {
    /// For how many seconds the machine of the shell on the screen has not answered, and how many
    /// keys wait for it; nothing while it does, or while nothing is known of it.
    pub fn no_answer_from_machine(&self) -> Option<(u64, u64)> {
        let answers = &self.shown_tab()?.shell()?.answers;
        let told = answers.silent.filter(|_| self.is_linked())?;
        let before = self.sessions.silence.silence.told_after().as_secs();
        Some((before + self.now.since(told), answers.keys))
    }

    /// The appliance says whether a machine answers.
    pub(super) fn agent_silent(&mut self, channel: ChannelId, silent: bool) {
        let now = self.now;
        let Some(shell) = self.shell_of(channel) else {
            return;
        };
        shell.answers.silent = silent.then(|| shell.answers.silent.unwrap_or(now));
        if !silent {
            shell.answers.heard();
        }
        self.out.dirty = true;
    }

    /// For how many seconds no answer has come, and how many keys wait for one; nothing while it
    /// answers.
    pub fn no_answer(&self) -> Option<(u64, u64)> {
        let waited = &self.sessions.silence;
        let silent = waited.silence.is_silent() && matches!(self.link.state, Link::Up { .. });
        let before = waited.silence.told_after().as_secs();
        silent.then(|| (before + self.now.since(waited.told), waited.keys))
    }

    /// Something was typed for a shell.
    pub(super) fn typed_away(&mut self) {
        let waited = &mut self.sessions.silence;
        waited.keys += 1;
        self.out.dirty |= waited.silence.is_silent();
        let wait = waited.silence.sent();
        self.wait_for_answer(wait);
    }

    /// Something came over the link.
    pub(super) fn heard(&mut self) {
        let waited = &mut self.sessions.silence;
        waited.keys = 0;
        match waited.silence.heard() {
            HeardStep::Usual => {}
            HeardStep::Answered(wait) => self.wait_for_answer(wait),
            HeardStep::Again(wait) => {
                self.out.dirty = true;
                self.wait_for_answer(wait);
            }
        }
    }

    /// A wait is over.
    pub(super) fn still_silent(&mut self, wait: u64) {
        if wait != self.sessions.silence.waits {
            return;
        }
        match self.sessions.silence.silence.waited() {
            SilenceStep::Wait(wait) => self.wait_for_answer(Some(wait)),
            SilenceStep::Ask(wait) => {
                // A program may have nothing to say to a key; the appliance always has.
                self.out.effects.push(Effect::Probe);
                self.wait_for_answer(Some(wait));
            }
            SilenceStep::Tell(_) => {
                self.sessions.silence.told = self.now;
                self.out.dirty = true;
            }
            SilenceStep::Rest => {}
        }
    }

    fn wait_for_answer(&mut self, wait: Option<Duration>) {
        if let Some(wait) = wait {
            self.sessions.silence.waits += 1;
            let timer = Timer::Silence(self.sessions.silence.waits);
            self.out.effects.push(Effect::After(wait, timer));
        }
    }
}

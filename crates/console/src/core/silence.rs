//! Whether the appliance, and the machine behind it, answer to what is typed: a link whose other
//! side hangs looks whole for a long time.

use super::{Console, Effect, Link, Timer};
use jumpdeck_protocol::{ChannelId, Timestamp};
use std::time::Duration;

/// After a key, so long nothing need be heard.
const QUIET: Duration = Duration::from_secs(1);
/// So much later a question is not answered either.
const SILENT: Duration = Duration::from_secs(2);

/// What is waited for.
#[derive(Debug, Default)]
pub(super) struct AnswerSilence {
    /// Keys typed since something was heard.
    keys: u64,
    /// Times something was waited for: older timers mean nothing.
    waits: u64,
    /// When its silence was first told.
    told: Timestamp,
    stage: SilenceStage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SilenceStage {
    /// Nothing is waited for.
    #[default]
    Heard,
    /// A key was typed.
    Typed,
    /// The appliance is asked whether it is there.
    Asked,
    /// It does not say so.
    Silent,
}

/// Whether a machine answers to what is typed in one of its shells. The appliance says so.
#[derive(Debug, Default)]
pub struct Answers {
    /// Keys typed since something was heard of the program.
    keys: u64,
    /// When its silence was told.
    silent: Option<Timestamp>,
}

impl Answers {
    pub(super) const fn typed(&mut self) {
        self.keys += 1;
    }

    /// The program said something: its machine lives, whatever was told of it.
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
        Some(((QUIET + SILENT).as_secs() + self.now.since(told), answers.keys))
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
        let silent = self.sessions.silence.stage == SilenceStage::Silent
            && matches!(self.link.state, Link::Up { .. });
        let told = (QUIET + SILENT).as_secs();
        silent.then(|| {
            (told + self.now.since(self.sessions.silence.told), self.sessions.silence.keys)
        })
    }

    /// Something was typed for a shell.
    pub(super) fn typed_away(&mut self) {
        self.sessions.silence.keys += 1;
        self.out.dirty |= self.sessions.silence.stage == SilenceStage::Silent;
        if self.sessions.silence.stage == SilenceStage::Heard {
            self.sessions.silence.waits += 1;
            self.sessions.silence.stage = SilenceStage::Typed;
            self.out
                .effects
                .push(Effect::After(QUIET, Timer::Silence(self.sessions.silence.waits)));
        }
    }

    /// Something came over the link.
    pub(super) fn heard(&mut self) {
        self.out.dirty |= self.sessions.silence.stage == SilenceStage::Silent;
        self.sessions.silence.stage = SilenceStage::Heard;
        self.sessions.silence.keys = 0;
    }

    /// A wait is over.
    pub(super) fn still_silent(&mut self, wait: u64) {
        if wait != self.sessions.silence.waits {
            return;
        }
        match self.sessions.silence.stage {
            SilenceStage::Typed => {
                // A program may have nothing to say to a key; the appliance always has.
                self.sessions.silence.stage = SilenceStage::Asked;
                self.out.effects.push(Effect::Probe);
                self.out.effects.push(Effect::After(SILENT, Timer::Silence(wait)));
            }
            SilenceStage::Asked => {
                self.sessions.silence.stage = SilenceStage::Silent;
                self.sessions.silence.told = self.now;
                self.out.dirty = true;
            }
            SilenceStage::Heard | SilenceStage::Silent => {}
        }
    }
}

//! What is typed into a shell is shown before its machine has printed it, where the way there is long.

use super::session::Shell;
use super::{Console, Effect, Timer};
use jumpdeck_protocol::ChannelId;
use jumpdeck_protocol::session::ChannelOrder;
use jumpdeck_terminal::{Prediction, PredictionTimer};
use std::time::Duration;

impl Shell {
    /// Takes output. Returns what the terminal answers to the program.
    pub(super) fn take_output(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Self { terminal, prediction, .. } = self;
        let mut answers = Vec::new();
        for part in prediction.parts(bytes) {
            answers.extend(terminal.take(part));
            prediction.printed(terminal.term());
        }
        answers
    }
}

impl Console {
    /// A shell is attached.
    pub(super) fn begin_to_predict(&mut self, channel: ChannelId) {
        let mode = self.settings.predict;
        let Some(shell) = self.shell_of(channel).filter(|shell| shell.types()) else {
            return;
        };
        if shell.prediction.mode() != mode {
            shell.prediction = Prediction::new(mode);
        }
        if shell.prediction.attached() {
            self.order_all([ChannelOrder::Acknowledge { channel }]);
        }
    }

    /// A key was typed into a shell.
    pub(super) fn predict(&mut self, channel: ChannelId, bytes: &[u8]) {
        let Some(shell) = self.shell_of(channel) else {
            return;
        };
        let end = shell.endpoint.input_end();
        let wait = shell.prediction.typed(bytes, end, shell.terminal.term());
        let shows = shell.prediction.cells().next().is_some();
        self.out.dirty |= shows;
        self.wait_for_prediction(channel, wait);
    }

    /// The machine may have taken more of what was typed.
    pub(super) fn input_taken(&mut self, channel: ChannelId) {
        let Some(shell) = self.shell_of(channel) else {
            return;
        };
        let wait = shell.prediction.acknowledged(shell.endpoint.input_acknowledged());
        self.wait_for_prediction(channel, wait);
    }

    fn wait_for_prediction(
        &mut self,
        channel: ChannelId,
        wait: Option<(Duration, PredictionTimer)>,
    ) {
        if let Some((wait, what)) = wait {
            self.out.effects.push(Effect::After(wait, Timer::Predicted(channel, what)));
        }
    }

    /// What a prediction waited for is over.
    pub(super) fn predicted(&mut self, channel: ChannelId, what: PredictionTimer) {
        let Some(shell) = self.shell_of(channel) else {
            return;
        };
        let before = shell.prediction.cells().count();
        let wants = shell.prediction.waited(what, shell.terminal.term());
        let changed = shell.prediction.cells().count() != before;
        self.out.dirty |= changed;
        if wants {
            self.order_all([ChannelOrder::Acknowledge { channel }]);
        }
    }
}

//! What a channel's recording has of its output.

use super::{Hub, Listener, ToConsole, ToMachine};
use jumpdeck_protocol::session::RecordingState;

/// Where the recording stands.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) listener: Listener,
    /// Everything before this is in the file.
    pub(super) written: u64,
    pub(super) state: RecordingState,
}

impl<W: ToConsole, M: ToMachine> Hub<W, M> {
    /// From now on it is recorded, from this byte on.
    pub fn record_from(&mut self, written: u64) {
        let listener = Listener { taken: written };
        self.recording = Some(Written { listener, written, state: RecordingState::On });
    }

    /// Whether it is recorded.
    pub const fn is_recorded(&self) -> bool {
        self.recording.is_some()
    }

    /// What is recorded is asked for although no console ever showed it: a program that ends is
    /// over only once its recording is whole.
    pub fn record_unseen(&mut self) {
        let idle = self.run.is_none() && self.attaching == 0;
        if self.recording.is_some() && self.agent.is_some() && idle {
            self.begin();
        }
    }

    /// Whether everything before this is in the recording, if there is one.
    pub fn is_recorded_to(&self, end: u64) -> bool {
        self.recording.as_ref().is_none_or(|recording| recording.listener.taken >= end)
    }

    /// The recording's file holds everything before this.
    pub fn written(&mut self, written: u64) {
        if let Some(recording) = &mut self.recording {
            recording.written = recording.written.max(written);
        }
        self.give_credit();
    }

    /// The recording cannot be written, or can be again. Returns whether that is news.
    pub fn recording_is(&mut self, state: RecordingState) -> bool {
        let Some(recording) = &mut self.recording else {
            return false;
        };
        if recording.state == state {
            return false;
        }
        recording.state = state;
        self.tell_state();
        true
    }
}

//! Who types, and what becomes of the input.

use super::recorded::Written;
use super::subscriber::Phase;
use super::{Hub, ToConsole, ToMachine};
use bytes::Bytes;
use jumpdeck_protocol::session::RecordingState;
use jumpdeck_protocol::{LinkId, UserId};

impl<W: ToConsole, M: ToMachine> Hub<W, M> {
    /// Whether a console types.
    pub const fn has_keyboard(&self) -> bool {
        self.keyboard.is_some()
    }

    /// Whether input of this console may pass.
    pub fn may_type(&self, link: LinkId) -> bool {
        let failed = |r: &Written| matches!(r.state, RecordingState::Failed { .. });
        self.keyboard == Some(link)
            && !self.recording.as_ref().is_some_and(failed)
            && self.subscriber(link).is_some_and(|subscriber| !subscriber.way.is_closed())
    }

    /// Whether this console has the keyboard.
    pub fn types(&self, link: LinkId) -> bool {
        self.keyboard == Some(link)
    }

    /// Whose console has it.
    pub fn typist(&self) -> Option<UserId> {
        self.keyboard.and_then(|link| self.subscriber(link)).map(|subscriber| subscriber.user)
    }

    /// Input that was refused is asked for again: the one who types learns where the agent stands.
    pub fn go_on_typing(&mut self) {
        let keyboard = self.keyboard;
        if let Some(subscriber) =
            self.subscribers.iter_mut().find(|subscriber| keyboard == Some(subscriber.link))
        {
            if subscriber.stand == Phase::Live {
                subscriber.stand = Phase::Waiting { wanted: Some(subscriber.sent) };
            }
            self.begin();
        }
    }

    /// Input of a console, unchanged, if it may type. Returns whether it may; what finds no
    /// agent is sent again by the one who typed it.
    pub fn input(&self, link: LinkId, message: Bytes) -> bool {
        let typed = self.may_type(link);
        if let Some(agent) = self.agent.as_ref().filter(|_| typed) {
            agent.frame(message);
        }
        typed
    }

    /// An agent takes more input, as it says on its link.
    pub fn input_credit(&self, link: LinkId, message: Bytes) {
        if !self.is_agent(link) {
            return;
        }
        let typing =
            self.subscribers.iter().find(|subscriber| self.keyboard == Some(subscriber.link));
        if let Some(subscriber) = typing.filter(|subscriber| subscriber.stand == Phase::Live) {
            subscriber.way.frame(message);
        }
    }
}

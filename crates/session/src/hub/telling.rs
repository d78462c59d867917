//! What consoles are told of a channel.

use super::{Hub, ToConsole, ToMachine};
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::session::ChannelState;
use jumpdeck_protocol::{LinkId, UserId};

impl<W: ToConsole, M: ToMachine> Hub<W, M> {
    /// Tells one console that shows it.
    pub fn tell(&self, link: LinkId, notice: ApplianceNotice) {
        if let Some(subscriber) = self.subscriber(link) {
            subscriber.way.tell(notice);
        }
    }

    /// Tells every console that shows it.
    pub fn tell_all(&self, notice: &ApplianceNotice) {
        for subscriber in &self.subscribers {
            subscriber.way.tell(notice.clone());
        }
    }

    /// The links of the consoles that show it, with whose they are.
    pub fn consoles(&self) -> impl Iterator<Item = (LinkId, UserId)> {
        self.subscribers.iter().map(|subscriber| (subscriber.link, subscriber.user))
    }

    pub(super) fn tell_state(&self) {
        let keyboard = self
            .keyboard
            .and_then(|link| self.subscriber(link))
            .map(|subscriber| subscriber.name.clone());
        let recording = self.recording.as_ref().map(|r| r.state.clone()).unwrap_or_default();
        for subscriber in &self.subscribers {
            let state = ChannelState {
                size: self.size,
                keyboard: keyboard.clone(),
                yours: self.keyboard == Some(subscriber.link),
                consoles: u32::try_from(self.subscribers.len()).unwrap_or(u32::MAX),
                recording: recording.clone(),
                fitted: self.fitted.is_some(),
            };
            subscriber.way.tell(ApplianceNotice::ChannelState { channel: self.channel, state });
        }
    }
}

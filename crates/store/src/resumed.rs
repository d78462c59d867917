//! Sessions that were open when the appliance ended.

use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::session::{ChannelView, Size, Terms};
use jumpdeck_protocol::{ChannelId, EndpointId, ItemId, SessionId, Timestamp, UserId};
use jumpdeck_world::Share;
use std::collections::{BTreeMap, BTreeSet};

/// A new session.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub id: SessionId,
    pub owner: UserId,
    pub endpoint: EndpointId,
    pub item: ItemId,
    pub item_name: String,
    pub started: Timestamp,
    pub terms: Terms,
}

/// What the summary counts.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub names: BTreeSet<Box<str>>,
    pub shells: u32,
    pub commands: u32,
    pub recordings: u32,
    pub attributes: BTreeMap<Box<str>, Box<str>>,
}

impl Tally {
    /// Counts an entry of the log.
    pub fn count(&mut self, who: Option<&str>, event: &LogEvent) {
        if let Some(who) = who
            && matches!(event, LogEvent::Started | LogEvent::Joined)
        {
            self.names.insert(who.into());
        }
        match event {
            LogEvent::ShellOpened { .. } => self.shells += 1,
            LogEvent::Executed { channel: Some(_), .. } => {
                self.shells += 1;
                self.commands += 1;
            }
            LogEvent::Command { .. } | LogEvent::Executed { .. } => self.commands += 1,
            LogEvent::Attributes { set } => self.attributes.extend(set.iter().cloned()),
            _ => {}
        }
    }
}

/// A session that was open when the appliance ended.
#[derive(Debug)]
pub struct OpenSession {
    pub new: NewSession,
    pub channels: Vec<(ChannelView, Option<Size>)>,
    /// Who else may take part.
    pub others: BTreeMap<UserId, Share>,
    /// The last entry of its log.
    pub logged: u64,
    pub tally: Tally,
    /// Who had come and not gone, as far as the log knows, by name.
    pub names: BTreeSet<String>,
    /// Up to where each shell's output was looked through for commands.
    pub watched: BTreeMap<ChannelId, u64>,
}

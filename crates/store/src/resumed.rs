//! Sessions that were open when the appliance ended.

use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::session::Terms;
use jumpdeck_protocol::{EndpointId, ItemId, SessionId, Timestamp, UserId};
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

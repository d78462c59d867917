//! The inventory as a rep sees it: items, groups, presence, statistics.

use crate::{ItemId, JumpGroupId, Revision, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where an item stands: in a Jump Group or on a rep's personal list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In a Jump Group.
    JumpGroup(JumpGroupId),
    /// On this user's personal list.
    Personal(UserId),
}

/// How an item is reached (DOMAIN 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JumpMethod {
    /// An agent on the machine.
    JumpClient,
}

impl JumpMethod {
    /// The method's name on screen.
    pub const fn title(self) -> &'static str {
        match self {
            Self::JumpClient => "Jump Client",
        }
    }
}

/// When a Jump Client is available (DOMAIN 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallMode {
    /// Always.
    #[default]
    Service,
    /// While its user is logged in.
    User,
}

/// An item's status, in the order of DOMAIN 2: the first that holds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Removed from its machine.
    Uninstalled,
    /// The customer disabled it.
    Disabled,
    /// Waits for a new version of its agent.
    UpgradePending,
    /// Not seen for `lost_days`.
    Lost,
    /// No link.
    #[default]
    Offline,
    /// Waits for a wake-up.
    Passive,
    /// A session is open.
    InUse,
    /// Linked.
    Online,
}

impl Status {
    /// The status as a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Uninstalled => "uninstalled",
            Self::Disabled => "disabled",
            Self::UpgradePending => "upgrade pending",
            Self::Lost => "lost",
            Self::Offline => "offline",
            Self::Passive => "passive",
            Self::InUse => "in use",
            Self::Online => "online",
        }
    }
}

/// A Jump Item as a rep who may see it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemView {
    /// Its id.
    pub id: ItemId,
    /// The revision of its last change.
    pub revision: Revision,
    /// Its name, 1 to 128 characters.
    pub name: Box<str>,
    /// Where it stands.
    pub place: Place,
    /// Its tag, up to 64 characters; empty for none.
    pub tag: Box<str>,
    /// Comments, up to 1024 characters.
    pub comments: Box<str>,
    /// How it is reached.
    pub method: JumpMethod,
    /// When it came to the inventory.
    pub created: Timestamp,
    /// What its agent said of the machine.
    pub facts: Facts,
    /// The address it connects from.
    pub public_ip: Box<str>,
}

/// What an agent says of its machine when it connects. Every text is cut to 256 characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The machine's name.
    pub hostname: Box<str>,
    /// Its full name in the DNS, if it has one.
    pub fqdn: Box<str>,
    /// Domain or workgroup.
    pub domain: Box<str>,
    /// Name and version of the operating system.
    pub operating_system: Box<str>,
    /// The address of the interface that leads out.
    pub private_ip: Box<str>,
    /// The default gateway's address.
    pub gateway: Box<str>,
    /// The default gateway's hardware address, where it is known.
    pub gateway_mac: Box<str>,
    /// The agent's version.
    pub version: Box<str>,
    /// Who is logged in, if anybody is.
    pub console_user: Box<str>,
    /// When the agent is available.
    pub install_mode: InstallMode,
    /// Processors.
    pub processors: u16,
    /// Memory in bytes.
    pub memory: u64,
}

/// A measurement of a machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statistics {
    /// Use of all processors, 0 to 100.
    pub cpu: f32,
    /// Memory in use, in bytes.
    pub memory_used: u64,
    /// Memory in all, in bytes.
    pub memory_total: u64,
    /// Bytes in use on the disk that holds the system.
    pub disk_used: u64,
    /// Bytes on that disk in all.
    pub disk_total: u64,
    /// Seconds since the machine started.
    pub uptime: u64,
    /// Who is logged in, if anybody is.
    pub console_user: Box<str>,
}

/// Whether an item can be reached, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The item.
    pub item: ItemId,
    /// Its status.
    pub status: Status,
    /// Since when; nothing if it was never seen.
    pub since: Option<Timestamp>,
}

/// How much of the presence a replica knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresencePosition {
    /// The appliance's process: a new one counts anew.
    pub run: u64,
    /// Its changes of presence up to this one are known.
    pub change: u64,
}

/// A Jump Group as a rep who may see it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupView {
    /// Its id.
    pub id: JumpGroupId,
    /// Its name.
    pub name: Box<str>,
}

/// Where in an appliance's history a replica stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The database; a new one has another epoch, and old positions mean nothing to it.
    pub epoch: String,
    /// Everything up to this revision is known.
    pub revision: Revision,
}

/// A part of the inventory: a snapshot comes in several, changes mostly in one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryPart {
    /// Forget everything known before: a snapshot begins.
    pub reset: bool,
    /// New and changed groups.
    pub groups: Vec<GroupView>,
    /// Groups that are gone or may no longer be seen.
    pub gone_groups: Vec<JumpGroupId>,
    /// New and changed items.
    pub items: Vec<Arc<ItemView>>,
    /// Items that are gone or may no longer be seen.
    pub gone: Vec<ItemId>,
    /// Where the replica stands once it took this part; nothing while more parts follow.
    pub position: Option<Position>,
}

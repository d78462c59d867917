//! The inventory as a rep sees it: items, groups, presence, statistics.

use crate::item::Shortcut;
use crate::jump_method::JumpMethod;
pub use crate::place::Place;
use crate::{ItemId, JumpGroupId, JumpPolicyId, PortalId, Revision, SessionPolicyId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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

/// What the person at the machine is shown of a Jump Client's sessions (DOMAIN 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartMode {
    /// Who comes and goes.
    #[default]
    Normal,
    /// That a session begins and ends.
    Minimized,
    /// Nothing.
    Hidden,
}

impl StartMode {
    /// The mode as a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Minimized => "minimized",
            Self::Hidden => "hidden",
        }
    }

    /// The mode of this word.
    pub fn named(word: &str) -> Option<Self> {
        [Self::Normal, Self::Minimized, Self::Hidden].into_iter().find(|mode| mode.word() == word)
    }
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The Jump Policy that is applied to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump_policy: Option<JumpPolicyId>,
    /// What counts in its sessions.
    #[serde(default, skip_serializing_if = "ItemPolicies::is_empty")]
    pub policies: ItemPolicies,
    /// When it uninstalls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Minutes offline after which it is removed; 0 for the appliance's setting.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub max_offline_minutes: u32,
    /// What the person at the machine is shown.
    #[serde(default, skip_serializing_if = "is_normal")]
    pub start_mode: StartMode,
    /// For a Jump shortcut: how it reaches its machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortcut: Option<Box<Shortcut>>,
}

/// What of an item counts in its sessions (DOMAIN 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ItemPolicies {
    /// The portal its customers come through; nothing for the default one.
    pub public_portal: Option<PortalId>,
    /// The session policy while somebody is at the machine.
    pub customer_present: Option<SessionPolicyId>,
    /// The session policy while nobody is.
    pub customer_not_present: Option<SessionPolicyId>,
}

impl ItemPolicies {
    /// Whether none is applied.
    pub const fn is_empty(&self) -> bool {
        self.public_portal.is_none()
            && self.customer_present.is_none()
            && self.customer_not_present.is_none()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_normal(mode: &StartMode) -> bool {
    matches!(mode, StartMode::Normal)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What an agent says of its machine when it connects. Every text is cut to 256 characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The machine's name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub hostname: Box<str>,
    /// Its full name in the DNS, if it has one.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub fqdn: Box<str>,
    /// Domain or workgroup.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub domain: Box<str>,
    /// Name and version of the operating system.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub operating_system: Box<str>,
    /// The address of the interface that leads out.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub private_ip: Box<str>,
    /// The default gateway's address.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub gateway: Box<str>,
    /// The default gateway's hardware address, where it is known.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub gateway_mac: Box<str>,
    /// The hardware address of the interface that leads out, as in `01:23:45:67:89:ab`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub mac: Box<str>,
    /// The agent's version.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub version: Box<str>,
    /// Who is logged in, if anybody is.
    #[serde(skip_serializing_if = "str::is_empty")]
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

/// A small picture of a machine's screen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// Pixels in a row, 1 to 64.
    pub width: u16,
    /// Rows, 1 to 64.
    pub height: u16,
    /// Red, green and blue of each pixel, row by row.
    pub rgb: serde_bytes::ByteBuf,
}

impl Thumbnail {
    /// Whether it is a picture of a size that is allowed.
    pub fn is_whole(&self) -> bool {
        let sides = 1..=crate::limits::THUMBNAIL_SIDE;
        let pixels = usize::from(self.width) * usize::from(self.height);
        sides.contains(&self.width) && sides.contains(&self.height) && self.rgb.len() == pixels * 3
    }

    /// The colour of a pixel.
    pub fn pixel(&self, column: u16, row: u16) -> Option<[u8; 3]> {
        let at = (usize::from(row) * usize::from(self.width) + usize::from(column)) * 3;
        self.rgb.get(at..at + 3)?.try_into().ok()
    }
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

/// The few figures of a machine that are searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// The item.
    pub item: ItemId,
    /// Use of all processors, 0 to 100.
    pub cpu: u8,
    /// Use of the disk that holds the system, 0 to 100.
    pub disk: u8,
}

/// A Jump Policy as a rep sees it (DOMAIN 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JumpPolicyView {
    /// When it lets anybody in and whether that can be overridden, in words; empty for always.
    #[serde(default)]
    pub hours: Box<str>,
    /// Its id.
    pub id: JumpPolicyId,
    /// Its display name.
    pub name: Box<str>,
    /// Nobody may override its schedule.
    pub strict: bool,
    /// Whether it lets anybody in now.
    pub state: PolicyState,
}

/// Whether a Jump Policy's schedule lets anybody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyState {
    /// It has no schedule.
    Always,
    /// It does.
    Open {
        /// Until then; nothing if it never closes.
        until: Option<Timestamp>,
    },
    /// It does not.
    Closed {
        /// Until then; nothing if it never opens.
        opens: Option<Timestamp>,
    },
}

/// How much of the presence a replica knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresencePosition {
    /// The appliance's process: a new one counts again.
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

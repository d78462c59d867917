//! What the appliance stores: versioned documents, one kind per noun.

use crate::api::ApiAccount;
use crate::user::{Account, User};
use jumpdeck_policy::{
    GroupPolicy, JumpPolicy, PolicyChoice, Role, SessionPolicy, SimultaneousJumps,
};
use jumpdeck_protocol::agent::Standing;
use jumpdeck_protocol::handshake::PublicKey;
use jumpdeck_protocol::inventory::{GroupView, ItemView, Place};
use jumpdeck_protocol::log::Attributes;
use jumpdeck_protocol::preferences::Preferences;
use jumpdeck_protocol::queue::{Queue, Rank};
use jumpdeck_protocol::rights::Permissions;
use jumpdeck_protocol::{
    ApiAccountId, EndpointId, GroupPolicyId, InstallerId, ItemId, JumpGroupId, JumpPolicyId,
    LoginId, PortalId, RoleId, SessionKeyId, SessionPolicyId, TeamId, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A Jump Item with what only the appliance knows of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    /// What a rep may see; `view.revision` is the document's version.
    pub view: Arc<ItemView>,
    /// The key its agent proves; a shortcut has no agent.
    #[serde(default)]
    pub key: Option<PublicKey>,
    /// The machine it enrolled from.
    #[serde(default)]
    pub machine: String,
    /// The agent that an embedded appliance brings along.
    #[serde(default)]
    pub local: bool,
    /// For a copy: the endpoint it leads to.
    #[serde(default)]
    pub copy_of: Option<EndpointId>,
    /// Whether its own machine lets it be used.
    #[serde(default)]
    pub standing: Standing,
    /// Who edited it last.
    #[serde(default)]
    pub edited_by: Option<UserId>,
    /// What its first session gets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Attributes,
    /// Where it was brought from by somebody who could not do everything there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
}

/// Where an item was brought from, and what whoever brought it could not have done there: whoever
/// could not there does not here either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub from: Place,
    pub lacked: Permissions,
    /// The Jump Policies that counted there instead of the item's own.
    #[serde(default)]
    pub jump_policies: BTreeSet<JumpPolicyId>,
}

impl Item {
    /// Whether it is no Jump Item, but a machine that came for one session.
    pub(crate) fn is_visitor(&self) -> bool {
        matches!(self.view.place, Place::Queue(_))
    }

    /// The machine it leads to, if an agent is there.
    pub(crate) fn endpoint(&self) -> Option<EndpointId> {
        self.key.map(|_| self.copy_of.unwrap_or(EndpointId(self.view.id.0)))
    }
}

/// A Jump Client that was removed and may not know it yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Removed {
    pub endpoint: EndpointId,
    pub key: PublicKey,
    pub at: Timestamp,
}

/// A Jump Item that was removed because its machine was away for too long: it can be taken back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub item: Item,
    pub at: Timestamp,
    /// The same by the clock that nobody sets.
    pub lived: i64,
}

/// What a user likes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Liking {
    pub user: UserId,
    pub preferences: Preferences,
}

/// A team of reps (DOMAIN 1).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Team {
    pub id: TeamId,
    pub name: String,
    pub members: BTreeMap<UserId, Rank>,
}

/// A site address through which customers arrive (DOMAIN 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Portal {
    pub id: PortalId,
    pub name: String,
    /// Its host name.
    pub address: String,
    /// The one that counts for items that name none.
    pub default: bool,
    pub session_policy: Option<PolicyChoice>,
}

/// What holds for the whole appliance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Site {
    /// What becomes of a second rep where no Jump Policy says it.
    pub simultaneous_jumps: SimultaneousJumps,
    /// Seconds after which a rep has to log in again; 0: never.
    pub login_life: u64,
    /// Seconds without a key after which a console locks itself; 0: never.
    pub idle_lock: u64,
}

impl Default for Site {
    fn default() -> Self {
        Self { simultaneous_jumps: SimultaneousJumps::NewSession, login_life: 0, idle_lock: 0 }
    }
}

/// A login that outlives its link.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Login {
    pub id: LoginId,
    /// SHA-256 of the token; the token itself is not kept.
    pub token_hash: String,
    pub user: UserId,
    pub made: Timestamp,
    pub expires: Timestamp,
    /// What holds it, for people.
    pub holder: String,
    /// That of the account when it was kept.
    pub generation: u64,
}

/// What a machine joins with that is not a Jump Client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SessionKey {
    pub id: SessionKeyId,
    /// SHA-256 of the key; the key itself is shown once and not kept.
    pub key_hash: String,
    /// Who made it.
    pub user: UserId,
    pub queue: Queue,
    pub expires: Timestamp,
    /// What the session gets that comes of it.
    #[serde(default)]
    pub attributes: Attributes,
}

/// What an agent enrols with (DOMAIN 7).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Installer {
    pub id: InstallerId,
    /// SHA-256 of the key; the key itself is shown once and not kept.
    pub key_hash: String,
    pub place: Place,
    pub expires: Timestamp,
    pub revoked: bool,
    pub local: bool,
    /// Who made it; nobody: the appliance itself, or a version that did not write it down.
    #[serde(default)]
    pub maker: Option<UserId>,
    #[serde(default)]
    pub made: Timestamp,
}

/// Any of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Document {
    Item(Box<Item>),
    Group(GroupView),
    User(Box<User>),
    Role(Role),
    Installer(Installer),
    JumpPolicy(Box<JumpPolicy>),
    Removed(Removed),
    Kept(Box<Kept>),
    Liking(Box<Liking>),
    Team(Team),
    SessionKey(SessionKey),
    GroupPolicy(Box<GroupPolicy>),
    SessionPolicy(Box<SessionPolicy>),
    Portal(Portal),
    Site(Site),
    Login(Login),
    Account(Box<Account>),
    ApiAccount(ApiAccount),
}

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DocumentId {
    Item(ItemId),
    Group(JumpGroupId),
    User(UserId),
    Role(RoleId),
    Installer(InstallerId),
    JumpPolicy(JumpPolicyId),
    Removed(EndpointId),
    Kept(ItemId),
    Liking(UserId),
    Team(TeamId),
    SessionKey(SessionKeyId),
    GroupPolicy(GroupPolicyId),
    SessionPolicy(SessionPolicyId),
    Portal(PortalId),
    Site,
    Login(LoginId),
    Account(UserId),
    ApiAccount(ApiAccountId),
}

impl Document {
    pub(crate) fn id(&self) -> DocumentId {
        match self {
            Self::Item(item) => DocumentId::Item(item.view.id),
            Self::Group(group) => DocumentId::Group(group.id),
            Self::User(user) => DocumentId::User(user.id),
            Self::Role(role) => DocumentId::Role(role.id),
            Self::Installer(installer) => DocumentId::Installer(installer.id),
            Self::JumpPolicy(policy) => DocumentId::JumpPolicy(policy.id),
            Self::Removed(removed) => DocumentId::Removed(removed.endpoint),
            Self::Kept(kept) => DocumentId::Kept(kept.item.view.id),
            Self::Liking(liking) => DocumentId::Liking(liking.user),
            Self::Team(team) => DocumentId::Team(team.id),
            Self::SessionKey(key) => DocumentId::SessionKey(key.id),
            Self::GroupPolicy(policy) => DocumentId::GroupPolicy(policy.id),
            Self::SessionPolicy(policy) => DocumentId::SessionPolicy(policy.id),
            Self::Portal(portal) => DocumentId::Portal(portal.id),
            Self::Site(_) => DocumentId::Site,
            Self::Login(login) => DocumentId::Login(login.id),
            Self::Account(account) => DocumentId::Account(account.user),
            Self::ApiAccount(account) => DocumentId::ApiAccount(account.id),
        }
    }
}

impl DocumentId {
    /// The kind and the number, as they stand in the database.
    pub(crate) const fn row(self) -> (&'static str, u64) {
        match self {
            Self::Item(id) => ("item", id.0),
            Self::Group(id) => ("group", id.0),
            Self::User(id) => ("user", id.0),
            Self::Role(id) => ("role", id.0),
            Self::Installer(id) => ("installer", id.0),
            Self::JumpPolicy(id) => ("jump_policy", id.0),
            Self::Removed(id) => ("removed", id.0),
            Self::Kept(id) => ("kept", id.0),
            Self::Liking(id) => ("liking", id.0),
            Self::Team(id) => ("team", id.0),
            Self::SessionKey(id) => ("session_key", id.0),
            Self::GroupPolicy(id) => ("group_policy", id.0),
            Self::SessionPolicy(id) => ("session_policy", id.0),
            Self::Portal(id) => ("portal", id.0),
            Self::Site => ("site", 1),
            Self::Login(id) => ("login", id.0),
            Self::Account(id) => ("account", id.0),
            Self::ApiAccount(id) => ("api_account", id.0),
        }
    }

    /// The id that stands in the database as this kind and number.
    pub(crate) fn from_row(kind: &str, number: u64) -> Option<Self> {
        Some(match kind {
            "item" => Self::Item(ItemId(number)),
            "group" => Self::Group(JumpGroupId(number)),
            "user" => Self::User(UserId(number)),
            "role" => Self::Role(RoleId(number)),
            "installer" => Self::Installer(InstallerId(number)),
            "jump_policy" => Self::JumpPolicy(JumpPolicyId(number)),
            "removed" => Self::Removed(EndpointId(number)),
            "kept" => Self::Kept(ItemId(number)),
            "liking" => Self::Liking(UserId(number)),
            "team" => Self::Team(TeamId(number)),
            "session_key" => Self::SessionKey(SessionKeyId(number)),
            "group_policy" => Self::GroupPolicy(GroupPolicyId(number)),
            "session_policy" => Self::SessionPolicy(SessionPolicyId(number)),
            "portal" => Self::Portal(PortalId(number)),
            "site" => Self::Site,
            "login" => Self::Login(LoginId(number)),
            "account" => Self::Account(UserId(number)),
            "api_account" => Self::ApiAccount(ApiAccountId(number)),
            _ => return None,
        })
    }
}

//! What the appliance keeps: versioned documents, one kind for each noun. A new kind is a file here
//! and a line in the list below.

mod api_account;
mod installer;
mod item;
mod login;
mod policies;
mod preferences;
mod removed;
mod session_key;
mod site;
mod team;
mod user;

pub use api_account::ApiAccount;
pub use installer::Installer;
pub use item::{Item, Origin, Reach};
pub use login::KeptLogin;
pub use preferences::KeptPreferences;
pub use removed::{Kept, Removed};
pub use session_key::SessionKey;
pub use site::{Portal, Site, SiteId};
pub use team::Team;
pub use user::{Account, SecondFactor, SshPublicKey, USERNAME, User, former_password, username};

use crate::indexes::Indexes;
use imbl::OrdMap;
use jumpdeck_policy::{GroupPolicy, JumpPolicy, Role, SessionPolicy};
use jumpdeck_protocol::inventory::GroupView;
use jumpdeck_protocol::{
    ApiAccountId, EndpointId, GroupPolicyId, InstallerId, ItemId, JumpGroupId, JumpPolicyId,
    LoginId, PortalId, Revision, RoleId, SessionKeyId, SessionPolicyId, TeamId, UserId,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One document of its kind.
pub trait Entity: Kind {
    fn id(&self) -> Self::Id;

    /// It is kept under this revision from now on.
    fn stamp(&mut self, _: Revision) {}

    /// What it is found by besides its id.
    fn index(_: &mut Indexes, _before: Option<&Self>, _after: Option<&Self>) {}
}

/// What the list below says of a kind.
pub trait Kind: Clone + Into<Document> + 'static {
    type Id: Copy + Ord + 'static;

    fn document_id(id: Self::Id) -> DocumentId;
    fn numbered(number: u64) -> Self::Id;
    fn table(tables: &Tables) -> &OrdMap<Self::Id, Arc<Self>>;
    fn table_mut(tables: &mut Tables) -> &mut OrdMap<Self::Id, Arc<Self>>;
}

/// Acts on a document of any kind.
pub(crate) trait DocumentVisitor {
    fn put<T: Entity>(&mut self, value: T);
    fn remove<T: Entity>(&mut self, id: T::Id);
}

/// `Variant(Type, Id) table = "row" configuration;`: the row is the kind's name in the database;
/// the configuration is all but items and what is the matter of single users.
macro_rules! entities {
    ($($kind:ident($type:ty, $id:ident) $table:ident = $row:literal $($configuration:ident)?;)*) => {
        /// A document of any kind.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub enum Document {
            $($kind(Box<$type>),)*
        }

        /// Which one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum DocumentId {
            $($kind($id),)*
        }

        /// Every document by its kind and id.
        #[derive(Clone, Debug, Default)]
        pub struct Tables {
            $($table: OrdMap<$id, Arc<$type>>,)*
        }

        impl Document {
            pub fn id(&self) -> DocumentId {
                match self {
                    $(Self::$kind(value) => DocumentId::$kind(Entity::id(&**value)),)*
                }
            }

            pub(crate) fn put_by(self, visitor: &mut impl DocumentVisitor) {
                match self {
                    $(Self::$kind(value) => visitor.put(*value),)*
                }
            }
        }

        impl DocumentId {
            /// The kind and the number, as they are in the database.
            pub const fn row(self) -> (&'static str, u64) {
                match self {
                    $(Self::$kind(id) => ($row, id.0),)*
                }
            }

            /// The id that is in the database as this kind and number.
            pub fn from_row(kind: &str, number: u64) -> Option<Self> {
                Some(match kind {
                    $($row => Self::$kind($id(number)),)*
                    _ => return None,
                })
            }

            pub(crate) fn remove_by(self, visitor: &mut impl DocumentVisitor) {
                match self {
                    $(Self::$kind(id) => visitor.remove::<$type>(id),)*
                }
            }

            /// The first and the last id of each kind of configuration.
            pub fn configuration() -> impl Iterator<Item = (Self, Self)> {
                let kinds = [$((
                    Self::$kind($id(0)),
                    Self::$kind($id(u64::MAX)),
                    false $(|| stringify!($configuration) == "configuration")?,
                ),)*];
                let counts = |(first, last, counts)| {
                    let counts: bool = counts;
                    counts.then_some((first, last))
                };
                kinds.into_iter().filter_map(counts)
            }
        }

        $(impl From<$type> for Document {
            fn from(value: $type) -> Self {
                Self::$kind(Box::new(value))
            }
        }

        impl Kind for $type {
            type Id = $id;

            fn document_id(id: $id) -> DocumentId {
                DocumentId::$kind(id)
            }

            fn numbered(number: u64) -> $id {
                $id(number)
            }

            fn table(tables: &Tables) -> &OrdMap<$id, Arc<Self>> {
                &tables.$table
            }

            fn table_mut(tables: &mut Tables) -> &mut OrdMap<$id, Arc<Self>> {
                &mut tables.$table
            }
        })*
    };
}

entities! {
    Item(Item, ItemId) items = "item";
    Group(GroupView, JumpGroupId) groups = "group" configuration;
    User(User, UserId) users = "user" configuration;
    Role(Role, RoleId) roles = "role" configuration;
    Installer(Installer, InstallerId) installers = "installer";
    JumpPolicy(JumpPolicy, JumpPolicyId) jump_policies = "jump_policy" configuration;
    Removed(Removed, EndpointId) removed = "removed";
    Kept(Kept, ItemId) kept = "kept";
    Preferences(KeptPreferences, UserId) preferences = "liking";
    Team(Team, TeamId) teams = "team" configuration;
    SessionKey(SessionKey, SessionKeyId) session_keys = "session_key";
    GroupPolicy(GroupPolicy, GroupPolicyId) group_policies = "group_policy" configuration;
    SessionPolicy(SessionPolicy, SessionPolicyId) session_policies = "session_policy" configuration;
    Portal(Portal, PortalId) portals = "portal" configuration;
    Site(Site, SiteId) sites = "site" configuration;
    Login(KeptLogin, LoginId) logins = "login";
    Account(Account, UserId) accounts = "account";
    ApiAccount(ApiAccount, ApiAccountId) api_accounts = "api_account";
}

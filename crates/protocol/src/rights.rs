//! What a Jump Item Role can permit, and what a rep may do where (DOMAIN 3).

use crate::JumpPolicyId;
use crate::place::Place;
use serde::{Deserialize, Serialize};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident $code:literal $title:literal $bit:literal;)*) => {
        /// What a Jump Item Role can permit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Permission {
            $($(#[$doc])* $name,)*
        }

        impl Permission {
            /// All of them, in the order of DOMAIN 3.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            const fn bit(self) -> u32 {
                match self { $(Self::$name => 1 << $bit,)* }
            }

            /// The permission's stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it permits, for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

// The bits are in databases: they are never given to another permission.
permissions! {
    /// Create and deploy Jump Items.
    PermAdd "perm_add" "create and deploy" 0;
    /// Move and copy them: needed where they stand and where they go.
    PermAssignJumpGroup "perm_assign_jump_group" "move and copy" 3;
    /// Remove them.
    PermRemove "perm_remove" "remove" 1;
    /// Start sessions, and wake machines.
    PermStart "perm_start" "start sessions" 2;
    /// Edit the tag.
    PermEditTag "perm_edit_tag" "edit the tag" 4;
    /// Edit comments.
    PermEditComments "perm_edit_comments" "edit comments" 5;
    /// Choose the public portal.
    PermEditPublicPortal "perm_edit_public_portal" "choose the public portal" 6;
    /// Choose the Jump Policy.
    PermEditJumpPolicy "perm_edit_jump_policy" "choose the Jump Policy" 7;
    /// Choose the session policies.
    PermEditSessionPolicy "perm_edit_session_policy" "choose the session policies" 8;
    /// Edit what the item is and how it is reached: name, host name, port, password.
    PermEditIdentity "perm_edit_identity" "edit name and address" 9;
    /// Edit how it behaves: start mode, quality, terminal, life.
    PermEditBehavior "perm_edit_behavior" "edit behaviour" 10;
    /// See the report on Jump Items.
    PermViewJumpItemReport "perm_view_jump_item_report" "see the Jump Item report" 11;
}

/// A set of permissions; empty unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permissions(u32);

impl Permissions {
    /// A set of these.
    pub fn of(permissions: &[Permission]) -> Self {
        Self(permissions.iter().fold(0, |bits, p| bits | p.bit()))
    }

    /// What is in this set and not in another.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What is in this set or in another.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in it, in the order of DOMAIN 3.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }

    /// Whether the set has it.
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }
}

/// What a rep may do with the items of one place, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceRights {
    /// The place.
    pub place: Place,
    /// Whose personal list it is, if it is one.
    pub owner: Option<Box<str>>,
    /// The role that counts.
    pub role: Box<str>,
    /// What named that role.
    pub because: Box<str>,
    /// What it permits.
    pub permitted: Permissions,
    /// The Jump Policy that is there instead of the items' own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump_policy: Option<JumpPolicyId>,
}

/// Whom a question is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// Anyone who asks.
    #[default]
    Me,
    /// The user of this name.
    User(Box<str>),
    /// All users.
    Everybody,
}

/// Whether somebody may do something, and why (DESIGN 6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Who.
    pub user: Box<str>,
    /// What.
    pub action: Permission,
    /// It may be done.
    pub allowed: bool,
    /// What had a say, in the order it was asked; the last one decided.
    pub because: Vec<ExplainedStep>,
}

/// One thing that had a say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedStep {
    /// A membership, a slot, a role, a Jump Policy.
    pub source: Box<str>,
    /// What it said.
    pub says: Box<str>,
    /// Whether it lets it be done; nothing if it only leads to the next one.
    #[serde(default)]
    pub allows: Option<bool>,
}

//! Accounts of programs that use the HTTP API.

use super::secret::Secret;
use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What a program may do by the HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ApiScope {
    /// Read the items of all Jump Groups.
    #[serde(rename = "items:read")]
    ItemsRead,
    /// Read which sessions are open.
    #[serde(rename = "sessions:read")]
    SessionsRead,
}

impl ApiScope {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ItemsRead, Self::SessionsRead];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ItemsRead => "items:read",
            Self::SessionsRead => "sessions:read",
        }
    }
}

impl FromStr for ApiScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        known.ok_or_else(|| format!("a scope is one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// An account of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiAccountView {
    /// Its name.
    pub name: Box<str>,
    /// What it may do.
    pub scopes: Vec<ApiScope>,
    /// When it was made.
    pub made: Timestamp,
    /// Until when its token can be used.
    pub expires: Timestamp,
}

/// What to do with the accounts of programs. For administrators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiAccountRequest {
    /// Say which there are.
    List,
    /// Make one.
    Add {
        /// 1 to 64 letters, digits and `. _ - @`.
        name: Box<str>,
        /// What it may do; at least one.
        scopes: Vec<ApiScope>,
        /// Seconds its token can be used: an hour to ten years.
        valid: u64,
    },
    /// Remove one: its token opens nothing any more.
    Remove {
        /// Its name.
        name: Box<str>,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiAccounts {
    /// All of them, by name.
    pub accounts: Vec<ApiAccountView>,
    /// The token of the one that was made. Shown this once.
    pub token: Option<Secret>,
}

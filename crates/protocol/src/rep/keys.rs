//! Installer keys and items that were removed by time: what is listed and taken back.

use crate::{InstallerId, ItemId, Timestamp};
use serde::{Deserialize, Serialize};

/// What to do with installer keys. Reps see and revoke their own, administrators all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallerRequest {
    /// List those that can be used.
    List,
    /// Revoke one: nothing enrols with it any more. Machines that did stay.
    Remove {
        /// Which.
        installer: InstallerId,
    },
}

/// An installer key, without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallerView {
    /// Its number.
    pub id: InstallerId,
    /// Where its machines go.
    pub place: Box<str>,
    /// Who made it; empty for the appliance itself.
    pub maker: Box<str>,
    /// When it was made.
    pub made: Timestamp,
    /// Until when it can be used.
    pub expires: Timestamp,
    /// Whether its maker may still add machines there; else nothing enrols with it.
    pub good: bool,
}

/// A Jump Item that was removed because its machine was away for too long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedItem {
    /// Its number.
    pub item: ItemId,
    /// Its name.
    pub name: Box<str>,
    /// Where it was.
    pub place: Box<str>,
    /// When it was removed.
    pub removed: Timestamp,
    /// Seconds for which it can still be taken back.
    pub left: u64,
}

//! What a configuration file changes, and what a session would grant.

use crate::rep::NewUser;
use crate::rights::{Answer, Permissions};
use crate::session_policy::Simulated;
use crate::{Revision, Timestamp};
use serde::{Deserialize, Serialize};

/// What a session would grant to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// Who.
    pub user: Box<str>,
    /// Whether somebody is at the machine.
    pub customer_present: bool,
    /// When.
    pub at: Timestamp,
    /// Whether the session could be started at all.
    pub start: Answer,
    /// Every permission.
    pub permissions: Vec<Simulated>,
}

/// What a configuration changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The state it was reckoned from.
    pub revision: Revision,
    /// What is wrong with the file; nothing was changed then.
    pub problems: Vec<Problem>,
    /// What is added, changed and removed.
    pub changes: Vec<Change>,
    /// Changes in all: only the first are listed.
    pub changes_in_all: u64,
    /// What that does to whom.
    pub effects: Vec<Effect>,
    /// Effects in all: only the first are listed.
    pub effects_in_all: u64,
    /// Users who gain something.
    pub gain: u64,
    /// Users who lose something.
    pub lose: u64,
    /// What to know besides.
    pub notes: Vec<Box<str>>,
    /// Users that were made, with their first passwords. Shown this once.
    pub passwords: Vec<NewUser>,
    /// It was applied.
    pub applied: bool,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// Where, as in `group_policy "Users": default_role`.
    pub field: Box<str>,
    /// What, and what would be right.
    pub what: Box<str>,
}

/// Something that is added, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Of which kind, as in the file.
    pub kind: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// What becomes of it.
    pub deed: PlannedChange,
}

/// What becomes of something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedChange {
    /// It is made.
    Added,
    /// It is removed.
    Removed,
    /// A field is another one: its name, what it held, what it will hold.
    Changed(Box<str>, Box<str>, Box<str>),
}

/// What a change does to a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Who.
    pub user: Box<str>,
    /// Where, or in which sessions.
    pub place: Box<str>,
    /// Items that are there.
    pub items: u64,
    /// What comes of it.
    pub what: Effected,
}

/// What comes of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effected {
    /// What may be done with items: whether they are seen before and after, and permissions.
    Items {
        /// They were seen.
        saw: bool,
        /// They are seen.
        sees: bool,
        /// What may be done from now on.
        gains: Permissions,
        /// What may not be done any more.
        loses: Permissions,
        /// When sessions may be started, by the Jump Policy of the membership; empty for always.
        #[serde(default)]
        hours: Box<str>,
        /// When they could before.
        #[serde(default)]
        had: Box<str>,
    },
    /// What sessions grant: the permission, before, after.
    Session(Box<str>, Box<str>, Box<str>),
    /// A setting: its name, before, after.
    Setting(Box<str>, Box<str>, Box<str>),
}

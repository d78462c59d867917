//! Teams, queues, and the session keys that let a machine into them.
//!
//! A machine that is not a Jump Client joins with a key that a rep made. It waits in a queue until
//! a rep who serves that queue takes it.

use crate::{ItemId, SessionId, TeamId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Who is to take a machine that waits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// This rep.
    Personal(UserId),
    /// Anybody of this team.
    Team(TeamId),
    /// Anybody.
    #[default]
    General,
}

/// The queue that a rep wants a key for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueChoice {
    /// The rep's own.
    #[default]
    Personal,
    /// The queue of the team of this name.
    Team(Box<str>),
    /// The queue of all.
    General,
}

/// A rank in a team (DOMAIN 1).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// The lowest.
    #[default]
    Member,
    /// Outranks members.
    Lead,
    /// Outranks both.
    Manager,
}

impl Rank {
    /// All of them, the lowest first.
    pub const ALL: &[Self] = &[Self::Member, Self::Lead, Self::Manager];

    /// The rank as a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Lead => "lead",
            Self::Manager => "manager",
        }
    }

    /// The rank of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rank| rank.word() == word)
    }
}

/// A team as its members see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamView {
    /// Its name.
    pub name: Box<str>,
    /// Its members' user names and ranks.
    pub members: Vec<(Box<str>, Rank)>,
}

/// A machine that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its number, as if it were a Jump Item.
    pub item: ItemId,
    /// What its user calls it, else its host's name.
    pub name: Box<str>,
    /// Where it waits.
    pub queue: Queue,
    /// The name of the team, if it waits for one.
    pub team: Box<str>,
    /// Since when.
    pub since: Timestamp,
    /// Who made the key it came with.
    pub invited_by: Box<str>,
    /// Who sits there.
    pub console_user: Box<str>,
    /// What runs there.
    pub operating_system: Box<str>,
    /// The address it came from.
    pub address: Box<str>,
}

/// A session of a rep in one of the own teams, in which one does not take part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamSession {
    /// The session.
    pub session: SessionId,
    /// The item's name.
    pub item_name: Box<str>,
    /// Whose it is.
    pub owner: Box<str>,
    /// The team.
    pub team: Box<str>,
    /// When it started.
    pub started: Timestamp,
    /// One outranks its owner there, and may come in.
    pub may_join: bool,
}

/// What goes on besides one's own sessions. Replaces what was sent before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    /// The machines that wait in the queues one serves, the first come first.
    pub waiting: Vec<Waiting>,
    /// The sessions of one's teams.
    pub sessions: Vec<TeamSession>,
    /// The names of one's teams.
    pub teams: Vec<Box<str>>,
}

/// A new session key. It is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionKey {
    /// Seven characters.
    pub key: String,
    /// Until when it can be used, once.
    pub expires: Timestamp,
    /// The fingerprint of the appliance's key, for the agent to check.
    pub fingerprint: String,
    /// The queue it leads to, for people.
    pub queue: String,
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionKey")
            .field("expires", &self.expires)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

/// The characters of session keys: none that is taken for another when it is read out.
pub const KEY_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// How many of them a key has.
pub const KEY_LENGTH: usize = 7;

/// A key as it was made, from what somebody typed: in whatever case, with blanks or hyphens.
/// Nothing if it cannot be one.
pub fn read_key(typed: &str) -> Option<String> {
    let kept = typed.chars().filter(|c| !c.is_whitespace() && *c != '-');
    let key: String = kept.map(|c| c.to_ascii_uppercase()).collect();
    let fits = key.len() == KEY_LENGTH && key.bytes().all(|c| KEY_ALPHABET.contains(&c));
    fits.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_typed_as_it_was_heard() {
        for typed in ["AB2CD3E", "ab2cd3e", " ab2-cd3e ", "AB2 CD3E"] {
            assert_eq!(read_key(typed).as_deref(), Some("AB2CD3E"), "{typed}");
        }
        for wrong in ["", "AB2CD3", "AB2CD3EF", "AB2CD0E", "AB2CDÄE"] {
            assert_eq!(read_key(wrong), None, "{wrong}");
        }
    }
}

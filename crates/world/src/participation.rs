//! By what right somebody other than its owner takes part in a session.

use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::{ItemId, SessionId, UserId};

/// What stands before the item of a jump.
const JUMPED: &str = "jumped:";

/// What lets somebody take part in another rep's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// The owner's word: until it is taken back.
    Invited(Part),
    /// A jump through this item, which the Jump Policy made a part in this session: for as long as
    /// they may jump through it.
    Jumped(ItemId),
    /// A rank above the owner's: for as long as it is.
    Outranks,
}

/// Somebody in another rep's session.
#[derive(Clone, Copy, Debug)]
pub struct Participation {
    pub session: SessionId,
    pub owner: UserId,
    /// The item that the session goes through.
    pub item: ItemId,
    /// The customer started it.
    pub attended: bool,
    pub user: UserId,
    pub share: Share,
}

impl Share {
    /// How far they take part.
    pub const fn part(self) -> Part {
        match self {
            Self::Invited(part) => part,
            Self::Jumped(_) | Self::Outranks => Part::Participant,
        }
    }

    /// How it is written down.
    pub fn word(self) -> String {
        match self {
            Self::Invited(Part::Observer) => "observer".to_owned(),
            Self::Invited(Part::Participant) => "participant".to_owned(),
            Self::Invited(Part::Owner) => "owner".to_owned(),
            Self::Jumped(item) => format!("{JUMPED}{item}"),
            Self::Outranks => "outranks".to_owned(),
        }
    }

    /// What is meant by a word; by an unknown one as little as can be.
    pub fn of_word(word: &str) -> Self {
        let jumped = word.strip_prefix(JUMPED).and_then(|item| item.parse().ok());
        if let Some(item) = jumped {
            return Self::Jumped(ItemId(item));
        }
        match word {
            "owner" => Self::Invited(Part::Owner),
            "participant" => Self::Invited(Part::Participant),
            "outranks" => Self::Outranks,
            _ => Self::Invited(Part::Observer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let invited = [Part::Observer, Part::Participant, Part::Owner].map(Share::Invited);
        for share in invited.into_iter().chain([Share::Jumped(ItemId(7)), Share::Outranks]) {
            assert_eq!(Share::of_word(&share.word()), share);
        }
        for unknown in ["anything", "jumped:", "jumped:x"] {
            assert_eq!(Share::of_word(unknown), Share::Invited(Part::Observer));
        }
    }
}

//! By what right somebody other than its owner takes part in a session.

use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::{ItemId, SessionId, UserId};

/// What lets somebody take part in another rep's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// The owner's word: until it is taken back.
    Invited(Part),
    /// A jump to the machine, which the Jump Policy made a part in this session: for as long as they
    /// may jump there.
    Jumped,
    /// A rank above the owner's: for as long as it is.
    Outranks,
}

/// Somebody in another rep's session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Participation {
    pub session: SessionId,
    pub owner: UserId,
    /// What the session was started with.
    pub item: ItemId,
    pub user: UserId,
    pub share: Share,
}

impl Share {
    /// How far they take part.
    pub(crate) const fn part(self) -> Part {
        match self {
            Self::Invited(part) => part,
            Self::Jumped | Self::Outranks => Part::Participant,
        }
    }

    /// How it is written down.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Invited(Part::Observer) => "observer",
            Self::Invited(Part::Participant) => "participant",
            Self::Invited(Part::Owner) => "owner",
            Self::Jumped => "jumped",
            Self::Outranks => "outranks",
        }
    }

    /// What is meant by a word; by an unknown one as little as can be.
    pub(crate) fn of_word(word: &str) -> Self {
        match word {
            "owner" => Self::Invited(Part::Owner),
            "participant" => Self::Invited(Part::Participant),
            "jumped" => Self::Jumped,
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
        for share in invited.into_iter().chain([Share::Jumped, Share::Outranks]) {
            assert_eq!(Share::of_word(share.word()), share);
        }
        assert_eq!(Share::of_word("anything").part(), Part::Observer);
    }
}

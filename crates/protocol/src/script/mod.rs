//! Representative Console Scripts (BRCS, DOMAIN 9): what they say, read here and nowhere else.
//!
//! ```text
//! BRCS1.0
//! action=login
//! action=start_pinned_client_session&client.hostname=ABCDEF02
//! ```
//! The first line names the version; then come one to ten commands, a line each, ended by LF or
//! CRLF. A command is pairs of `key=value` with `&` between them, percent-encoded (RFC 3986, 2.1).

mod parse;
mod percent;
#[cfg(test)]
mod tests;
mod write;

pub use parse::{LONGEST, ScriptError};

use crate::log::Attributes;
use crate::rep::Secret;

/// A script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Its commands, in order; one to ten.
    pub commands: Vec<Command>,
}

/// One command of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Log in: as this user, or by asking.
    Login(Option<Credentials>),
    /// Start a session with a Jump Client.
    StartPinnedClientSession {
        /// With which.
        search: Search,
        /// What stays with the session.
        custom: Custom,
    },
    /// Start a session with a Jump Item.
    StartJumpItemSession {
        /// With which.
        search: Search,
        /// By this method alone.
        method: Option<String>,
        /// With this credential.
        credential: Option<String>,
        /// What stays with the session.
        custom: Custom,
    },
    /// Start a session with a machine that need not be an item.
    StartAdHoc {
        /// Of which kind.
        kind: AdHoc,
        /// Through this Jumpoint; nothing where the kind needs none.
        jumpoint: Option<String>,
        /// The machine's host name or address.
        target: Option<String>,
        /// What stays with the session.
        custom: Custom,
    },
    /// Make a session key.
    GenerateSessionKey {
        /// What stays with the session.
        custom: Custom,
    },
}

/// A session with a machine that need not be an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdHoc {
    /// A Shell Jump.
    Shell,
    /// A Remote Desktop session.
    Rdp,
    /// A VNC session.
    Vnc,
    /// An agent is pushed there from the rep's own machine.
    PushLocal,
    /// An agent is pushed there through a Jumpoint.
    PushRemote,
}

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// What is looked for; always something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// A part of comments, host name, private or public address, or tag, in any case.
    Anywhere(String),
    /// Parts of these fields, in any case; all of them hold.
    Fields(Vec<(Field, String)>),
}

/// A field of a Jump Client that is searched on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Its comments.
    Comments,
    /// Its host name.
    Hostname,
    /// Its private address.
    PrivateIp,
    /// Its public address.
    PublicIp,
    /// Its tag.
    Tag,
}

/// Custom attributes of a session, by name, in the order they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custom(pub Vec<(String, String)>);

impl Custom {
    /// The same as a session keeps them.
    pub fn attributes(&self) -> Attributes {
        let own = |text: &String| text.as_str().into();
        self.0.iter().map(|(name, value)| (own(name), own(value))).collect()
    }
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Comments, Self::Hostname, Self::PrivateIp, Self::PublicIp, Self::Tag];

    /// Its key in a script.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Comments => "client.comments",
            Self::Hostname => "client.hostname",
            Self::PrivateIp => "client.private_ip",
            Self::PublicIp => "client.public_ip",
            Self::Tag => "client.tag",
        }
    }
}

impl AdHoc {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Shell, Self::Rdp, Self::Vnc, Self::PushLocal, Self::PushRemote];

    /// Its action in a script.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Shell => "start_shell_jump_session",
            Self::Rdp => "start_rdp_session",
            Self::Vnc => "start_vnc_session",
            Self::PushLocal => "push_and_start_local",
            Self::PushRemote => "push_and_start_remote",
        }
    }
}

impl Search {
    /// Whether it finds what has these texts: comments, host name, private and public address, tag,
    /// in the order of [`Field::ALL`].
    pub fn finds(&self, texts: [&str; 5]) -> bool {
        let holds = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        match self {
            Self::Anywhere(part) => texts.iter().any(|text| holds(text, part)),
            Self::Fields(fields) => fields.iter().all(|(field, part)| {
                let mut known = Field::ALL.iter().zip(texts);
                known.any(|(known, text)| known == field && holds(text, part))
            }),
        }
    }
}

impl Command {
    /// Its action, as a script names it.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Login(_) => "login",
            Self::StartPinnedClientSession { .. } => "start_pinned_client_session",
            Self::StartJumpItemSession { .. } => "start_jump_item_session",
            Self::StartAdHoc { kind, .. } => kind.action(),
            Self::GenerateSessionKey { .. } => "generate_session_key",
        }
    }
}

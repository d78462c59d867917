//! What a channel can be, and what follows from that.
//!
//! Anyone who treats one kind of channel differently from another asks its [`Nature`]. A kind that is
//! added says there which permission it needs and how it is treated, or does not compile.

use crate::argument::Argument;
use crate::limits;
use crate::modes::TerminalModes;
use crate::session::Size;
use crate::session_policy::SessionPermission;
use serde::{Deserialize, Serialize};

/// What runs at the other end of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// The user's login shell on a terminal.
    Shell {
        /// The terminal's size.
        size: Size,
        /// The terminal's type, as in `TERM`.
        term: String,
        /// How it treats what is typed and printed.
        #[serde(default, skip_serializing_if = "TerminalModes::is_empty")]
        modes: TerminalModes,
    },
    /// One command on a terminal; in all else as a shell.
    Terminal {
        /// The terminal's size.
        size: Size,
        /// The terminal's type, as in `TERM`.
        term: String,
        /// The program and its arguments, unchanged.
        argv: Vec<Argument>,
        /// Which program the first argument is.
        #[serde(default, skip_serializing_if = "Program::is_named")]
        program: Program,
        /// How it treats what is typed and printed.
        #[serde(default, skip_serializing_if = "TerminalModes::is_empty")]
        modes: TerminalModes,
    },
    /// One command without a terminal; its errors come on a channel of their own.
    Exec {
        /// The program and its arguments, unchanged.
        argv: Vec<Argument>,
        /// Which program the first argument is.
        #[serde(default, skip_serializing_if = "Program::is_named")]
        program: Program,
    },
    /// A connection to a port of the machine itself. It ends as a command does.
    Tunnel {
        /// The port.
        port: u16,
    },
}

/// Which program the first word of a command is. An agent of an earlier version runs the word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// The one of that name.
    #[default]
    Named,
    /// The account's shell.
    Shell,
    /// The account's shell, as at a login.
    LoginShell,
}

impl Program {
    /// Whether it is the one that the first word names.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    pub const fn is_named(&self) -> bool {
        matches!(self, Self::Named)
    }
}

impl ChannelKind {
    /// A command without a terminal.
    pub fn exec(argv: impl IntoIterator<Item = impl Into<Argument>>) -> Self {
        let argv = argv.into_iter().map(Into::into).collect();
        Self::Exec { argv, program: Program::Named }
    }

    /// How its terminal treats what is typed and printed, if it has one.
    pub fn modes(&self) -> Option<&TerminalModes> {
        match self {
            Self::Shell { modes, .. } | Self::Terminal { modes, .. } => Some(modes),
            Self::Exec { .. } | Self::Tunnel { .. } => None,
        }
    }

    /// What it is, whatever runs in it.
    pub const fn family(&self) -> Family {
        match self {
            Self::Shell { .. } | Self::Terminal { .. } => Family::Terminal,
            Self::Exec { .. } => Family::Command,
            Self::Tunnel { .. } => Family::Tunnel,
        }
    }

    /// How it is treated.
    pub const fn nature(&self) -> Nature {
        self.family().nature()
    }

    /// Whether what it runs reads commands: they cannot be known before they run.
    pub fn is_shell(&self) -> bool {
        match self {
            Self::Shell { .. } => true,
            Self::Terminal { program, .. } | Self::Exec { program, .. } => {
                *program == Program::LoginShell
            }
            Self::Tunnel { .. } => false,
        }
    }

    /// The program and its arguments, if one is named.
    pub fn command(&self) -> Option<&[Argument]> {
        match self {
            Self::Terminal { argv, .. } | Self::Exec { argv, .. } => Some(argv),
            Self::Shell { .. } | Self::Tunnel { .. } => None,
        }
    }

    /// The size and the type of its terminal, if it has one.
    pub fn terminal(&self) -> Option<(Size, &str)> {
        match self {
            Self::Shell { size, term, .. } | Self::Terminal { size, term, .. } => {
                Some((*size, term))
            }
            Self::Exec { .. } | Self::Tunnel { .. } => None,
        }
    }
}

macro_rules! families {
    ($($(#[$doc:meta])* $name:ident $word:literal;)*) => {
        /// What a channel is, whatever runs in it. It is kept with the channel.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Family {
            $($(#[$doc])* $name,)*
        }

        impl Family {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name on the wire and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The one of this name.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|family| family.as_str() == word)
            }
        }
    };
}

families! {
    /// A program on a terminal.
    Terminal "terminal";
    /// A program without one.
    Command "command";
    /// A connection.
    Tunnel "tunnel";
}

impl Family {
    /// What it was, where only this was written down.
    pub const fn of_old(is_shell: bool) -> Self {
        if is_shell { Self::Terminal } else { Self::Command }
    }

    /// How it is treated.
    pub const fn nature(self) -> Nature {
        match self {
            Self::Terminal => Nature {
                permission: SessionPermission::CommandShell,
                lane: Lane::Interactive,
                window: limits::SHELL_WINDOW,
                errors: false,
                terminal: true,
                when_alone: WhenAlone::GoesOn,
            },
            Self::Command => Nature {
                permission: SessionPermission::CommandShell,
                lane: Lane::Bulk,
                window: limits::BULK_WINDOW,
                errors: true,
                terminal: false,
                when_alone: WhenAlone::Ends,
            },
            Self::Tunnel => Nature {
                permission: SessionPermission::Tunnel,
                lane: Lane::Bulk,
                window: limits::BULK_WINDOW,
                errors: true,
                terminal: false,
                when_alone: WhenAlone::Ends,
            },
        }
    }
}

/// How a channel is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nature {
    /// What a session must grant.
    pub permission: SessionPermission,
    /// Which queue its bytes wait in, on every link and both ways.
    pub lane: Lane,
    /// Bytes of output that may be under way to a console.
    pub window: u64,
    /// Its errors have a channel of their own.
    pub errors: bool,
    /// There is a terminal: what is typed can be seen, one console types, and it can be recorded.
    pub terminal: bool,
    /// What becomes of it when no console comes back.
    pub when_alone: WhenAlone,
}

/// What becomes of a channel that no console comes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAlone {
    /// It goes on.
    GoesOn,
    /// It ends.
    Ends,
}

/// Which queue a message waits in. Within a lane, order is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Control messages and interactive channels.
    Interactive,
    /// Everything that can wait behind a keystroke.
    Bulk,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::ChannelView;
    use crate::session_policy::{Access, Granted};

    #[test]
    fn nothing_is_granted_of_what_no_policy_defines() {
        let nothing = Granted::default();
        for family in Family::ALL.iter().copied() {
            assert!(!nothing.grants(family.nature().permission), "{family:?}");
        }
        let tunnel = Granted { tunnel: Access::Allow, ..Granted::default() };
        assert!(tunnel.grants(Family::Tunnel.nature().permission));
        assert!(!tunnel.grants(Family::Terminal.nature().permission));
        let recording = |recording| Granted { recording, ..Granted::default() };
        assert!(recording(Access::Allow).grants(SessionPermission::Recording));
        assert!(!recording(Access::Deny).grants(SessionPermission::Recording));
        // What has more to say than yes and no is not granted by accident.
        assert!(!Granted::everything().grants(SessionPermission::CommandFilter));
    }

    #[test]
    fn a_view_of_an_earlier_version_says_whether_there_is_a_terminal() {
        let old = |is_shell| {
            let view = serde_json::json!({
                "id": 1, "errors": null, "is_shell": is_shell, "attached": false
            });
            serde_json::from_value::<ChannelView>(view).unwrap().family
        };
        assert_eq!((old(true), old(false)), (Family::Terminal, Family::Command));
        let later = serde_json::json!({
            "id": 1, "errors": null, "is_shell": false, "family": "files", "attached": false
        });
        let later: ChannelView = serde_json::from_value(later).unwrap();
        assert_eq!(later.family, Family::Command, "a kind that only later versions know");
        for family in Family::ALL.iter().copied() {
            let view = ChannelView {
                id: crate::ChannelId(1),
                errors: None,
                family,
                attached: false,
                recorded: false,
            };
            let wire = serde_json::to_value(&view).unwrap();
            assert_eq!(wire["is_shell"], family == Family::Terminal);
            assert_eq!(serde_json::from_value::<ChannelView>(wire).unwrap(), view);
        }
    }
}

//! What permissions of a session are worth.

use super::SessionPermission;
use serde::de::{self, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// May it be done?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// It may not.
    #[default]
    Deny,
    /// It may.
    Allow,
}

impl Access {
    /// Whether it may.
    pub const fn is_allowed(self) -> bool {
        matches!(self, Self::Allow)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.is_allowed() { "allow" } else { "deny" })
    }
}

/// How much of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScreenSharing {
    /// Nothing.
    #[default]
    Deny,
    /// The picture.
    ViewOnly,
    /// The picture, keyboard and mouse.
    ViewAndControl,
}

impl fmt::Display for ScreenSharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deny => "deny",
            Self::ViewOnly => "view_only",
            Self::ViewAndControl => "view_and_control",
        })
    }
}

/// Which way the clipboard goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clipboard {
    /// Neither way.
    #[default]
    Deny,
    /// From the machine.
    ToRep,
    /// To the machine.
    ToCustomer,
    /// Both ways.
    Both,
}

impl fmt::Display for Clipboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deny => "deny",
            Self::ToRep => "to_rep",
            Self::ToCustomer => "to_customer",
            Self::Both => "both",
        })
    }
}

/// Where files may be: anywhere, or below these folders. In files: `"any"` or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paths {
    /// Anywhere.
    Any,
    /// Below these; nowhere, if there is none.
    List(Vec<String>),
}

impl Default for Paths {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl fmt::Display for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.pad("any"),
            Self::List(paths) if paths.is_empty() => f.pad("nowhere"),
            Self::List(paths) => f.pad(&paths.join(", ")),
        }
    }
}

impl Serialize for Paths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("any"),
            Self::List(paths) => paths.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RuleVisitor;
        impl<'de> de::Visitor<'de> for RuleVisitor {
            type Value = Paths;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"any\" or a list of folders")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Paths, E> {
                if word == "any" {
                    return Ok(Paths::Any);
                }
                Err(E::invalid_value(de::Unexpected::Str(word), &self))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Paths, A::Error> {
                let mut paths = Vec::new();
                while let Some(path) = list.next_element()? {
                    paths.push(path);
                }
                Ok(Paths::List(paths))
            }
        }
        deserializer.deserialize_any(RuleVisitor)
    }
}

/// Which commands may be run. Patterns are words, in which `*` stands for anything within a word
/// and a last word `*` for any more words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommandFilter {
    /// Only what one of these fits; with none, everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Nothing that one of these fits, whatever is allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

impl CommandFilter {
    /// Whether it keeps anything out.
    pub const fn is_open(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }
}

impl fmt::Display for CommandFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.allow.as_slice(), self.deny.as_slice()) {
            ([], []) => f.pad("any"),
            (allow, []) => f.pad(&format!("only {}", allow.join(", "))),
            ([], deny) => f.pad(&format!("not {}", deny.join(", "))),
            (allow, deny) => {
                f.pad(&format!("only {}, but not {}", allow.join(", "), deny.join(", ")))
            }
        }
    }
}

/// Which tools ask the customer before they are used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prompting {
    /// All, some or none of them.
    pub tools: Prompted,
    /// With `some`: whether a tool asks. One that is not named does not.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub each: BTreeMap<SessionPermission, Asks>,
    /// How often.
    pub often: Often,
    /// Seconds to wait for the answer: 15, 20, 30 or 60.
    pub timeout: PromptTimeout,
    /// What stands for the answer then, and where nobody is there.
    pub on_timeout: Access,
}

impl Prompting {
    /// Whether a tool asks.
    pub fn asks(&self, tool: SessionPermission) -> bool {
        match self.tools {
            Prompted::All => true,
            Prompted::None => false,
            Prompted::Some => self.each.get(&tool) == Some(&Asks::Always),
        }
    }
}

impl fmt::Display for Prompting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.tools {
            Prompted::None => return f.pad("never"),
            Prompted::All => "every tool".to_owned(),
            Prompted::Some => {
                let asking = self.each.iter().filter(|(_, asks)| **asks == Asks::Always);
                let asking: Vec<_> = asking.map(|(tool, _)| tool.as_str()).collect();
                asking.join(", ")
            }
        };
        let often = match self.often {
            Often::Once => "once",
            Often::EachTime => "each time",
        };
        let (seconds, then) = (self.timeout.seconds(), self.on_timeout);
        f.pad(&format!("{who} {often}, after {seconds} s: {then}"))
    }
}

/// How many of the tools ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompted {
    /// None does.
    #[default]
    None,
    /// As it is said of each.
    Some,
    /// Each does.
    All,
}

/// Whether one tool asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asks {
    /// It does.
    Always,
    /// It does not.
    Never,
}

/// How often a tool asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Often {
    /// Once in a session.
    #[default]
    Once,
    /// Whenever it is used.
    EachTime,
}

/// How long a question waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum PromptTimeout {
    /// 15 seconds.
    Fifteen,
    /// 20 seconds.
    Twenty,
    /// 30 seconds.
    #[default]
    Thirty,
    /// 60 seconds.
    Sixty,
}

impl PromptTimeout {
    /// In seconds.
    pub const fn seconds(self) -> u8 {
        match self {
            Self::Fifteen => 15,
            Self::Twenty => 20,
            Self::Thirty => 30,
            Self::Sixty => 60,
        }
    }
}

impl From<PromptTimeout> for u8 {
    fn from(timeout: PromptTimeout) -> Self {
        timeout.seconds()
    }
}

impl TryFrom<u8> for PromptTimeout {
    type Error = &'static str;

    fn try_from(seconds: u8) -> Result<Self, Self::Error> {
        let all = [Self::Fifteen, Self::Twenty, Self::Thirty, Self::Sixty];
        let found = all.into_iter().find(|timeout| timeout.seconds() == seconds);
        found.ok_or("a question waits 15, 20, 30 or 60 seconds")
    }
}

/// What a permission is worth as a whole.
pub(super) trait AsAccess {
    /// Whether it is allowed; nothing if there is more to say of it.
    fn access(&self) -> Option<Access> {
        None
    }
}

impl AsAccess for Access {
    fn access(&self) -> Option<Access> {
        Some(*self)
    }
}

impl AsAccess for ScreenSharing {}
impl AsAccess for Clipboard {}
impl AsAccess for Paths {}
impl AsAccess for CommandFilter {}
impl AsAccess for Prompting {}

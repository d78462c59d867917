//! What a rep looks for, as it is typed: words, fields, statuses, times, *not*, *or*, parentheses.
//!
//! ```text
//! web -tag:test (status:online or seen<7d) name:"front office"
//! ```
//! Parsed here and nowhere else; the list and the verbs use the same. What is being typed is taken
//! as if it were finished, so that an open quote or parenthesis is no mistake.

mod complete;
mod parse;

pub use complete::{Completion, Values, common_beginning, complete};
pub use parse::QueryError;

use jumpdeck_protocol::inventory::Status;
use std::fmt;
use std::str::FromStr;

/// A query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// All of these hold; of none, everything does.
    All(Vec<Query>),
    /// One of these holds.
    Any(Vec<Query>),
    /// This does not hold.
    Not(Box<Query>),
    /// A text stands somewhere, or in one field, in any case.
    Text(Option<Field>, String),
    /// The status begins so.
    Status(String),
    /// It was last seen less or more than so many seconds ago; what is linked is seen now.
    Seen(Compare, u64),
    /// A figure is less or more than so many percent; of a machine that was not measured it is not.
    Figure(Measure, Compare, u8),
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Use of all processors.
    Cpu,
    /// Use of the disk that holds the system.
    Disk,
}

impl Measure {
    /// As it is typed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Disk => "disk",
        }
    }
}

/// A field that can be searched on its own (DOMAIN 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The name.
    Name,
    /// Host name, FQDN and addresses.
    Host,
    /// The tag.
    Tag,
    /// The Jump Group.
    Group,
    /// The console user.
    User,
    /// The private and the public address.
    Ip,
    /// The Jump method.
    Method,
    /// The operating system.
    Os,
    /// Comments.
    Comment,
    /// Domain or workgroup.
    Domain,
    /// The Jump Policy.
    Policy,
}

/// Less or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Less than.
    Less,
    /// More than.
    More,
}

impl Field {
    /// All of them, as they are typed.
    pub const ALL: [(&'static str, Self); 11] = [
        ("name", Self::Name),
        ("host", Self::Host),
        ("tag", Self::Tag),
        ("group", Self::Group),
        ("user", Self::User),
        ("ip", Self::Ip),
        ("method", Self::Method),
        ("os", Self::Os),
        ("comment", Self::Comment),
        ("domain", Self::Domain),
        ("policy", Self::Policy),
    ];

    /// As it is typed.
    pub fn word(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, field)| *field == self);
        known.map_or("", |(word, _)| word)
    }
}

/// Every status, in the order of DOMAIN 2.
const STATUSES: [Status; 8] = [
    Status::Uninstalled,
    Status::Disabled,
    Status::UpgradePending,
    Status::Lost,
    Status::Offline,
    Status::Passive,
    Status::InUse,
    Status::Online,
];

/// The statuses whose word begins so, in any case. A machine in use is online.
pub fn statuses(beginning: &str) -> impl Iterator<Item = Status> {
    let beginning = beginning.to_lowercase();
    let begins = move |status: Status| status.word().starts_with(&beginning);
    STATUSES.into_iter().filter(move |status| {
        begins(*status) || (*status == Status::InUse && begins(Status::Online))
    })
}

impl Default for Query {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Query {
    /// A query that something is done by: one that is empty or not finished would do it to more
    /// than was meant.
    ///
    /// # Errors
    /// When it means nothing, finds everything, or breaks off.
    pub fn whole(text: &str) -> Result<Self, QueryError> {
        parse::whole(text)
    }

    /// Whether it holds for everything.
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::All(all) if all.is_empty())
    }

    /// Whether its answer changes with the items' presence.
    pub fn depends_on_presence(&self) -> bool {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().any(Self::depends_on_presence),
            Self::Not(not) => not.depends_on_presence(),
            // What is away is not measured.
            Self::Status(_) | Self::Seen(..) | Self::Figure(..) => true,
            Self::Text(..) => false,
        }
    }

    /// Whether its answer changes with the machines' figures.
    pub fn depends_on_figures(&self) -> bool {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().any(Self::depends_on_figures),
            Self::Not(not) => not.depends_on_figures(),
            Self::Figure(..) => true,
            Self::Text(..) | Self::Status(_) | Self::Seen(..) => false,
        }
    }

    /// Whether its answer changes as time passes.
    pub fn depends_on_time(&self) -> bool {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().any(Self::depends_on_time),
            Self::Not(not) => not.depends_on_time(),
            Self::Seen(..) => true,
            Self::Text(..) | Self::Status(_) | Self::Figure(..) => false,
        }
    }

    /// Both of them hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self.is_everything(), other.is_everything()) {
            (true, _) => other,
            (_, true) => self,
            _ => Self::All(vec![self, other]),
        }
    }

    /// The texts that were found where it holds, in lower case: to be marked.
    pub fn marked(&self) -> Vec<String> {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().flat_map(Self::marked).collect(),
            Self::Text(_, text) => vec![text.to_lowercase()],
            Self::Not(_) | Self::Status(_) | Self::Seen(..) | Self::Figure(..) => Vec::new(),
        }
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        parse::query(text)
    }
}

impl fmt::Display for Query {
    /// As it would be typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(all) => join(f, all, " "),
            Self::Any(any) => join(f, any, " or "),
            Self::Not(not) => {
                f.write_str("-")?;
                unit(f, not)
            }
            Self::Text(None, text) => quoted(f, text),
            Self::Text(Some(field), text) => {
                write!(f, "{}:", field.word())?;
                quoted(f, text)
            }
            Self::Status(beginning) => {
                f.write_str("status:")?;
                quoted(f, beginning)
            }
            Self::Seen(Compare::Less, seconds) => write!(f, "seen<{}", parse::span(*seconds)),
            Self::Seen(Compare::More, seconds) => write!(f, "seen>{}", parse::span(*seconds)),
            Self::Figure(measure, Compare::Less, share) => write!(f, "{}<{share}", measure.word()),
            Self::Figure(measure, Compare::More, share) => write!(f, "{}>{share}", measure.word()),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, parts: &[Query], between: &str) -> fmt::Result {
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            f.write_str(between)?;
        }
        unit(f, part)?;
    }
    Ok(())
}

/// A part, in parentheses if it has parts itself.
fn unit(f: &mut fmt::Formatter<'_>, query: &Query) -> fmt::Result {
    match query {
        Query::All(_) | Query::Any(_) => write!(f, "({query})"),
        _ => write!(f, "{query}"),
    }
}

/// A text, in quotes if it would be read as something else without.
fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let plain = !text.is_empty()
        && !text.starts_with('-')
        && !text.contains(|c: char| c.is_whitespace() || "()\":<>\\".contains(c))
        && !text.eq_ignore_ascii_case("or");
    if plain {
        return f.write_str(text);
    }
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests;

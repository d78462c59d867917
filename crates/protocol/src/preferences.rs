//! What a rep likes: kept by the appliance, so that it is the same at every terminal.

use crate::inventory::Place;
use serde::{Deserialize, Serialize};

/// Saved searches, at most.
pub const SAVED: usize = 50;
/// Characters of a saved search's name.
pub const SAVED_NAME: usize = 64;
/// Characters of a saved search.
pub const SAVED_QUERY: usize = 1024;
/// Entries of the other lists, at most.
pub const ENTRIES: usize = 1000;

macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident $word:literal $heading:literal;)*) => {
        /// A column of the list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Column {
            $($(#[$doc])* $name,)*
            /// A column of a later version.
            #[serde(other)]
            Unknown,
        }

        impl Column {
            /// Every column this build knows.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its heading.
            pub const fn heading(self) -> &'static str {
                match self { $(Self::$name => $heading,)* Self::Unknown => "?" }
            }

            /// Its name in files.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* Self::Unknown => "unknown" }
            }
        }
    };
}

columns! {
    /// The name.
    Name "name" "Name";
    /// Host name, else the address it connects from.
    Host "host" "Hostname/IP";
    /// How it is reached.
    Method "method" "Method";
    /// The tag.
    Tag "tag" "Tag";
    /// The status.
    Status "status" "Status";
    /// The Jump Group.
    Group "group" "Group";
    /// Comments.
    Comments "comments" "Comments";
    /// Who sits there.
    User "user" "Console user";
    /// The operating system.
    Os "os" "System";
    /// The private address.
    PrivateIp "private_ip" "Private IP";
    /// The public address.
    PublicIp "public_ip" "Public IP";
    /// The full name in the DNS.
    Fqdn "fqdn" "FQDN";
    /// Domain or workgroup.
    Domain "domain" "Domain";
    /// The Jump Policy.
    JumpPolicy "jump_policy" "Jump Policy";
    /// Since when the status is what it is.
    Since "since" "Since";
    /// The agent's version.
    Version "version" "Version";
}

/// A column that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownColumn {
    /// Which.
    pub column: Column,
    /// How wide, in cells; nothing for as wide as there is room.
    #[serde(default)]
    pub width: Option<u16>,
}

/// The order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// By this column.
    pub column: Column,
    /// The other way round.
    pub descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { column: Column::Name, descending: false }
    }
}

/// A search under a name: a dynamic group of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSearch {
    /// Its name.
    pub name: Box<str>,
    /// What is searched for, as it is typed.
    pub query: Box<str>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// The columns in their order; none for the usual ones.
    pub columns: Vec<ShownColumn>,
    /// The order of the list.
    pub sort: Sort,
    /// The fields that bare words are searched in, as they are typed; none for all.
    pub fields: Vec<Box<str>>,
    /// The places that are unfolded in the tree.
    pub unfolded: Vec<Place>,
    /// Saved searches.
    pub saved: Vec<SavedSearch>,
    /// The hints for the first start were seen.
    pub knows_the_keys: bool,
    /// The console is a prompt.
    pub plain: bool,
}

impl Preferences {
    /// Cut down to what may be kept.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.columns.truncate(Column::ALL.len());
        self.columns.retain(|shown| shown.column != Column::Unknown);
        self.fields.truncate(64);
        for field in &mut self.fields {
            *field = crate::text::bounded(field, 64).into();
        }
        self.unfolded.truncate(ENTRIES);
        self.saved.truncate(SAVED);
        for saved in &mut self.saved {
            saved.name = crate::text::bounded(&saved.name, SAVED_NAME).into();
            saved.query = crate::text::bounded(&saved.query, SAVED_QUERY).into();
        }
        self.saved.retain(|saved| !saved.name.trim().is_empty());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_console_sends_is_cut_to_what_may_be_kept() {
        let saved = SavedSearch { name: "a\u{1b}[1m".into(), query: "x".repeat(5000).into() };
        let huge = Preferences {
            saved: vec![saved; 500],
            unfolded: vec![Place::Personal(crate::UserId(1)); 5000],
            columns: vec![ShownColumn { column: Column::Unknown, width: None }],
            ..Preferences::default()
        };
        let kept = huge.bounded();
        assert_eq!(
            (kept.saved.len(), kept.unfolded.len(), kept.columns.len()),
            (SAVED, ENTRIES, 0)
        );
        assert_eq!((&*kept.saved[0].name, kept.saved[0].query.len()), ("a[1m", SAVED_QUERY));
    }
}

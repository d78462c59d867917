//! A file that is being applied, as its kinds see it.

use super::reader::FileReader;
use jumpdeck_protocol::UserId;
use jumpdeck_protocol::rep::NewUser;
use jumpdeck_store::Draft;

/// What came of it.
#[derive(Default)]
pub(super) struct Applied {
    /// Users that were made, with their first passwords.
    pub passwords: Vec<NewUser>,
    /// What to know besides.
    pub notes: Vec<String>,
}

/// Whose file it is, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct By {
    pub user: UserId,
    /// An embedded appliance has one user.
    pub embedded: bool,
}

/// A file that is being applied.
pub(super) struct Applying<'a, 'r> {
    pub draft: &'a mut Draft,
    pub reader: &'a mut FileReader<'r>,
    pub applied: Applied,
    pub by: By,
    /// How many of those came whose order counts.
    pub order: u32,
}

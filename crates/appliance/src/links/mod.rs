//! Who is linked: agents and consoles, and whether they answer.

pub(crate) mod agent;
pub(crate) mod asking;
pub(crate) mod chores;
pub(crate) mod clones;
pub(crate) mod consoles;
pub(crate) mod liveness;
pub(crate) mod presence;
pub(crate) mod wakes;
pub(crate) mod watching;

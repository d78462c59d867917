//! Jump Policies, teams, and why a decision is what it is.

pub(crate) mod explain;
pub(crate) mod jump_policies;
pub(crate) mod teams;

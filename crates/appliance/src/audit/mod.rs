//! What is written down of what was done.

pub(crate) mod rate;
pub(crate) mod record;

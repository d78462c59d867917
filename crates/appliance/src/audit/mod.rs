//! What is written down of what was done.

pub(crate) mod record;

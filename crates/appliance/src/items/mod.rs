//! Jump Items: editing, installing, waking, sweeping up.

pub(crate) mod clones;
pub(crate) mod edit;
pub(crate) mod installers;
pub(crate) mod sweep;
pub(crate) mod wake;

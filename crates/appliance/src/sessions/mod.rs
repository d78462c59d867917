//! Sessions: who has which with what, from their start to their end.

pub(crate) mod announce;
pub(crate) mod book;
pub(crate) mod channel;
pub(crate) mod end;
pub(crate) mod history;
pub(crate) mod log;
pub(crate) mod open;
pub(crate) mod recordings;
pub(crate) mod relay;
pub(crate) mod sharing;
pub(crate) mod silence;
pub(crate) mod start;
pub(crate) mod withdraw;

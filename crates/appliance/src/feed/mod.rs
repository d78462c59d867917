//! What consoles are told as it changes: inventory, presence, statistics, preferences.

pub(crate) mod cache;
pub(crate) mod chunks;
pub(crate) mod preferences;
pub(crate) mod statistics;
pub(crate) mod updates;

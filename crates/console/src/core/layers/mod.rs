//! What layers hold, as values; `layer` stacks them.

pub mod key_note;
pub mod scroll;
pub mod simulator;
pub mod who;

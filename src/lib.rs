//! jumpdeck: a remote-support console for the terminal.
//!
//! [`link`] connects the console ([`jumpdeck_console`]) to an appliance, [`runtime`] runs it in a
//! terminal, [`door`] for reps who come by SSH; [`verbs`] are the command line.

pub mod door;
pub mod link;
pub mod runtime;
pub mod verbs;

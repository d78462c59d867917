//! A session's programs as the appliance has them: [`hub`] brings one program's bytes to its
//! consoles and back, [`recording`] writes them down. Neither knows of reps, rights or links.
#![allow(missing_docs, reason = "the appliance's own crate; comments stand where there is a why")]

pub mod hub;
pub mod recording;

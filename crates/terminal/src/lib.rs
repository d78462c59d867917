//! What a machine prints is taken within limits, and here alone: by the [`Guard`], which passes
//! only whole sequences of bounded length, and the [`Emulator`], which stands behind it. Appliance,
//! console and verbs have no other way from a program's output to a screen.

mod emulator;
mod guard;

pub use emulator::{DRAWING, Emulator, OPEN, Unsettled};
pub use guard::{Guard, Piece};

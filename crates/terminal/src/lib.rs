//! What a machine prints is taken within limits, and here alone: by the [`Guard`], which passes
//! only whole sequences of bounded length, and the [`Emulator`], which stands behind it. Appliance,
//! console and verbs have no other way from a program's output to a screen.

#![allow(missing_docs, reason = "the program's own crate; comments stand where there is a why")]

mod emulator;
mod guard;
pub mod key;
mod mask;
mod modes;
mod overlay;
pub mod player;
pub mod predict;
pub mod prediction;
mod screen;
pub mod scrollback;
pub mod terminal;
mod tracker;

pub use emulator::{DRAWING, Emulator, OPEN, Unsettled};
pub use guard::{Guard, Piece};
pub use key::Key;
pub use mask::masked_line;
pub use modes::Modes;
pub use overlay::Overlay;
pub use player::Player;
pub use predict::Predictor;
pub use prediction::{Predict, Prediction, PredictionTimer};
pub use screen::ScreenPicture;
pub use terminal::Terminal;
pub use tracker::{Seen, Tracker};

//! What lies over the screen. A layer is a room of its own: what it knows, what becomes of its keys,
//! and its words; it stands in the list below, and is drawn in `view`.

pub mod chooser;
pub mod key_note;
pub mod prompt;
pub mod question;
pub mod readers;
pub mod scroll;
pub mod simulator;
pub mod toggles;
pub mod who;

pub use chooser::{Chooser, ChooserKind, Entry, EntryValue, Pick, like};
pub use prompt::{Ask, Prompt};
pub use question::Question;
pub use readers::{Help, LogReader, MessageHistory, Why};
pub use toggles::{ToggleKind, Toggles};

use super::Console;
use super::form::Form;
use super::input::Input;
use super::keymap::Context;
use super::why::{self, WhyLine};
use jumpdeck_terminal::Key;
use key_note::KeyNote;
use scroll::Scroll;
use simulator::Simulator;
use std::fmt;
use who::Who;

/// What became of a key that a layer was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyAnswer {
    /// Nothing: it means what it is bound to.
    Bubble,
    /// It was for the layer.
    Handled,
    /// It was, and what is typed is another text now.
    Edited,
    /// It was, and this is to be said.
    Said(String),
}

/// What all layers have in common.
pub trait Room: fmt::Debug {
    /// Where keys are pressed while it is on top.
    fn context(&self) -> Context;

    /// Whether it goes with the session on the screen.
    fn is_of_session(&self) -> bool {
        false
    }

    /// Whether keys are text here.
    fn takes_text(&self) -> bool {
        false
    }

    /// The line that is being typed.
    fn input(&mut self) -> Option<&mut Input> {
        None
    }

    /// A key, before it means a command.
    fn key(&mut self, _: Key) -> KeyAnswer {
        KeyAnswer::Bubble
    }

    /// What is typed has changed.
    fn edited(&mut self) {}

    /// Text is pasted.
    fn paste(&mut self, text: &str) {
        if let Some(input) = self.input() {
            input.insert(text);
        }
        self.edited();
    }

    /// How many lines there are to be read.
    fn rows(&self, _: &Console) -> usize {
        0
    }

    /// Scrolls, by so many lines, as far as `most` of them.
    fn scroll(&mut self, _by: isize, _most: usize) {}
}

/// Draws layers of one kind.
pub trait Draws<L, A> {
    /// Draws it into an area.
    fn draw(&mut self, layer: &L, area: A);
}

macro_rules! layers {
    (@held $type:ty) => { $type };
    (@held $type:ty, boxed) => { Box<$type> };
    ($($(#[$meta:meta])* $name:ident($type:ty $(, $boxed:ident)?);)*) => {
        /// One layer.
        #[derive(Debug)]
        pub enum Layer {
            $($(#[$meta])* $name(layers!(@held $type $(, $boxed)?)),)*
        }

        impl Layer {
            /// What it has in common with all others.
            pub fn room(&self) -> &dyn Room {
                match self {
                    $(Self::$name(layer) => { let layer: &$type = layer; layer })*
                }
            }

            /// The same, to change it.
            pub fn room_mut(&mut self) -> &mut dyn Room {
                match self {
                    $(Self::$name(layer) => { let layer: &mut $type = layer; layer })*
                }
            }

            /// Has it drawn. Who draws layers draws every kind, or does not compile.
            pub fn drawn_by<A>(&self, artist: &mut (impl $(Draws<$type, A> +)* ?Sized), area: A) {
                match self {
                    $(Self::$name(layer) => Draws::<$type, A>::draw(artist, layer, area),)*
                }
            }
        }

        $(impl From<$type> for Layer {
            fn from(layer: $type) -> Self {
                Self::$name(layer.into())
            }
        })*
    };
}

layers! {
    /// The keys that work in a context.
    Help(Help);
    /// All messages.
    Messages(MessageHistory);
    /// A session's log.
    Log(LogReader);
    /// What the rep may do with an item, and why.
    Why(Why);
    /// What a session would grant.
    Simulator(Simulator, boxed);
    /// Who may do something with an item.
    Who(Who, boxed);
    /// A session key that was made.
    SessionKey(KeyNote);
    /// A choice by a few typed letters.
    Chooser(Chooser);
    /// A question.
    Confirm(Question);
    /// A line of text.
    Prompt(Prompt);
    /// What is to be shown, or looked at.
    Toggles(Toggles);
    /// The properties of items.
    Form(Form, boxed);
    /// A look back at a shell.
    Scroll(Scroll);
}

/// How many lines these are in a window on this screen.
fn lines_of_window(console: &Console, lines: &[WhyLine]) -> usize {
    why::rows(lines, console.size())
}

/// A place that is moved by so many lines.
fn moved(scroll: usize, by: isize, most: usize) -> usize {
    scroll.saturating_add_signed(by).min(most)
}

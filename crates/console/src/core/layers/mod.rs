//! What lies over the screen. A layer is a room of its own: what it knows, what becomes of its keys,
//! and its words; it is in the list below, and is drawn in `view`.

pub mod chooser;
pub mod history;
pub mod key_note;
pub mod player;
pub mod prompt;
pub mod question;
pub mod readers;
pub mod scroll;
pub mod simulator;
pub mod toggles;
pub mod who;

pub use chooser::{Chooser, ChooserKind, Coming, Entry, EntryValue, Pick, like};
pub use prompt::{Ask, Prompt};
pub use question::Question;
pub use readers::{Help, LogReader, MessageHistory, Why};
pub use toggles::{ToggleKind, Toggles};

use super::form::Form;
use super::room::{Draws, Room};
use history::{PastLog, PastSessions};
use key_note::KeyNote;
use player::Replay;
use scroll::Scroll;
use simulator::Simulator;
use who::Who;

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
    /// Sessions of the past.
    History(PastSessions, boxed);
    /// The log of one of them.
    PastLog(PastLog, boxed);
    /// A session that is played.
    Player(Replay, boxed);
    /// A look back at a shell.
    Scroll(Scroll);
}

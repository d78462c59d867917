//! What all layers have in common.

use super::Console;
use super::input::{Input, KeyAnswer};
use super::keymap::Context;
use jumpdeck_terminal::Key;
use std::fmt;

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

    /// A key, before it means a command. Where a line is typed, it may be text.
    fn key(&mut self, key: Key) -> KeyAnswer {
        self.input().map_or(KeyAnswer::Bubble, |input| input.answer(key))
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

/// A place that is moved by so many lines.
pub(super) fn moved(scroll: usize, by: isize, most: usize) -> usize {
    scroll.saturating_add_signed(by).min(most)
}

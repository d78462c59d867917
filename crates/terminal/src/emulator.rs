//! An emulator that what a program prints can neither fill nor blind.

use crate::guard::{Guard, Piece};
use alacritty_terminal::Term;
use alacritty_terminal::event::EventListener;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::Line;
use alacritty_terminal::term::Config;
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::vte::ansi::{Processor, Timeout};
use jumpdeck_protocol::session::Size;
use std::fmt;
use std::time::Duration;
use unicode_width::UnicodeWidthChar;

/// For so long a program may draw before what it drew is shown (synchronized output).
pub const DRAWING: Duration = Duration::from_millis(150);
/// For so long a string may have no end before what follows is text.
pub const OPEN: Duration = Duration::from_millis(500);

/// Marks on one character.
const MARKS: usize = 8;

/// An emulator behind its guard.
pub struct Emulator<L> {
    term: Term<L>,
    parser: Processor<NoWait>,
    guard: Guard,
    drawing: bool,
    /// Times a program began to draw.
    drawings: u64,
    /// Characters that have marks, since this was asked last.
    marked: usize,
}

/// The emulator does not gather what is drawn: [`Emulator::unsettled`] says when to look.
#[derive(Default)]
struct NoWait;

impl Timeout for NoWait {
    fn set_timeout(&mut self, _: Duration) {}

    fn clear_timeout(&mut self) {}

    fn pending_timeout(&self) -> bool {
        false
    }
}

/// Something a program has begun and must end in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsettled {
    /// It draws; within [`DRAWING`] that is shown.
    Drawing(u64),
    /// It began a string; within [`OPEN`] that is given up.
    Open(u64),
}

impl Unsettled {
    /// How long it has.
    pub const fn patience(self) -> Duration {
        match self {
            Self::Drawing(_) => DRAWING,
            Self::Open(_) => OPEN,
        }
    }
}

struct Cells(Size);

impl Dimensions for Cells {
    fn total_lines(&self) -> usize {
        self.screen_lines()
    }

    fn screen_lines(&self) -> usize {
        usize::from(self.0.rows)
    }

    fn columns(&self) -> usize {
        // The emulator needs two columns for a wide character.
        usize::from(self.0.columns.max(2))
    }
}

impl<L> fmt::Debug for Emulator<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").finish_non_exhaustive()
    }
}

impl<L: EventListener> Emulator<L> {
    /// An empty screen with so many lines above it.
    pub fn new(size: Size, lines: usize, listener: L) -> Self {
        let config = Config { scrolling_history: lines, ..Config::default() };
        Self {
            term: Term::new(config, &Cells(size.clamped()), listener),
            parser: Processor::new(),
            guard: Guard::default(),
            drawing: false,
            drawings: 0,
            marked: 0,
        }
    }

    /// Takes output.
    pub fn take(&mut self, bytes: &[u8]) {
        let Self { term, parser, guard, drawing, drawings, marked } = self;
        guard.take(bytes, |piece| match piece {
            Piece::Text(text) if text.is_ascii() => parser.advance(term, text),
            Piece::Text(text) => *marked += print(term, parser, text),
            Piece::Whole(b"\x1b[?2026h") => {
                *drawing = true;
                *drawings += 1;
            }
            Piece::Whole(b"\x1b[?2026l") => *drawing = false,
            // Titles, links, colours and the clipboard: nothing that is shown in a pane.
            Piece::Whole(sequence) if sequence.starts_with(b"\x1b]") => {}
            Piece::Whole(sequence) => parser.advance(term, sequence),
        });
    }

    /// Takes a sequence of ours, whatever the program is in the middle of.
    pub fn take_own(&mut self, sequence: &[u8]) {
        self.parser.advance(&mut self.term, sequence);
    }

    /// Takes a new size.
    pub fn resize(&mut self, size: Size) {
        self.term.resize(Cells(size.clamped()));
    }

    /// What the program has begun, and not ended yet.
    pub fn unsettled(&self) -> Option<Unsettled> {
        if self.drawing {
            return Some(Unsettled::Drawing(self.drawings));
        }
        self.guard.open().map(Unsettled::Open)
    }

    /// Whether what is on the screen is not to be looked at yet.
    pub const fn is_drawing(&self) -> bool {
        self.drawing
    }

    /// Its time is over, if it still is not ended.
    pub fn settle(&mut self, what: Unsettled) {
        if self.unsettled() != Some(what) {
            return;
        }
        match what {
            Unsettled::Drawing(_) => self.drawing = false,
            Unsettled::Open(_) => self.guard.give_up(),
        }
    }

    /// Whether the output is between characters and sequences.
    pub fn is_between(&self) -> bool {
        self.guard.is_between()
    }

    /// What another emulator must have seen to take what follows as this one will.
    pub fn unfinished(&self) -> &[u8] {
        self.guard.unfinished()
    }

    /// How many characters got marks (each takes far more room than its bytes) since this was
    /// asked.
    pub const fn count_marked(&mut self) -> usize {
        std::mem::replace(&mut self.marked, 0)
    }

    /// What it shows.
    pub const fn term(&self) -> &Term<L> {
        &self.term
    }

    /// The same, to forget lines.
    pub const fn term_mut(&mut self) -> &mut Term<L> {
        &mut self.term
    }
}

/// Prints text with no more marks on a character than it may have. Returns how many got their first.
fn print<L: EventListener>(
    term: &mut Term<L>,
    parser: &mut Processor<NoWait>,
    text: &[u8],
) -> usize {
    let mut marked = 0;
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid();
        let mut from = 0;
        for (at, character) in valid.char_indices() {
            if character.is_ascii() || character.width() != Some(0) {
                continue;
            }
            parser.advance(term, valid.get(from..at).unwrap_or_default().as_bytes());
            from = at;
            let marks = marks_before_cursor(term);
            if marks >= MARKS {
                from += character.len_utf8();
            } else if marks == 0 {
                marked += 1;
            }
        }
        parser.advance(term, valid.get(from..).unwrap_or_default().as_bytes());
        parser.advance(term, chunk.invalid());
    }
    marked
}

/// How many marks the character has that the next one would be put on.
fn marks_before_cursor<L>(term: &Term<L>) -> usize {
    let grid = term.grid();
    let mut column = grid.cursor.point.column;
    if !grid.cursor.input_needs_wrap {
        column.0 = column.saturating_sub(1);
    }
    let row = &grid[Line(grid.cursor.point.line.0)];
    if row[column].flags.contains(Flags::WIDE_CHAR_SPACER) {
        column.0 = column.saturating_sub(1);
    }
    row[column].zerowidth().map_or(0, <[char]>::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alacritty_terminal::event::VoidListener;
    use alacritty_terminal::index::Column;

    const SIZE: Size = Size { columns: 20, rows: 5 };

    fn emulator() -> Emulator<VoidListener> {
        Emulator::new(SIZE, 100, VoidListener)
    }

    fn first_row(emulator: &Emulator<VoidListener>) -> String {
        let row = &emulator.term().grid()[Line(0)];
        let text: String = (0..20).map(|column| row[Column(column)].c).collect();
        text.trim_end().to_owned()
    }

    #[test]
    fn a_character_has_no_more_marks_than_it_may_however_they_come() {
        let mut emulator = emulator();
        emulator.take(format!("a{}", "\u{301}".repeat(50)).as_bytes());
        for _ in 0..50 {
            emulator.take("\x1b[1;5Hx\x1b[1;2H\u{301}\u{302}".as_bytes());
        }
        let marks = emulator.term().grid()[Line(0)][Column(0)].zerowidth().unwrap().len();
        assert_eq!(marks, MARKS);
        assert_eq!(emulator.count_marked(), 1);
        emulator.take("\x1b[2;1H東\u{301}".as_bytes());
        assert_eq!(emulator.term().grid()[Line(1)][Column(0)].zerowidth().unwrap().len(), 1);
    }

    #[test]
    fn what_is_never_ended_blinds_nobody() {
        let mut emulator = emulator();
        emulator.take(b"\x1b[?2026hSTUCK");
        let drawing = emulator.unsettled().unwrap();
        assert_eq!((first_row(&emulator), drawing.patience()), ("STUCK".into(), DRAWING));
        emulator.settle(drawing);
        assert_eq!(emulator.unsettled(), None);
        emulator.take(b"\x1b[?2026h");
        emulator.settle(drawing);
        assert!(emulator.is_drawing(), "another drawing has its own time");
        emulator.take(b"\x1b[?2026l\r\x1b]0;never");
        let open = emulator.unsettled().unwrap();
        emulator.settle(open);
        emulator.take(b"shown");
        assert_eq!(first_row(&emulator), "shown");
    }
}

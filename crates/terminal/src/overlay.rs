//! Predictions on a terminal that is somebody else's: what a program prints goes there as it is, and
//! what is predicted lies over it until then. A copy of the terminal knows what lies below.
//!
//! Only the cursor's own row is drawn on, with moves from where the cursor is: where on the screen the
//! first row of the copy stands does not matter.

use crate::prediction::Prediction;
use crate::screen::pen_of;
use crate::terminal::Terminal;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::{Column, Line};
use alacritty_terminal::term::TermMode;
use alacritty_terminal::term::cell::Flags;
use std::fmt::Write;

/// What lies over a terminal at this moment.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    /// The columns that are not as the program left them, in order.
    columns: Vec<usize>,
    /// Where the cursor is.
    cursor: Option<usize>,
}

impl Overlay {
    /// The bytes that take it off again, for before the program prints.
    pub fn take_off(&mut self, terminal: &Terminal) -> String {
        let mut text = String::new();
        let Some(mut at) = self.cursor.take() else {
            return text;
        };
        let term = terminal.term();
        let cursor = term.grid().cursor.point;
        let row = &term.grid()[Line(cursor.line.0)];
        for column in self.columns.drain(..).filter(|column| *column < row.len()) {
            let cell = &row[Column(column)];
            go(&mut text, at, column);
            // Writing to a text does not fail.
            let character = if cell.c == '\t' { ' ' } else { cell.c };
            let _ = write!(text, "\x1b[0m{}{character}", pen_of(cell));
            text.extend(cell.zerowidth().into_iter().flatten());
            at = column + 1;
        }
        go(&mut text, at, cursor.column.0);
        let _ = write!(text, "\x1b[0m{}", pen_of(&term.grid().cursor.template));
        text
    }

    /// The bytes that draw what is predicted, over what the program left.
    pub fn put_on(&mut self, terminal: &Terminal, prediction: &Prediction) -> String {
        let mut text = String::new();
        let term = terminal.term();
        let cursor = term.grid().cursor.point;
        let last = term.columns().saturating_sub(1);
        // Where drawing would do more than it shows, nothing is drawn; nor in the middle of a sequence.
        if !terminal.is_between()
            || term.grid().cursor.input_needs_wrap
            || term.mode().contains(TermMode::INSERT)
        {
            return text;
        }
        let here = |row: usize| i32::try_from(row).is_ok_and(|row| row == cursor.line.0);
        let wide = Flags::WIDE_CHAR | Flags::WIDE_CHAR_SPACER | Flags::LEADING_WIDE_CHAR_SPACER;
        let row = &term.grid()[Line(cursor.line.0)];
        let mut cells: Vec<(usize, char)> = Vec::new();
        for cell in prediction.cells() {
            let column = cell.at.column;
            // After the last column, a terminal waits with the cursor beyond it.
            if here(cell.at.row) && column < last && !row[Column(column)].flags.intersects(wide) {
                cells.retain(|(known, _)| *known != column);
                cells.push((column, cell.character));
            }
        }
        if cells.is_empty() {
            return text;
        }
        cells.sort_unstable_by_key(|(column, _)| *column);
        let mut at = cursor.column.0;
        for (column, character) in &cells {
            go(&mut text, at, *column);
            let pen = pen_of(&row[Column(*column)]);
            let line = if *character == ' ' { "" } else { "\x1b[4m" };
            let _ = write!(text, "\x1b[0m{pen}{line}{character}");
            at = column + 1;
        }
        let end = prediction.cursor().filter(|cursor| here(cursor.row));
        let end = end.map_or(cursor.column.0, |cursor| cursor.column.min(last));
        go(&mut text, at, end);
        let _ = write!(text, "\x1b[0m{}", pen_of(&term.grid().cursor.template));
        self.columns = cells.into_iter().map(|(column, _)| column).collect();
        self.cursor = Some(end);
        text
    }

    /// Whether anything lies over the terminal.
    pub const fn is_empty(&self) -> bool {
        self.cursor.is_none()
    }
}

/// Moves the cursor within its row.
fn go(text: &mut String, from: usize, to: usize) {
    // Writing to a text does not fail.
    let _ = match to.cmp(&from) {
        std::cmp::Ordering::Less => write!(text, "\x1b[{}D", from - to),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => write!(text, "\x1b[{}C", to - from),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prediction::Predict;
    use jumpdeck_protocol::session::Size;
    use proptest::prelude::*;

    const SIZE: Size = Size { columns: 12, rows: 4 };

    /// The rep's own terminal, and what is known of it.
    struct Both {
        own: Terminal,
        copy: Terminal,
        prediction: Prediction,
        overlay: Overlay,
        typed: u64,
    }

    impl Both {
        fn new() -> Self {
            let mut prediction = Prediction::new(Predict::Always);
            prediction.attached();
            let (own, copy) = (Terminal::new(SIZE), Terminal::new(SIZE));
            Self { own, copy, prediction, overlay: Overlay::default(), typed: 0 }
        }

        fn print(&mut self, text: &str) {
            let off = self.overlay.take_off(&self.copy);
            self.own.take(off.as_bytes());
            self.same();
            self.own.take(text.as_bytes());
            for part in self.prediction.parts(text.as_bytes()) {
                self.copy.take(part);
                self.prediction.printed(self.copy.term());
            }
            self.draw();
        }

        fn key(&mut self, key: &str) {
            let off = self.overlay.take_off(&self.copy);
            self.own.take(off.as_bytes());
            self.same();
            self.typed += key.len() as u64;
            self.prediction.typed(key.as_bytes(), self.typed, self.copy.term());
            self.draw();
        }

        fn draw(&mut self) {
            let on = self.overlay.put_on(&self.copy, &self.prediction);
            self.own.take(on.as_bytes());
        }

        /// With nothing over it, the own terminal is as the copy, to the last cell and the pen.
        fn same(&self) {
            let (own, copy) = (self.own.term().grid(), self.copy.term().grid());
            assert_eq!(own.cursor.point, copy.cursor.point);
            assert_eq!(own.cursor.template, copy.cursor.template);
            for line in 0..4 {
                for column in 0..usize::from(SIZE.columns) {
                    let (mut own, mut copy) = (
                        own[Line(line)][Column(column)].clone(),
                        copy[Line(line)][Column(column)].clone(),
                    );
                    // A tab is shown as a blank.
                    for cell in [&mut own, &mut copy] {
                        cell.c = if cell.c == '\t' { ' ' } else { cell.c };
                    }
                    assert_eq!(own, copy, "line {line}, column {column}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_of_it_stays(steps in prop::collection::vec((any::<bool>(), 0..10usize), 0..60)) {
            let keys = ["a", "b", "\x7f", " ", "\r", "c", "ls", "é", "d", "a"];
            let prints =
                ["a", "\t", "\x1b[31ma", "\x1b[3", "\r\nx$ ", "東", "\x08 \x08", "c", "\x1b[2D", "\x1b[4mé"];
            let mut both = Both::new();
            for (types, which) in steps {
                if types { both.key(keys[which]) } else { both.print(prints[which]) }
            }
            both.print("");
            let off = both.overlay.take_off(&both.copy);
            both.own.take(off.as_bytes());
            both.same();
        }
    }

    #[test]
    fn what_is_predicted_is_seen_at_once_and_underlined() {
        let mut both = Both::new();
        both.print("$ ");
        both.key("l");
        both.key("s");
        assert_eq!(both.own.text().lines().next(), Some("$"), "nothing is known yet");
        both.print("l");
        assert_eq!(both.own.text().lines().next(), Some("$ ls"));
        let grid = both.own.term().grid();
        assert!(grid[Line(0)][Column(3)].flags.contains(Flags::UNDERLINE));
        assert_eq!(grid.cursor.point.column.0, 4);
        both.print("s");
        assert!(both.overlay.is_empty());
        both.same();
    }
}

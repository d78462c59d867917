//! Cells as bytes for a terminal, as few as it takes: over a slow link every byte is waited for.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use std::io::Write;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Unchanged cells that are written again rather than passed over by a movement.
const BRIDGE: u16 = 4;
/// Blanks that are written where something follows in their row; more are erased.
const MANY_BLANKS: u16 = 10;
/// Blanks that are written where nothing follows.
const LAST_BLANKS: u16 = 5;

/// Writes changed cells, and remembers what stands on the terminal.
#[derive(Debug)]
pub(super) struct Ink {
    out: Vec<u8>,
    width: u16,
    height: u16,
    cells: Vec<Cell>,
    pen: Pen,
    /// Where the terminal's cursor is, if that is known.
    at: Option<(u16, u16)>,
}

/// How the next character will look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl Pen {
    const fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    /// Whether a blank looks as an erased cell does.
    fn is_plain(self) -> bool {
        let drawn = Modifier::REVERSED | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
        self.bg == Color::Reset && !self.modifier.intersects(drawn)
    }
}

impl Ink {
    /// For an empty terminal of this size.
    pub(super) fn new(width: u16, height: u16) -> Self {
        let count = usize::from(width) * usize::from(height);
        Self {
            out: Vec::new(),
            width,
            height,
            cells: vec![Cell::default(); count],
            pen: Pen::default(),
            at: None,
        }
    }

    /// Erases everything.
    pub(super) fn clear(&mut self) {
        self.set_pen(Pen::default());
        self.out.extend_from_slice(b"\x1b[2J");
        self.cells.fill(Cell::default());
        self.at = None;
    }

    /// What was written since the last time, with the pen put down.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.set_pen(Pen::default());
        self.at = None;
        std::mem::take(&mut self.out)
    }

    /// Draws changed cells, from left to right and from top to bottom.
    pub(super) fn draw<'a>(&mut self, content: impl Iterator<Item = (u16, u16, &'a Cell)>) {
        let content: Vec<_> = content.collect();
        let mut rest = content.as_slice();
        while let Some((first, after)) = rest.split_first() {
            if let Some((count, columns)) = self.blanks(rest) {
                self.erase(rest.get(..count).unwrap_or_default(), columns);
                rest = rest.get(count..).unwrap_or_default();
            } else {
                self.cell(first);
                rest = after;
                if let Some(blank) = after.first().filter(|next| is_presentation(first, next)) {
                    self.out.push(b' ');
                    self.remember(blank.0, blank.1, blank.2);
                    rest = after.get(1..).unwrap_or_default();
                }
            }
        }
    }

    fn cell(&mut self, (x, y, cell): &(u16, u16, &Cell)) {
        let pen = self.pen_for(cell);
        self.go_to(*x, *y, pen);
        self.set_pen(pen);
        self.write(*x, *y, cell);
    }

    /// The pen a cell needs. A blank needs none but a plain one.
    fn pen_for(&self, cell: &Cell) -> Pen {
        let pen = Pen::of(cell);
        let any = cell.symbol() == " " && pen.is_plain() && self.pen.is_plain();
        if any { self.pen } else { pen }
    }

    fn write(&mut self, x: u16, y: u16, cell: &Cell) {
        self.out.extend_from_slice(cell.symbol().as_bytes());
        self.remember(x, y, cell);
        let next = x + 1;
        // Where a wide or combined character leaves the cursor is for the terminal to know.
        self.at = (is_narrow(cell.symbol()) && next < self.width).then_some((next, y));
    }

    fn erase(&mut self, blanks: &[(u16, u16, &Cell)], columns: u16) {
        let Some((x, y, cell)) = blanks.first() else {
            return;
        };
        let pen = self.pen_for(cell);
        self.go_to(*x, *y, pen);
        self.set_pen(pen);
        self.put(format_args!("\x1b[{columns}X"));
        for (x, y, cell) in blanks {
            self.remember(*x, *y, cell);
        }
    }

    /// A run of blanks at the beginning that is shorter to erase than to write: how many cells of
    /// the content, and how many columns with the blanks that stand between them already. Half of
    /// a wide character is better written over.
    fn blanks(&self, content: &[(u16, u16, &Cell)]) -> Option<(usize, u16)> {
        let (x, y, first) = content.first()?;
        let pen = Pen::of(first);
        if !pen.is_plain() {
            return None;
        }
        let (mut count, mut end) = (0, *x);
        for (column, row, cell) in content {
            let blank = cell.symbol() == " " && Pen::of(cell) == pen;
            if row != y || !blank || !self.stood(*column, *y) || !self.is_blank(end..*column, *y) {
                break;
            }
            (count, end) = (count + 1, column + 1);
        }
        let followed = content.get(count).is_some_and(|(_, row, _)| row == y);
        let least = if followed { MANY_BLANKS } else { LAST_BLANKS };
        (end - x > least).then_some((count, end - x))
    }

    /// Whether what stands there takes one column.
    fn stood(&self, x: u16, y: u16) -> bool {
        self.cells.get(self.position(x, y)).is_some_and(|cell| is_narrow(cell.symbol()))
    }

    fn is_blank(&self, mut columns: std::ops::Range<u16>, y: u16) -> bool {
        columns.all(|x| {
            let known = self.cells.get(self.position(x, y));
            known.is_some_and(|cell| cell.symbol() == " " && Pen::of(cell).is_plain())
        })
    }

    fn remember(&mut self, x: u16, y: u16, cell: &Cell) {
        let position = self.position(x, y);
        let covered = if is_narrow(cell.symbol()) { 1 } else { cell.symbol().width().max(2) };
        let mut cells = self.cells.iter_mut().skip(position).take(covered);
        if let Some(known) = cells.next() {
            known.clone_from(cell);
        }
        // What a wide character covers is not known any more once it is gone.
        for hidden in cells {
            hidden.set_symbol("");
        }
    }

    fn position(&self, x: u16, y: u16) -> usize {
        usize::from(y) * usize::from(self.width) + usize::from(x)
    }

    /// Moves the cursor, by what is shortest.
    fn go_to(&mut self, x: u16, y: u16, pen: Pen) {
        match self.at {
            Some((column, row)) if (column, row) == (x, y) => {}
            Some((column, row)) if row == y && column < x => {
                let gap = x - column;
                if gap <= BRIDGE && self.can_bridge(column..x, y, pen) {
                    for column in column..x {
                        let position = self.position(column, y);
                        if let Some(cell) = self.cells.get(position).cloned() {
                            self.write(column, y, &cell);
                        }
                    }
                } else if gap == 1 {
                    self.put(format_args!("\x1b[C"));
                } else {
                    self.put(format_args!("\x1b[{gap}C"));
                }
            }
            _ if x == 0 => self.put(format_args!("\x1b[{}H", y + 1)),
            _ => self.put(format_args!("\x1b[{};{}H", y + 1, x + 1)),
        }
        self.at = Some((x, y));
    }

    /// Whether the cells between are written as the pen is now, and as it will be.
    fn can_bridge(&self, mut columns: std::ops::Range<u16>, y: u16, pen: Pen) -> bool {
        self.pen == pen
            && y < self.height
            && columns.all(|x| {
                let known = self.cells.get(self.position(x, y));
                known.is_some_and(|cell| Pen::of(cell) == pen && is_narrow(cell.symbol()))
            })
    }

    fn set_pen(&mut self, pen: Pen) {
        if pen == self.pen {
            return;
        }
        if pen == Pen::default() {
            self.out.extend_from_slice(b"\x1b[m");
            self.pen = pen;
            return;
        }
        let mut codes = Vec::new();
        let mut from = self.pen;
        if !pen.modifier.contains(from.modifier) {
            codes.push("0".to_owned());
            from = Pen::default();
        }
        let added = pen.modifier - from.modifier;
        codes.extend(
            MODIFIERS.iter().filter(|(one, _)| added.contains(*one)).map(|(_, c)| (*c).to_owned()),
        );
        let bold = pen.modifier.contains(Modifier::BOLD);
        // A bold colour of the first eight may be shown as a bright one, unless it is written out.
        if pen.fg != from.fg || bold != from.modifier.contains(Modifier::BOLD) {
            codes.push(colour(pen.fg, 30, bold));
        }
        if pen.bg != from.bg {
            codes.push(colour(pen.bg, 40, false));
        }
        self.put(format_args!("\x1b[{}m", codes.join(";")));
        self.pen = pen;
    }

    fn put(&mut self, sequence: std::fmt::Arguments<'_>) {
        // Writing into memory has no way to fail.
        let _ = self.out.write_fmt(sequence);
    }
}

const MODIFIERS: [(Modifier, &str); 9] = [
    (Modifier::BOLD, "1"),
    (Modifier::DIM, "2"),
    (Modifier::ITALIC, "3"),
    (Modifier::UNDERLINED, "4"),
    (Modifier::SLOW_BLINK, "5"),
    (Modifier::RAPID_BLINK, "6"),
    (Modifier::REVERSED, "7"),
    (Modifier::HIDDEN, "8"),
    (Modifier::CROSSED_OUT, "9"),
];

/// The code of a colour; `base` is 30 in front and 40 behind.
fn colour(colour: Color, base: u8, written_out: bool) -> String {
    let indexed = |index: u8| format!("{};5;{index}", base + 8);
    let index = match colour {
        Color::Reset => return (base + 9).to_string(),
        Color::Rgb(red, green, blue) => return format!("{};2;{red};{green};{blue}", base + 8),
        Color::Indexed(index) => index,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    match index {
        0..8 if !written_out => (base + index).to_string(),
        8..16 if !written_out => (base + 60 + index - 8).to_string(),
        _ => indexed(index),
    }
}

/// Whether the blank `next` belongs to an emoji that some terminals show in one column and some in
/// two: it must follow the emoji wherever that leaves the cursor, not be put onto its second half.
fn is_presentation(emoji: &(u16, u16, &Cell), next: &(u16, u16, &Cell)) -> bool {
    let beside = (next.0, next.1) == (emoji.0 + 1, emoji.1);
    beside && next.2.symbol() == " " && emoji.2.symbol().contains('\u{fe0f}')
}

/// Whether a symbol takes exactly one column wherever it is shown.
fn is_narrow(symbol: &str) -> bool {
    let mut characters = symbol.chars();
    match (characters.next(), characters.next()) {
        (Some(only), None) => only.width() == Some(1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::terminal::Terminal;
    use alacritty_terminal::term::cell::Flags;
    use alacritty_terminal::vte::ansi::Color as AnsiColor;
    use jumpdeck_protocol::session::Size;
    use proptest::prelude::*;
    use ratatui::backend::{Backend, CrosstermBackend};
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;
    use std::collections::BTreeMap;

    const WIDTH: u16 = 30;
    const HEIGHT: u16 = 4;

    /// Texts put onto a frame, side by side: in which of three columns and which row, what, how.
    type Strokes = BTreeMap<(u16, u16), (&'static str, Style)>;

    fn strokes() -> impl Strategy<Value = Strokes> {
        let text = prop_oneof![
            Just("abc"),
            Just("              "),
            Just("東京"),
            Just("e\u{301}té"),
            Just("🙂 x"),
            Just("— ● │"),
            Just("a much longer text than fits"),
        ];
        let colour = prop_oneof![
            Just(Color::Reset),
            Just(Color::Green),
            Just(Color::Indexed(24)),
            Just(Color::White),
            Just(Color::Rgb(1, 2, 3)),
        ];
        let modifier = prop_oneof![
            3 => Just(Modifier::empty()),
            1 => Just(Modifier::BOLD),
            1 => Just(Modifier::DIM | Modifier::UNDERLINED),
            1 => Just(Modifier::REVERSED),
        ];
        let style = (colour.clone(), colour, modifier)
            .prop_map(|(fg, bg, modifier)| Style::new().fg(fg).bg(bg).add_modifier(modifier));
        proptest::collection::btree_map((0..3_u16, 0..HEIGHT), (text, style), 0..10)
    }

    fn frame(strokes: &Strokes) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
        for ((column, y), (text, style)) in strokes {
            buffer.set_stringn(column * 10, *y, text, 10, *style);
        }
        buffer
    }

    /// Every cell as the terminal shows it.
    fn shown(terminal: &Terminal) -> Vec<String> {
        let cells = terminal.term().grid().display_iter();
        cells
            .map(|cell| {
                let cell = cell.cell;
                let blank = cell.c == ' ';
                // The colour and weight of a blank's letter are not seen.
                let fg = if blank { String::new() } else { colour_of(cell.fg) };
                let bg = colour_of(cell.bg);
                let unseen = if blank { Flags::BOLD | Flags::DIM } else { Flags::empty() };
                let flags = cell.flags - unseen;
                format!("{:?} {fg} {bg} {flags:?} {:?}", cell.c, cell.zerowidth())
            })
            .collect()
    }

    /// The first sixteen colours have two names.
    fn colour_of(colour: AnsiColor) -> String {
        match colour {
            AnsiColor::Named(named) if (named as usize) < 16 => {
                format!("Indexed({})", named as usize)
            }
            other => format!("{other:?}"),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_terminal_shows_what_was_drawn_whatever_stood_there_before(
            frames in proptest::collection::vec(strokes(), 1..6),
        ) {
            let size = Size { columns: WIDTH, rows: HEIGHT };
            let (mut ours, mut theirs) = (Terminal::new(size), Terminal::new(size));
            let mut ink = Ink::new(WIDTH, HEIGHT);
            let mut plain = CrosstermBackend::new(Vec::new());
            let mut before = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
            for strokes in frames {
                let now = frame(&strokes);
                let changes = before.diff(&now);
                ink.draw(changes.iter().copied());
                plain.draw(changes.into_iter()).unwrap();
                ours.take(&ink.take());
                theirs.take(&std::mem::take(plain.writer_mut()));
                for (ours, theirs) in shown(&ours).iter().zip(&shown(&theirs)) {
                    prop_assert_eq!(ours, theirs);
                }
                before = now;
            }
        }
    }

    #[test]
    fn a_gap_of_a_few_cells_is_written_again_and_a_longer_one_passed_over() {
        let mut ink = Ink::new(20, 1);
        let base = Buffer::with_lines(["abcdefghijklmnopqrst"]);
        let blank = Buffer::empty(base.area);
        ink.draw(blank.diff(&base).into_iter());
        ink.take();
        let changed = Buffer::with_lines(["XbcXefghijklXnopqrst"]);
        ink.draw(base.diff(&changed).into_iter());
        assert_eq!(String::from_utf8(ink.take()).unwrap(), "\x1b[1HXbcX\x1b[8CX");
    }

    #[test]
    fn an_emoji_of_uncertain_width_is_not_overwritten_by_the_blank_behind_it() {
        let mut ink = Ink::new(10, 1);
        let letters = Buffer::with_lines(["abcdefghij"]);
        ink.draw(Buffer::empty(letters.area).diff(&letters).into_iter());
        ink.take();
        let emoji = Buffer::with_lines(["ab❤️ web  "]);
        ink.draw(letters.diff(&emoji).into_iter());
        let written = String::from_utf8(ink.take()).unwrap();
        assert!(written.contains("❤️ "), "{written:?}");
    }

    #[test]
    fn many_blanks_are_erased_at_once() {
        let mut ink = Ink::new(20, 1);
        let full = Buffer::with_lines(["abcdefghijklmnopqrst"]);
        ink.draw(Buffer::empty(full.area).diff(&full).into_iter());
        ink.take();
        let ends = Buffer::with_lines(["a                  t"]);
        ink.draw(full.diff(&ends).into_iter());
        assert_eq!(String::from_utf8(ink.take()).unwrap(), "\x1b[1;2H\x1b[18X");
    }
}

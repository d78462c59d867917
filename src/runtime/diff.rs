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
pub(super) struct TerminalDiff {
    out: Vec<u8>,
    width: u16,
    height: u16,
    cells: Vec<Cell>,
    style: TerminalStyle,
    /// Where the terminal's cursor is, if that is known.
    at: Option<(u16, u16)>,
}

/// A cell that is to be drawn: its column, its row, and what is there then.
type Change<'a> = (u16, u16, &'a Cell);

/// How the next character will look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct TerminalStyle {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl TerminalStyle {
    const fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    /// Whether a blank looks as an erased cell does.
    fn is_plain(self) -> bool {
        let drawn = Modifier::REVERSED | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
        self.bg == Color::Reset && !self.modifier.intersects(drawn)
    }
}

impl TerminalDiff {
    /// For an empty terminal of this size.
    pub(super) fn new(width: u16, height: u16) -> Self {
        let count = usize::from(width) * usize::from(height);
        Self {
            out: Vec::new(),
            width,
            height,
            cells: vec![Cell::default(); count],
            style: TerminalStyle::default(),
            at: None,
        }
    }

    /// Erases everything.
    pub(super) fn clear(&mut self) {
        self.set_style(TerminalStyle::default());
        self.out.extend_from_slice(b"\x1b[2J");
        self.cells.fill(Cell::default());
        self.at = None;
    }

    /// What was written since the last time, with plain style at its end.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.set_style(TerminalStyle::default());
        self.at = None;
        std::mem::take(&mut self.out)
    }

    /// Draws changed cells, which come from left to right and from top to bottom. Returns whether
    /// that changes anything on the terminal.
    pub(super) fn draw<'a>(&mut self, content: impl Iterator<Item = Change<'a>>) -> bool {
        // A blank in another colour is the same blank.
        let content: Vec<_> = content
            .filter(|(x, y, cell)| !(is_plain_blank(cell) && self.is_blank(*x..x + 1, *y)))
            .collect();
        let runs = self.runs(&content);
        let mut drawn = vec![false; runs.len()];
        let mut first = 0;
        while first < runs.len() {
            let mut next = Some(first);
            while let Some(run) = next {
                if let (Some(cells), Some(drawn)) = (runs.get(run), drawn.get_mut(run)) {
                    *drawn = true;
                    self.write_run(cells);
                }
                // Changes that stand below one another and look alike need hardly more than a
                // movement, less than what is beside them and looks different.
                let near = [beside(&runs, run), below(&runs, run)].into_iter().flatten();
                let free = near.filter(|near| drawn.get(*near) == Some(&false));
                next = free.min_by_key(|near| self.way(runs.get(*near).copied()));
            }
            first += drawn.iter().skip(first).take_while(|drawn| **drawn).count();
        }
        !content.is_empty()
    }

    /// Cells of one row that are drawn from left to right, without much between them.
    fn runs<'c, 'a>(&self, content: &'c [Change<'a>]) -> Vec<&'c [Change<'a>]> {
        let mut runs = Vec::new();
        for row in content.chunk_by(|(_, before, _), (_, y, _)| before == y) {
            // Who overwrites halves of wide characters does it in order: terminals differ in that.
            if row.iter().all(|(x, y, cell)| is_narrow(cell.symbol()) && self.stood(*x, *y)) {
                runs.extend(row.chunk_by(|(before, y, left), (x, _, right)| {
                    if is_plain_blank(left) && is_plain_blank(right) {
                        return self.is_blank(before + 1..*x, *y);
                    }
                    let blank = is_plain_blank(left) || is_plain_blank(right);
                    x - before <= BRIDGE
                        && (blank || TerminalStyle::of(left) == TerminalStyle::of(right))
                }));
            } else {
                runs.push(row);
            }
        }
        runs
    }

    /// Bytes until a run can begin.
    fn way(&self, run: Option<&[Change<'_>]>) -> usize {
        let cost = |(x, y, cell): &Change<'_>| {
            self.movement(*x, *y).len() + self.change_of_style(self.style_for(cell)).len()
        };
        run.and_then(<[_]>::first).map_or(usize::MAX, cost)
    }

    fn write_run(&mut self, mut rest: &[Change<'_>]) {
        while let Some((first, after)) = rest.split_first() {
            if let Some((count, columns)) = self.blanks(rest) {
                self.erase(rest.get(..count).unwrap_or_default(), columns);
                rest = rest.get(count..).unwrap_or_default();
            } else {
                self.cell(first);
                rest = after;
                if let Some(blank) = after.first().filter(|next| is_presentation(first, next)) {
                    rest = after.get(1..).unwrap_or_default();
                    self.blank_behind(blank, rest.first());
                }
            }
        }
    }

    /// Writes the blank behind an emoji wherever that left the cursor, and again what it hit if
    /// that is one column further on.
    fn blank_behind(&mut self, (x, y, blank): &Change<'_>, next: Option<&Change<'_>>) {
        self.set_style(self.style_for(blank));
        self.out.push(b' ');
        let position = self.position(*x, *y);
        if let Some(unknown) = self.cells.get_mut(position) {
            unknown.set_symbol("");
        }
        let hit = x + 1;
        let follows = next.is_some_and(|(column, row, _)| (*column, *row) == (hit, *y));
        let known = self.cells.get(self.position(hit, *y)).filter(|cell| !cell.symbol().is_empty());
        if let Some(cell) = known.cloned().filter(|_| hit < self.width && !follows) {
            self.cell(&(hit, *y, &cell));
        }
    }

    fn cell(&mut self, (x, y, cell): &Change<'_>) {
        let style = self.style_for(cell);
        self.go_to(*x, *y, style);
        self.set_style(style);
        self.write(*x, *y, cell);
    }

    /// The style a cell needs. A blank needs none but a plain one.
    fn style_for(&self, cell: &Cell) -> TerminalStyle {
        let style = TerminalStyle::of(cell);
        let any = is_plain_blank(cell) && self.style.is_plain();
        if any { self.style } else { style }
    }

    fn write(&mut self, x: u16, y: u16, cell: &Cell) {
        self.out.extend_from_slice(cell.symbol().as_bytes());
        self.remember(x, y, cell);
        let next = x + 1;
        // Where a wide or combined character leaves the cursor is for the terminal to know.
        self.at = (is_narrow(cell.symbol()) && next < self.width).then_some((next, y));
    }

    fn erase(&mut self, blanks: &[Change<'_>], columns: u16) {
        let Some((x, y, cell)) = blanks.first() else {
            return;
        };
        let style = self.style_for(cell);
        self.go_to(*x, *y, style);
        self.set_style(style);
        self.put(format_args!("\x1b[{columns}X"));
        for (x, y, cell) in blanks {
            self.remember(*x, *y, cell);
        }
    }

    /// A run of blanks at the beginning that is shorter to erase than to write: how many cells of
    /// the content, and how many columns with the blanks that stand between them already. PartialLogin of
    /// a wide character is better written over.
    fn blanks(&self, content: &[Change<'_>]) -> Option<(usize, u16)> {
        let (x, y, _) = content.first()?;
        let (mut count, mut end) = (0, *x);
        for (column, row, cell) in content {
            if row != y
                || !is_plain_blank(cell)
                || !self.stood(*column, *y)
                || !self.is_blank(end..*column, *y)
            {
                break;
            }
            (count, end) = (count + 1, column + 1);
        }
        let followed = content.get(count).is_some_and(|(_, row, _)| row == y);
        let least = if followed { MANY_BLANKS } else { LAST_BLANKS };
        (end - x > least).then_some((count, end - x))
    }

    /// Whether what is there takes one column.
    fn stood(&self, x: u16, y: u16) -> bool {
        self.cells.get(self.position(x, y)).is_some_and(|cell| is_narrow(cell.symbol()))
    }

    fn is_blank(&self, mut columns: std::ops::Range<u16>, y: u16) -> bool {
        columns.all(|x| {
            let known = self.cells.get(self.position(x, y));
            known.is_some_and(is_plain_blank)
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

    /// Moves the cursor. Over a few cells it is moved by writing them again.
    fn go_to(&mut self, x: u16, y: u16, style: TerminalStyle) {
        match self.at {
            Some((column, row))
                if row == y
                    && (1..=BRIDGE).contains(&x.saturating_sub(column))
                    && self.can_bridge(column..x, y, style) =>
            {
                for column in column..x {
                    let position = self.position(column, y);
                    if let Some(cell) = self.cells.get(position).cloned() {
                        self.write(column, y, &cell);
                    }
                }
            }
            _ => self.out.extend_from_slice(self.movement(x, y).as_bytes()),
        }
        self.at = Some((x, y));
    }

    /// The shortest way of the cursor to a place.
    fn movement(&self, x: u16, y: u16) -> String {
        let place = match x {
            0 => format!("\x1b[{}H", y + 1),
            _ => format!("\x1b[{};{}H", y + 1, x + 1),
        };
        let moved = match self.at {
            Some((column, row)) if row == y => sideways(column, x),
            // Not by a line feed: to some terminals that is a return as well.
            Some((column, row)) if row + 1 == y => format!("\x1b[B{}", sideways(column, x)),
            _ => return place,
        };
        if moved.len() < place.len() { moved } else { place }
    }

    /// Whether the cells between are written in the style of now, and in the one that follows.
    fn can_bridge(&self, mut columns: std::ops::Range<u16>, y: u16, style: TerminalStyle) -> bool {
        self.style == style
            && y < self.height
            && columns.all(|x| {
                let known = self.cells.get(self.position(x, y));
                known.is_some_and(|cell| {
                    let same = TerminalStyle::of(cell) == style
                        || (is_plain_blank(cell) && style.is_plain());
                    same && is_narrow(cell.symbol())
                })
            })
    }

    fn set_style(&mut self, style: TerminalStyle) {
        let change = self.change_of_style(style);
        self.out.extend_from_slice(change.as_bytes());
        self.style = style;
    }

    /// What makes the terminal write in a style.
    fn change_of_style(&self, style: TerminalStyle) -> String {
        let mut from = self.style;
        if style == from {
            return String::new();
        }
        if style == TerminalStyle::default() {
            return "\x1b[m".to_owned();
        }
        let mut codes = Vec::new();
        if !style.modifier.contains(from.modifier) {
            codes.push("0".to_owned());
            from = TerminalStyle::default();
        }
        let added = style.modifier - from.modifier;
        codes.extend(
            MODIFIERS.iter().filter(|(one, _)| added.contains(*one)).map(|(_, c)| (*c).to_owned()),
        );
        let bold = style.modifier.contains(Modifier::BOLD);
        // A bold colour of the first eight may be shown as a bright one, unless it is written out.
        if style.fg != from.fg || bold != from.modifier.contains(Modifier::BOLD) {
            codes.push(colour(style.fg, 30, bold));
        }
        if style.bg != from.bg {
            codes.push(colour(style.bg, 40, false));
        }
        format!("\x1b[{}m", codes.join(";"))
    }

    fn put(&mut self, sequence: std::fmt::Arguments<'_>) {
        // Writing into memory has no way to fail.
        let _ = self.out.write_fmt(sequence);
    }
}

/// The run that follows in the same row.
fn beside(runs: &[&[Change<'_>]], run: usize) -> Option<usize> {
    let row = |run: usize| Some(runs.get(run)?.first()?.1);
    (row(run)? == row(run + 1)?).then_some(run + 1)
}

/// The run right below the beginning of another one.
fn below(runs: &[&[Change<'_>]], run: usize) -> Option<usize> {
    let place = |run: &&[Change<'_>]| run.first().map(|(x, y, _)| (*y, *x));
    let (y, x) = place(runs.get(run)?)?;
    runs.binary_search_by_key(&Some((y + 1, x)), place).ok()
}

/// To another column of the same row.
fn sideways(from: u16, to: u16) -> String {
    match (to.checked_sub(from), from.saturating_sub(to)) {
        (Some(0), _) => String::new(),
        (Some(1), _) => "\x1b[C".to_owned(),
        (Some(right), _) => format!("\x1b[{right}C"),
        (None, left @ 1..=3) => "\x08".repeat(left.into()),
        (None, left) => format!("\x1b[{left}D"),
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
fn is_presentation(emoji: &Change<'_>, next: &Change<'_>) -> bool {
    let beside = (next.0, next.1) == (emoji.0 + 1, emoji.1);
    beside && next.2.symbol() == " " && emoji.2.symbol().contains('\u{fe0f}')
}

/// Whether a cell looks as an erased one does.
fn is_plain_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && TerminalStyle::of(cell).is_plain()
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
mod tests;

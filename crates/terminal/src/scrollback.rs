//! Lines that have left a terminal's screen, kept small: their text, and where its looks change.

use alacritty_terminal::grid::Row;
use alacritty_terminal::index::Column;
use alacritty_terminal::term::cell::{Cell, Flags};
use alacritty_terminal::vte::ansi::{Color, NamedColor};
use std::collections::VecDeque;

/// Lines that are kept of one terminal.
pub const LINES: usize = 200_000;
/// Bytes that they take together.
pub const ROOM: usize = 32 * 1024 * 1024;

/// How characters look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellStyle {
    /// The colour in front.
    pub fg: Color,
    /// The colour behind.
    pub bg: Color,
    /// Bold, underlined and so on.
    pub flags: Flags,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    text: Box<str>,
    /// From these bytes on, the text looks so.
    styles: Box<[(u32, CellStyle)]>,
    /// It goes on in the next line.
    pub wrapped: bool,
}

impl CellStyle {
    const PLAIN: Self = Self {
        fg: Color::Named(NamedColor::Foreground),
        bg: Color::Named(NamedColor::Background),
        flags: Flags::empty(),
    };

    fn of(cell: &Cell) -> Self {
        let unseen = Flags::WRAPLINE
            | Flags::WIDE_CHAR
            | Flags::WIDE_CHAR_SPACER
            | Flags::LEADING_WIDE_CHAR_SPACER;
        Self { fg: cell.fg, bg: cell.bg, flags: cell.flags - unseen }
    }
}

impl Line {
    /// A row of a terminal, without plain blanks at its end.
    pub fn of(row: &Row<Cell>) -> Self {
        let (mut text, mut styles, mut style) = (String::new(), Vec::new(), CellStyle::PLAIN);
        let mut wrapped = false;
        let (mut kept, mut kept_pens) = (0, 0);
        // Most of most lines is empty.
        let empty = |column: &usize| {
            let cell = &row[Column(*column)];
            cell.c == ' ' && cell.flags.is_empty() && cell.bg == CellStyle::PLAIN.bg
        };
        let end = row.len() - (0..row.len()).rev().take_while(empty).count();
        for column in 0..end {
            let cell = &row[Column(column)];
            wrapped |= cell.flags.contains(Flags::WRAPLINE);
            if cell.flags.intersects(Flags::WIDE_CHAR_SPACER | Flags::LEADING_WIDE_CHAR_SPACER) {
                continue;
            }
            let looks = CellStyle::of(cell);
            if looks != style {
                styles.push((u32::try_from(text.len()).unwrap_or(u32::MAX), looks));
                style = looks;
            }
            text.push(if cell.c == '\t' { ' ' } else { cell.c });
            text.extend(cell.zerowidth().into_iter().flatten());
            if cell.c != ' ' && cell.c != '\t' || looks.bg != CellStyle::PLAIN.bg {
                (kept, kept_pens) = (text.len(), styles.len());
            }
        }
        text.truncate(kept);
        styles.truncate(kept_pens);
        Self { text: text.into(), styles: styles.into(), wrapped }
    }

    /// Bytes that it takes.
    fn size(&self) -> usize {
        size_of::<Self>() + self.text.len() + size_of_val::<[(u32, CellStyle)]>(&self.styles)
    }

    /// What is in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its parts that look alike.
    pub fn parts(&self) -> impl Iterator<Item = (&str, CellStyle)> {
        let ends = self.styles.iter().map(|(at, _)| *at as usize).chain([self.text.len()]);
        let begins = std::iter::once((0, CellStyle::PLAIN))
            .chain(self.styles.iter().map(|(at, style)| (*at as usize, *style)));
        begins.zip(ends).filter_map(|((from, style), to)| {
            self.text.get(from..to).filter(|part| !part.is_empty()).map(|part| (part, style))
        })
    }
}

/// The lines, the oldest first.
#[derive(Debug, Default)]
pub struct Scrollback {
    lines: VecDeque<Line>,
    bytes: usize,
    dropped: usize,
}

impl Scrollback {
    /// Adds a line; the oldest one goes when there are too many.
    pub fn push(&mut self, line: Line) {
        self.bytes += line.size();
        self.lines.push_back(line);
        while self.lines.len() > LINES || self.bytes > ROOM {
            let Some(oldest) = self.lines.pop_front() else {
                return;
            };
            self.bytes -= oldest.size();
            self.dropped += 1;
        }
    }

    /// Bytes that they take.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many were dropped before the oldest.
    pub const fn dropped(&self) -> usize {
        self.dropped
    }

    /// A line, counted from the oldest kept.
    pub fn get(&self, at: usize) -> Option<&Line> {
        self.lines.get(at)
    }
}

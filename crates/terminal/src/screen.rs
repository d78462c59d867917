//! What a terminal shows, kept while somebody watches it, and a picture of it: the bytes that draw
//! the same on an empty terminal.

use crate::Emulator;
use alacritty_terminal::event::VoidListener;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::{Column, Line};
use alacritty_terminal::term::TermMode;
use alacritty_terminal::term::cell::{Cell, Flags};
use alacritty_terminal::vte::ansi::{Color, NamedColor};
use jumpdeck_protocol::session::Size;
use std::fmt::{self, Write};

/// Bytes of a picture with colours.
const LARGEST: usize = 512 * 1024;

/// A terminal that nobody looks at directly.
pub struct ScreenPicture {
    emulator: Emulator<VoidListener>,
    size: Size,
}

impl fmt::Debug for ScreenPicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScreenPicture").field("size", &self.size).finish_non_exhaustive()
    }
}

impl ScreenPicture {
    /// An empty terminal.
    pub fn new(size: Size) -> Self {
        let size = size.clamped();
        Self { emulator: Emulator::new(size, 0, VoidListener), size }
    }

    /// Takes output.
    pub fn take(&mut self, bytes: &[u8]) {
        self.emulator.take(bytes);
    }

    /// Takes a new size.
    pub fn resize(&mut self, size: Size) {
        self.size = size.clamped();
        self.emulator.resize(self.size);
    }

    /// Its size.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The bytes that draw what it shows now on an empty terminal of its size, and leave it where
    /// the output stands, be that in the middle of a sequence. The screen behind an alternate one is
    /// not in it, nor are scroll regions and tab stops.
    pub fn picture(&self) -> Vec<u8> {
        let mut picture = self.draw(true);
        // A message has its limit; without colours it fits.
        if picture.len() > LARGEST {
            picture = self.draw(false);
        }
        picture.extend_from_slice(self.emulator.unfinished());
        picture
    }

    fn draw(&self, colours: bool) -> Vec<u8> {
        let mut text = String::from("\x1bc");
        let term = self.emulator.term();
        let mode = *term.mode();
        if mode.contains(TermMode::ALT_SCREEN) {
            text.push_str("\x1b[?1049h");
        }
        // Lines must not wrap, nor the last cell scroll the picture.
        text.push_str("\x1b[?7l");
        let mut style = String::new();
        let rows = i32::try_from(term.screen_lines()).unwrap_or(0);
        for line in 0..rows {
            self.row(Line(line), colours.then_some(&mut style), &mut text);
        }
        let cursor = term.grid().cursor.point;
        // Writing to a `String` cannot fail.
        let _ = write!(text, "\x1b[0m{}", pen_of(&term.grid().cursor.template));
        for (flag, number) in MODES {
            let letter = if mode.contains(flag) { 'h' } else { 'l' };
            let _ = write!(text, "\x1b[?{number}{letter}");
        }
        if mode.contains(TermMode::INSERT) {
            text.push_str("\x1b[4h");
        }
        text.push_str(if mode.contains(TermMode::APP_KEYPAD) { "\x1b=" } else { "\x1b>" });
        let _ = write!(text, "\x1b[{};{}H", cursor.line.0 + 1, cursor.column.0 + 1);
        text.into_bytes()
    }

    fn row(&self, line: Line, mut style: Option<&mut String>, text: &mut String) {
        let term = self.emulator.term();
        let grid = term.grid();
        let cells = &grid[line];
        let last = (0..term.columns()).rev().find(|column| !is_blank(&cells[Column(*column)]));
        let Some(last) = last else {
            return;
        };
        let _ = write!(text, "\x1b[{};1H", line.0 + 1);
        for column in 0..=last {
            let cell = &cells[Column(column)];
            let half = |column: usize| cells[Column(column)].flags.contains(Flags::WIDE_CHAR);
            if cell.flags.contains(Flags::WIDE_CHAR_SPACER) && column > 0 && half(column - 1) {
                continue;
            }
            if let Some(style) = &mut style {
                let wanted = pen_of(cell);
                if wanted != **style {
                    let _ = write!(text, "\x1b[0m{wanted}");
                    **style = wanted;
                }
            }
            text.push(if cell.c == '\t' { ' ' } else { cell.c });
            text.extend(cell.zerowidth().into_iter().flatten());
        }
    }
}

/// Modes and their numbers.
const MODES: [(TermMode, u16); 11] = [
    (TermMode::APP_CURSOR, 1),
    (TermMode::LINE_WRAP, 7),
    (TermMode::SHOW_CURSOR, 25),
    (TermMode::MOUSE_REPORT_CLICK, 1000),
    (TermMode::MOUSE_DRAG, 1002),
    (TermMode::MOUSE_MOTION, 1003),
    (TermMode::FOCUS_IN_OUT, 1004),
    (TermMode::UTF8_MOUSE, 1005),
    (TermMode::SGR_MOUSE, 1006),
    (TermMode::ALTERNATE_SCROLL, 1007),
    (TermMode::BRACKETED_PASTE, 2004),
];

fn is_blank(cell: &Cell) -> bool {
    (cell.c == ' ' || cell.c == '\t')
        && cell.bg == Color::Named(NamedColor::Background)
        && !cell.flags.intersects(
            Flags::INVERSE | Flags::ALL_UNDERLINES | Flags::STRIKEOUT | Flags::WIDE_CHAR_SPACER,
        )
}

/// The sequence that sets a cell's colours and attributes, after a reset.
pub(crate) fn pen_of(cell: &Cell) -> String {
    const FLAGS: [(Flags, &str); 11] = [
        (Flags::BOLD, "1"),
        (Flags::DIM, "2"),
        (Flags::ITALIC, "3"),
        (Flags::UNDERLINE, "4"),
        (Flags::DOUBLE_UNDERLINE, "4:2"),
        (Flags::UNDERCURL, "4:3"),
        (Flags::DOTTED_UNDERLINE, "4:4"),
        (Flags::DASHED_UNDERLINE, "4:5"),
        (Flags::INVERSE, "7"),
        (Flags::HIDDEN, "8"),
        (Flags::STRIKEOUT, "9"),
    ];
    let mut numbers: Vec<String> = FLAGS
        .iter()
        .filter(|(flag, _)| cell.flags.contains(*flag))
        .map(|(_, number)| (*number).to_owned())
        .collect();
    numbers.extend(colour(cell.fg, 30));
    numbers.extend(colour(cell.bg, 40));
    if numbers.is_empty() { String::new() } else { format!("\x1b[{}m", numbers.join(";")) }
}

/// A colour's parameters; `base` is 30 in front and 40 behind.
fn colour(colour: Color, base: u16) -> Option<String> {
    match colour {
        Color::Spec(rgb) => Some(format!("{};2;{};{};{}", base + 8, rgb.r, rgb.g, rgb.b)),
        Color::Indexed(index) => Some(format!("{};5;{index}", base + 8)),
        Color::Named(named) => match u16::try_from(named as usize).unwrap_or(u16::MAX) {
            number @ 0..=7 => Some((base + number).to_string()),
            number @ 8..=15 => Some((base + 60 + number - 8).to_string()),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: Size = Size { columns: 20, rows: 6 };

    fn shown(bytes: &[u8]) -> ScreenPicture {
        let mut screen = ScreenPicture::new(SIZE);
        screen.take(bytes);
        screen
    }

    /// Everything that can be seen, and what the next output would meet.
    fn state(screen: &ScreenPicture) -> String {
        let term = screen.emulator.term();
        let grid = term.grid();
        let mut text = format!("{:?} {:?}\n", term.mode(), grid.cursor.point);
        for line in 0..6 {
            for column in 0..20 {
                let cell = &grid[Line(line)][Column(column)];
                let c = if cell.c == '\t' { ' ' } else { cell.c };
                let mut flags = cell.flags - Flags::WRAPLINE - Flags::LEADING_WIDE_CHAR_SPACER;
                if c == ' ' {
                    // A blank is no bolder than another.
                    flags -= Flags::BOLD | Flags::DIM | Flags::ITALIC | Flags::HIDDEN;
                }
                let _ = write!(text, "{c}{:?}{flags:?}{:?}", cell.zerowidth(), cell.bg);
                if c != ' ' {
                    let _ = write!(text, "{:?}", cell.fg);
                }
            }
        }
        text
    }

    fn same(bytes: &[u8]) {
        let original = shown(bytes);
        let copy = shown(&original.picture());
        assert_eq!(state(&copy), state(&original), "{}", bytes.escape_ascii());
    }

    #[test]
    fn a_picture_draws_the_same() {
        same(b"plain\r\n\x1b[1;31mbold red\x1b[0m \x1b[48;5;17mblue behind");
        same("wide 東京 e\u{301} end\x1b[2;3H\x1b[7mX\x1b[0m".as_bytes());
        same(b"\x1b[?1049h\x1b[?2004h\x1b[?1h\x1b[38;2;1;2;3mfull\x1b[6;20Hz\x1b[?25l");
        same(b"\x1b[?1000h\x1b[?1006h12345678901234567890\x1b[4h");
        same(b"a\tb\tc\x1b[4:3mcurly\x1b[0m\x1b[90mgrey\x1b[105mpink behind");
    }

    #[test]
    fn a_picture_in_the_middle_of_a_sequence_lets_it_go_on() {
        for (begin, end) in [
            ("a\x1b[1", "mbold"),
            ("\x1b]0;ti", "tle\x07after"),
            ("\x1bPdata", "data\x1b\\after"),
            ("\x1b[?2026hdra", "wing"),
            ("\x1b", "[7mx"),
        ] {
            let mut original = shown(begin.as_bytes());
            let mut copy = shown(&original.picture());
            original.take(end.as_bytes());
            copy.take(end.as_bytes());
            assert_eq!(state(&copy), state(&original), "{begin:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn a_picture_of_anything_draws_the_same(parts in prop::collection::vec(prop_oneof![
            "[a-z ]{1,12}",
            Just("\r\n".to_owned()), Just("\x1b[0m".to_owned()),
            (0u8..108).prop_map(|n| format!("\x1b[{n}m")),
            (0u8..=255).prop_map(|n| format!("\x1b[38;5;{n}m")),
            (1u8..7, 1u8..21).prop_map(|(row, column)| format!("\x1b[{row};{column}H")),
            (0u8..3).prop_map(|n| format!("\x1b[{n}J")),
            (0u8..3).prop_map(|n| format!("\x1b[{n}K")),
            prop::sample::select(vec!["\x1b[?1h", "\x1b[?25l", "\x1b[?2004h", "\x1b[?1049h", "\x1b[?1049l", "\x1b[2L"]).prop_map(str::to_owned),
        ], 0..40)) {
            let text: String = parts.concat();
            let original = shown(text.as_bytes());
            let copy = shown(&original.picture());
            prop_assert_eq!(state(&copy), state(&original));
        }
    }
}

//! The emulator behind a session's pane.

use crate::key::{Code, Key};
use crate::scrollback::{Line, Scrollback};
use crate::{Emulator, Unsettled};
use alacritty_terminal::Term;
use alacritty_terminal::event::{Event, EventListener};
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::term::TermMode;
use alacritty_terminal::term::cell::Flags;
use jumpdeck_protocol::session::Size;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Cells above the screen that the emulator keeps, and fits to a new size.
const NEAR: usize = 160_000;
/// Characters with marks above the screen, each of which takes a hundred bytes there.
const MARKED: usize = 50_000;
/// Bytes that are answered to one piece of output.
const ANSWERS: usize = 4096;
/// Bytes that are taken at once: they scroll no more lines than the emulator keeps the memory of
/// when it forgets them (1,000), so that none is asked for and given back all the time.
const PIECE: usize = 900;
/// Lines for which there is room besides.
const SPARE: usize = PIECE + 1_000;

/// A terminal without a screen: bytes in, cells out.
pub struct Terminal {
    emulator: Emulator<TerminalListener>,
    listener: TerminalListener,
    past: Scrollback,
    /// Lines that the emulator keeps above the screen.
    near: usize,
    /// Characters with marks among them.
    marked: usize,
}

/// Hears what the emulator has to say to the program, and about itself.
#[derive(Clone, Default)]
struct TerminalListener(Arc<Mutex<HeardEvents>>);

#[derive(Default)]
struct HeardEvents {
    answers: Vec<u8>,
    bell: bool,
}

impl EventListener for TerminalListener {
    fn send_event(&self, event: Event) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            // A program that asks and asks is not answered without end.
            Event::PtyWrite(text) if heard.answers.len() + text.len() <= ANSWERS => {
                heard.answers.extend_from_slice(text.as_bytes());
            }
            Event::Bell => heard.bell = true,
            _ => {}
        }
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}

impl Terminal {
    /// An empty screen.
    pub fn new(size: Size) -> Self {
        let listener = TerminalListener::default();
        let near = near(size);
        let emulator = Emulator::new(size, near + SPARE, listener.clone());
        Self { emulator, listener, past: Scrollback::default(), near, marked: 0 }
    }

    /// Takes output. Returns what the terminal answers to the program.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        for piece in bytes.chunks(PIECE) {
            self.emulator.take(piece);
            self.marked += self.emulator.count_marked();
            if self.marked > MARKED {
                self.marked = 0;
                self.gather(0);
            } else {
                self.gather(self.near);
            }
        }
        let mut heard = self.listener.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut heard.answers)
    }

    /// Whether the bell rang since this was last asked.
    pub fn take_bell(&mut self) -> bool {
        let mut heard = self.listener.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut heard.bell)
    }

    /// Puts the oldest lines above the screen where they take little room.
    fn gather(&mut self, near: usize) {
        let room = self.near + SPARE;
        let term = self.emulator.term_mut();
        if term.mode().contains(TermMode::ALT_SCREEN) {
            return;
        }
        let above = term.grid().history_size();
        if above <= near {
            return;
        }
        for line in (near + 1..=above).rev() {
            let line = alacritty_terminal::index::Line(-i32::try_from(line).unwrap_or(0));
            self.past.push(Line::of(&term.grid()[line]));
        }
        term.grid_mut().update_history(near);
        term.grid_mut().update_history(room);
    }

    /// The number of the oldest line that is kept.
    pub const fn begin(&self) -> usize {
        self.past.dropped()
    }

    /// The number that the line below the screen would have.
    pub fn end(&self) -> usize {
        let grid = self.emulator.term().grid();
        self.begin() + self.past.len() + grid.history_size() + grid.screen_lines()
    }

    /// A line, counted from the first this terminal had.
    pub fn line(&self, number: usize) -> Option<Line> {
        let at = number.checked_sub(self.begin())?;
        if let Some(line) = self.past.get(at) {
            return Some(line.clone());
        }
        let grid = self.emulator.term().grid();
        let below = at - self.past.len();
        if below >= grid.history_size() + grid.screen_lines() {
            return None;
        }
        let below = i32::try_from(below).ok()? - i32::try_from(grid.history_size()).ok()?;
        Some(Line::of(&grid[alacritty_terminal::index::Line(below)]))
    }

    /// The output so far was history, made for a screen of another size perhaps: a scroll region
    /// that it left behind would cut this one in two.
    pub fn forget_scroll_region(&mut self) {
        self.emulator.take_own(b"\x1b7\x1b[r\x1b8");
    }

    /// Takes a new size.
    pub fn resize(&mut self, size: Size) {
        self.emulator.resize(size);
        self.near = near(size);
    }

    /// Whether the output is between characters and sequences.
    pub fn is_between(&self) -> bool {
        self.emulator.is_between()
    }

    /// What the program has begun, and must end in time.
    pub fn unsettled(&self) -> Option<Unsettled> {
        self.emulator.unsettled()
    }

    /// Whether what is on the screen is not to be looked at yet.
    pub const fn is_drawing(&self) -> bool {
        self.emulator.is_drawing()
    }

    /// Its time is over.
    pub fn settle(&mut self, what: Unsettled) {
        self.emulator.settle(what);
    }

    /// The emulator, to be drawn.
    pub const fn term(&self) -> &Term<impl EventListener + use<>> {
        self.emulator.term()
    }

    /// What stands on the screen, a row a line, without blanks at the ends.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in self.emulator.term().grid().display_iter() {
            if line.point.column.0 == 0 && !text.is_empty() {
                end_line(&mut text);
            }
            if !line.cell.flags.contains(Flags::WIDE_CHAR_SPACER) {
                text.push(line.cell.c);
                text.extend(line.cell.zerowidth().into_iter().flatten());
            }
        }
        end_line(&mut text);
        text
    }

    /// What a key sends to the program.
    pub fn encode(&self, key: Key) -> Vec<u8> {
        encode(key, *self.emulator.term().mode())
    }

    /// What a pasted text sends to the program.
    pub fn encode_paste(&self, text: &str) -> Vec<u8> {
        let plain = text.replace("\r\n", "\r").replace('\n', "\r");
        if self.emulator.term().mode().contains(TermMode::BRACKETED_PASTE) {
            // The end mark inside the text would let it out of its brackets.
            let safe = plain.replace('\x1b', "");
            format!("\x1b[200~{safe}\x1b[201~").into_bytes()
        } else {
            plain.into_bytes()
        }
    }
}

/// Lines of this width that the emulator keeps above the screen.
fn near(size: Size) -> usize {
    (NEAR / usize::from(size.clamped().columns)).clamp(200, 2_000)
}

fn end_line(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

/// The bytes of a key, as a terminal sends them to a program that asked for nothing else.
pub fn key_bytes(key: Key) -> Vec<u8> {
    encode(key, TermMode::NONE)
}

/// The bytes of a key, as xterm sends them.
fn encode(key: Key, mode: TermMode) -> Vec<u8> {
    let modifier = 1 + u8::from(key.shift) + 2 * u8::from(key.alt) + 4 * u8::from(key.ctrl);
    match key.code {
        Code::Char(character) => character_bytes(character, key),
        Code::Enter => with_alt(b"\r", key.alt),
        Code::Esc => with_alt(b"\x1b", key.alt),
        Code::Backspace => with_alt(if key.ctrl { b"\x08" } else { b"\x7f" }, key.alt),
        Code::Tab if key.shift => b"\x1b[Z".to_vec(),
        Code::Tab => with_alt(b"\t", key.alt),
        Code::Up => cursor('A', modifier, mode),
        Code::Down => cursor('B', modifier, mode),
        Code::Right => cursor('C', modifier, mode),
        Code::Left => cursor('D', modifier, mode),
        Code::Home => cursor('H', modifier, mode),
        Code::End => cursor('F', modifier, mode),
        Code::Insert => tilde(2, modifier),
        Code::Delete => tilde(3, modifier),
        Code::PageUp => tilde(5, modifier),
        Code::PageDown => tilde(6, modifier),
        Code::F(number) => function(number, modifier),
    }
}

fn with_alt(bytes: &[u8], alt: bool) -> Vec<u8> {
    let escape: &[u8] = if alt { b"\x1b" } else { b"" };
    [escape, bytes].concat()
}

fn character_bytes(character: char, key: Key) -> Vec<u8> {
    let mut buffer = [0; 4];
    if !key.ctrl {
        return with_alt(character.encode_utf8(&mut buffer).as_bytes(), key.alt);
    }
    let control = match character.to_ascii_lowercase() {
        letter @ 'a'..='z' => letter as u8 - b'a' + 1,
        ' ' | '@' | '2' => 0,
        '[' | '3' => 27,
        '\\' | '4' => 28,
        ']' | '5' => 29,
        '^' | '6' => 30,
        '_' | '/' | '7' => 31,
        '?' | '8' => 127,
        _ => return with_alt(character.encode_utf8(&mut buffer).as_bytes(), key.alt),
    };
    with_alt(&[control], key.alt)
}

fn cursor(letter: char, modifier: u8, mode: TermMode) -> Vec<u8> {
    let text = match modifier {
        1 if mode.contains(TermMode::APP_CURSOR) => format!("\x1bO{letter}"),
        1 => format!("\x1b[{letter}"),
        modifier => format!("\x1b[1;{modifier}{letter}"),
    };
    text.into_bytes()
}

fn tilde(number: u8, modifier: u8) -> Vec<u8> {
    let text = match modifier {
        1 => format!("\x1b[{number}~"),
        modifier => format!("\x1b[{number};{modifier}~"),
    };
    text.into_bytes()
}

fn function(number: u8, modifier: u8) -> Vec<u8> {
    match number {
        1..=4 => {
            let letter = char::from(b'P' + number - 1);
            let text = match modifier {
                1 => format!("\x1bO{letter}"),
                modifier => format!("\x1b[1;{modifier}{letter}"),
            };
            text.into_bytes()
        }
        5 => tilde(15, modifier),
        6..=10 => tilde(number + 11, modifier),
        _ => tilde(number + 12, modifier),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal() -> Terminal {
        Terminal::new(Size { columns: 20, rows: 5 })
    }

    #[test]
    fn arrows_follow_the_mode_the_program_asked_for() {
        let mut terminal = terminal();
        let up = Key::plain(Code::Up);
        assert_eq!(terminal.encode(up), b"\x1b[A");
        terminal.take(b"\x1b[?1h");
        assert_eq!(terminal.encode(up), b"\x1bOA");
        assert_eq!(terminal.encode(Key { ctrl: true, ..up }), b"\x1b[1;5A");
    }

    #[test]
    fn function_keys_have_their_classic_gaps() {
        let keys = [1, 5, 6, 10, 11, 12].map(|n| terminal().encode(Key::plain(Code::F(n))));
        let expected: [&[u8]; 6] =
            [b"\x1bOP", b"\x1b[15~", b"\x1b[17~", b"\x1b[21~", b"\x1b[23~", b"\x1b[24~"];
        assert_eq!(keys, expected);
    }

    #[test]
    fn control_and_alt_reach_the_program() {
        let alt_x = Key { alt: true, ..Key::char('x') };
        assert_eq!(terminal().encode(Key::ctrl('c')), b"\x03");
        assert_eq!(terminal().encode(Key::ctrl(' ')), b"\0");
        assert_eq!(terminal().encode(alt_x), b"\x1bx");
    }

    #[test]
    fn a_paste_cannot_leave_its_brackets() {
        let mut terminal = terminal();
        assert_eq!(terminal.encode_paste("a\nb"), b"a\rb");
        terminal.take(b"\x1b[?2004h");
        assert_eq!(terminal.encode_paste("a\x1b[201~b"), b"\x1b[200~a[201~b\x1b[201~");
    }

    #[test]
    fn the_text_of_the_screen_is_its_rows() {
        let mut terminal = Terminal::new(Size { columns: 6, rows: 3 });
        terminal.take("東 a\r\n\r\ne\u{301}nd".as_bytes());
        assert_eq!(terminal.text(), "東 a\n\ne\u{301}nd\n");
    }

    #[test]
    fn a_hundred_thousand_lines_can_be_looked_back_at() {
        let mut terminal = Terminal::new(Size { columns: 40, rows: 5 });
        for number in 0..120_000 {
            terminal.take(format!("line \x1b[3{}m{number}\x1b[0m\r\n", number % 8).as_bytes());
        }
        assert_eq!((terminal.begin(), terminal.end()), (0, 120_001));
        for number in [0, 1, 999, 50_000, 117_000, 119_000, 119_999] {
            let line = terminal.line(number).unwrap();
            assert_eq!(line.text(), format!("line {number}"));
            assert_eq!(line.parts().count(), 2, "its colour is kept");
        }
        assert!(terminal.line(120_001).is_none());
    }

    #[test]
    fn marks_and_long_lines_above_the_screen_take_no_more_room_than_they_may() {
        let mut terminal = Terminal::new(Size { columns: 200, rows: 5 });
        let line = "a\u{301}".repeat(200) + "\r\n";
        for _ in 0..1_000 {
            terminal.take(line.as_bytes());
        }
        let above = terminal.term().grid().history_size();
        assert!(above * 200 <= MARKED + 200 * PIECE, "{above} lines with marks are kept as cells");
        assert_eq!(terminal.end() - terminal.begin(), 1_001, "and none is lost");
        // Every character in a colour of its own.
        let colours = (0..200).map(|n| format!("\x1b[38;5;{n}mx")).collect::<Vec<_>>().concat();
        let mut terminal = Terminal::new(Size { columns: 200, rows: 5 });
        for _ in 0..20_000 {
            terminal.take(format!("{colours}\r\n").as_bytes());
        }
        assert!(terminal.begin() > 0, "the oldest lines have gone");
        assert!(terminal.past.bytes() <= crate::scrollback::ROOM);
    }

    #[test]
    fn a_program_that_asks_without_end_is_answered_within_limits() {
        assert!(terminal().take(&b"\x1b[6n".repeat(10_000)).len() <= ANSWERS);
    }

    #[test]
    fn a_query_of_the_program_is_answered() {
        assert_eq!(terminal().take(b"\x1b[6n"), b"\x1b[1;1R");
    }
}

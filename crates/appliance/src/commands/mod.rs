//! Which commands are run in a shell, from what passes by: the shell's own marks (OSC 133) where it
//! sets them, else the line that stood on the terminal when Enter was pressed. What was not shown,
//! as a password is not, is not seen here either.

mod mask;

pub(crate) use mask::{mask, masked_line};

use alacritty_terminal::vte::{Params, Parser, Perform};
use jumpdeck_protocol::limits;
use jumpdeck_protocol::log::CommandSource;
use std::fmt;

/// Characters of a line that are looked at.
const LINE: usize = 4096;
/// Lines that may be typed ahead.
const AHEAD: u32 = 1000;

/// A command that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The command line, secrets masked.
    pub command: Box<str>,
    pub source: CommandSource,
}

/// Looks at one shell.
pub(crate) struct Tracker {
    parser: Parser,
    sight: Sight,
}

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker").finish_non_exhaustive()
    }
}

/// The line that is being written, and what is known of it.
#[derive(Default)]
struct Sight {
    line: Vec<char>,
    column: usize,
    /// A full-screen program runs.
    full_screen: bool,
    /// Lines were entered whose end was not seen.
    entered: u32,
    /// Keys were pressed since the last Enter.
    typing: bool,
    /// What stood on the line before anything was typed.
    prompt: Vec<char>,
    marks: Marks,
    seen: Vec<Seen>,
}

/// What the shell says of itself (OSC 133).
#[derive(Default)]
struct Marks {
    /// It does.
    any: bool,
    /// The command begins at this column.
    command_from: Option<usize>,
    command: String,
}

impl Tracker {
    /// A shell that has done nothing yet.
    pub(crate) fn new() -> Self {
        Self { parser: Parser::new(), sight: Sight::default() }
    }

    /// Input passes.
    pub(crate) fn input(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\r' | b'\n' if self.sight.full_screen => {}
                b'\r' | b'\n' => {
                    self.sight.begin_typing();
                    self.sight.entered = (self.sight.entered + 1).min(AHEAD);
                    self.sight.typing = false;
                }
                // Whoever gives up a line has not entered it.
                0x03 => self.sight.typing = false,
                _ => self.sight.begin_typing(),
            }
        }
    }

    /// Output passes. Returns the commands that were seen in it.
    pub(crate) fn output(&mut self, bytes: &[u8]) -> Vec<Seen> {
        self.parser.advance(&mut self.sight, bytes);
        std::mem::take(&mut self.sight.seen)
    }
}

impl Sight {
    fn begin_typing(&mut self) {
        if !self.typing && self.entered == 0 {
            self.prompt.clone_from(&self.line);
        }
        self.typing = true;
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.column = 0;
        if self.marks.any {
            self.entered = 0;
            if let Some(from) = self.marks.command_from {
                if !self.marks.command.is_empty() {
                    self.marks.command.push('\n');
                }
                self.marks.command.extend(line.iter().skip(from));
                self.marks.command_from = Some(0);
            }
        } else if self.entered > 0 && !self.full_screen {
            self.entered -= 1;
            let typed: String = match line.strip_prefix(self.prompt.as_slice()) {
                Some(typed) => typed.iter().collect(),
                None => after_prompt(&line),
            };
            self.see(&typed, CommandSource::Line);
        }
    }

    fn see(&mut self, command: &str, source: CommandSource) {
        let command = mask(command.trim());
        if !command.is_empty() {
            let command = jumpdeck_protocol::text::bounded(&command, limits::LOGGED_COMMAND).into();
            self.seen.push(Seen { command, source });
        }
    }

    fn put(&mut self, character: char) {
        if self.column >= LINE {
            return;
        }
        if self.column >= self.line.len() {
            self.line.resize(self.column + 1, ' ');
        }
        if let Some(place) = self.line.get_mut(self.column) {
            *place = character;
        }
        self.column += 1;
    }

    fn mark(&mut self, what: &[u8]) {
        self.marks.any = true;
        match what.first() {
            Some(b'A') => {
                self.marks.command_from = None;
                self.marks.command.clear();
            }
            Some(b'B') => {
                self.marks.command_from = Some(self.column);
                self.marks.command.clear();
            }
            Some(b'C') => {
                self.marks.command_from = None;
                let command = std::mem::take(&mut self.marks.command);
                self.see(&command, CommandSource::Shell);
            }
            _ => {}
        }
    }
}

/// What follows a prompt that is not known: the text after its usual ends.
fn after_prompt(line: &[char]) -> String {
    let ends = |pair: &[char]| matches!(pair, ['$' | '#' | '%' | '>' | '❯', ' ']);
    let from = line.windows(2).position(ends).map_or(0, |at| at + 2);
    line.iter().skip(from).collect()
}

impl Perform for Sight {
    fn print(&mut self, character: char) {
        self.put(character);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => self.end_line(),
            b'\r' => self.column = 0,
            0x08 => self.column = self.column.saturating_sub(1),
            b'\t' => (0..8 - self.column % 8).for_each(|_| self.put(' ')),
            _ => {}
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell: bool) {
        if let [b"133", what, ..] = params {
            self.mark(what);
        }
    }

    fn csi_dispatch(&mut self, params: &Params, private: &[u8], _ignore: bool, action: char) {
        let first = params.iter().next().and_then(|param| param.first().copied()).unwrap_or(0);
        let count = usize::from(first.max(1));
        match (private, action) {
            (b"?", 'h' | 'l') => {
                let alternate = |param: &[u16]| matches!(param, [47 | 1047 | 1049]);
                if params.iter().any(alternate) {
                    self.full_screen = action == 'h';
                }
            }
            ([], 'C') => self.column = (self.column + count).min(LINE),
            ([], 'D') => self.column = self.column.saturating_sub(count),
            ([], 'G') => self.column = (count - 1).min(LINE),
            ([], 'K') if first == 0 => self.line.truncate(self.column),
            ([], 'K') => self.line.clear(),
            ([], 'J') => self.line.truncate(self.column),
            ([], 'P') => {
                let end = (self.column + count).min(self.line.len());
                self.line.drain(self.column.min(end)..end);
            }
            ([], '@') => {
                let at = self.column.min(self.line.len());
                let blanks = std::iter::repeat_n(' ', count.min(LINE));
                self.line.splice(at..at, blanks);
                self.line.truncate(LINE);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn commands(seen: &[Seen]) -> Vec<&str> {
        seen.iter().map(|seen| &*seen.command).collect()
    }

    #[test]
    fn the_line_that_stood_there_at_enter_is_the_command() {
        let mut tracker = Tracker::new();
        tracker.output(b"\x1b[1mbox\x1b[0m$ ");
        tracker.input(b"l");
        tracker.output(b"l");
        tracker.input(b"x\x7fs\r");
        let seen = tracker.output(b"x\x08\x1b[Ks\r\nfile one\r\nfile two\r\nbox$ ");
        assert_eq!(commands(&seen), ["ls"]);
        assert_eq!(seen[0].source, CommandSource::Line);
    }

    #[test]
    fn a_line_from_the_history_is_seen_as_it_was_run() {
        let mut tracker = Tracker::new();
        tracker.output(b"$ ");
        tracker.input(b"\x1b[A\r");
        let seen = tracker.output(b"make test\r\nok\r\n$ ");
        assert_eq!(commands(&seen), ["make test"]);
    }

    #[test]
    fn what_is_not_shown_is_not_logged() {
        let mut tracker = Tracker::new();
        tracker.output(b"$ ");
        tracker.input(b"sudo id\r");
        let first = tracker.output(b"sudo id\r\n[sudo] password for me: ");
        tracker.input(b"hunter2\r");
        let second = tracker.output(b"\r\nuid=0(root)\r\n$ ");
        assert_eq!(commands(&first), ["sudo id"]);
        assert_eq!(commands(&second), Vec::<&str>::new());
    }

    #[test]
    fn lines_that_are_pasted_are_seen_one_by_one() {
        let mut tracker = Tracker::new();
        tracker.output(b"box$ ");
        tracker.input(b"one\rtwo\r");
        let seen = tracker.output(b"one\r\nbox$ two\r\nbox$ ");
        assert_eq!(commands(&seen), ["one", "two"]);
    }

    #[test]
    fn keys_in_a_full_screen_program_are_no_commands() {
        let mut tracker = Tracker::new();
        tracker.output(b"\x1b[?1049h");
        tracker.input(b"ihello\r");
        assert!(tracker.output(b"hello\r\n\x1b[?1049l").is_empty());
    }

    #[test]
    fn a_shell_that_marks_its_commands_is_believed() {
        let mut tracker = Tracker::new();
        tracker.output(b"\x1b]133;A\x07$ \x1b]133;B\x07");
        tracker.input(b"for i in 1\rdo true\rdone\r");
        let seen = tracker.output(
            b"for i in 1\r\n> do true\r\n> done\r\n\x1b]133;C\x07output\r\n\x1b]133;D;0\x07",
        );
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].source, CommandSource::Shell);
        assert!(seen[0].command.starts_with("for i in 1"));
    }

    proptest! {
        /// Whatever is written, and however it comes in pieces, nothing breaks.
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 1usize..40) {
            let mut tracker = Tracker::new();
            for piece in bytes.chunks(cut) {
                tracker.input(piece);
                tracker.output(piece);
            }
        }

        /// A secret that is typed after one of the flags is in nothing that is seen.
        #[test]
        fn a_secret_argument_is_never_seen(
            flag in prop::sample::select(mask::FLAGS.to_vec()),
            glue in prop::sample::select(vec![" ", "=", "  ", " '", "=\""]),
            secret in "[A-Z0-9]{8,20}",
            before in "[a-z]{1,8}( [a-z]{1,5}){0,3}",
            after in "( [a-z]{1,5}){0,3}",
            cut in 1usize..40,
        ) {
            let close = match glue { " '" => "'", "=\"" => "\"", _ => "" };
            let line = format!("{before} {flag}{glue}{secret}{close}{after}");
            let mut tracker = Tracker::new();
            tracker.output(b"box$ ");
            let mut seen = Vec::new();
            for piece in line.as_bytes().chunks(cut) {
                tracker.input(piece);
                seen.extend(tracker.output(piece));
            }
            tracker.input(b"\r");
            seen.extend(tracker.output(b"\r\nbox$ "));
            prop_assert_eq!(seen.len(), 1);
            prop_assert!(!seen[0].command.contains(&secret), "{}", seen[0].command);
            prop_assert!(seen[0].command.starts_with(before.as_str()));
        }
    }
}

//! Which commands are run in a shell, from what passes by: the shell's own marks (OSC 133) where it
//! sets them, else the line that stood on the terminal when Enter was pressed. What was not shown,
//! as a password is not, is not seen here either.

use crate::mask::mask;

use crate::Guard;
use alacritty_terminal::vte::{Params, Parser, Perform};
use jumpdeck_protocol::limits;
use jumpdeck_protocol::log::CommandSource;
use std::collections::VecDeque;
use std::fmt;

/// Characters of a line that are looked at.
const LINE: usize = 4096;
/// Lines that may be typed ahead.
const AHEAD: usize = 1000;
/// The same, where the shell says which were commands.
const MOST_OWED: u32 = 1000;

/// A command that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The command line, secrets masked.
    pub command: Box<str>,
    pub source: CommandSource,
}

/// Looks at one shell.
pub struct Tracker {
    parser: Parser,
    guard: Guard,
    sight: Sight,
    /// Input up to here was looked at; what is sent again is not.
    typed: u64,
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
    /// Where the row of the terminal begins that the cursor is in: a long line has several.
    row: usize,
    /// Columns of the terminal; 0: not known.
    width: usize,
    /// A full-screen program runs.
    full_screen: bool,
    /// Lines that were entered and whose end was not seen: what was typed, if only text was.
    entered: VecDeque<Option<String>>,
    /// What was typed since the last Enter; nothing once keys were pressed that edit a line.
    keys: Option<Vec<u8>>,
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
    /// It says when a command is run.
    any: bool,
    /// Lines were entered for which no command was seen yet.
    owed: u32,
    /// The command begins at this column.
    command_from: Option<usize>,
    command: String,
}

impl Default for Tracker {
    fn default() -> Self {
        Self::new()
    }
}

impl Tracker {
    /// A shell that has done nothing yet.
    pub fn new() -> Self {
        let mut sight = Sight::default();
        // After a restart of the appliance, one may have been entered before.
        sight.marks.owed = 1;
        sight.keys = Some(Vec::new());
        Self { parser: Parser::new(), guard: Guard::by_line(), sight, typed: 0 }
    }

    /// The terminal has so many columns.
    pub const fn resize(&mut self, columns: u16) {
        self.sight.width = columns as usize;
    }

    /// Input passes that is at `offset`.
    pub fn input(&mut self, offset: u64, bytes: &[u8]) {
        let known = usize::try_from(self.typed.saturating_sub(offset)).unwrap_or(usize::MAX);
        let new = bytes.get(known..).unwrap_or_default();
        self.typed = self.typed.max(offset.saturating_add(bytes.len() as u64));
        for byte in new {
            match byte {
                b'\r' | b'\n' if self.sight.full_screen => {}
                b'\r' | b'\n' => {
                    self.sight.begin_typing();
                    let typed = self.sight.keys.replace(Vec::new());
                    if self.sight.entered.len() < AHEAD {
                        let text = typed.map(|keys| String::from_utf8_lossy(&keys).into_owned());
                        self.sight.entered.push_back(text);
                    }
                    self.sight.marks.owed = (self.sight.marks.owed + 1).min(MOST_OWED);
                    self.sight.typing = false;
                }
                // Anyone who gives up a line has not entered it.
                0x03 | 0x15 => {
                    self.sight.typing = false;
                    self.sight.keys = Some(Vec::new());
                }
                _ => {
                    self.sight.begin_typing();
                    self.sight.key(*byte);
                }
            }
        }
    }

    /// Output passes. Returns the commands that were seen in it.
    pub fn output(&mut self, bytes: &[u8]) -> Vec<Seen> {
        let Self { parser, guard, sight, .. } = self;
        let bytes = sight.pass_over(guard.is_between(), bytes);
        guard.take(bytes, |piece| parser.advance(sight, piece.bytes()));
        std::mem::take(&mut self.sight.seen)
    }
}

impl Sight {
    /// What of some output matters: while nothing was entered, only the line it ends with does.
    fn pass_over<'b>(&mut self, between: bool, bytes: &'b [u8]) -> &'b [u8] {
        let idle = between && self.entered.is_empty() && self.marks.command_from.is_none();
        if !idle || bytes.contains(&0x1b) {
            return bytes;
        }
        match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => {
                self.line.clear();
                (self.column, self.row) = (0, 0);
                bytes.get(at + 1..).unwrap_or_default()
            }
            None => bytes,
        }
    }

    fn begin_typing(&mut self) {
        if !self.typing && self.entered.is_empty() {
            self.prompt.clone_from(&self.line);
        }
        self.typing = true;
    }

    /// A key of the line that is being typed.
    fn key(&mut self, byte: u8) {
        let Some(keys) = &mut self.keys else {
            return;
        };
        match byte {
            0x08 | 0x7f => while keys.pop().is_some_and(|byte| (0x80..0xc0).contains(&byte)) {},
            0x20.. if keys.len() < LINE => keys.push(byte),
            _ => self.keys = None,
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        (self.column, self.row) = (0, 0);
        if let Some(from) = self.marks.command_from
            && self.marks.command.len() < LINE
        {
            if !self.marks.command.is_empty() {
                self.marks.command.push('\n');
            }
            self.marks.command.extend(line.iter().skip(from));
            self.marks.command_from = Some(0);
        }
        if self.marks.any || self.marks.command_from.is_some() {
            self.entered.clear();
        } else if !self.full_screen
            && let Some(keys) = self.entered.pop_front()
        {
            let typed: String = match line.strip_prefix(self.prompt.as_slice()) {
                Some(typed) => typed.iter().collect(),
                None => after_prompt(&line),
            };
            // Where the keys are not shown, what is there is not what was typed.
            if keys.is_none_or(|keys| typed.contains(keys.trim_end())) {
                self.see(&typed, CommandSource::Line);
            }
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
        if self.width > 0 && self.column >= self.row + self.width {
            self.row += self.width;
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
        if matches!(what.first(), Some(b'A' | b'B')) && !self.marks.any {
            // A prompt that marks itself, but not when a command is run.
            let command = std::mem::take(&mut self.marks.command);
            if self.marks.owed > 0
                && let Some(first) = command.lines().next()
            {
                self.marks.owed -= 1;
                self.see(first, CommandSource::Line);
            }
        }
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
                self.marks.any = true;
                self.marks.command_from = None;
                let command = std::mem::take(&mut self.marks.command);
                // What nobody entered is no command: output can hold marks too.
                if self.marks.owed > 0 {
                    self.marks.owed -= 1;
                    self.see(&command, CommandSource::Shell);
                }
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
            b'\r' => self.column = self.row,
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
            // Up and down, as far as it is within a long line.
            ([], 'A') if self.width > 0 => {
                let rows = count.min(self.row / self.width);
                self.row -= rows * self.width;
                self.column = self.column.saturating_sub(rows * self.width);
            }
            ([], 'B') if self.width > 0 && self.row + self.width <= self.line.len() => {
                self.row += self.width;
                self.column = (self.column + self.width).min(LINE);
            }
            ([], 'G') => self.column = (self.row + count - 1).min(LINE),
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

    impl Tracker {
        /// More input, after all there was.
        fn type_in(&mut self, bytes: &[u8]) {
            self.input(self.typed, bytes);
        }
    }

    fn commands(seen: &[Seen]) -> Vec<&str> {
        seen.iter().map(|seen| &*seen.command).collect()
    }

    #[test]
    fn the_line_that_stood_there_at_enter_is_the_command() {
        let mut tracker = Tracker::new();
        tracker.output(b"\x1b[1mbox\x1b[0m$ ");
        tracker.type_in(b"l");
        tracker.output(b"l");
        tracker.type_in(b"x\x7fs\r");
        let seen = tracker.output(b"x\x08\x1b[Ks\r\nfile one\r\nfile two\r\nbox$ ");
        assert_eq!(commands(&seen), ["ls"]);
        assert_eq!(seen[0].source, CommandSource::Line);
    }

    #[test]
    fn a_line_longer_than_the_terminal_is_seen_whole_and_masked() {
        let mut tracker = Tracker::new();
        tracker.resize(40);
        tracker.output(b"box:~$ ");
        let line = "true --option one --api-key SECRETSECRETSECRET0123456789 tail";
        tracker.input(0, line.as_bytes());
        tracker.input(line.len() as u64, b"\r");
        // As readline has it: at the margin a blank and a return bring the cursor into the next row.
        let (first, rest) = line.split_at(33);
        let seen = tracker.output(format!("{first} \r{rest}\r\nbox:~$ ").as_bytes());
        assert_eq!(commands(&seen), ["true --option one --api-key ******** tail"]);
    }

    #[test]
    fn a_prompt_that_marks_only_itself_hides_no_commands() {
        let mut tracker = Tracker::new();
        tracker.output(b"\x1b]133;A\x07$ \x1b]133;B\x07");
        tracker.type_in(b"ls\r");
        let seen = tracker.output(b"ls\r\nfile\r\n\x1b]133;A\x07$ \x1b]133;B\x07");
        assert_eq!(commands(&seen), ["ls"]);
    }

    #[test]
    fn marks_in_output_that_nobody_entered_make_no_commands() {
        let mut tracker = Tracker::new();
        tracker.input(0, b"\r");
        let forged = b"\x1b]133;B\x07x\n\x1b]133;C\x07".repeat(1000);
        assert!(tracker.output(&forged).len() <= 2);
    }

    #[test]
    fn input_that_is_sent_again_counts_once() {
        let mut tracker = Tracker::new();
        tracker.output(b"$ ");
        tracker.input(0, b"ls\r");
        tracker.input(0, b"ls\r");
        let seen = tracker.output(b"ls\r\nfile\r\n$ ");
        assert_eq!(commands(&seen), ["ls"]);
    }

    #[test]
    fn a_line_from_the_history_is_seen_as_it_was_run() {
        let mut tracker = Tracker::new();
        tracker.output(b"$ ");
        tracker.type_in(b"\x1b[A\r");
        let seen = tracker.output(b"make test\r\nok\r\n$ ");
        assert_eq!(commands(&seen), ["make test"]);
    }

    #[test]
    fn what_is_not_shown_is_not_logged() {
        let mut tracker = Tracker::new();
        tracker.output(b"$ ");
        tracker.type_in(b"sudo id\r");
        let first = tracker.output(b"sudo id\r\n[sudo] password for me: ");
        tracker.type_in(b"hunter2\r");
        let second = tracker.output(b"\r\nuid=0(root)\r\n$ ");
        assert_eq!(commands(&first), ["sudo id"]);
        assert_eq!(commands(&second), Vec::<&str>::new());
    }

    #[test]
    fn what_follows_a_line_that_was_typed_unseen_is_no_command() {
        let mut tracker = Tracker::new();
        tracker.output(b"PIN: ");
        tracker.type_in(b"4711\r");
        assert!(tracker.output(b"welcome\r\nyou have mail\r\n$ ").is_empty());
    }

    #[test]
    fn lines_that_are_pasted_are_seen_one_by_one() {
        let mut tracker = Tracker::new();
        tracker.output(b"box$ ");
        tracker.type_in(b"one\rtwo\r");
        let seen = tracker.output(b"one\r\nbox$ two\r\nbox$ ");
        assert_eq!(commands(&seen), ["one", "two"]);
    }

    #[test]
    fn keys_in_a_full_screen_program_are_no_commands() {
        let mut tracker = Tracker::new();
        tracker.output(b"\x1b[?1049h");
        tracker.type_in(b"ihello\r");
        assert!(tracker.output(b"hello\r\n\x1b[?1049l").is_empty());
    }

    #[test]
    fn a_shell_that_marks_its_commands_is_believed() {
        let mut tracker = Tracker::new();
        tracker.output(b"\x1b]133;A\x07$ \x1b]133;B\x07");
        tracker.type_in(b"for i in 1\rdo true\rdone\r");
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
                tracker.type_in(piece);
                tracker.output(piece);
            }
        }

        /// A secret that is typed after one of the flags is in nothing that is seen.
        #[test]
        fn a_secret_argument_is_never_seen(
            flag in prop::sample::select(crate::mask::FLAGS.to_vec()),
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
                tracker.type_in(piece);
                seen.extend(tracker.output(piece));
            }
            tracker.type_in(b"\r");
            seen.extend(tracker.output(b"\r\nbox$ "));
            prop_assert_eq!(seen.len(), 1);
            prop_assert!(!seen[0].command.contains(&secret), "{}", seen[0].command);
            prop_assert!(seen[0].command.starts_with(before.as_str()));
        }
    }
}

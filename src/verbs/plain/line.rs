//! A line that is typed at a prompt: what each key does to it, and what the terminal is told.
//!
//! What is typed at the end of a line is echoed and nothing more: a screen reader reads each letter
//! once.

use jumpdeck_console::core::input::Input;
use jumpdeck_terminal::key::{Code, Key};
use unicode_width::UnicodeWidthStr;

/// Lines that are remembered.
const REMEMBERED: usize = 500;

/// What came of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LineOutcome {
    /// The terminal shows this; the line goes on.
    Echo(String),
    /// The line is whole.
    Line(String),
    /// The line is given up.
    GivenUp,
    /// There is no more input.
    End,
    /// What is there is to be completed.
    Complete,
}

/// The line, and those before it.
#[derive(Debug, Default)]
pub(super) struct InputLine {
    input: Input,
    history: Vec<String>,
    /// Which of them is shown, counted from the newest; nothing: none.
    recalled: Option<usize>,
    /// What was typed before one was recalled.
    typed: String,
}

impl InputLine {
    /// One that remembers these, the newest last.
    pub(super) fn remembering(history: Vec<String>) -> Self {
        Self { history, ..Self::default() }
    }

    /// What is remembered, the newest last.
    pub(super) fn history(&self) -> &[String] {
        &self.history
    }

    /// What stands before the cursor.
    pub(super) fn before(&self) -> &str {
        self.input.parts().0
    }

    /// Takes a key.
    pub(super) fn key(&mut self, prompt: &str, key: Key) -> LineOutcome {
        match (key.code, key.ctrl) {
            (Code::Enter, _) | (Code::Char('j'), true) => return LineOutcome::Line(self.done()),
            (Code::Char('c'), true) => {
                self.input = Input::default();
                return LineOutcome::GivenUp;
            }
            (Code::Char('d'), true) if self.input.text().is_empty() => return LineOutcome::End,
            (Code::Tab, false) if !key.shift => return LineOutcome::Complete,
            _ => {}
        }
        let at_end = self.input.parts().1.is_empty();
        if at_end && let Some(character) = key.typed() {
            let before = self.input.text().len();
            self.input.insert(character.encode_utf8(&mut [0; 4]));
            // A line that is full takes no more.
            let echo = self.input.text().get(before..).unwrap_or_default();
            return LineOutcome::Echo(echo.to_owned());
        }
        let known = match (key.code, key.ctrl) {
            (Code::Up, _) | (Code::Char('p'), true) => self.recall(1),
            (Code::Down, _) | (Code::Char('n'), true) => self.recall(-1),
            (Code::Char('u'), true) => {
                self.input = Input::of(self.input.parts().1);
                self.input.key(Key { code: Code::Home, ..Key::char('x') })
            }
            (Code::Char('w'), true) => {
                self.input.delete_word();
                true
            }
            (Code::Char('h'), true) => self.edit(Code::Backspace),
            (Code::Char('a'), true) => self.edit(Code::Home),
            (Code::Char('e'), true) => self.edit(Code::End),
            (Code::Char('b'), true) => self.edit(Code::Left),
            (Code::Char('f'), true) => self.edit(Code::Right),
            (Code::Char('l'), true) => true,
            _ => self.input.key(key),
        };
        LineOutcome::Echo(if known { self.drawn(prompt) } else { String::new() })
    }

    /// Takes a text that was pasted; its lines become one.
    pub(super) fn paste(&mut self, prompt: &str, text: &str) -> String {
        self.input.insert(&text.replace(['\r', '\n'], " "));
        self.drawn(prompt)
    }

    /// Puts a text in the place of what stands before the cursor from a byte on.
    pub(super) fn complete(&mut self, prompt: &str, from: usize, text: &str) -> String {
        let after = self.input.parts().1.to_owned();
        self.input.replace_from(from, text);
        let stands = self.input.text().len();
        self.input.insert(&after);
        while self.input.parts().0.len() > stands && self.edit(Code::Left) {}
        self.drawn(prompt)
    }

    /// The whole line again, with the cursor where it belongs.
    pub(super) fn drawn(&self, prompt: &str) -> String {
        let (before, after) = self.input.parts();
        let back = match after.width() {
            0 => String::new(),
            columns => format!("\x1b[{columns}D"),
        };
        format!("\r{prompt}{before}{after}\x1b[K{back}")
    }

    fn edit(&mut self, code: Code) -> bool {
        self.input.key(Key { code, ..Key::char('x') })
    }

    fn done(&mut self) -> String {
        let line = std::mem::take(&mut self.input).text().to_owned();
        self.recalled = None;
        let said = line.trim();
        if !said.is_empty() && self.history.last().is_none_or(|last| last != said) {
            self.history.push(said.to_owned());
            let many = self.history.len().saturating_sub(REMEMBERED);
            self.history.drain(..many);
        }
        line
    }

    /// Shows an older line, or a newer one.
    fn recall(&mut self, older: isize) -> bool {
        let wanted = match (self.recalled, older) {
            (None, 1) => Some(0),
            (None, _) => return true,
            (Some(shown), 1) => Some(shown + 1),
            (Some(shown), _) => shown.checked_sub(1),
        };
        let Some(wanted) = wanted else {
            self.recalled = None;
            self.input = Input::of(&self.typed);
            return true;
        };
        if let Some(line) = self.history.iter().rev().nth(wanted) {
            if self.recalled.is_none() {
                self.input.text().clone_into(&mut self.typed);
            }
            self.recalled = Some(wanted);
            self.input = Input::of(line);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &mut InputLine, text: &str) -> Vec<LineOutcome> {
        text.chars().map(|letter| line.key("> ", Key::char(letter))).collect()
    }

    fn press(line: &mut InputLine, code: Code) -> LineOutcome {
        line.key("> ", Key { code, ..Key::char('x') })
    }

    #[test]
    fn letters_at_the_end_are_echoed_and_nothing_else_is_said() {
        let mut line = InputLine::default();
        let echoed = typed(&mut line, "ls é");
        let expected: Vec<_> = ["l", "s", " ", "é"].map(|l| LineOutcome::Echo(l.into())).into();
        assert_eq!(echoed, expected);
        assert_eq!(press(&mut line, Code::Enter), LineOutcome::Line("ls é".into()));
    }

    #[test]
    fn a_letter_within_the_line_draws_it_anew() {
        let mut line = InputLine::default();
        typed(&mut line, "lx");
        press(&mut line, Code::Left);
        assert_eq!(
            typed(&mut line, "s "),
            [
                LineOutcome::Echo("\r> lsx\x1b[K\x1b[1D".into()),
                LineOutcome::Echo("\r> ls x\x1b[K\x1b[1D".into()),
            ]
        );
        assert_eq!(line.key("> ", Key::ctrl('u')), LineOutcome::Echo("\r> x\x1b[K\x1b[1D".into()));
        assert_eq!(press(&mut line, Code::Enter), LineOutcome::Line("x".into()));
    }

    #[test]
    fn lines_before_come_back_and_so_does_what_was_being_typed() {
        let mut line = InputLine::default();
        for text in ["ls", "sessions", "sessions"] {
            typed(&mut line, text);
            press(&mut line, Code::Enter);
        }
        assert_eq!(line.history(), ["ls", "sessions"]);
        typed(&mut line, "sh");
        press(&mut line, Code::Up);
        assert_eq!(line.before(), "sessions");
        press(&mut line, Code::Up);
        press(&mut line, Code::Up);
        assert_eq!(line.before(), "ls");
        press(&mut line, Code::Down);
        press(&mut line, Code::Down);
        assert_eq!(line.before(), "sh");
    }

    #[test]
    fn ctrl_c_gives_the_line_up_and_ctrl_d_on_an_empty_one_ends() {
        let mut line = InputLine::default();
        typed(&mut line, "ls");
        assert_eq!(line.key("> ", Key::ctrl('c')), LineOutcome::GivenUp);
        assert_eq!(line.key("> ", Key::ctrl('d')), LineOutcome::End);
    }

    #[test]
    fn what_is_completed_stands_before_what_follows() {
        let mut line = InputLine::default();
        typed(&mut line, "jump we --x");
        for _ in 0..4 {
            press(&mut line, Code::Left);
        }
        assert_eq!(line.before(), "jump we");
        line.complete("> ", 5, "web-1 ");
        assert_eq!(line.before(), "jump web-1 ");
        assert_eq!(press(&mut line, Code::Enter), LineOutcome::Line("jump web-1  --x".into()));
    }
}

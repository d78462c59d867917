//! Prediction against a machine that edits a line, over a link that delivers in any pieces.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::pedantic, reason = "a test")]

use alacritty_terminal::Term;
use alacritty_terminal::event::VoidListener;
use alacritty_terminal::index::{Column, Line};
use jumpdeck_protocol::session::Size;
use jumpdeck_terminal::{Emulator, Predictor};
use proptest::prelude::*;
use std::collections::VecDeque;

const SIZE: Size = Size { columns: 20, rows: 6 };
const PROMPT: &str = "box$ ";

/// What the machine does with what is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// It edits a line, as shells do.
    Edits,
    /// It prints nothing, as for a password.
    Silent,
    /// It prints something else.
    Shouts,
}

/// A machine with a line editor.
struct Machine {
    manner: Manner,
    line: Vec<char>,
    cursor: usize,
}

impl Machine {
    /// Where a character of the line stands.
    fn place(at: usize) -> (usize, usize) {
        let at = PROMPT.len() + at;
        (at / usize::from(SIZE.columns), at % usize::from(SIZE.columns))
    }

    fn go(&self, from: usize, to: usize) -> String {
        let ((row, _), (next, column)) = (Self::place(from), Self::place(to));
        let rows = match next as i64 - row as i64 {
            0 => String::new(),
            up @ ..0 => format!("\x1b[{}A", -up),
            down => format!("\x1b[{down}B"),
        };
        format!("{rows}\r\x1b[{}G", column + 1)
    }

    /// Draws the line from a character on, and goes back to the cursor.
    fn draw(&self, from: usize) -> String {
        let rest: String = self.line[from..].iter().collect();
        let end = self.line.len();
        let column = Self::place(end).1;
        // A terminal waits at a line's end; a shell moves on.
        let wrapped = if column == 0 && from < end { " \r" } else { "" };
        let blank = if column + 1 < usize::from(SIZE.columns) { " \x1b[D" } else { "" };
        format!(
            "{rest}{wrapped}{blank}{}",
            if self.cursor == end { String::new() } else { self.go(end, self.cursor) }
        )
    }

    fn take(&mut self, key: &str) -> String {
        match (self.manner, key) {
            (Manner::Silent, "\r") | (Manner::Shouts, "\r") => format!("\r\n{PROMPT}"),
            (Manner::Silent, _) => String::new(),
            (Manner::Shouts, key) => key.to_uppercase().replace('\x7f', "^").replace('\x1b', "~"),
            (Manner::Edits, "\r") => {
                let down = self.go(self.cursor, self.line.len());
                let said: String = self.line.iter().collect();
                self.line.clear();
                self.cursor = 0;
                format!("{down}\r\n{said}\r\n{PROMPT}")
            }
            (Manner::Edits, "\x7f") if self.cursor > 0 => {
                let back = self.go(self.cursor, self.cursor - 1);
                self.cursor -= 1;
                self.line.remove(self.cursor);
                format!("{back}{}", self.draw(self.cursor))
            }
            (Manner::Edits, "\x1b[D") if self.cursor > 0 => {
                self.cursor -= 1;
                self.go(self.cursor + 1, self.cursor)
            }
            (Manner::Edits, "\x7f" | "\x1b[D") => "\x07".to_owned(),
            (Manner::Edits, key) => {
                let from = self.cursor;
                self.line.insert(from, key.chars().next().unwrap());
                self.cursor += 1;
                self.draw(from)
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Type(&'static str),
    /// So many bytes of output arrive.
    Deliver(usize),
    /// What was taken longest ago and not answered yet had its time.
    Settle,
    /// All that is on its way arrives.
    Pause,
}

fn steps(settles: bool) -> impl Strategy<Value = Vec<Step>> {
    let key = prop::sample::select(vec![
        "a", "b", "c", "l", "s", " ", "-", "a", "b", "e", "\x7f", "\r", "\x1b[D", "é",
    ]);
    let step = prop_oneof![
        6 => key.prop_map(Step::Type),
        4 => (1..12usize).prop_map(Step::Deliver),
        2 => Just(if settles { Step::Settle } else { Step::Deliver(3) }),
        1 => Just(Step::Pause),
    ];
    prop::collection::vec(step, 0..120)
}

/// Both ends, and what is between them.
struct Play {
    machine: Machine,
    emulator: Emulator<VoidListener>,
    predictor: Predictor,
    typed: u64,
    /// Output on its way; before each piece, the input that was taken.
    way: VecDeque<(u64, Vec<u8>)>,
    taken: VecDeque<u64>,
    /// Everything the machine has printed.
    printed: Vec<u8>,
}

impl Play {
    fn new(manner: Manner) -> Self {
        let mut emulator = Emulator::new(SIZE, 0, VoidListener);
        emulator.take(PROMPT.as_bytes());
        Self {
            machine: Machine { manner, line: Vec::new(), cursor: 0 },
            emulator,
            predictor: Predictor::default(),
            typed: 0,
            way: VecDeque::new(),
            taken: VecDeque::new(),
            printed: PROMPT.as_bytes().to_vec(),
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Type(key) => {
                // A line that scrolls the screen is another story, of the shell's own making.
                if self.machine.line.len() > 24 && *key != "\r" {
                    return;
                }
                self.typed += key.len() as u64;
                self.predictor.typed(key.as_bytes(), self.typed, self.emulator.term());
                let output = self.machine.take(key).into_bytes();
                self.printed.extend_from_slice(&output);
                self.way.push_back((self.typed, output));
            }
            Step::Deliver(bytes) => self.deliver(*bytes),
            Step::Settle => {
                if let Some(end) = self.taken.pop_front() {
                    self.predictor.answered(end, self.emulator.term());
                }
            }
            Step::Pause => {
                self.deliver(usize::MAX);
                while let Some(end) = self.taken.pop_front() {
                    self.predictor.answered(end, self.emulator.term());
                }
            }
        }
    }

    fn deliver(&mut self, mut left: usize) {
        while let Some((end, output)) = self.way.front_mut() {
            // That it was taken is known before what was printed, and all of that at once.
            if self.taken.back() != Some(end) && *end > 0 {
                self.predictor.taken(*end);
            }
            let now = output.len().min(left);
            let piece: Vec<u8> = output.drain(..now).collect();
            left -= now;
            let whole = output.is_empty();
            let end = *end;
            for line in piece.split_inclusive(|byte| *byte == b'\n') {
                let (text, newline) =
                    line.split_at(line.len() - usize::from(line.ends_with(b"\n")));
                for part in [text, newline] {
                    self.emulator.take(part);
                    self.predictor.printed(self.emulator.term());
                }
            }
            if !whole {
                return;
            }
            self.taken.push_back(end);
            self.way.pop_front();
            if left == 0 {
                return;
            }
        }
    }

    /// What is on the screen, with what is predicted over it.
    fn shown(&self) -> Vec<String> {
        let mut rows = rows(self.emulator.term());
        for cell in self.predictor.cells() {
            rows[cell.at.row][cell.at.column] = cell.character;
        }
        rows.into_iter().map(|row| row.into_iter().collect()).collect()
    }
}

fn rows<T>(term: &Term<T>) -> Vec<Vec<char>> {
    let row = |row| (0..usize::from(SIZE.columns)).map(move |column| (row, column));
    (0..i32::from(SIZE.rows))
        .map(|line| {
            row(line).map(|(row, column)| term.grid()[Line(row)][Column(column)].c).collect()
        })
        .collect()
}

/// What a terminal shows to which all of it was printed at once.
fn reference(printed: &[u8]) -> Vec<String> {
    let mut emulator = Emulator::new(SIZE, 0, VoidListener);
    emulator.take(printed);
    rows(emulator.term()).into_iter().map(|row| row.into_iter().collect()).collect()
}

fn typed(play: &mut Play, keys: &str) {
    for key in keys.chars() {
        let key: &'static str = String::leak(key.to_string());
        play.step(&Step::Type(key));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_remains_is_what_the_machine_printed(
        manner in prop::sample::select(vec![Manner::Edits, Manner::Silent, Manner::Shouts]),
        steps in steps(true),
    ) {
        let mut play = Play::new(manner);
        for step in &steps {
            play.step(step);
        }
        play.step(&Step::Pause);
        prop_assert!(play.predictor.is_empty());
        prop_assert_eq!(play.predictor.cursor(), None);
        prop_assert_eq!(play.shown(), reference(&play.printed));
    }

    #[test]
    fn a_machine_that_prints_nothing_is_shown_to_print_nothing(steps in steps(true)) {
        let mut play = Play::new(Manner::Silent);
        for step in &steps {
            play.step(step);
            prop_assert_eq!(play.predictor.cells().count(), 0);
        }
    }

    #[test]
    fn a_line_that_grows_is_never_corrected(
        text in "[a-z0-9 /.-]{1,14}", later in "[a-z ]{0,14}", pieces in prop::collection::vec(1..9usize, 0..20),
    ) {
        let mut play = Play::new(Manner::Edits);
        typed(&mut play, &text);
        for piece in pieces {
            play.step(&Step::Deliver(piece));
            play.step(&Step::Settle);
        }
        typed(&mut play, &later);
        play.step(&Step::Pause);
        prop_assert_eq!(play.predictor.corrected(), 0);
    }
}

#[test]
fn after_one_was_right_the_rest_is_shown_at_once() {
    let mut play = Play::new(Manner::Edits);
    typed(&mut play, "ls");
    assert!(play.shown()[0].starts_with("box$   "), "nothing is known yet");
    play.deliver(1);
    assert!(play.shown()[0].starts_with("box$ ls "), "l was right: s is shown");
    assert_eq!(play.predictor.cursor().unwrap().column, 7);
    typed(&mut play, " -a\x7f");
    assert!(play.shown()[0].starts_with("box$ ls -  "));
    play.step(&Step::Pause);
    assert!(play.shown()[0].starts_with("box$ ls -  ") && play.predictor.corrected() == 0);
    // The epoch goes on after a pause.
    typed(&mut play, "l");
    assert!(play.shown()[0].starts_with("box$ ls -l "));
    // After Enter, nothing is known again.
    play.step(&Step::Type("\r"));
    typed(&mut play, "pwd");
    play.step(&Step::Deliver(4));
    assert!(!play.shown().join("\n").contains("pwd"));
    play.step(&Step::Pause);
    assert!(play.shown().join("\n").contains("box$ pwd"));
}

#[test]
fn a_prompt_is_no_place_to_delete() {
    let mut play = Play::new(Manner::Edits);
    typed(&mut play, "ab");
    play.step(&Step::Pause);
    typed(&mut play, "\x7f\x7f\x7f");
    assert!(play.shown()[0].starts_with("box$  "), "{:?}", play.shown()[0]);
    play.step(&Step::Pause);
    assert_eq!(play.predictor.corrected(), 0);
}

#[test]
fn what_was_wrong_goes_and_is_not_believed_again() {
    let mut play = Play::new(Manner::Edits);
    typed(&mut play, "abc");
    play.step(&Step::Pause);
    play.machine.manner = Manner::Silent;
    typed(&mut play, "secret");
    assert!(play.shown()[0].contains("abcsecret"), "nobody could know");
    play.step(&Step::Pause);
    assert!(!play.shown()[0].contains("secret"));
    assert_eq!(play.predictor.corrected(), 6);
    typed(&mut play, "more");
    assert!(!play.shown()[0].contains("more"));
    // The machine's terminal says so: then nothing is even tried.
    play.predictor.set_silent(true);
    assert!(play.predictor.is_empty());
}

#[test]
fn what_stands_behind_a_gap_does_not_move() {
    let mut play = Play::new(Manner::Edits);
    typed(&mut play, "ab");
    play.step(&Step::Pause);
    play.emulator.take(b"\x1b7\x1b[1;16H| x\x1b8");
    typed(&mut play, "c");
    assert_eq!(play.shown()[0], "box$ abc       | x  ");
}

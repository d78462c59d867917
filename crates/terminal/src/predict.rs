//! What a terminal will show once the machine has answered, shown before it does.
//!
//! The idea is that of mosh: typed characters are put where the cursor is, on trial. Trials come in
//! *epochs*; of an epoch nothing is shown until one of its characters was printed by the machine just
//! where it was expected. Whatever is more than a character or a backspace begins a new epoch: what it
//! does, the machine alone knows.
//!
//! A prediction never touches the terminal: it lies over it. It ends when the machine has printed it,
//! or when the machine took the key and has printed something else.

use alacritty_terminal::Term;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::{Column, Line};
use alacritty_terminal::term::cell::Flags;
use std::collections::VecDeque;
use unicode_width::UnicodeWidthChar;

/// Keys that are on their way, at most; what is typed beyond is not predicted.
const MOST: usize = 256;

/// A place on the screen, counted from its corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The row.
    pub row: usize,
    /// The column.
    pub column: usize,
}

/// A cell that is shown before the machine has printed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PredictedCell {
    /// Where.
    pub at: Place,
    /// What.
    pub character: char,
}

/// What a key is expected to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stroke {
    /// It prints this.
    Print(char),
    /// It deletes the character before the cursor.
    Delete,
    /// Only the machine knows.
    Opaque,
}

/// A key on its way.
#[derive(Clone, Debug)]
struct Typed {
    stroke: Stroke,
    /// Bytes of input up to its end.
    end: u64,
    trial: Option<Trial>,
}

/// A prediction.
#[derive(Clone, Debug)]
struct Trial {
    epoch: u64,
    /// The cell that decides.
    at: Place,
    /// What it is expected to hold.
    expected: char,
    /// What it held before.
    before: char,
    /// Everything that changes, this cell among it.
    cells: Vec<PredictedCell>,
    /// Where the cursor is then.
    cursor: Place,
    /// It was right: the machine has printed it.
    right: bool,
}

/// Predicts what typed keys will show.
#[derive(Clone, Debug, Default)]
pub struct Predictor {
    typed: VecDeque<Typed>,
    epoch: u64,
    /// The last epoch of which something was right.
    confirmed: u64,
    /// Where the cursor will be once all that is on its way has been answered; nothing while only the
    /// machine knows.
    cursor: Option<Place>,
    /// Where it was when nothing was on its way any more: unless it has moved, the epoch goes on.
    rest: Option<Place>,
    /// In this epoch, nothing before this column was typed.
    floor: usize,
    /// Input that the machine has taken.
    taken: u64,
    /// Input that it has had the time to answer.
    answered: u64,
    /// All input.
    last: u64,
    /// The machine's terminal prints nothing of what is typed.
    silent: bool,
    shown: u64,
    corrected: u64,
}

impl Predictor {
    /// A key was typed, these bytes; with them, `end` bytes of input are on their way or there.
    pub fn typed<T>(&mut self, bytes: &[u8], end: u64, term: &Term<T>) {
        let mut stroke = stroke(bytes);
        if self.typed.len() >= MOST {
            self.forget();
            stroke = Stroke::Opaque;
        }
        if self.typed.is_empty() {
            let cursor = cursor_of(term);
            // The machine may be in the middle of what it prints.
            let rest = self.rest.filter(|rest| *rest == cursor || self.answered < self.last);
            if rest.is_none() {
                // Something else was printed meanwhile: a prompt, say.
                self.epoch += 1;
                self.floor = cursor.column;
            }
            self.cursor = on_screen(rest.unwrap_or(cursor), term);
        }
        let trial = match (stroke, self.cursor) {
            (Stroke::Print(character), Some(cursor)) if !self.silent => {
                self.print(character, cursor, term)
            }
            (Stroke::Delete, Some(cursor)) if !self.silent => self.delete(cursor, term),
            _ => None,
        };
        match &trial {
            Some(trial) => {
                self.shown += u64::from(trial.epoch <= self.confirmed);
                self.cursor = self.after(trial, term);
            }
            None => {
                self.epoch += 1;
                self.cursor = None;
            }
        }
        self.last = end;
        self.typed.push_back(Typed { stroke, end, trial });
    }

    /// Where the cursor is after a trial; a line that is full goes on in the next, in a new epoch.
    fn after<T>(&mut self, trial: &Trial, term: &Term<T>) -> Option<Place> {
        let next = on_screen(trial.cursor, term);
        if next != Some(trial.cursor) {
            self.epoch += 1;
            self.floor = 0;
        }
        next
    }

    fn print<T>(&self, character: char, cursor: Place, term: &Term<T>) -> Option<Trial> {
        let row = self.row(cursor.row, term);
        let before = cell(term, cursor);
        let mut cells = vec![PredictedCell { at: cursor, character }];
        // What follows in the line moves on, as line editors do it.
        let end = end_of_words(&row, cursor.column)?;
        for column in cursor.column + 1..(end + 1).min(row.len()) {
            let character = *row.get(column - 1)?;
            cells.push(PredictedCell { at: Place { column, ..cursor }, character });
        }
        let next = Place { column: cursor.column + 1, ..cursor };
        Some(self.trial(cursor, character, before, cells, next))
    }

    fn delete<T>(&self, cursor: Place, term: &Term<T>) -> Option<Trial> {
        // What was there before this stretch of typing may be a prompt.
        let column = cursor.column.checked_sub(1).filter(|column| *column >= self.floor)?;
        let row = self.row(cursor.row, term);
        let at = Place { column, ..cursor };
        let before = cell(term, at);
        let end = end_of_words(&row, column)?;
        let mut cells = Vec::new();
        for column in column..end.max(column + 1) {
            let character = row.get(column + 1).copied().unwrap_or(' ');
            cells.push(PredictedCell { at: Place { column, ..cursor }, character });
        }
        let expected = cells.first().map_or(' ', |cell| cell.character);
        Some(self.trial(at, expected, before, cells, at))
    }

    fn trial(
        &self,
        at: Place,
        expected: char,
        before: char,
        cells: Vec<PredictedCell>,
        cursor: Place,
    ) -> Trial {
        Trial { epoch: self.epoch, at, expected, before, cells, cursor, right: false }
    }

    /// A row as it will be.
    fn row<T>(&self, row: usize, term: &Term<T>) -> Vec<char> {
        let mut characters: Vec<char> =
            (0..term.columns()).map(|column| cell(term, Place { row, column })).collect();
        let trials = self.typed.iter().filter_map(|typed| typed.trial.as_ref());
        for cell in trials.flat_map(|trial| &trial.cells).filter(|cell| cell.at.row == row) {
            if let Some(character) = characters.get_mut(cell.at.column) {
                *character = cell.character;
            }
        }
        characters
    }

    /// The machine has printed something.
    pub fn printed<T>(&mut self, term: &Term<T>) {
        for number in 0..self.typed.len() {
            let Some(trial) = self.typed.get(number).and_then(|typed| typed.trial.as_ref()) else {
                continue;
            };
            // A cell that held the same before says nothing, and blanks are everywhere.
            if trial.right || trial.expected == trial.before || trial.expected == ' ' {
                continue;
            }
            if cell(term, trial.at) == trial.expected {
                self.confirmed = self.confirmed.max(trial.epoch);
                if let Some(trial) = self.typed.get_mut(number).and_then(|t| t.trial.as_mut()) {
                    trial.right = true;
                }
            } else if !self.changes_again(trial.at, number + 1) {
                // A machine prints in order: what fits further on does so by chance.
                break;
            }
        }
        // What is printed already need not be predicted; what is behind it, the cursor of the terminal
        // says best.
        while self.typed.front().is_some_and(|typed| {
            typed.trial.as_ref().is_some_and(|trial| trial.right) && typed.end <= self.taken
        }) {
            self.typed.pop_front();
        }
        self.note_rest();
    }

    /// Where the cursor is, or is about to be, once everything was printed.
    fn note_rest(&mut self) {
        if self.typed.is_empty()
            && let Some(cursor) = self.cursor.take()
        {
            self.rest = Some(cursor);
        }
    }

    /// The machine has taken the input up to here; it may not have answered yet.
    pub fn taken(&mut self, end: u64) {
        self.taken = self.taken.max(end);
    }

    /// The machine took the input up to here, and has had the time to answer.
    pub fn answered<T>(&mut self, end: u64, term: &Term<T>) {
        self.taken(end);
        self.printed(term);
        self.answered = self.answered.max(end);
        let mut wrong = false;
        let mut opaque = false;
        while let Some(typed) = self.typed.pop_front_if(|typed| typed.end <= end) {
            match typed.trial {
                Some(trial) if trial.right || cell(term, trial.at) == trial.expected => {}
                // What was typed next may have changed it again already.
                Some(trial) if self.changes_again(trial.at, 0) => {}
                Some(trial) => {
                    wrong = true;
                    self.corrected += u64::from(trial.epoch <= self.confirmed);
                }
                None => opaque = true,
            }
        }
        if wrong {
            self.epoch += 1;
            for typed in &mut self.typed {
                let trial = typed.trial.take();
                let visible = trial.is_some_and(|trial| trial.epoch <= self.confirmed);
                self.corrected += u64::from(visible);
            }
        }
        if wrong || opaque {
            self.begin_anew(term);
        }
        self.note_rest();
    }

    /// Whether a key from this one on changes a cell too.
    fn changes_again(&self, at: Place, from: usize) -> bool {
        let trials = self.typed.iter().skip(from).filter_map(|typed| typed.trial.as_ref());
        trials.flat_map(|trial| &trial.cells).any(|cell| cell.at == at)
    }

    /// What only the machine knew has happened: what was typed after it is predicted from there.
    fn begin_anew<T>(&mut self, term: &Term<T>) {
        let waits = |typed: &Typed| typed.trial.is_none();
        if self.typed.iter().any(|typed| waits(typed) && typed.stroke == Stroke::Opaque)
            || self.typed.iter().any(|typed| typed.trial.is_some())
        {
            return;
        }
        let cursor = cursor_of(term);
        // Some of it may have been printed already.
        let printed = self.printed_before(cursor, term);
        self.typed.drain(..printed);
        if self.silent {
            return;
        }
        self.epoch += 1;
        self.floor = cursor.column;
        self.cursor = on_screen(cursor, term);
        for mut typed in std::mem::take(&mut self.typed) {
            let trial = match (typed.stroke, self.cursor) {
                (Stroke::Print(character), Some(cursor)) => self.print(character, cursor, term),
                (Stroke::Delete, Some(cursor)) => self.delete(cursor, term),
                _ => None,
            };
            self.cursor = trial.as_ref().and_then(|trial| self.after(trial, term));
            typed.trial = trial;
            self.typed.push_back(typed);
        }
    }

    /// How many of the first waiting keys stand before the cursor.
    fn printed_before<T>(&self, cursor: Place, term: &Term<T>) -> usize {
        let taken = self.typed.iter().take_while(|typed| typed.end <= self.taken);
        let most = taken.count().min(cursor.column);
        let stands = |count: &usize| {
            self.typed.iter().take(*count).enumerate().all(|(at, typed)| {
                let place = Place { column: cursor.column - count + at, ..cursor };
                typed.stroke == Stroke::Print(cell(term, place))
            })
        };
        (1..=most).rev().find(stands).unwrap_or(0)
    }

    /// Whether the machine's terminal prints what is typed, or hands it to a program that may. Where it
    /// does neither, as for a password, nothing is predicted.
    pub fn set_silent(&mut self, silent: bool) {
        if silent && !self.silent {
            self.forget();
        }
        self.silent = silent;
    }

    /// Nothing is known any more of what is on its way: the screen is another one.
    pub fn forget(&mut self) {
        self.typed.clear();
        (self.cursor, self.rest) = (None, None);
        self.epoch += 1;
    }

    /// The cells that are shown before the machine has printed them; where there are two for a place,
    /// the later one counts.
    pub fn cells(&self) -> impl Iterator<Item = PredictedCell> + '_ {
        self.visible().flat_map(|trial| trial.cells.iter().copied())
    }

    fn visible(&self) -> impl Iterator<Item = &Trial> {
        let trials = self.typed.iter().filter_map(|typed| typed.trial.as_ref());
        trials.filter(|trial| trial.epoch <= self.confirmed && !trial.right)
    }

    /// Where the cursor is shown, if not where the terminal has it.
    pub fn cursor(&self) -> Option<Place> {
        self.visible().last().map(|trial| trial.cursor)
    }

    /// Whether anything is on its way.
    pub fn is_empty(&self) -> bool {
        self.typed.is_empty()
    }

    /// How many keys were shown at once.
    pub const fn shown(&self) -> u64 {
        self.shown
    }

    /// How many characters were shown that the machine then did not print.
    pub const fn corrected(&self) -> u64 {
        self.corrected
    }
}

/// What the bytes of a key are expected to do.
fn stroke(bytes: &[u8]) -> Stroke {
    if bytes == b"\x7f" {
        return Stroke::Delete;
    }
    let mut characters = std::str::from_utf8(bytes).unwrap_or_default().chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) if !character.is_control() && character.width() == Some(1) => {
            Stroke::Print(character)
        }
        _ => Stroke::Opaque,
    }
}

/// Where the words end that begin here or go on from here: something else may stand behind a gap.
/// Nothing where wide characters stand among them.
fn end_of_words(row: &[char], from: usize) -> Option<usize> {
    let rest = row.get(from..).unwrap_or_default();
    let gap = rest.windows(2).position(|two| two == [' ', ' ']);
    let words = rest.get(..gap.unwrap_or(rest.len())).unwrap_or_default();
    let words = words.iter().rposition(|character| *character != ' ').map_or(0, |last| last + 1);
    let is_plain = !rest.iter().take(words + 1).any(|character| *character == '\0');
    is_plain.then_some(from + words)
}

/// The same place, or the beginning of the next row where a row is full; nothing where the screen would
/// scroll, which moves everything.
fn on_screen<T>(at: Place, term: &Term<T>) -> Option<Place> {
    if at.column < term.columns() {
        return Some(at);
    }
    let row = at.row + 1;
    (row < term.screen_lines()).then_some(Place { row, column: 0 })
}

fn cursor_of<T>(term: &Term<T>) -> Place {
    let point = term.grid().cursor.point;
    let column = point.column.0 + usize::from(term.grid().cursor.input_needs_wrap);
    Place { row: usize::try_from(point.line.0).unwrap_or(0), column }
}

/// What a cell holds; a blank outside the screen.
fn cell<T>(term: &Term<T>, at: Place) -> char {
    if at.row >= term.screen_lines() || at.column >= term.columns() {
        return ' ';
    }
    let line = Line(i32::try_from(at.row).unwrap_or(0));
    let cell = &term.grid()[line][Column(at.column)];
    let hidden = cell.flags.intersects(Flags::WIDE_CHAR_SPACER | Flags::LEADING_WIDE_CHAR_SPACER);
    match cell.c {
        _ if hidden => '\0',
        // Where a tab was printed.
        '\t' => ' ',
        character => character,
    }
}

//! A recording, played: asciicast v2 in, a screen at any moment of it out. It has no clock of its own.

use crate::{Emulator, Guard, Piece};
use alacritty_terminal::Term;
use alacritty_terminal::event::{EventListener, VoidListener};
use jumpdeck_protocol::session::Size;
use serde::Deserialize;
use std::fmt;
use std::ops::Range;
use std::time::Duration;
use thiserror::Error;

/// Bytes of a recording that are played, at most.
pub const LARGEST: usize = 64 * 1024 * 1024;
/// Events of a recording that are played, at most.
const MOST: usize = 2_000_000;
/// Where nothing happens for longer, that is passed over, if the viewer wants it.
const IDLE: Duration = Duration::from_secs(2);
/// Nobody goes back to a command that began so short a time ago.
const NEAR: Duration = Duration::from_secs(2);
/// Speeds, in sixteenths: from half to sixteen times as fast.
const SPEEDS: [u32; 6] = [8, 16, 32, 64, 128, 256];
const NORMAL: u32 = 16;

/// Why a file is not played.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PlayerError {
    /// Its first line is not what it should be.
    #[error("this is no recording (asciicast v2)")]
    NoRecording,
    /// A later line is not.
    #[error("line {0} of the recording cannot be read")]
    Line(usize),
}

/// Something that happens in a recording.
#[derive(Debug)]
struct Event {
    at: Duration,
    what: What,
    /// Bytes of the terminal's output up to its end.
    offset: u64,
}

#[derive(Debug)]
enum What {
    /// Output: these bytes of the text.
    Output(Range<usize>),
    Resize(Size),
}

#[derive(Deserialize)]
struct Header {
    version: u8,
    width: u16,
    height: u16,
    #[serde(default)]
    timestamp: i64,
}

/// A command that was run, at a moment of the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayedCommand {
    /// When.
    pub at: Duration,
    /// Its line.
    pub text: String,
}

/// What is read for a search: the text alone, in small letters.
#[derive(Default)]
struct PlainText {
    text: String,
    /// How far it goes once each event has happened.
    ends: Vec<usize>,
    guard: Guard,
}

/// A recording, and the moment of it that is shown.
pub struct Player {
    header: Option<Header>,
    /// A line whose end has not come.
    rest: Vec<u8>,
    lines: usize,
    text: String,
    events: Vec<Event>,
    offset: u64,
    emulator: Emulator<VoidListener>,
    size: Size,
    /// The first event that has not happened yet.
    next: usize,
    position: Duration,
    /// More is being written while this is watched.
    goes_on: bool,
    /// More would follow, but is too much.
    cut: bool,
    speed: u32,
    skips_idle: bool,
    commands: Vec<PlayedCommand>,
    plain: PlainText,
}

impl fmt::Debug for Player {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (position, events) = (self.position, self.events.len());
        f.debug_struct("Player")
            .field("position", &position)
            .field("events", &events)
            .finish_non_exhaustive()
    }
}

impl Default for Player {
    fn default() -> Self {
        let size = Size { columns: 80, rows: 24 };
        Self {
            header: None,
            rest: Vec::new(),
            lines: 0,
            text: String::new(),
            events: Vec::new(),
            offset: 0,
            emulator: Emulator::new(size, 0, VoidListener),
            size,
            next: 0,
            position: Duration::ZERO,
            goes_on: false,
            cut: false,
            speed: NORMAL,
            skips_idle: false,
            commands: Vec::new(),
            plain: PlainText::default(),
        }
    }
}

impl Player {
    /// Takes more of the file.
    ///
    /// # Errors
    /// When it is no recording.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), PlayerError> {
        let follows = self.is_live();
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(length) = memchr::memchr(b'\n', rest.get(from..).unwrap_or_default()) {
            let line = rest.get(from..from + length).unwrap_or_default();
            from += length + 1;
            self.line(line)?;
        }
        rest.drain(..from);
        // A line of a recording that goes on and on is none of ours.
        if rest.len() > LARGEST {
            return Err(PlayerError::Line(self.lines + 1));
        }
        self.rest = rest;
        if follows {
            self.seek(self.length());
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), PlayerError> {
        self.lines += 1;
        if self.header.is_none() {
            let header = serde_json::from_slice::<Header>(line).ok();
            let header = header.filter(|header| header.version == 2);
            let header = header.ok_or(PlayerError::NoRecording)?;
            self.size = Size { columns: header.width, rows: header.height }.clamped();
            self.emulator = Emulator::new(self.size, 0, VoidListener);
            self.header = Some(header);
            return Ok(());
        }
        if line.is_empty() || self.cut {
            return Ok(());
        }
        let mistake = || PlayerError::Line(self.lines);
        let (at, kind, data): (f64, String, String) =
            serde_json::from_slice(line).map_err(|_| mistake())?;
        let at = Duration::try_from_secs_f64(at).map_err(|_| mistake())?;
        // Time does not go back.
        let at = at.max(self.events.last().map_or(Duration::ZERO, |last| last.at));
        match kind.as_str() {
            _ if self.events.len() >= MOST || self.text.len() + data.len() > LARGEST => {
                self.cut = true;
            }
            "o" => {
                let from = self.text.len();
                self.text.push_str(&data);
                self.offset += u64::try_from(data.len()).unwrap_or(0);
                let what = What::Output(from..self.text.len());
                self.events.push(Event { at, what, offset: self.offset });
            }
            "r" => {
                let size = data.split_once('x').and_then(|(columns, rows)| {
                    Some(Size { columns: columns.parse().ok()?, rows: rows.parse().ok()? })
                });
                let what = What::Resize(size.ok_or_else(mistake)?.clamped());
                self.events.push(Event { at, what, offset: self.offset });
            }
            // Where the output stands: bytes that are no text are others in the file.
            "p" => {
                self.offset = data.parse().map_err(|_| mistake())?;
                if let Some(last) = self.events.last_mut() {
                    last.offset = self.offset;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Everything that there is has come: more is being written while this is watched, or not.
    pub const fn set_going_on(&mut self, goes_on: bool) {
        self.goes_on = goes_on;
    }

    /// Says which commands were run: each with where in the output it ended, or else when, in seconds
    /// since 1970. Call it again when more of the recording or of the log is there.
    pub fn set_commands<'c>(
        &mut self,
        commands: impl Iterator<Item = (Option<u64>, i64, &'c str)>,
    ) {
        let began = self.header.as_ref().map_or(0, |header| header.timestamp);
        let at = |position: Option<u64>, at: i64| match position {
            Some(position) => {
                let event = self.events.partition_point(|event| event.offset < position);
                self.events.get(event).map(|event| event.at)
            }
            None => Some(Duration::from_secs(u64::try_from(at - began).unwrap_or(0))),
        };
        let found = commands
            .filter_map(|(position, time, text)| Some((at(position, time)?, text.to_owned())));
        let mut commands: Vec<_> = found.map(|(at, text)| PlayedCommand { at, text }).collect();
        commands.sort_by_key(|command| command.at);
        self.commands = commands;
    }

    /// Time passes; a viewer who passes over what is idle sees at most [`IDLE`] of it. Returns whether
    /// there is something else to be seen.
    pub fn advance(&mut self, elapsed: Duration) -> bool {
        if self.is_at_end() {
            return false;
        }
        if let Some(next) = self.events.get(self.next).filter(|_| self.skips_idle) {
            self.position = self.position.max(next.at.saturating_sub(IDLE));
        }
        self.position += elapsed * self.speed / NORMAL;
        self.position = self.position.min(self.length());
        self.catch_up()
    }

    /// Lets everything happen up to the position.
    fn catch_up(&mut self) -> bool {
        let before = self.next;
        while let Some(event) = self.events.get(self.next).filter(|event| event.at <= self.position)
        {
            match &event.what {
                What::Output(range) => {
                    let bytes = self.text.get(range.clone()).unwrap_or_default().as_bytes();
                    self.emulator.take(bytes);
                }
                What::Resize(size) => {
                    self.size = *size;
                    self.emulator.resize(*size);
                }
            }
            self.next += 1;
        }
        self.next != before
    }

    /// Goes to a moment.
    pub fn seek(&mut self, to: Duration) {
        let to = to.min(self.length());
        if to < self.position {
            self.rewind();
        }
        self.position = to;
        self.catch_up();
    }

    fn rewind(&mut self) {
        self.next = 0;
        if let Some(header) = &self.header {
            self.size = Size { columns: header.width, rows: header.height }.clamped();
        }
        self.emulator = Emulator::new(self.size, 0, VoidListener);
    }

    /// Goes on, or back, by so many seconds.
    pub fn skip(&mut self, seconds: i64) {
        let by = Duration::from_secs(seconds.unsigned_abs());
        let to = if seconds < 0 {
            self.position.saturating_sub(by)
        } else {
            self.position.saturating_add(by)
        };
        self.seek(to);
    }

    /// Goes to the next command, or to the one before the present one. Returns whether there is one.
    pub fn seek_command(&mut self, forward: bool) -> bool {
        let commands = &self.commands;
        let found = if forward {
            commands.iter().find(|command| command.at > self.position)
        } else {
            // Who has just come to a command wants the one before it.
            let near = self.position.saturating_sub(NEAR);
            commands.iter().rev().find(|command| command.at < near)
        };
        let at = found.map(|command| command.at);
        at.inspect(|at| self.seek(*at)).is_some()
    }

    /// Goes to where a text is printed next, or was printed last before. Returns whether it is.
    pub fn find(&mut self, text: &str, forward: bool) -> bool {
        self.read_plain();
        let wanted = text.to_lowercase();
        if wanted.is_empty() {
            return false;
        }
        // Where the text stands that an event has printed.
        let end_of = |event: usize| {
            event.checked_sub(1).and_then(|event| self.plain.ends.get(event)).copied().unwrap_or(0)
        };
        let plain = &self.plain.text;
        let end = if forward {
            // It may have begun before, but is not whole yet.
            let shown = end_of(self.next);
            let mut from = shown.saturating_sub(wanted.len().saturating_sub(1));
            while !plain.is_char_boundary(from) {
                from += 1;
            }
            let rest = plain.get(from..).unwrap_or_default();
            let mut ends = rest.match_indices(&wanted).map(|(at, _)| from + at + wanted.len());
            ends.find(|end| *end > shown)
        } else {
            let before = end_of(self.next.saturating_sub(1));
            plain.get(..before).and_then(|text| text.rfind(&wanted)).map(|at| at + wanted.len())
        };
        let event = end.map(|end| self.plain.ends.partition_point(|known| *known < end));
        let at = event.and_then(|event| self.events.get(event)).map(|event| event.at);
        at.inspect(|at| self.seek(*at)).is_some()
    }

    /// Reads what has come since the last search.
    fn read_plain(&mut self) {
        let PlainText { text, ends, guard } = &mut self.plain;
        for event in self.events.iter().skip(ends.len()) {
            if let What::Output(range) = &event.what {
                let output = self.text.get(range.clone()).unwrap_or_default();
                guard.take(output.as_bytes(), |piece| {
                    if let Piece::Text(piece) = piece {
                        text.push_str(&String::from_utf8_lossy(piece).to_lowercase());
                    }
                });
            }
            ends.push(text.len());
        }
    }

    /// Plays faster or slower. Returns the speed.
    pub fn change_speed(&mut self, faster: bool) -> &'static str {
        let at = SPEEDS.iter().position(|speed| *speed == self.speed).unwrap_or(1);
        let at = if faster { at + 1 } else { at.saturating_sub(1) };
        self.speed = SPEEDS.get(at).copied().unwrap_or(self.speed);
        self.speed()
    }

    /// The speed, in words.
    pub const fn speed(&self) -> &'static str {
        match self.speed {
            8 => "0.5×",
            32 => "2×",
            64 => "4×",
            128 => "8×",
            256 => "16×",
            _ => "1×",
        }
    }

    /// Passes over what is idle, or does not any more. Returns which.
    pub const fn toggle_idle(&mut self) -> bool {
        self.skips_idle = !self.skips_idle;
        self.skips_idle
    }

    /// Whether what is idle is passed over.
    pub const fn skips_idle(&self) -> bool {
        self.skips_idle
    }

    /// The moment that is shown.
    pub const fn position(&self) -> Duration {
        self.position
    }

    /// The moment of the last event that has come.
    pub fn length(&self) -> Duration {
        self.events.last().map_or(Duration::ZERO, |last| last.at)
    }

    /// The size of the terminal at this moment.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Everything that has come was shown.
    pub const fn is_at_end(&self) -> bool {
        self.next == self.events.len()
    }

    /// The end is shown of something that goes on.
    pub const fn is_live(&self) -> bool {
        self.goes_on && !self.cut && !self.events.is_empty() && self.is_at_end()
    }

    /// The rest is not played: it is too much.
    pub const fn is_cut(&self) -> bool {
        self.cut
    }

    /// The commands, the first one first.
    pub fn commands(&self) -> &[PlayedCommand] {
        &self.commands
    }

    /// The command that was run last.
    pub fn command(&self) -> Option<&PlayedCommand> {
        let run = self.commands.partition_point(|command| command.at <= self.position);
        self.commands.get(run.checked_sub(1)?)
    }

    /// The screen, to be drawn.
    pub const fn term(&self) -> &Term<impl EventListener + use<>> {
        self.emulator.term()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alacritty_terminal::grid::Dimensions;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What is on the screen, without blanks.
    fn shown(player: &Player) -> String {
        let grid = player.term().grid();
        let mut text = String::new();
        for line in 0..i32::try_from(grid.screen_lines()).unwrap() {
            let row = &grid[alacritty_terminal::index::Line(line)];
            let row: String = row.into_iter().map(|cell| cell.c).collect();
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text.trim_end().to_owned()
    }

    const RECORDING: &str = concat!(
        "{\"version\": 2, \"width\": 20, \"height\": 4, \"timestamp\": 1000}\n",
        "[0.0, \"p\", \"0\"]\n",
        "[1.0, \"o\", \"$ l\"]\n",
        "[2.0, \"o\", \"s\\r\\n\"]\n",
        "[2.0, \"p\", \"6\"]\n",
        "[3.0, \"o\", \"\\u001b[31mFile\\u001b[0m\\r\\n$ \"]\n",
        "[60.0, \"r\", \"30x5\"]\n",
        "[61.0, \"o\", \"exit\\r\\n\"]\n",
        "[61.0, \"p\", \"27\"]\n",
    );

    fn whole() -> Player {
        let mut player = Player::default();
        player.feed(RECORDING.as_bytes()).unwrap();
        player
    }

    #[test]
    fn it_plays_in_its_time_and_goes_anywhere() {
        let mut player = whole();
        assert!(!player.advance(Duration::from_millis(500)));
        assert!(player.advance(seconds(1)));
        assert_eq!(shown(&player), "$ l");
        player.change_speed(true);
        player.advance(seconds(1));
        assert_eq!((shown(&player).as_str(), player.speed()), ("$ ls\nFile\n$", "2×"));
        player.skip(-2);
        assert_eq!(shown(&player), "$ l");
        player.seek(seconds(500));
        assert_eq!(
            (player.position(), player.size()),
            (seconds(61), Size { columns: 30, rows: 5 })
        );
        assert!(player.is_at_end() && !player.advance(seconds(1)));
        player.seek(Duration::ZERO);
        assert_eq!((shown(&player), player.size().columns), (String::new(), 20));
    }

    #[test]
    fn what_is_idle_can_be_passed_over() {
        let mut player = whole();
        player.seek(seconds(4));
        player.toggle_idle();
        player.advance(Duration::from_millis(100));
        assert_eq!(player.position(), Duration::from_millis(58_100));
    }

    #[test]
    fn a_text_is_found_however_it_came_and_so_is_a_command() {
        let mut player = whole();
        assert!(player.find("LS", true));
        assert_eq!(player.position(), seconds(2));
        assert!(player.find("file", true), "colours do not count");
        assert_eq!(player.position(), seconds(3));
        assert!(!player.find("file", true), "it is there once");
        assert!(player.find("ls", false));
        assert_eq!(player.position(), seconds(2));
        let commands = [(Some(6), 1001, "ls"), (None, 1061, "exit"), (Some(99), 1100, "later")];
        player.set_commands(commands.into_iter());
        player.seek(Duration::ZERO);
        assert!(player.command().is_none() && player.seek_command(true));
        assert_eq!((player.position(), &*player.command().unwrap().text), (seconds(2), "ls"));
        assert!(player.seek_command(true) && !player.seek_command(true));
        assert_eq!(player.position(), seconds(61));
        assert!(player.seek_command(false) && !player.seek_command(false));
    }

    #[test]
    fn one_that_goes_on_is_followed_from_its_end_and_only_from_there() {
        let mut player = Player::default();
        let (head, tail) = RECORDING.split_at(RECORDING.find("[3.0").unwrap() + 9);
        player.feed(head.as_bytes()).unwrap();
        player.seek(seconds(9));
        assert!(!player.is_live(), "the rest may just be on its way");
        player.set_going_on(true);
        assert!(player.is_live());
        player.feed(tail.as_bytes()).unwrap();
        assert_eq!((shown(&player).as_str(), player.is_live()), ("$ ls\nFile\n$ exit", true));
        player.skip(-59);
        player.feed(b"[70.0, \"o\", \"more\"]\n").unwrap();
        assert_eq!(player.position(), seconds(2));
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        let feed = |text: &str| Player::default().feed(text.as_bytes());
        assert_eq!(feed("hello\n"), Err(PlayerError::NoRecording));
        assert_eq!(
            feed("{\"version\": 1, \"width\": 1, \"height\": 1}\n"),
            Err(PlayerError::NoRecording)
        );
        let (first, _) = RECORDING.split_once('\n').unwrap();
        for line in ["[1, 2]", "[-1.0, \"o\", \"\"]", "[1.0, \"r\", \"wide\"]"] {
            assert_eq!(feed(&format!("{first}\n{line}\n")), Err(PlayerError::Line(2)), "{line}");
        }
        let odd = "[1.0, \"m\", \"a marker\"]\n[0.5, \"r\", \"0x9999\"]\n";
        assert_eq!(feed(&format!("{first}\n{odd}")), Ok(()));
    }
}

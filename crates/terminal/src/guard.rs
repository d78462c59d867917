//! Passes a terminal's output on in whole characters and whole sequences, none of them longer than
//! it may be. A parser behind it is never in the middle of anything, and gathers nothing.

use memchr::memchr;

/// Bytes of a control sequence; a longer one is left out.
const SEQUENCE: usize = 256;
/// Bytes of a string (OSC); a longer one is left out.
const STRING: usize = 4096;
/// How often a character is repeated, or a tab stop passed, by one sequence.
const REPEATS: u32 = 1000;

const ESC: u8 = 0x1b;

/// Where the output stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stand {
    /// In text.
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After ESC and what says of which kind the next byte is.
    Intermediate,
    /// In a control sequence.
    Sequence,
    /// In an operating system command.
    Command,
    /// In another string (DCS, APC, PM, SOS), of which nothing passes.
    Other,
    /// After ESC in a string: a backslash belongs to it.
    AfterString,
}

/// Something that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'b> {
    /// Whole characters, control characters among them.
    Text(&'b [u8]),
    /// One sequence, from ESC to its end.
    Whole(&'b [u8]),
}

impl<'b> Piece<'b> {
    /// Its bytes.
    pub const fn bytes(self) -> &'b [u8] {
        match self {
            Self::Text(bytes) | Self::Whole(bytes) => bytes,
        }
    }
}

/// One terminal's output.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    stand: Stand,
    /// What has come of a character or a sequence.
    held: Vec<u8>,
    /// It is too long and will not pass.
    over: bool,
    /// Strings so far.
    strings: u64,
    /// Every string ends with its line.
    by_line: bool,
}

impl Guard {
    /// For a reader of lines: no string goes on in the next one.
    pub fn by_line() -> Self {
        Self { by_line: true, ..Self::default() }
    }

    /// Whether the output is between characters and sequences.
    pub fn is_between(&self) -> bool {
        self.stand == Stand::Ground && self.held.is_empty()
    }

    /// The number of the string that the output is in the middle of.
    pub fn open(&self) -> Option<u64> {
        matches!(self.stand, Stand::Command | Stand::Other).then_some(self.strings)
    }

    /// The string has no end: what follows is text.
    pub fn give_up(&mut self) {
        self.begin(Stand::Ground);
    }

    /// What another guard must have seen to take what follows as this one will.
    pub fn unfinished(&self) -> &[u8] {
        match self.stand {
            Stand::Other => b"\x1bP",
            Stand::Command if self.over => b"\x1b]",
            Stand::Sequence if self.over => b"\x1b[",
            _ => &self.held,
        }
    }

    /// Takes output, and gives what may pass to `pass`.
    pub fn take(&mut self, bytes: &[u8], mut pass: impl FnMut(Piece<'_>)) {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            rest = match self.stand {
                Stand::Ground => self.text(rest, &mut pass),
                Stand::Other => self.skip(rest),
                _ => {
                    self.byte(*byte, &mut pass);
                    after
                }
            };
        }
    }

    fn begin(&mut self, stand: Stand) {
        self.held.clear();
        self.over = false;
        self.stand = stand;
        if stand == Stand::Escape {
            self.held.push(ESC);
        }
    }

    /// Takes text up to a sequence. Returns what is left.
    fn text<'b>(&mut self, bytes: &'b [u8], pass: &mut impl FnMut(Piece<'_>)) -> &'b [u8] {
        if let Some(lead) = self.held.first() {
            let missing = length(*lead).saturating_sub(self.held.len());
            let goes_on = bytes.iter().take(missing).take_while(|byte| is_inside(**byte)).count();
            let (more, rest) = bytes.split_at(goes_on);
            self.held.extend_from_slice(more);
            if goes_on < missing && rest.is_empty() {
                return rest;
            }
            pass(Piece::Text(&self.held));
            self.held.clear();
            return rest;
        }
        let end = memchr(ESC, bytes);
        let (text, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        let (whole, part) = match rest.split_first() {
            None => text.split_at(text.len() - unfinished(text)),
            Some(_) => (text, [].as_slice()),
        };
        if !whole.is_empty() {
            pass(Piece::Text(whole));
        }
        self.held.extend_from_slice(part);
        if let Some((_, after)) = rest.split_first() {
            self.begin(Stand::Escape);
            return after;
        }
        rest
    }

    /// Passes over a string of which nothing passes. Returns what is left.
    fn skip<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let ends =
            |byte: &u8| matches!(*byte, ESC | 0x18 | 0x1a) || (self.by_line && *byte == b'\n');
        let Some(at) = bytes.iter().position(ends) else {
            return &[];
        };
        let (end, rest) = bytes.get(at..).and_then(<[u8]>::split_first).unwrap_or((&0, &[]));
        match *end {
            ESC => self.end_string(),
            // A line's end is one whatever it ends besides.
            b'\n' => {
                self.begin(Stand::Ground);
                return bytes.get(at..).unwrap_or_default();
            }
            _ => self.begin(Stand::Ground),
        }
        rest
    }

    fn end_string(&mut self) {
        self.begin(Stand::Escape);
        self.stand = Stand::AfterString;
    }

    fn byte(&mut self, byte: u8, pass: &mut impl FnMut(Piece<'_>)) {
        match (self.stand, byte) {
            (Stand::AfterString, b'\\') => self.begin(Stand::Ground),
            (Stand::AfterString, _) => {
                self.stand = Stand::Escape;
                self.byte(byte, pass);
            }
            // These end everything.
            (_, 0x18 | 0x1a) => self.begin(Stand::Ground),
            (Stand::Command, 0x07) => {
                self.held.push(byte);
                self.emit(pass);
            }
            (Stand::Command, ESC) => {
                self.held.extend_from_slice(b"\x1b\\");
                self.emit(pass);
                self.end_string();
            }
            // No command has lines.
            (Stand::Command, b'\n') => {
                self.begin(Stand::Ground);
                pass(Piece::Text(b"\n"));
            }
            (Stand::Command, 0x00..=0x1f) => {}
            (Stand::Command, _) => self.hold(byte, STRING),
            (_, ESC) => self.begin(Stand::Escape),
            // A control character within a sequence counts at once.
            (_, 0x00..=0x1f) => pass(Piece::Text(&[byte])),
            (_, 0x7f..) => {}
            (Stand::Escape, b'[') => self.go_on(byte, Stand::Sequence),
            (Stand::Escape, b']') => {
                self.strings += 1;
                self.go_on(byte, Stand::Command);
            }
            (Stand::Escape, b'P' | b'X' | b'^' | b'_') => {
                self.strings += 1;
                self.go_on(byte, Stand::Other);
            }
            (Stand::Escape, 0x20..=0x2f) => self.go_on(byte, Stand::Intermediate),
            (Stand::Sequence, 0x20..=0x3f) | (_, 0x20..=0x2f) => self.hold(byte, SEQUENCE),
            _ => {
                self.hold(byte, SEQUENCE);
                self.emit(pass);
            }
        }
    }

    fn go_on(&mut self, byte: u8, stand: Stand) {
        self.held.push(byte);
        self.stand = stand;
    }

    fn hold(&mut self, byte: u8, most: usize) {
        if self.held.len() < most {
            self.held.push(byte);
        } else {
            self.over = true;
        }
    }

    /// A sequence is whole.
    fn emit(&mut self, pass: &mut impl FnMut(Piece<'_>)) {
        if !self.over {
            match (self.stand, repeats(&self.held)) {
                (Stand::Sequence, Some(letter)) => {
                    let capped = format!("\x1b[{REPEATS}{letter}");
                    pass(Piece::Whole(capped.as_bytes()));
                }
                _ => pass(Piece::Whole(&self.held)),
            }
        }
        self.begin(Stand::Ground);
    }
}

/// What a sequence repeats too often, if it does.
fn repeats(sequence: &[u8]) -> Option<char> {
    let (letter, sequence) = sequence.split_last()?;
    let count = std::str::from_utf8(sequence.get(2..)?).ok()?;
    let often = matches!(letter, b'b' | b'I' | b'Z')
        && count.len() > 3
        // What is too large for a number is too often as well.
        && count.bytes().all(|byte| byte.is_ascii_digit())
        && count.parse::<u32>().map_or(true, |count| count > REPEATS);
    often.then_some(char::from(*letter))
}

/// Whether a byte goes on with a character.
const fn is_inside(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// How many bytes a character has that begins so.
const fn length(lead: u8) -> usize {
    match lead {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    }
}

/// How many bytes at the end are a character that is not whole.
fn unfinished(text: &[u8]) -> usize {
    let tail = text.get(text.len().saturating_sub(3)..).unwrap_or_default();
    let inside = tail.iter().rev().take_while(|byte| is_inside(**byte)).count();
    let lead = tail.iter().rev().nth(inside);
    match lead {
        Some(lead) if length(*lead) > inside + 1 => inside + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn passed(bytes: &[u8], piece: usize) -> (Vec<u8>, Guard) {
        let (mut guard, mut out) = (Guard::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            guard.take(piece, |piece| out.extend_from_slice(piece.bytes()));
        }
        (out, guard)
    }

    fn all(bytes: &[u8]) -> Vec<u8> {
        let whole = passed(bytes, bytes.len().max(1)).0;
        assert_eq!(passed(bytes, 1).0, whole, "{}", bytes.escape_ascii());
        whole
    }

    #[test]
    fn text_and_whole_sequences_pass_unchanged() {
        for words in [
            "plain\r\n\t東京 e\u{301}\u{7f}",
            "\x1b[1;31mred\x1b[0m\x1b(B\x1b7\x1b8\x1b=\x1b>\x1bc\x1bM\x1b#8",
            "\x1b[?1049h\x1b[38:2::1:2:3m\x1b[2 q\x1b[!p\x1b[5;10r\x1b[3b",
            "\x1b]0;title\x07\x1b]133;A\x1b\\after",
        ] {
            assert_eq!(all(words.as_bytes()), words.as_bytes(), "{words:?}");
        }
    }

    #[test]
    fn no_string_passes_that_is_too_long_and_what_follows_does() {
        let mut bytes = b"before \x1b]52;c;".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', 3 * STRING));
        bytes.extend_from_slice(b"\x07after \x1b[1mbold");
        for piece in [1, 7, 4096, 100_000] {
            let (out, guard) = passed(&bytes, piece);
            assert_eq!(out, b"before after \x1b[1mbold");
            assert!(guard.is_between() && guard.held.capacity() < 2 * STRING + 64);
        }
        let long = format!("\x1b[{}mplain", "1;".repeat(SEQUENCE));
        assert_eq!(all(long.as_bytes()), b"plain");
    }

    #[test]
    fn what_hides_a_string_from_a_simpler_reading_is_seen() {
        // A control character within a sequence does not end it.
        assert_eq!(all(b"\x1b\n]52;c;AAAA\x07b"), b"\n\x1b]52;c;AAAA\x07b");
        // What looks like the beginning of a string ends a sequence.
        assert_eq!(all(b"\x1b(]shown"), b"\x1b(]shown");
        assert_eq!(all(b"\x1bPq\x9cimage\x1b\\shown"), b"shown");
        assert_eq!(all(b"\x1b]0;x\x18shown"), b"shown");
        assert_eq!(all(b"\x1b]0;x\nshown"), b"\nshown");
        assert_eq!(all(b"\x1b]0;x\x1b[1mshown"), b"\x1b]0;x\x1b\\\x1b[1mshown");
        assert_eq!(all(b"\x1b[1\x1b[2mshown"), b"\x1b[2mshown");
    }

    #[test]
    fn a_string_without_an_end_can_be_given_up() {
        let (_, mut guard) = passed(b"\x1b]0;never", 1);
        assert_eq!(guard.open(), Some(1));
        guard.give_up();
        let mut out = Vec::new();
        guard.take(b"shown", |piece| out.extend_from_slice(piece.bytes()));
        assert_eq!(out, b"shown");
        let mut lines = Guard::by_line();
        let mut out = Vec::new();
        lines.take(b"\x1bPnever\nshown", |piece| out.extend_from_slice(piece.bytes()));
        assert_eq!(out, b"\nshown");
    }

    #[test]
    fn nothing_is_repeated_too_often() {
        assert_eq!(all(b"x\x1b[65535b"), b"x\x1b[1000b");
        assert_eq!(all(b"x\x1b[99999999999999b\x1b[7b"), b"x\x1b[1000b\x1b[7b");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn pieces_are_whole_bounded_and_the_same_however_the_output_is_cut(
            parts in prop::collection::vec(prop_oneof![
                prop::sample::select(b"\x1b\x1b\x1b[]P_^X\\\x07\x18\n;?0123hlm\x9c\xe6\x9d\xb1 a".to_vec())
                    .prop_map(|byte| vec![byte]),
                prop::collection::vec(any::<u8>(), 0..6),
            ], 0..80),
            cut in 1usize..9,
        ) {
            let bytes = parts.concat();
            let mut guard = Guard::default();
            let mut out = Vec::new();
            for piece in bytes.chunks(cut) {
                guard.take(piece, |piece| {
                    if let Piece::Whole(sequence) = piece {
                        assert!(sequence.len() <= STRING + 2 && sequence.starts_with(b"\x1b"));
                    } else {
                        assert!(!piece.bytes().contains(&ESC));
                    }
                    out.extend_from_slice(piece.bytes());
                });
            }
            prop_assert_eq!(out, passed(&bytes, bytes.len().max(1)).0);
        }
    }
}

//! Passes a terminal's output on, but for strings without an end (OSC, DCS and the like), which an
//! emulator would gather in memory; and knows whether the output is in the middle of something.

/// Bytes of a string that are passed on.
const LONGEST: usize = 4096;

/// Where the output stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stand {
    /// Between characters.
    #[default]
    Ground,
    /// In a character of which so many bytes are to come.
    Character(u8),
    /// After ESC.
    Escape,
    /// In a control sequence.
    Sequence,
    /// In a string, of which so many bytes have come.
    Text(usize),
    /// After ESC in a string: it ends with the next byte.
    TextEscape,
}

/// One terminal's output.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Guard(Stand);

impl Guard {
    /// Whether the output is between characters and sequences.
    pub(crate) fn is_between(self) -> bool {
        self.0 == Stand::Ground
    }

    /// Takes output, and gives what may pass to `pass`.
    pub(crate) fn take(&mut self, bytes: &[u8], mut pass: impl FnMut(&[u8])) {
        // Most output is text, in which nothing begins or ends.
        if matches!(self.0, Stand::Ground | Stand::Character(_)) && !bytes.contains(&0x1b) {
            self.0 = after_text(self.0, bytes);
            pass(bytes);
            return;
        }
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let before = self.0;
            self.0 = next(before, *byte);
            // The end of a string that was cut passes: it ends what passed of it.
            let cut = matches!(before, Stand::Text(count) if count >= LONGEST)
                && matches!(self.0, Stand::Text(_));
            if cut {
                pass(bytes.get(from..at).unwrap_or_default());
                from = at + 1;
            }
        }
        pass(bytes.get(from..).unwrap_or_default());
    }
}

/// Where text without ESC leaves the output: only its last bytes can begin a character.
fn after_text(before: Stand, bytes: &[u8]) -> Stand {
    let tail = bytes.len().saturating_sub(4);
    let before = if tail > 0 { Stand::Ground } else { before };
    bytes.get(tail..).unwrap_or_default().iter().fold(before, |stand, byte| next(stand, *byte))
}

const fn next(stand: Stand, byte: u8) -> Stand {
    match (stand, byte) {
        // CAN and SUB end everything.
        (_, 0x18 | 0x1a) => Stand::Ground,
        (Stand::Text(_), 0x07) => Stand::Ground,
        (Stand::Text(_), 0x1b) => Stand::TextEscape,
        (Stand::Text(count), _) => Stand::Text(count + 1),
        (Stand::TextEscape, b'\\') => Stand::Ground,
        (Stand::TextEscape | Stand::Escape, b'[') => Stand::Sequence,
        (Stand::TextEscape | Stand::Escape, b']' | b'P' | b'X' | b'^' | b'_') => Stand::Text(0),
        (_, 0x1b) => Stand::Escape,
        (Stand::TextEscape | Stand::Escape, 0x20..=0x2f) => Stand::Escape,
        (Stand::TextEscape | Stand::Escape, _) => Stand::Ground,
        (Stand::Sequence, 0x40..=0x7e) => Stand::Ground,
        (Stand::Sequence, _) => Stand::Sequence,
        (Stand::Character(left @ 2..), 0x80..=0xbf) => Stand::Character(left - 1),
        (Stand::Ground | Stand::Character(_), 0xc2..=0xdf) => Stand::Character(1),
        (Stand::Ground | Stand::Character(_), 0xe0..=0xef) => Stand::Character(2),
        (Stand::Ground | Stand::Character(_), 0xf0..=0xf4) => Stand::Character(3),
        (Stand::Ground | Stand::Character(_), _) => Stand::Ground,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(bytes: &[u8], piece: usize) -> (Vec<u8>, bool) {
        let (mut guard, mut out) = (Guard::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            guard.take(piece, |bytes| out.extend_from_slice(bytes));
        }
        (out, guard.is_between())
    }

    #[test]
    fn a_string_without_an_end_is_cut_and_what_follows_its_end_is_not() {
        let mut bytes = b"before \x1b]0;".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', 3 * LONGEST));
        bytes.extend_from_slice(b"\x07after \x1b[1mbold");
        for piece in [1, 7, 4096, 100_000] {
            let (out, between) = passed(&bytes, piece);
            assert!(out.len() < LONGEST + 100 && between);
            assert!(out.starts_with(b"before ") && out.ends_with(b"\x07after \x1b[1mbold"));
        }
    }

    #[test]
    fn it_knows_when_something_is_not_whole() {
        for part in ["\x1b", "\x1b[1", "\x1b]0;x", "\x1b]0;x\x1b", "\u{6771}".get(0..0).unwrap()] {
            assert_eq!(passed(part.as_bytes(), 1).1, part.is_empty(), "{part:?}");
        }
        assert!(!passed(&"東".as_bytes()[..2], 1).1);
        assert!(passed("東\x1b[0m\x1b]0;t\x1b\\ \x1b(B".as_bytes(), 1).1);
    }
}

//! What a program changed in the terminal it is shown in, to be put back when it is left in between.

use crate::{Guard, Piece};
use alacritty_terminal::vte::{Params, Parser, Perform};
use std::collections::BTreeSet;

/// Private modes that programs set and put back: keys, mouse, focus, paste, and the other screen.
const MODES: [u16; 13] = [1, 9, 47, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1047, 1049, 2004];
/// The private mode in which the cursor is shown.
const CURSOR: u16 = 25;

/// Listens to a program's output.
#[derive(Default)]
pub struct Modes {
    parser: Parser,
    changed: Changed,
    guard: Guard,
}

/// What stands otherwise than in a fresh terminal, in the order in which it is put back.
#[derive(Debug, Default)]
struct Changed(BTreeSet<ModeChange>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ModeChange {
    /// Only a part of the rows scrolls.
    Margins,
    /// A private mode is set.
    Mode(u16),
    /// The keypad is for the program.
    Keypad,
    /// The cursor has another shape.
    Shape,
    /// The cursor is hidden.
    Hidden,
}

impl Modes {
    /// The program wrote this.
    pub fn take(&mut self, bytes: &[u8]) {
        let Self { parser, changed, guard } = self;
        guard.take(bytes, |piece| {
            // Only sequences change anything; a command (OSC) changes no mode.
            if let Piece::Whole(sequence) = piece
                && !sequence.starts_with(b"\x1b]")
            {
                parser.advance(changed, sequence);
            }
        });
    }

    /// What puts everything back; nothing if nothing was changed.
    pub fn undo(&self) -> String {
        let undo = |change: &ModeChange| match change {
            // It moves the cursor.
            ModeChange::Margins => "\x1b7\x1b[r\x1b8".to_owned(),
            ModeChange::Mode(mode) => format!("\x1b[?{mode}l"),
            ModeChange::Keypad => "\x1b>".to_owned(),
            ModeChange::Shape => "\x1b[0 q".to_owned(),
            ModeChange::Hidden => format!("\x1b[?{CURSOR}h"),
        };
        let words: String = self.changed.0.iter().map(undo).collect();
        if words.is_empty() { words } else { words + "\x1b[m" }
    }
}

impl Changed {
    fn note(&mut self, change: ModeChange, changed: bool) {
        if changed {
            self.0.insert(change);
        } else {
            self.0.remove(&change);
        }
    }
}

impl Perform for Changed {
    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _ignore: bool, action: char) {
        let params = || params.iter().flatten().copied();
        match (intermediates, action) {
            (b"?", 'h' | 'l') => {
                for mode in params() {
                    if mode == CURSOR {
                        self.note(ModeChange::Hidden, action == 'l');
                    } else if MODES.contains(&mode) {
                        self.note(ModeChange::Mode(mode), action == 'h');
                    }
                }
            }
            (b"", 'r') => self.note(ModeChange::Margins, params().any(|margin| margin > 0)),
            (b" ", 'q') => self.note(ModeChange::Shape, params().any(|shape| shape > 0)),
            // A soft reset leaves the mouse and the other screen alone.
            (b"!", 'p') => {
                self.0.retain(|change| matches!(change, ModeChange::Mode(mode) if *mode != 1));
            }
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        match (intermediates, byte) {
            (b"", b'=') => self.note(ModeChange::Keypad, true),
            (b"", b'>') => self.note(ModeChange::Keypad, false),
            (b"", b'c') => self.0.clear(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Modes;

    fn undone(pieces: &[&str]) -> String {
        let mut modes = Modes::default();
        for piece in pieces {
            modes.take(piece.as_bytes());
        }
        modes.undo()
    }

    #[test]
    fn what_was_changed_is_put_back_and_nothing_else() {
        assert_eq!(undone(&["plain \x1b[1;31mtext\x1b[2J\x1b[5;5H\x1b]0;title\x07"]), "");
        let htop = ["\x1b[?1049h\x1b[?1h\x1b=\x1b[?2", "5l\x1b[?1000;1006h"];
        let back = "\x1b[?1l\x1b[?1000l\x1b[?1006l\x1b[?1049l\x1b>\x1b[?25h\x1b[m";
        assert_eq!(undone(&htop), back);
        let left = "\x1b[?1000;1006l\x1b[?1l\x1b>\x1b[?25h\x1b[?1049l";
        assert_eq!(undone(&[htop[0], htop[1], left]), "");
        assert_eq!(undone(&["\x1b[2;9r\x1b[4 q"]), "\x1b7\x1b[r\x1b8\x1b[0 q\x1b[m");
        assert_eq!(undone(&["\x1b[2;9r\x1b[r"]), "");
        assert_eq!(undone(&["\x1b[?25", "l plain", "plain"]), "\x1b[?25h\x1b[m");
        assert_eq!(undone(&["\x1b[?1049h\x1b[?25l\x1bc"]), "");
        assert_eq!(undone(&["\x1b", "[", "?", "1049", "h"]), "\x1b[?1049l\x1b[m");
    }
}

//! What a program changed in the terminal it is shown in, to be put back when it is left in between.

use alacritty_terminal::vte::{Params, Parser, Perform};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Private modes that programs set and put back: keys, mouse, focus, paste, and the other screen,
/// which is the last to go.
const MODES: [u16; 13] = [1, 9, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 2004, 47, 1047, 1049];
/// The cursor is shown.
const CURSOR: u16 = 25;

/// Listens to a program's output.
#[derive(Default)]
pub(super) struct Modes {
    parser: Parser,
    changed: Changed,
}

/// What stands otherwise than in a fresh terminal.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changed {
    set: BTreeSet<u16>,
    hidden: bool,
    keypad: bool,
    margins: bool,
    shape: bool,
}

impl Modes {
    /// The program wrote this.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.parser.advance(&mut self.changed, bytes);
    }

    /// What puts everything back; nothing if nothing was changed.
    pub(super) fn undo(&self) -> String {
        let Changed { set, hidden, keypad, margins, shape } = &self.changed;
        let mut words = String::new();
        if *margins {
            // It moves the cursor.
            words.push_str("\x1b7\x1b[r\x1b8");
        }
        for mode in MODES.iter().filter(|mode| set.contains(mode)) {
            // Writing into memory does not fail.
            let _ = write!(words, "\x1b[?{mode}l");
        }
        let rest = [(*keypad, "\x1b>"), (*shape, "\x1b[0 q"), (*hidden, "\x1b[?25h")];
        words.extend(rest.into_iter().filter(|(changed, _)| *changed).map(|(_, undo)| undo));
        if !words.is_empty() {
            words.push_str("\x1b[m");
        }
        words
    }
}

impl Perform for Changed {
    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _ignore: bool, action: char) {
        let first = params.iter().next().and_then(|param| param.first()).copied().unwrap_or(0);
        match (intermediates, action) {
            (b"?", 'h' | 'l') => {
                for mode in params.iter().flatten() {
                    match (*mode, action == 'h') {
                        (CURSOR, shown) => self.hidden = !shown,
                        (mode, true) if MODES.contains(&mode) => drop(self.set.insert(mode)),
                        (mode, _) => drop(self.set.remove(&mode)),
                    }
                }
            }
            (b"", 'r') => self.margins = params.iter().flatten().any(|margin| *margin > 0),
            (b" ", 'q') => self.shape = first > 0,
            (b"!", 'p') => {
                let set = std::mem::take(&mut self.set);
                *self = Self { set, ..Self::default() };
                self.set.remove(&1);
            }
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        match (intermediates, byte) {
            (b"", b'=') => self.keypad = true,
            (b"", b'>') => self.keypad = false,
            (b"", b'c') => *self = Self::default(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Modes;

    fn undone(pieces: &[&str]) -> String {
        let mut modes = Modes::default();
        pieces.iter().for_each(|piece| modes.take(piece.as_bytes()));
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
        assert_eq!(undone(&["\x1b[?1049h\x1b[?25l\x1bc"]), "");
    }
}

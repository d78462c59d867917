//! What comes from a terminal as bytes, in whatever pieces: keys, pasted text, the mouse.

use crate::core::key::{Code, Key};
use crate::core::mouse::{Mouse, MouseKind};
use crate::runtime::keys::named_by_terminal;
use crate::runtime::runner::Input;
use std::collections::VecDeque;
use termina::event::{KeyCode, KeyEvent, KeyEventKind, Modifiers, MouseButton, MouseEventKind};
use termina::{Event, Parser};

const ESC: u8 = 0x1b;
/// What stands around pasted text (xterm, "bracketed paste").
const PASTE: &[u8; 6] = b"\x1b[200~";
const PASTED: &[u8; 6] = b"\x1b[201~";
/// Bytes of a pasted text that are kept.
const LONGEST_PASTE: usize = 1024 * 1024;
/// Bytes of a sequence; longer ones mean nothing here.
const LONGEST: usize = 256;

/// Reads what was typed.
#[derive(Debug, Default)]
pub(super) struct Reader {
    parser: Parser,
    /// What came since the last event.
    pending: Vec<u8>,
    /// The text that is being pasted.
    paste: Option<Vec<u8>>,
    read: VecDeque<Input>,
}

impl Reader {
    /// Takes in what came.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match &mut self.paste {
                Some(text) => {
                    text.push(*byte);
                    if text.ends_with(PASTED) {
                        text.truncate(text.len().saturating_sub(PASTED.len()));
                        let text = String::from_utf8_lossy(text).into_owned();
                        self.read.push_back(Input::Paste(text));
                        self.paste = None;
                    } else if text.len() > LONGEST_PASTE + PASTED.len() {
                        // The end is still looked for; what is in between is not kept.
                        text.remove(LONGEST_PASTE);
                    }
                }
                None => self.byte(*byte),
            }
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.pending == [ESC] && byte == ESC {
            // The first was a key of its own.
            self.settle();
        }
        if self.pending.len() >= LONGEST {
            self.forget();
        }
        self.pending.push(byte);
        if self.pending == PASTE {
            self.forget();
            self.paste = Some(Vec::new());
            return;
        }
        self.parser.parse(&[byte], true);
        self.take();
    }

    /// Nothing followed for a while: what waits for more is all there is.
    pub(super) fn settle(&mut self) {
        if self.pending.is_empty() || self.paste.is_some() {
            return;
        }
        match *self.pending.as_slice() {
            // Alt with a letter that also begins a sequence.
            [ESC, letter @ (b'O' | b'[' | b']' | b'P')] => {
                let key = Key { alt: true, ..Key::char(char::from(letter)) };
                self.read.push_back(Input::Key(key));
            }
            _ => {
                self.parser.parse(&[], false);
                self.take();
            }
        }
        self.forget();
    }

    /// Whether something waits for more.
    pub(super) fn is_waiting(&self) -> bool {
        !self.pending.is_empty() && self.paste.is_none()
    }

    /// The next thing that was read.
    pub(super) fn next(&mut self) -> Option<Input> {
        self.read.pop_front()
    }

    fn forget(&mut self) {
        self.pending.clear();
        self.parser = Parser::default();
    }

    fn take(&mut self) {
        while let Some(event) = self.parser.pop() {
            self.pending.clear();
            self.read.extend(input(event));
        }
    }
}

/// What has a meaning of what a terminal sends.
fn input(event: Event) -> Option<Input> {
    match event {
        Event::Key(event) => key(event).map(Input::Key),
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Mouse(event) => {
            let kind = match event.kind {
                MouseEventKind::Down(MouseButton::Left) => MouseKind::Click,
                MouseEventKind::ScrollUp => MouseKind::WheelUp,
                MouseEventKind::ScrollDown => MouseKind::WheelDown,
                _ => return None,
            };
            Some(Input::Mouse(Mouse { kind, column: event.column, row: event.row }))
        }
        _ => None,
    }
}

fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let mut shift = event.modifiers.contains(Modifiers::SHIFT);
    let code = match event.code {
        KeyCode::Char(character) => {
            shift = false;
            Code::Char(character)
        }
        KeyCode::Function(number @ 1..=12) => Code::F(number),
        KeyCode::Enter => Code::Enter,
        KeyCode::Escape => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => {
            shift = true;
            Code::Tab
        }
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Insert => Code::Insert,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        _ => return None,
    };
    let ctrl = event.modifiers.contains(Modifiers::CONTROL);
    let alt = event.modifiers.contains(Modifiers::ALT);
    Some(named_by_terminal(Key { code, ctrl, alt, shift }))
}

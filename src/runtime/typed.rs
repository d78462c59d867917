//! What comes from a terminal as bytes, in whatever pieces: keys, pasted text, the mouse.

use super::runner::RunnerInput;
use bytes::Bytes;
use jumpdeck_console::core::mouse::{Mouse, MouseKind};
use jumpdeck_terminal::key::{Code, Key};
use std::collections::VecDeque;
use std::time::Duration;
use termina::event::{KeyCode, KeyEvent, KeyEventKind, Modifiers, MouseButton, MouseEventKind};
use termina::{Event, Parser};
use tokio::time::{Instant, sleep_until};

const ESC: u8 = 0x1b;
/// What stands around pasted text (xterm, "bracketed paste").
const PASTE: &[u8; 6] = b"\x1b[200~";
const PASTED: &[u8; 6] = b"\x1b[201~";
/// Bytes of a pasted text that are kept.
const LONGEST_PASTE: usize = 1024 * 1024;
/// Bytes of a sequence; longer ones mean nothing here.
const LONGEST: usize = 256;

/// Bytes that are read at once.
const MOUTHFUL: usize = 256;

/// What is typed at a console, and when it is all there is.
#[derive(Debug)]
pub(crate) struct Typing {
    reader: KeyReader,
    /// What came and was not read yet.
    rest: Bytes,
    /// When what was typed last came.
    came: Instant,
    /// How long the rest of a sequence may take.
    patience: Duration,
}

impl Typing {
    /// Nothing yet. A terminal whose sequences take longer than `patience` shows an Esc that was not
    /// typed; one that waits longer makes Esc feel slow.
    pub(crate) fn new(patience: Duration) -> Self {
        let (reader, rest) = <_>::default();
        Self { reader, rest, came: Instant::now(), patience }
    }

    /// Something came. All that came before was read.
    pub(crate) fn take(&mut self, bytes: Bytes) {
        self.rest = bytes;
        self.came = Instant::now();
    }

    /// The next thing that was typed.
    pub(crate) fn next(&mut self) -> Option<RunnerInput> {
        loop {
            if let Some(input) = self.reader.next() {
                return Some(input);
            }
            if self.rest.is_empty() {
                return None;
            }
            let some = self.rest.split_to(self.rest.len().min(MOUTHFUL));
            self.reader.feed(&some);
        }
    }

    /// Resolves once nothing followed in time and what waits is to be read as it is; never while
    /// nothing waits.
    pub(crate) async fn settle(&mut self) {
        if !self.reader.is_waiting() {
            return std::future::pending().await;
        }
        sleep_until(self.came + self.patience).await;
        self.reader.settle();
    }
}

/// Reads what was typed.
#[derive(Debug, Default)]
pub(crate) struct KeyReader {
    parser: Parser,
    /// What came since the last event.
    pending: Vec<u8>,
    /// The text that is being pasted.
    paste: Option<Vec<u8>>,
    read: VecDeque<RunnerInput>,
}

impl KeyReader {
    /// Takes in what came.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match &mut self.paste {
                Some(text) => {
                    text.push(*byte);
                    if text.ends_with(PASTED) {
                        text.truncate(text.len().saturating_sub(PASTED.len()));
                        let text = String::from_utf8_lossy(text).into_owned();
                        self.read.push_back(RunnerInput::Paste(text));
                        self.paste = None;
                    } else if text.len() >= LONGEST_PASTE + PASTED.len() {
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
    pub(crate) fn settle(&mut self) {
        if self.pending.is_empty() || self.paste.is_some() {
            return;
        }
        match *self.pending.as_slice() {
            // Alt with a letter that also begins a sequence.
            [ESC, letter @ (b'O' | b'[' | b']' | b'P')] => {
                let key = Key { alt: true, ..Key::char(char::from(letter)) };
                self.read.push_back(RunnerInput::Key(key));
            }
            _ => {
                self.parser.parse(&[], false);
                self.take();
            }
        }
        self.forget();
    }

    /// Whether something waits for more.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.pending.is_empty() && self.paste.is_none()
    }

    /// The next thing that was read.
    pub(crate) fn next(&mut self) -> Option<RunnerInput> {
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
fn input(event: Event) -> Option<RunnerInput> {
    match event {
        Event::Key(event) => key(event).map(RunnerInput::Key),
        Event::Paste(text) => Some(RunnerInput::Paste(text)),
        Event::Mouse(event) => {
            let kind = match event.kind {
                MouseEventKind::Down(MouseButton::Left) => MouseKind::Click,
                MouseEventKind::ScrollUp => MouseKind::WheelUp,
                MouseEventKind::ScrollDown => MouseKind::WheelDown,
                _ => return None,
            };
            Some(RunnerInput::Mouse(Mouse { kind, column: event.column, row: event.row }))
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

/// Terminals send Ctrl-] as the byte that is read as Ctrl-5, and its neighbours alike.
fn named_by_terminal(key: Key) -> Key {
    let code = match key.code {
        Code::Char('4') if key.ctrl => Code::Char('\\'),
        Code::Char('5') if key.ctrl => Code::Char(']'),
        Code::Char('6') if key.ctrl => Code::Char('^'),
        Code::Char('7') if key.ctrl => Code::Char('_'),
        other => other,
    };
    Key { code, ..key }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Something a rep does, as a terminal sends it.
    fn unit() -> impl Strategy<Value = (Vec<u8>, Vec<RunnerInput>)> {
        let key = |bytes: &'static [u8], key: Key| (bytes.to_vec(), vec![RunnerInput::Key(key)]);
        let code = |code| Key { code, ..Key::char('x') };
        let plain = prop_oneof![
            Just(key(b"a", Key::char('a'))),
            Just(key("東".as_bytes(), Key::char('東'))),
            Just(key("🙂".as_bytes(), Key::char('🙂'))),
            Just(key(b"\r", code(Code::Enter))),
            Just(key(b"\t", code(Code::Tab))),
            Just(key(b"\x1b[Z", Key { shift: true, ..code(Code::Tab) })),
            Just(key(b"\x7f", code(Code::Backspace))),
            Just(key(b"\x03", Key::ctrl('c'))),
            Just(key(b"\x1d", Key::ctrl(']'))),
            Just(key(b"\x1b[A", code(Code::Up))),
            Just(key(b"\x1bOB", code(Code::Down))),
            Just(key(b"\x1b[5~", code(Code::PageUp))),
            Just(key(b"\x1b[1;5C", Key { ctrl: true, ..code(Code::Right) })),
            Just(key(b"\x1bOP", code(Code::F(1)))),
            Just(key(b"\x1b[24~", code(Code::F(12)))),
            Just(key(b"\x1bx", Key { alt: true, ..Key::char('x') })),
            Just(key(b"\x1b\x1b[A", code(Code::Esc))).prop_map(|(bytes, mut keys)| {
                keys.push(RunnerInput::Key(Key { code: Code::Up, ..Key::char('x') }));
                (bytes, keys)
            }),
        ];
        let mouse = (0_u16..200, 0_u16..200, any::<bool>()).prop_map(|(column, row, wheel)| {
            let (button, kind) =
                if wheel { (64, MouseKind::WheelUp) } else { (0, MouseKind::Click) };
            let bytes = format!("\x1b[<{button};{};{}M", column + 1, row + 1);
            (bytes.into_bytes(), vec![RunnerInput::Mouse(Mouse { kind, column, row })])
        });
        let paste = "[a-zé\r\x1b\\[0-9~]{0,40}".prop_map(|text| {
            let text = text.replace("\x1b[201~", "");
            let bytes = [&PASTE[..], text.as_bytes(), &PASTED[..]].concat();
            (bytes, vec![RunnerInput::Paste(text)])
        });
        prop_oneof![6 => plain, 2 => mouse, 1 => paste]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_is_typed_is_the_same_in_whatever_pieces_it_comes(
            units in proptest::collection::vec(unit(), 0..12),
            pieces in proptest::collection::vec(1_usize..9, 1..40),
        ) {
            let bytes: Vec<u8> = units.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
            let expected: Vec<RunnerInput> = units.into_iter().flat_map(|(_, inputs)| inputs).collect();
            let mut reader = KeyReader::default();
            let (mut rest, mut sizes) = (bytes.as_slice(), pieces.into_iter().cycle());
            while !rest.is_empty() {
                let size = sizes.next().unwrap().min(rest.len());
                reader.feed(&rest[..size]);
                rest = &rest[size..];
            }
            reader.settle();
            let read: Vec<RunnerInput> = std::iter::from_fn(|| reader.next()).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn nothing_that_comes_is_too_much(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut reader = KeyReader::default();
            reader.feed(&bytes);
            reader.settle();
            prop_assert!(!reader.is_waiting());
            // Whatever it was, what follows a pasted text's end is read again.
            reader.feed(b"\x1b[201~\x1b[201~q");
            prop_assert_eq!(
                std::iter::from_fn(|| reader.next()).last(),
                Some(RunnerInput::Key(Key::char('q')))
            );
        }
    }

    fn read(reader: &mut KeyReader) -> Vec<RunnerInput> {
        std::iter::from_fn(|| reader.next()).collect()
    }

    #[test]
    fn an_escape_alone_is_a_key_once_nothing_follows() {
        let mut reader = KeyReader::default();
        let esc = RunnerInput::Key(Key { code: Code::Esc, ..Key::char('x') });
        reader.feed(b"\x1b");
        assert!(reader.is_waiting() && read(&mut reader).is_empty());
        reader.settle();
        assert_eq!(read(&mut reader), std::slice::from_ref(&esc));
        reader.feed(b"\x1b\x1b");
        reader.settle();
        assert_eq!(read(&mut reader), [esc.clone(), esc]);
        reader.feed(b"\x1bO");
        reader.settle();
        assert_eq!(read(&mut reader), [RunnerInput::Key(Key { alt: true, ..Key::char('O') })]);
    }

    #[test]
    fn a_text_without_an_end_is_not_kept_for_ever() {
        let mut reader = KeyReader::default();
        reader.feed(PASTE);
        for _ in 0..40 {
            reader.feed(&b"x".repeat(64 * 1024));
        }
        reader.feed(PASTED);
        let Some(RunnerInput::Paste(text)) = reader.next() else { panic!() };
        assert!(text.len() <= LONGEST_PASTE && text.len() > LONGEST_PASTE - 10);
    }
}

//! From crossterm's keys to ours.

use crate::core::key::{Code, Key};
use crate::core::mouse::{Mouse, MouseKind};
use crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

/// What the mouse did; nothing for what has no meaning here.
pub(super) fn mouse(event: MouseEvent) -> Option<Mouse> {
    let kind = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => MouseKind::Click,
        MouseEventKind::ScrollUp => MouseKind::WheelUp,
        MouseEventKind::ScrollDown => MouseKind::WheelDown,
        _ => return None,
    };
    Some(Mouse { kind, column: event.column, row: event.row })
}

/// The key of an event; nothing for releases and keys without a meaning here.
pub(super) fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let mut shift = event.modifiers.contains(KeyModifiers::SHIFT);
    let code = match event.code {
        KeyCode::Char(character) => {
            shift = false;
            Code::Char(character)
        }
        KeyCode::F(number @ 1..=12) => Code::F(number),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
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
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let key = Key { code, ctrl, alt: event.modifiers.contains(KeyModifiers::ALT), shift };
    Some(named_by_terminal(key))
}

/// Terminals send Ctrl-] as the byte that crossterm reads as Ctrl-5, and its neighbours alike.
pub(super) fn named_by_terminal(key: Key) -> Key {
    let code = match key.code {
        Code::Char('4') if key.ctrl => Code::Char('\\'),
        Code::Char('5') if key.ctrl => Code::Char(']'),
        Code::Char('6') if key.ctrl => Code::Char('^'),
        Code::Char('7') if key.ctrl => Code::Char('_'),
        other => other,
    };
    Key { code, ..key }
}

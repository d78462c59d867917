//! What a machine prints cannot fill our memory, whatever it is.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use alacritty_terminal::event::VoidListener;
use alacritty_terminal::index::Line;
use cap::Cap;
use jumpdeck_protocol::session::Size;
use jumpdeck_terminal::Emulator;
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Room for what stands on the screen, with all that its characters may carry.
const ROOM: usize = 16 * 1024 * 1024;
/// Room for more, once the screen is full: what is gathered shows in far less than the output.
const GROWTH: usize = 256 * 1024;

/// Megabytes of each kind; more by hand.
fn megabytes() -> usize {
    std::env::var("JUMPDECK_HOSTILE_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// One test alone: the allocator counts for all of them.
#[test]
fn no_output_takes_more_than_its_room() {
    let size = Size { columns: 80, rows: 24 };
    let marks = |count| format!("a{}", "\u{301}".repeat(count));
    let kinds = [
        ("a command without an end", "\x1b]52;c;".to_owned(), "A".to_owned()),
        ("a string without an end", "\x1bP".to_owned(), "A".to_owned()),
        ("a sequence without an end", "\x1b[".to_owned(), "1;".to_owned()),
        ("hidden behind a line's end", "\x1b\n]52;c;".to_owned(), "A".to_owned()),
        ("marks on every character", String::new(), marks(1)),
        ("many marks on every character", String::new(), marks(40)),
        ("marks on one character", "a".to_owned(), "\u{301}".to_owned()),
        ("marks that come back", String::new(), "\x1b[1;1Hab\x1b[1;2H\u{301}".to_owned()),
        ("a drawing without an end", "\x1b[?2026h".to_owned(), "text ".to_owned()),
        ("titles on the stack", String::new(), format!("\x1b]0;{}\x07\x1b[22t", "t".repeat(4000))),
        ("links", String::new(), "\x1b]8;;https://example.com/\x07x".to_owned()),
        ("keyboard modes", String::new(), "\x1b[>31u".to_owned()),
        ("repetitions", "x".to_owned(), "\x1b[65535b".to_owned()),
        ("tab stops", String::new(), "\x1bH\x1b[C\x1b[65535I".to_owned()),
        ("underline colours", String::new(), "\x1b[58:2::1:2:3mu\x1b[4:3m".to_owned()),
        ("two screens", String::new(), "\x1b[?1049hfull\x1b[?1049lback\r\n".to_owned()),
    ];
    for (what, begin, repeated) in kinds {
        let before = ALLOCATOR.allocated();
        let mut emulator = Emulator::new(size, 0, VoidListener);
        emulator.take(begin.as_bytes());
        let piece = repeated.repeat(16_384 / repeated.len() + 1);
        // The screen is full then, and each of its cells has what it may have.
        for _ in 0..16 {
            emulator.take(piece.as_bytes());
        }
        let full = ALLOCATOR.allocated().saturating_sub(before);
        let mut left = megabytes() * 1024 * 1024;
        // What is repeated a thousand times for eight bytes takes its time.
        if repeated.ends_with(['b', 'I']) {
            left /= 64;
        }
        while left > 0 {
            emulator.take(piece.as_bytes());
            left = left.saturating_sub(piece.len());
        }
        let taken = ALLOCATOR.allocated().saturating_sub(before);
        println!("{what}: {taken} bytes, {full} before");
        assert!(taken < ROOM, "{what}: {taken} bytes");
        assert!(taken < full + GROWTH, "{what}: {taken} bytes, {full} before");
        // And what follows is shown.
        if let Some(unsettled) = emulator.unsettled() {
            emulator.settle(unsettled);
        }
        emulator.take(b"\x18\x1b[0m\x1b[2J\x1b[Hshown");
        let row = &emulator.term().grid()[Line(0)];
        let text: String = row.into_iter().take(5).map(|cell| cell.c).collect();
        assert_eq!(text, "shown", "{what}");
    }
}

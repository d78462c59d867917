//! What a machine prints: however it is cut, the guard passes the same whole sequences, and what
//! follows is shown.
#![no_main]

use alacritty_terminal::event::VoidListener;
use alacritty_terminal::index::Line;
use jumpdeck_protocol::session::Size;
use jumpdeck_terminal::{Emulator, Guard};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let passed = |piece: usize| {
        let (mut guard, mut out) = (Guard::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            guard.take(piece, |piece| out.extend_from_slice(piece.bytes()));
        }
        out
    };
    assert_eq!(passed(1), passed(bytes.len().max(1)));
    let mut emulator = Emulator::new(Size { columns: 20, rows: 5 }, 10, VoidListener);
    emulator.take(bytes);
    while let Some(unsettled) = emulator.unsettled() {
        emulator.settle(unsettled);
    }
    emulator.take(b"\x18\x1bcshown");
    let row = &emulator.term().grid()[Line(0)];
    let text: String = row.into_iter().take(5).map(|cell| cell.c).collect();
    assert_eq!(text, "shown");
});

//! A rep's terminal at the other end of a connection, as a console's seat.

use crate::runtime::runner::{Input, Seat};
use crate::runtime::typed::Reader;
use crate::verbs::stdio::{Far, Outside};
use jumpdeck_protocol::session::Size;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long the rest of a sequence may take. A connection that stutters for longer shows an Esc
/// that was not typed; one that waits longer makes Esc feel slow.
const PATIENCE: Duration = Duration::from_millis(50);

/// The seat.
pub(super) struct FarSeat {
    far: Far,
    reader: Reader,
    /// When what was typed last came.
    came: Instant,
}

impl FarSeat {
    /// Takes a terminal's keys from now on; nothing if there is no terminal. Returns its size.
    pub(super) fn new(far: Far) -> Option<(Self, Size)> {
        let terminal = far.terminal.as_ref()?;
        terminal.raw.store(true, Ordering::SeqCst);
        let size = terminal.size;
        Some((Self { far, reader: Reader::default(), came: Instant::now() }, size))
    }
}

impl Seat for FarSeat {
    async fn next(&mut self) -> Option<Input> {
        loop {
            if let Some(input) = self.reader.next() {
                return Some(input);
            }
            let waiting = self.reader.is_waiting();
            tokio::select! {
                biased;
                bytes = self.far.input.recv() => {
                    self.reader.feed(&bytes?);
                    self.came = Instant::now();
                }
                outside = self.far.outside.recv() => return match outside? {
                    Outside::Resized(size) => Some(Input::Resize(size)),
                    Outside::Signal(signal) => Some(Input::Signal(signal)),
                },
                () = sleep_until(self.came + PATIENCE), if waiting => self.reader.settle(),
            }
        }
    }

    fn has_shell(&self) -> bool {
        false
    }

    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn resume(&mut self) -> io::Result<Size> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn has_files(&self) -> bool {
        false
    }
}

//! A rep's terminal at the other end of a connection, as a console's seat.

use crate::runtime::runner::{Input, Seat};
use crate::runtime::typed::Reader;
use crate::verbs::stdio::{Far, Outside};
use bytes::Bytes;
use jumpdeck_protocol::session::Size;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

/// How long the rest of a sequence may take. A connection that stutters for longer shows an Esc
/// that was not typed; one that waits longer makes Esc feel slow.
const PATIENCE: Duration = Duration::from_millis(50);

/// Inputs after which others have a turn: whoever floods a console holds up nobody else.
const TURN: usize = 8;
/// Bytes that are read at once.
const MOUTHFUL: usize = 256;

/// The seat.
pub(super) struct FarSeat {
    far: Far,
    reader: Reader,
    /// What came and was not read yet.
    rest: Bytes,
    /// Inputs since others had a turn.
    taken: usize,
    /// When what was typed last came.
    came: Instant,
}

impl FarSeat {
    /// Takes a terminal's keys from now on; nothing if there is no terminal. Returns its size.
    pub(super) fn new(far: Far) -> Option<(Self, Size)> {
        let terminal = far.terminal.as_ref()?;
        terminal.raw.store(true, Ordering::SeqCst);
        let size = terminal.size;
        Some((
            Self {
                far,
                reader: Reader::default(),
                rest: Bytes::new(),
                taken: 0,
                came: Instant::now(),
            },
            size,
        ))
    }
}

impl Seat for FarSeat {
    async fn next(&mut self) -> Option<Input> {
        loop {
            if self.taken >= TURN {
                self.taken = 0;
                yield_now().await;
            }
            if let Some(input) = self.reader.next() {
                self.taken += 1;
                return Some(input);
            }
            if !self.rest.is_empty() {
                let some = self.rest.split_to(self.rest.len().min(MOUTHFUL));
                self.reader.feed(&some);
                continue;
            }
            let waiting = self.reader.is_waiting();
            tokio::select! {
                biased;
                bytes = self.far.input.recv() => {
                    self.rest = bytes?;
                    self.came = Instant::now();
                }
                outside = self.far.ears.next() => return Some(match outside {
                    Outside::Resized(size) => Input::Resize(size),
                    Outside::Signal(signal) => Input::Signal(signal),
                }),
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

//! A rep's terminal at the other end of a connection, as a console's seat.

use crate::runtime::runner::{RunnerInput, Seat};
use crate::runtime::typed::Typing;
use crate::verbs::stdio::{Outside, Remote};
use jumpdeck_protocol::session::Size;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::yield_now;

/// How long the rest of a sequence may take.
const PATIENCE: Duration = Duration::from_millis(50);

/// Inputs after which others have a turn: the one who floods a console holds up nobody else.
const TURN: usize = 8;

/// The seat.
pub(super) struct RemoteSeat {
    remote: Remote,
    typing: Typing,
    /// Inputs since others had a turn.
    taken: usize,
}

impl RemoteSeat {
    /// Takes a terminal's keys from now on; nothing if there is no terminal. Returns its size.
    pub(super) fn new(remote: Remote) -> Option<(Self, Size)> {
        let terminal = remote.terminal.as_ref()?;
        terminal.raw.store(true, Ordering::SeqCst);
        let size = terminal.size;
        Some((Self { remote, typing: Typing::new(PATIENCE), taken: 0 }, size))
    }
}

impl Seat for RemoteSeat {
    async fn next(&mut self) -> Option<RunnerInput> {
        loop {
            if self.taken >= TURN {
                self.taken = 0;
                yield_now().await;
            }
            if let Some(input) = self.typing.next() {
                self.taken += 1;
                return Some(input);
            }
            tokio::select! {
                biased;
                bytes = self.remote.input.recv() => self.typing.take(bytes?),
                outside = self.remote.events.next() => return Some(match outside {
                    Outside::Resized(size) => RunnerInput::Resize(size),
                    Outside::Signal(signal) => RunnerInput::Signal(signal),
                }),
                () = self.typing.settle() => {}
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

//! An input that the event loop itself watches: no thread is in between, which would still read
//! a terminal after its reader is gone.

use super::own_terminal;
use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Bytes that are read at once.
const PIECE: usize = 32 * 1024;

/// A terminal or pipe.
#[derive(Debug)]
pub(crate) struct Watched {
    input: AsyncFd<OwnedFd>,
    /// A read would wait for bytes.
    waits: bool,
    /// What is read goes through here: little comes at a time, and much may.
    buffer: Box<[u8]>,
}

impl Watched {
    /// This process's standard input.
    ///
    /// # Errors
    /// When it is nothing that can be watched, a file say.
    pub(crate) fn stdin() -> io::Result<Self> {
        Self::of(io::stdin().as_fd())
    }

    fn of(input: BorrowedFd<'_>) -> io::Result<Self> {
        match own_terminal::reader(input) {
            Some(own) => Self::new(own, false),
            None => Self::new(input.try_clone_to_owned()?, true),
        }
    }

    fn new(input: OwnedFd, waits: bool) -> io::Result<Self> {
        // The descriptor is ours and lives as long as its registration, which is all that the
        // newer, unsafe constructor asks for.
        #[expect(deprecated, reason = "the replacement is unsafe, which this workspace forbids")]
        let input = AsyncFd::with_interest(input, Interest::READABLE)?;
        Ok(Self { input, waits, buffer: vec![0; PIECE].into() })
    }

    /// What came; nothing at the end, also that of a terminal that is gone.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) async fn read(&mut self) -> io::Result<Bytes> {
        loop {
            let mut ready = self.input.readable().await?;
            // It was ready once.
            if self.waits && !is_readable(self.input.get_ref())? {
                ready.clear_ready();
                continue;
            }
            let count = match rustix::io::read(self.input.get_ref(), &mut *self.buffer) {
                Err(Errno::IO) => 0,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {
                    ready.clear_ready();
                    continue;
                }
                count => count?,
            };
            return Ok(Bytes::copy_from_slice(self.buffer.get(..count).unwrap_or_default()));
        }
    }
}

fn is_readable(input: &OwnedFd) -> io::Result<bool> {
    let mut asked = [PollFd::new(input, PollFlags::IN)];
    Ok(poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_descriptor_that_waits_is_not_read_once_all_of_it_came() {
        let (out, into) = rustix::pipe::pipe().unwrap();
        rustix::io::write(&into, &vec![b'x'; PIECE]).unwrap();
        let mut watched = Watched::new(out, true).unwrap();
        assert_eq!(watched.read().await.unwrap().len(), PIECE);
        // Anyone who waits in the system is freed by this, and fails.
        let later = std::thread::spawn(move || {
            std::thread::park_timeout(Duration::from_secs(5));
            drop(into);
        });
        let more = tokio::time::timeout(Duration::from_millis(20), watched.read());
        assert!(more.await.is_err(), "nothing more is there");
        later.thread().unpark();
        later.join().unwrap();
    }

    #[tokio::test]
    async fn a_terminal_that_is_gone_is_an_input_that_is_over() {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        let typed = pty.as_fd().try_clone_to_owned().unwrap();
        let handed_down = pts.as_fd().try_clone_to_owned().unwrap();
        let mut both =
            [Watched::of(pts.as_fd()).unwrap(), Watched::new(handed_down, true).unwrap()];
        drop(pts);
        for watched in &mut both {
            rustix::io::write(&typed, b"x\r").unwrap();
            assert_eq!(watched.read().await.unwrap(), "x\n");
            let more = tokio::time::timeout(Duration::from_millis(20), watched.read());
            assert!(more.await.is_err(), "nothing more is there");
        }
        drop((pty, typed));
        for watched in &mut both {
            for _ in 0..2 {
                assert!(watched.read().await.unwrap().is_empty());
            }
        }
    }
}

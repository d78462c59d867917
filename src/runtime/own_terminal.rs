//! This process's terminal, reopened non-blocking. The inherited descriptors are shared with the shell
//! that started us, and must stay blocking.

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The terminal behind a descriptor, to be read without waiting. Nothing if it is no terminal, or one
/// that may not be opened: another user's, after `su`.
pub(crate) fn reader(of: BorrowedFd<'_>) -> Option<OwnedFd> {
    opened(of, OFlags::RDONLY)
}

/// A terminal to write to without waiting.
#[derive(Debug)]
pub(crate) struct EagerTerminal(OwnedFd);

impl EagerTerminal {
    /// The terminal behind a descriptor, if it is one that may be opened.
    pub(crate) fn of(terminal: BorrowedFd<'_>) -> Option<Self> {
        opened(terminal, OFlags::WRONLY).map(Self)
    }

    /// Writes what the terminal takes now, and says how many bytes that was.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match rustix::io::write(&self.0, bytes) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            written => Ok(written?),
        }
    }
}

fn opened(terminal: BorrowedFd<'_>, access: OFlags) -> Option<OwnedFd> {
    rustix::termios::isatty(terminal).then_some(())?;
    // By its descriptor, for its name may not lead to it from here (in a container, say).
    let path = format!("/proc/self/fd/{}", terminal.as_fd().as_raw_fd());
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pipe::pipe;
    use std::io::Read;

    #[test]
    fn a_terminal_that_is_stopped_takes_nothing_and_holds_up_nobody() {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        let terminal = EagerTerminal::of(pts.as_fd()).unwrap();
        assert_eq!(terminal.write(b"taken").unwrap(), 5);
        rustix::termios::tcflow(pts.as_fd(), rustix::termios::Action::OOff).unwrap();
        assert_eq!(terminal.write(b"not taken").unwrap(), 0);
        drop(pty);
        assert!(terminal.write(b"gone").is_err());
    }

    #[test]
    fn a_terminal_takes_what_it_has_room_for_and_all_of_that_arrives() {
        let (mut pty, pts) = pty_process::blocking::open().unwrap();
        let terminal = EagerTerminal::of(pts.as_fd()).unwrap();
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| b'a' + (n % 26) as u8).collect();
        let taken = terminal.write(&bytes).unwrap();
        assert!(taken > 0 && taken < bytes.len(), "{taken}");
        assert_eq!(terminal.write(&bytes[taken..]).unwrap(), 0);
        let mut read = vec![0; taken];
        pty.read_exact(&mut read).unwrap();
        assert_eq!(read, bytes[..taken]);
    }

    #[test]
    fn the_descriptor_that_was_handed_down_still_waits() {
        let (_pty, pts) = pty_process::blocking::open().unwrap();
        let _own = reader(pts.as_fd()).unwrap();
        let flags = rustix::fs::fcntl_getfl(pts.as_fd()).unwrap();
        assert!(!flags.contains(OFlags::NONBLOCK));
    }

    #[test]
    fn a_pipe_is_no_terminal() {
        let (out, into) = pipe().unwrap();
        assert!(reader(out.as_fd()).is_none());
        assert!(EagerTerminal::of(into.as_fd()).is_none());
    }
}

//! Whether a terminal prints what is typed, for consoles that show it before it is printed.

use rustix::termios::{LocalModes, tcgetattr};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

/// A terminal's echo, looked at once somebody wants to know.
#[derive(Debug)]
pub(super) struct Echo {
    terminal: OwnedFd,
    wanted: AtomicBool,
    /// The state that was reported last.
    on: AtomicBool,
}

impl Echo {
    pub(super) const fn of(terminal: OwnedFd) -> Self {
        Self { terminal, wanted: AtomicBool::new(false), on: AtomicBool::new(true) }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Somebody wants to know. Returns how it is.
    pub(super) fn begin(&self) -> bool {
        let on = self.look();
        self.wanted.store(true, Ordering::Relaxed);
        self.on.store(on, Ordering::Relaxed);
        on
    }

    /// How it is, if somebody wants to know and it has changed.
    pub(super) fn news(&self) -> Option<bool> {
        if !self.is_wanted() {
            return None;
        }
        let on = self.look();
        (self.on.swap(on, Ordering::Relaxed) != on).then_some(on)
    }

    /// A program that reads each key, such as a line editor, turns the echo off and prints what it
    /// wants to. Where whole lines are read without echo, nothing prints: a password.
    fn look(&self) -> bool {
        let Ok(modes) = tcgetattr(&self.terminal) else {
            return true;
        };
        let local = modes.local_modes;
        local.contains(LocalModes::ECHO) || !local.contains(LocalModes::ICANON)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::termios::{OptionalActions, tcsetattr};
    use std::os::fd::AsFd;

    #[tokio::test]
    async fn a_password_is_told_from_a_line_editor() {
        let (pty, pts) = pty_process::open().unwrap();
        let echo = Echo::of(pty.as_fd().try_clone_to_owned().unwrap());
        assert_eq!(echo.news(), None, "nobody wants to know");
        assert!(echo.begin());
        let set = |echoes: bool, lines: bool| {
            let mut modes = tcgetattr(&echo.terminal).unwrap();
            modes.local_modes.set(LocalModes::ECHO, echoes);
            modes.local_modes.set(LocalModes::ICANON, lines);
            tcsetattr(&echo.terminal, OptionalActions::Now, &modes).unwrap();
        };
        set(false, true);
        assert_eq!((echo.news(), echo.news()), (Some(false), None));
        set(false, false);
        assert_eq!(echo.news(), Some(true), "a line editor prints for itself");
        drop(pts);
    }
}

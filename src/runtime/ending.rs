//! Waits for another process to end, no matter who its parent is.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use std::time::Duration;
use tokio::time::sleep;

/// A process that was there, and that is not another one if its number is used again.
#[derive(Debug)]
pub struct Ending(Option<OwnedFd>);

impl Ending {
    /// That of a process. One that is gone, or that the system has no handle for, has ended.
    #[cfg(target_os = "linux")]
    pub fn of(process: u32) -> Self {
        use rustix::process::{Pid, PidfdFlags, pidfd_open};
        let process = Pid::from_raw(process.cast_signed());
        Self(process.and_then(|process| pidfd_open(process, PidfdFlags::empty()).ok()))
    }

    /// That of a process. The system has no handle for it.
    #[cfg(not(target_os = "linux"))]
    pub fn of(_process: u32) -> Self {
        Self(None)
    }

    /// Resolves when it has ended.
    pub async fn wait(&self) {
        while self.is_running() {
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn is_running(&self) -> bool {
        let Some(handle) = &self.0 else {
            return false;
        };
        // It is readable once its process has ended.
        let mut handles = [PollFd::new(handle, PollFlags::IN)];
        !matches!(poll(&mut handles, Some(&Timespec::default())), Ok(1..))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_has_ended_when_it_was_killed_though_nobody_asked_for_its_status() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let ending = Ending::of(child.id());
        assert!(ending.is_running());
        child.kill().unwrap();
        ending.wait().await;
        child.wait().unwrap();
        assert!(!Ending::of(child.id()).is_running());
    }
}

//! Gives the terminal back to the shell that started this program, if one did.

use super::screen;
use rustix::process::{Pid, Signal, getpid, getppid, kill_process};

/// Whether a shell waits that can bring a stopped program back to the foreground: it is our
/// parent, and we are in its session.
pub(super) fn has_shell() -> bool {
    let own = session_of(getpid());
    let parent = getppid().and_then(session_of);
    own.is_some_and(|own| own != getpid().as_raw_pid() && parent == Some(own))
}

/// Stops this process as the shell expects it, with its terminal restored.
pub(super) fn suspend() -> rustix::io::Result<()> {
    screen::restore();
    kill_process(getpid(), Signal::STOP)
}

/// The session a process belongs to. In a container its leader may be outside: then the session
/// is 0, which `getsid` of rustix cannot say.
#[cfg(target_os = "linux")]
fn session_of(process: Pid) -> Option<i32> {
    session_in(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

#[cfg(not(target_os = "linux"))]
fn session_of(process: Pid) -> Option<i32> {
    rustix::process::getsid(Some(process)).ok().map(Pid::as_raw_pid)
}

/// The sixth field, proc_pid_stat(5). The second is a name that may hold anything.
#[cfg(target_os = "linux")]
fn session_in(stat: &str) -> Option<i32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::session_in;

    #[test]
    fn a_session_is_read_whatever_its_process_is_called() {
        assert_eq!(session_in("7 (a) S 1 2) R 1 7 5 34816 7 0"), Some(5));
        assert_eq!(session_in("7 (bash) S 0 7 0 34816 7 0"), Some(0));
        assert_eq!(session_in("7 (bash)"), None);
        assert_eq!(session_in(""), None);
    }
}

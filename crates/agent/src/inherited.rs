//! What this process was started with and its programs are not to get: as sshd, they begin afresh.

use nix::sys::signal::SigSet;
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

/// Closes what was inherited beside the standard streams. To be called before anything is opened.
pub fn close_descriptors() {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse::<i32>().ok();
    let numbers: Vec<i32> = open.flatten().filter_map(number).collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // The directory that was read is among them, and closed already.
        let _ = nix::unistd::close(number);
    }
}

/// Anyone who started this process may have had it ignore or block signals; its programs do not. What
/// is handled here is as usual in a program: only that is done, so that this process behaves as
/// before.
pub(crate) fn put_signals_right() {
    let _ = SigSet::empty().thread_set_mask();
    for number in ignored() {
        // Some can only be ignored.
        let _ = signal(SignalKind::from_raw(number));
    }
}

fn ignored() -> impl Iterator<Item = i32> {
    // The standard library sees to the first. A handler that restarts would spin on the other two.
    let left = [Signal::PIPE, Signal::TTIN, Signal::TTOU].map(Signal::as_raw);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    (1..=64).filter(move |n| (mask >> (n - 1)) & 1 == 1 && !left.contains(n))
}

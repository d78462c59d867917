//! What the system lets this process have.

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use std::sync::OnceLock;

/// How many files might be open before that was raised.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Raises the number of files that may be open as far as is allowed. Returns it.
pub fn open_files() -> u64 {
    let before = getrlimit(Resource::Nofile);
    BEFORE.get_or_init(|| before);
    let Rlimit { current, maximum } = before;
    if current < maximum {
        // What is not granted is done without.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Gives a child the limit back that this process had: its programs expect the usual one.
pub fn usual_for(child: u32) {
    let child = i32::try_from(child).ok().and_then(Pid::from_raw);
    if let (Some(child), Some(before)) = (child, BEFORE.get()) {
        // What cannot be put back stays raised, which harms nobody.
        let _ = prlimit(Some(child), Resource::Nofile, *before);
    }
}

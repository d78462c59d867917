//! How a verb ended, as a process says it.

use crate::core::ScriptFailure;
use std::process::ExitCode;

/// An exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(pub u8);

impl Status {
    /// It was done.
    pub(crate) const DONE: Self = Self(0);
    /// It was not done.
    pub(crate) const FAILED: Self = Self(1);
    /// It was not understood.
    pub(crate) const USAGE: Self = Self(2);
    /// A failure of our own, where other statuses are the remote program's.
    pub(crate) const OWN: Self = Self(255);

    /// That of a script which did not run to its end.
    pub(crate) const fn of_script(failure: ScriptFailure) -> Self {
        match failure {
            ScriptFailure::NothingFits => Self(3),
            ScriptFailure::SeveralFit => Self(4),
            ScriptFailure::Refused => Self(5),
        }
    }

    /// The status of a remote program.
    pub(crate) fn of(code: i32) -> Self {
        Self(u8::try_from(code & 0xff).unwrap_or(255))
    }

    /// That of a program which this signal ended.
    pub(crate) fn by_signal(signal: i32) -> Self {
        Self::of(128 + signal)
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.0)
    }
}

//! How a verb ended, as a process says it.

use jumpdeck_console::core::ScriptFailure;
use jumpdeck_protocol::session::ExitStatus;
use std::process::ExitCode;

/// An exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VerbStatus(pub u8);

impl VerbStatus {
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

    /// The status of a remote program. A process has eight bits for it; what does not fit is a
    /// failure, never 0.
    pub(crate) fn of(status: ExitStatus) -> Self {
        Self(u8::try_from(status.as_code()).unwrap_or(255))
    }

    /// That of a program which this signal ended.
    pub(crate) fn by_signal(signal: i32) -> Self {
        Self::of(ExitStatus::Signal(signal))
    }
}

impl From<VerbStatus> for ExitCode {
    fn from(status: VerbStatus) -> Self {
        Self::from(status.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_never_a_success_whatever_a_machine_calls_it() {
        for code in [1, 255, 256, 512, -1, -256, i32::MIN, i32::MAX] {
            assert_ne!(VerbStatus::of(ExitStatus::Code(code)), VerbStatus::DONE, "{code}");
        }
        for signal in [0, 9, 127, 128, -128, i32::MIN, i32::MAX] {
            assert_ne!(VerbStatus::of(ExitStatus::Signal(signal)), VerbStatus::DONE, "{signal}");
        }
        assert_eq!(VerbStatus::of(ExitStatus::Code(0)), VerbStatus::DONE);
        assert_eq!(VerbStatus::by_signal(9), VerbStatus(137));
    }
}

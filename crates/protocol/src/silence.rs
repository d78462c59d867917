//! Whether the other side of a link answers to what is sent: a link whose other side hangs looks
//! whole for a long time. Pure; the driver keeps the time.
//!
//! After each stretch of typing the other side is asked once. Output that comes within a second of a
//! key is no answer: it may have been on its way before the key was typed.

use std::time::Duration;

/// How long nothing need be heard after something was sent.
const QUIET: Duration = Duration::from_secs(1);
/// The same while nothing is sent and an answer is due all the time.
const STEADY: Duration = Duration::from_secs(3);
/// How much later a question is not answered either.
const UNANSWERED: Duration = Duration::from_secs(2);

/// What is waited for.
#[derive(Debug, Default)]
pub struct Silence {
    stage: SilenceStage,
    steady: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SilenceStage {
    /// Nothing.
    #[default]
    Idle,
    /// Something was sent. `heard` is whether something came since, or since the last look.
    Sent { heard: bool },
    /// The other side was asked whether it is there. `sent` is whether more was sent since.
    Asked { sent: bool },
    /// It does not say so.
    Silent,
    /// The link is gone: it is known why nothing comes.
    Gone,
}

/// What the driver does when a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilenceStep {
    /// Wait again.
    Wait(Duration),
    /// Ask the other side whether it is there, and wait.
    Ask(Duration),
    /// Tell the user that nothing has come for so long.
    Tell(Duration),
    /// Nothing is waited for any more.
    Rest,
}

/// What it means that something came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeardStep {
    /// Nothing changes.
    Usual,
    /// What was waited for has come; a wait that runs means nothing any more. If a duration is
    /// given, the next wait begins.
    Answered(Option<Duration>),
    /// The same, and the silence before it was reported.
    Again(Option<Duration>),
}

impl Silence {
    /// An answer is due all the time, as to a command that runs. The first wait is given, too.
    pub const fn steady() -> (Self, Duration) {
        (Self { stage: SilenceStage::Sent { heard: false }, steady: true }, STEADY)
    }

    /// Whether an answer is due all the time.
    pub const fn is_steady(&self) -> bool {
        self.steady
    }

    const fn quiet(&self) -> Duration {
        if self.steady { STEADY } else { QUIET }
    }

    /// For how long nothing has come when that is reported.
    pub const fn told_after(&self) -> Duration {
        self.quiet().saturating_add(UNANSWERED)
    }

    /// Whether the other side was reported silent and still is.
    pub fn is_silent(&self) -> bool {
        self.stage == SilenceStage::Silent
    }

    /// Something was sent. Returns the wait that begins.
    pub const fn sent(&mut self) -> Option<Duration> {
        match self.stage {
            SilenceStage::Idle => {
                self.stage = SilenceStage::Sent { heard: false };
                Some(self.quiet())
            }
            SilenceStage::Asked { .. } => {
                self.stage = SilenceStage::Asked { sent: true };
                None
            }
            SilenceStage::Sent { .. } | SilenceStage::Silent | SilenceStage::Gone => None,
        }
    }

    /// The link is gone, and that is reported elsewhere.
    pub const fn link_lost(&mut self) {
        self.stage = SilenceStage::Gone;
    }

    /// Something came over the link.
    pub const fn heard(&mut self) -> HeardStep {
        let before = self.stage;
        match before {
            SilenceStage::Idle => return HeardStep::Usual,
            SilenceStage::Sent { .. } => {
                self.stage = SilenceStage::Sent { heard: true };
                return HeardStep::Usual;
            }
            SilenceStage::Asked { .. } | SilenceStage::Silent | SilenceStage::Gone => {}
        }
        let goes_on = self.steady || matches!(before, SilenceStage::Asked { sent: true });
        self.stage = if goes_on { SilenceStage::Sent { heard: false } } else { SilenceStage::Idle };
        let wait = if goes_on { Some(self.quiet()) } else { None };
        if matches!(before, SilenceStage::Silent) {
            HeardStep::Again(wait)
        } else {
            HeardStep::Answered(wait)
        }
    }

    /// The wait that began last is over.
    pub const fn waited(&mut self) -> SilenceStep {
        match self.stage {
            SilenceStage::Sent { heard: true } => {
                self.stage = SilenceStage::Sent { heard: false };
                SilenceStep::Wait(self.quiet())
            }
            SilenceStage::Sent { heard: false } => {
                self.stage = SilenceStage::Asked { sent: false };
                SilenceStep::Ask(UNANSWERED)
            }
            SilenceStage::Asked { .. } => {
                self.stage = SilenceStage::Silent;
                SilenceStep::Tell(self.told_after())
            }
            SilenceStage::Idle | SilenceStage::Silent | SilenceStage::Gone => SilenceStep::Rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_that_was_on_its_way_before_the_key_is_no_answer_to_it() {
        let mut silence = Silence::default();
        assert_eq!(silence.sent(), Some(QUIET));
        assert_eq!(silence.heard(), HeardStep::Usual);
        assert_eq!(silence.waited(), SilenceStep::Wait(QUIET));
        assert_eq!(silence.waited(), SilenceStep::Ask(UNANSWERED));
        assert_eq!(silence.waited(), SilenceStep::Tell(Duration::from_secs(3)));
        assert!(silence.is_silent());
        assert_eq!(silence.heard(), HeardStep::Again(None));
    }

    #[test]
    fn a_key_that_is_typed_while_a_question_is_open_has_a_question_of_its_own() {
        let mut silence = Silence::default();
        silence.sent();
        silence.waited();
        assert_eq!(silence.sent(), None);
        assert_eq!(silence.heard(), HeardStep::Answered(Some(QUIET)));
        assert_eq!(silence.waited(), SilenceStep::Ask(UNANSWERED));
        assert_eq!(silence.heard(), HeardStep::Answered(None));
        assert_eq!(silence.waited(), SilenceStep::Rest);
    }

    #[test]
    fn why_nothing_comes_is_told_once() {
        let mut silence = Silence::default();
        silence.link_lost();
        assert_eq!(silence.sent(), None);
        assert_eq!(silence.waited(), SilenceStep::Rest);
        assert_eq!(silence.heard(), HeardStep::Answered(None));
    }
}

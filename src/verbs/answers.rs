//! Whether the appliance answers to what is typed: a link whose other side hangs looks whole for a
//! long time, and keys vanish in it.

use super::absence::Away;
use super::transfer::Happened;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// After something was typed, so long nothing need be heard.
const QUIET: Duration = Duration::from_secs(1);
/// The same while nothing is typed and an answer is due all the time.
const STEADY: Duration = Duration::from_secs(3);
/// So much later a question is not answered either.
const SILENT: Duration = Duration::from_secs(2);

/// That a machine which is linked does not answer, or does again. Whoever types waits for it.
pub(super) fn of_machine(silent: bool, typing: bool) -> String {
    match (silent, typing) {
        (true, true) => "no answer from the machine; your input is queued".to_owned(),
        (true, false) => "no answer from the machine".to_owned(),
        (false, _) => "the machine answers again".to_owned(),
    }
}

/// What is waited for.
#[derive(Debug, Default)]
pub(super) struct Answers {
    stage: Stage,
    steady: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing.
    #[default]
    Heard,
    /// Something was typed then.
    Typed(Instant),
    /// The appliance was asked then whether it is there.
    Asked(Instant),
    /// It does not say so, and the rep was told.
    Silent,
    /// Nothing: it is known why it does not answer.
    Explained,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The appliance is to be asked whether it is there: a program may have nothing to say to a key.
    Ask,
    /// This is to be said.
    Say(String),
}

impl Answers {
    /// An answer is due all the time, as to a command that runs.
    pub(super) fn steady() -> Self {
        Self { stage: Stage::Typed(Instant::now()), steady: true }
    }

    /// Something was typed.
    pub(super) fn typed(&mut self) {
        if self.stage == Stage::Heard {
            self.stage = Stage::Typed(Instant::now());
        }
    }

    /// Something happened. Returns what is to be said, if the silence before it was.
    pub(super) fn take(&mut self, happened: &Happened) -> Option<String> {
        match happened {
            Happened::Waiting(Away::Link(_)) => {
                self.lost();
                None
            }
            // That a machine is away, the appliance says.
            _ => self.heard(),
        }
    }

    /// The link is gone, and that is told.
    pub(super) const fn lost(&mut self) {
        self.stage = Stage::Explained;
    }

    /// Something came over the link. Returns what is to be said, if the silence before it was.
    pub(super) fn heard(&mut self) -> Option<String> {
        let stage = if self.steady { Stage::Typed(Instant::now()) } else { Stage::Heard };
        let before = std::mem::replace(&mut self.stage, stage);
        (before == Stage::Silent).then(|| "the appliance answers again".to_owned())
    }

    /// Resolves when something is due; never while nothing is waited for.
    pub(super) async fn due(&mut self) -> Due {
        let quiet = if self.steady { STEADY } else { QUIET };
        match self.stage {
            Stage::Typed(since) => {
                sleep_until(since + quiet).await;
                self.stage = Stage::Asked(Instant::now());
                Due::Ask
            }
            Stage::Asked(since) => {
                sleep_until(since + SILENT).await;
                self.stage = Stage::Silent;
                let seconds = (quiet + SILENT).as_secs();
                let waits = if self.steady { "" } else { "; your input is queued" };
                Due::Say(format!("no answer from the appliance for {seconds} s{waits}"))
            }
            Stage::Heard | Stage::Silent | Stage::Explained => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_quiet(answers: &mut Answers) -> bool {
        tokio::time::timeout(Duration::from_secs(3600), answers.due()).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_told_three_seconds_after_a_key_and_so_is_its_end() {
        let mut answers = Answers::default();
        assert!(is_quiet(&mut answers).await);
        answers.typed();
        assert_eq!(answers.due().await, Due::Ask);
        assert_eq!(answers.take(&Happened::Nothing), None, "it was there all the time");
        let begun = Instant::now();
        answers.typed();
        answers.typed();
        assert_eq!(answers.due().await, Due::Ask);
        assert!(matches!(answers.due().await, Due::Say(_)));
        assert_eq!(begun.elapsed().as_secs(), 3);
        answers.typed();
        assert!(is_quiet(&mut answers).await, "it is said once");
        assert!(answers.take(&Happened::Nothing).is_some());
        assert_eq!(answers.take(&Happened::Nothing), None);
        answers.take(&Happened::Waiting(Away::Machine));
        answers.typed();
        assert_eq!(answers.due().await, Due::Ask, "the appliance answers, though no machine does");
        answers.take(&Happened::Waiting(Away::Link("refused".into())));
        answers.typed();
        assert!(is_quiet(&mut answers).await, "why nothing comes was said already");
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_that_runs_in_silence_is_asked_for_again_and_again() {
        let mut answers = Answers::steady();
        for _ in 0..3 {
            assert_eq!(answers.due().await, Due::Ask);
            assert_eq!(answers.take(&Happened::Nothing), None);
        }
        assert_eq!(answers.due().await, Due::Ask);
        assert!(matches!(answers.due().await, Due::Say(_)));
    }
}

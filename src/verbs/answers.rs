//! Whether the appliance answers to what is typed: a link whose other side hangs looks whole for a
//! long time, and keys vanish in it.

use super::absence::Away;
use super::transfer::Happened;
use jumpdeck_protocol::silence::{HeardStep, Silence, SilenceStep};
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// That a machine which is linked does not answer, or does again. Anyone who types waits for it.
pub(super) fn of_machine(silent: bool, typing: bool) -> String {
    match (silent, typing) {
        (true, true) => "no answer from the machine; your input is queued".to_owned(),
        (true, false) => "no answer from the machine".to_owned(),
        (false, _) => "the machine answers again".to_owned(),
    }
}

/// What is waited for.
#[derive(Debug, Default)]
pub(super) struct VerbAnswers {
    silence: Silence,
    /// Resolves when the wait that runs is over. It is kept, as it is asked for at each event.
    over: Option<Pin<Box<Sleep>>>,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The appliance is to be asked whether it is there: a program may have nothing to say to a key.
    Ask,
    /// This is to be said.
    Say(String),
}

impl VerbAnswers {
    /// An answer is due all the time, as to a command that runs.
    pub(super) fn steady() -> Self {
        let (silence, wait) = Silence::steady();
        Self { silence, over: Some(Box::pin(sleep(wait))) }
    }

    /// Something was typed.
    pub(super) fn typed(&mut self) {
        if let Some(wait) = self.silence.sent() {
            self.wait(Some(wait));
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

    /// The link is gone, and that is said.
    pub(super) const fn lost(&mut self) {
        self.silence.link_lost();
    }

    /// Something came over the link. Returns what is to be said, if the silence before it was.
    pub(super) fn heard(&mut self) -> Option<String> {
        let (wait, told) = match self.silence.heard() {
            HeardStep::Usual => return None,
            HeardStep::Answered(wait) => (wait, false),
            HeardStep::Again(wait) => (wait, true),
        };
        self.wait(wait);
        told.then(|| "the appliance answers again".to_owned())
    }

    /// Resolves when something is due; never while nothing is waited for.
    pub(super) async fn due(&mut self) -> Due {
        loop {
            let Some(over) = &mut self.over else {
                return std::future::pending().await;
            };
            over.await;
            let (wait, due) = match self.silence.waited() {
                SilenceStep::Wait(wait) => (Some(wait), None),
                SilenceStep::Ask(wait) => (Some(wait), Some(Due::Ask)),
                SilenceStep::Tell(silent) => (None, Some(Due::Say(self.told(silent)))),
                SilenceStep::Rest => (None, None),
            };
            self.wait(wait);
            if let Some(due) = due {
                return due;
            }
        }
    }

    fn wait(&mut self, wait: Option<Duration>) {
        match (wait, &mut self.over) {
            (Some(wait), Some(over)) => over.as_mut().reset(Instant::now() + wait),
            (Some(wait), None) => self.over = Some(Box::pin(sleep(wait))),
            (None, over) => *over = None,
        }
    }

    fn told(&self, silent: Duration) -> String {
        let waits = if self.silence.is_steady() { "" } else { "; your input is queued" };
        format!("no answer from the appliance for {} s{waits}", silent.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_quiet(answers: &mut VerbAnswers) -> bool {
        tokio::time::timeout(Duration::from_secs(3600), answers.due()).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_told_three_seconds_after_a_key_and_so_is_its_end() {
        let mut answers = VerbAnswers::default();
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
        answers.typed();
        assert_eq!(
            answers.take(&Happened::Nothing),
            None,
            "the end of an earlier command's output"
        );
        assert_eq!(answers.due().await, Due::Ask, "it was no answer to the key");
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
        let mut answers = VerbAnswers::steady();
        for _ in 0..3 {
            assert_eq!(answers.due().await, Due::Ask);
            assert_eq!(answers.take(&Happened::Nothing), None);
        }
        assert_eq!(answers.due().await, Due::Ask);
        assert!(matches!(answers.due().await, Due::Say(_)));
    }
}

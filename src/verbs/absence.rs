//! A link, or a machine, that is away while a command runs: said soon, and not waited for in vain.

use jumpdeck_protocol::{limits, text};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// So long nothing is said: most links are back by then.
const QUIET: Duration = Duration::from_secs(3);
/// The appliance has ended the command by then, and some more.
const VAIN: Duration = limits::CONSOLE_GRACE.saturating_add(Duration::from_secs(5));

/// What is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Away {
    /// The link to the appliance, for this reason.
    Link(String),
    /// The machine's agent. Its programs run on.
    Machine,
}

/// How long something has been away.
#[derive(Debug, Default)]
pub(super) struct Absence(Option<Since>);

#[derive(Debug)]
struct Since {
    at: Instant,
    away: Away,
    said: bool,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AbsenceDue {
    /// This is to be said.
    Say(String),
    /// It is of no use to wait any longer, for this reason.
    GiveUp(String),
}

impl Absence {
    /// Something is away. What is away already stays so.
    pub(super) fn begins(&mut self, away: Away) {
        match &mut self.0 {
            Some(since) if matches!(since.away, Away::Link(_)) || away == Away::Machine => {}
            since => *since = Some(Since { at: Instant::now(), away, said: false }),
        }
    }

    /// It is back. Returns what is to be said, if its absence was.
    pub(super) fn ends(&mut self) -> Option<String> {
        let since = self.0.take().filter(|since| since.said)?;
        Some(match since.away {
            Away::Link(_) => "the link is back".to_owned(),
            Away::Machine => "the machine is back".to_owned(),
        })
    }

    /// Whether the link is away.
    pub(super) const fn has_no_link(&self) -> bool {
        matches!(&self.0, Some(Since { away: Away::Link(_), .. }))
    }

    /// Resolves when something is due; never while nothing is away.
    pub(super) async fn due(&mut self) -> AbsenceDue {
        let Some(since) = &mut self.0 else {
            return std::future::pending().await;
        };
        if !since.said {
            sleep_until(since.at + QUIET).await;
            since.said = true;
            return AbsenceDue::Say(match &since.away {
                Away::Link(reason) => {
                    format!("no link for {} s: {}; retrying", QUIET.as_secs(), text::clean(reason))
                }
                Away::Machine => format!("no answer from the machine for {} s", QUIET.as_secs()),
            });
        }
        match &since.away {
            Away::Machine => std::future::pending().await,
            Away::Link(reason) => {
                sleep_until(since.at + VAIN).await;
                let (seconds, reason) = (VAIN.as_secs(), text::clean(reason));
                AbsenceDue::GiveUp(format!(
                    "no link for {seconds} s: {reason}. The command was ended"
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_absence_is_said_after_a_while_and_ends_in_vain_only_without_a_link() {
        let mut absence = Absence::default();
        absence.begins(Away::Link("refused".into()));
        assert!(absence.ends().is_none(), "a short one is not worth a word");
        let begun = Instant::now();
        absence.begins(Away::Link("refused".into()));
        let said = absence.due().await;
        assert_eq!(said, AbsenceDue::Say("no link for 3 s: refused; retrying".into()));
        absence.begins(Away::Link("again".into()));
        assert!(matches!(absence.due().await, AbsenceDue::GiveUp(_)));
        assert_eq!(begun.elapsed().as_secs(), 35);
        assert_eq!(absence.ends().as_deref(), Some("the link is back"));
        absence.begins(Away::Machine);
        assert!(matches!(absence.due().await, AbsenceDue::Say(_)));
        let forever = tokio::time::timeout(Duration::from_secs(3600), absence.due()).await;
        assert!(forever.is_err(), "its programs run on");
    }
}

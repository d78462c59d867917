//! An answer that explains itself.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may be done.
    Allow,
    /// It may not.
    Deny,
}

/// One thing that had a say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The object: a user, a membership, a slot, a role.
    pub source: String,
    /// What it said.
    pub says: String,
    /// What it wants; nothing if it only leads to the next one.
    pub wants: Option<Verdict>,
}

impl Step {
    /// A step that leads on.
    pub fn leads(source: impl Into<String>, says: impl Into<String>) -> Self {
        Self { source: source.into(), says: says.into(), wants: None }
    }

    /// A step that lets it be done, as far as it is concerned.
    pub fn allows(source: impl Into<String>, says: impl Into<String>) -> Self {
        Self { wants: Some(Verdict::Allow), ..Self::leads(source, says) }
    }

    /// A step that does not.
    pub fn denies(source: impl Into<String>, says: impl Into<String>) -> Self {
        Self { wants: Some(Verdict::Deny), ..Self::leads(source, says) }
    }
}

/// An answer and what led to it, in the order it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The answer.
    pub verdict: Verdict,
    /// What led to it.
    pub because: Vec<Step>,
}

impl Decision {
    /// The decision these steps lead to: something must allow it, and nothing may deny it.
    pub fn of(because: Vec<Step>) -> Self {
        let denied = because.iter().any(|step| step.wants == Some(Verdict::Deny));
        let allowed = because.iter().any(|step| step.wants == Some(Verdict::Allow));
        let verdict = if allowed && !denied { Verdict::Allow } else { Verdict::Deny };
        Self { verdict, because }
    }

    /// The decision once one more thing had its say.
    #[must_use]
    pub fn and(mut self, step: Step) -> Self {
        self.because.push(step);
        Self::of(self.because)
    }

    /// Whether it may be done.
    pub fn is_allowed(&self) -> bool {
        self.verdict == Verdict::Allow
    }
}

impl fmt::Display for Decision {
    /// The steps as one sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.because.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{} {}", step.source, step.says)?;
        }
        Ok(())
    }
}

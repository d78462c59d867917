//! `--override`: a session although its Jump Policy is closed, with a reason.

use super::stdio::Stdio;
use clap::Args;

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Overriding {
    /// Start although the Jump Policy is closed, where that can be overridden. The reason is logged;
    /// it is asked for if it is not given.
    #[arg(long = "override", value_name = "REASON", num_args = 0..=1, require_equals = true,
        default_missing_value = "")]
    reason: Option<String>,
}

impl Overriding {
    /// The reason, if a closed schedule is to be overridden.
    pub(super) async fn reason(self, io: &mut Stdio) -> anyhow::Result<Option<String>> {
        match self.reason {
            Some(reason) if reason.trim().is_empty() => {
                Ok(Some(io.line("Reason for overriding the schedule: ").await?))
            }
            reason => Ok(reason),
        }
    }
}

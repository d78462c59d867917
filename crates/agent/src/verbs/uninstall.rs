//! `jumpdeck-agent uninstall`: this machine is no Jump Client any more.

use anyhow::bail;
use clap::Args;
use jumpdeck_agent::{AgentDir, AgentDirError, RunError};
use std::io::Write;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Uninstall {
    /// The agent's directory [default: /var/lib/jumpdeck-agent for root, else under ~/.local/share]
    #[arg(long, value_name = "DIR", env = "JUMPDECK_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

impl Uninstall {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        let journal = super::start_log(tracing::Level::WARN)?;
        let path = super::data_dir(self.data_dir)?;
        let dir = AgentDir::at(&path);
        if dir.target().is_none() {
            bail!("there is no Jump Client in {}", path.display());
        }
        let undone = super::runtime()?.block_on(jumpdeck_agent::uninstall(&dir));
        if let Err(RunError::Dir(AgentDirError::InUse(_))) = &undone {
            let process = dir.running().map_or(String::new(), |id| format!(" (process {id})"));
            bail!("the Jump Client in {} runs{process}: end it first", path.display());
        }
        undone?;
        let _ = writeln!(std::io::stdout(), "This machine is no longer a Jump Client.");
        journal.settle();
        Ok(())
    }
}

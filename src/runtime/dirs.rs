//! Where data and configuration stand.

use anyhow::Context;
use clap::Args;
use directories::ProjectDirs;
use jumpdeck_appliance::DataDir;
use std::path::PathBuf;

/// The directories and the log, as every verb takes them.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub struct Places {
    /// Where the appliance keeps its data [default: ~/.local/share/jumpdeck]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "JUMPDECK_DATA_DIR",
        hide_env_values = true
    )]
    pub data_dir: Option<PathBuf>,
    /// Where themes, keys and known appliances are [default: ~/.config/jumpdeck]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "JUMPDECK_CONFIG_DIR",
        hide_env_values = true
    )]
    pub config_dir: Option<PathBuf>,
    /// Write a log to this file; RUST_LOG sets the level.
    #[arg(long, global = true, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

impl Places {
    /// The data directory's path.
    ///
    /// # Errors
    /// When there is no home directory and none was named.
    pub fn data_path(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = &self.data_dir {
            return std::path::absolute(path).context("the data directory's path");
        }
        let dirs = ProjectDirs::from("", "", "jumpdeck");
        let dirs = dirs.context("there is no home directory; name one with --data-dir")?;
        Ok(dirs.data_dir().to_path_buf())
    }

    /// The data directory, made if there is none.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn data(&self) -> anyhow::Result<DataDir> {
        Ok(DataDir::create(&self.data_path()?)?)
    }

    /// The configuration directory's path.
    ///
    /// # Errors
    /// When there is no home directory and none was named.
    pub fn config(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = &self.config_dir {
            return std::path::absolute(path).context("the configuration directory's path");
        }
        let dirs = ProjectDirs::from("", "", "jumpdeck");
        let dirs = dirs.context("there is no home directory; name one with --config-dir")?;
        Ok(dirs.config_dir().to_path_buf())
    }
}

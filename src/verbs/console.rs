//! The console itself.

use super::connect::Connect;
use crate::runtime::config;
use crate::runtime::dirs::Places;
use crate::runtime::terminal::{self, Local};
use anyhow::bail;
use std::io::IsTerminal;
use std::process::ExitCode;

/// Opens the console, stays until the rep leaves, and says what goes on without it.
pub(super) async fn run(places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
    match open(places, connect).await? {
        0 => {}
        1 => println!("One session goes on; `jumpdeck` comes back to it."),
        many => println!("{many} sessions go on; `jumpdeck` comes back to them."),
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the console and stays until the rep leaves. Returns how many sessions go on.
pub(super) async fn open(places: &Places, connect: &Connect) -> anyhow::Result<usize> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        bail!("the console needs a terminal; `jumpdeck ls`, `exec` and `jump` do without");
    }
    let config = config::read(&places.config()?, config::colours());
    let (handle, link, welcome) = connect.client(places).await?.into_parts();
    let reports = places.data_path()?;
    let local = Local {
        settings: config.settings,
        theme: config.theme,
        notices: config.mistakes,
        handle,
        link,
        welcome,
        reports,
    };
    let left = terminal::run(local).await?;
    if let Some(reason) = left.ended {
        bail!(reason);
    }
    Ok(left.sessions)
}

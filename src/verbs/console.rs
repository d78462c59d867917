//! The console itself.

use super::connect::Connect;
use crate::runtime::dirs::Places;
use crate::runtime::terminal::{self, Local};
use crate::runtime::{config, prompt};
use anyhow::bail;
use std::io::IsTerminal;
use std::process::ExitCode;

/// Opens the console and stays until the rep leaves.
pub(super) async fn run(places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        bail!("the console needs a terminal; `jumpdeck ls`, `exec` and `jump` do without");
    }
    debug_assert!(prompt::somebody_is_there() || !std::io::stderr().is_terminal());
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
    match left.sessions {
        0 => {}
        1 => println!("One session goes on; `jumpdeck` comes back to it."),
        many => println!("{many} sessions go on; `jumpdeck` comes back to them."),
    }
    Ok(ExitCode::SUCCESS)
}

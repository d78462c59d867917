//! `--run-script` and `--run-script-file`: the console, which does at once what a script says.

use super::connect::Connect;
use super::context::VerbContext;
use super::status::VerbStatus;
use super::{alone, console, output};
use crate::runtime::dirs::Places;
use crate::runtime::handoff;
use anyhow::{Context, bail};
use clap::Args;
use jumpdeck_link::Address;
use jumpdeck_protocol::script::{Command, LONGEST, Script};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct RunScript {
    /// Open the console and run this command of a Representative Console Script.
    #[arg(long, value_name = "COMMAND", conflicts_with = "run_script_file")]
    run_script: Option<String>,
    /// Open the console and run the commands of this Representative Console Script.
    #[arg(long, value_name = "PATH")]
    run_script_file: Option<PathBuf>,
    /// Run the script without a console: one Jump Client has to fit. Its session goes on until
    /// somebody comes to it.
    #[arg(long)]
    no_ui: bool,
}

impl RunScript {
    pub(super) const fn is_given(&self) -> bool {
        self.run_script.is_some() || self.run_script_file.is_some() || self.no_ui
    }

    /// Opens the console, with what there is to run.
    pub(super) async fn run(self, places: &Places, connect: Connect) -> anyhow::Result<ExitCode> {
        let script = match self.read()? {
            None if self.no_ui => {
                output::say("jumpdeck: --no-ui goes with --run-script or --run-script-file");
                return Ok(VerbStatus::USAGE.into());
            }
            None => return console::run(places, &connect, None).await,
            Some(Err(wrong)) => {
                output::say(&format!("jumpdeck: {wrong}"));
                return Ok(VerbStatus::USAGE.into());
            }
            Some(Ok(script)) => script,
        };
        let mut connect = connect;
        for command in &script.commands {
            if let Some(reason) = not_yet(command) {
                bail!("{}: {reason}", command.action());
            }
            if let Command::Login(Some(user)) = command {
                connect = connect.logged_in_as(user.clone())?;
            }
        }
        if self.no_ui {
            return Ok(alone::run(&mut VerbContext::own(places.clone(), connect), script)
                .await?
                .into());
        }
        let logs_in = script.commands.iter().any(|c| matches!(c, Command::Login(Some(_))));
        let url = connect.url().map(str::parse::<Address>).transpose()?.map(|url| url.to_string());
        let whom = (url.as_deref(), connect.user());
        if !logs_in && handoff::hand_over(places, whom.0, whom.1, &script).await? {
            output::say("The console that runs already took the script.");
            return Ok(ExitCode::SUCCESS);
        }
        console::run(places, &connect, Some(script)).await
    }

    /// The script, or what is wrong with it.
    fn read(&self) -> anyhow::Result<Option<Result<Script, String>>> {
        if let Some(command) = &self.run_script {
            let wrong = |error| format!("--run-script: {error}");
            return Ok(Some(command.parse().map_err(wrong).and_then(of_one)));
        }
        let Some(path) = &self.run_script_file else {
            return Ok(None);
        };
        let text = text(path).with_context(|| format!("reading {}", path.display()))?;
        let wrong = |error| format!("{}: {error}", path.display());
        Ok(Some(text.parse().map_err(wrong)))
    }
}

/// A command from the command line, which everybody on this machine can read.
fn of_one(command: Command) -> Result<Script, String> {
    if matches!(command, Command::Login(Some(_))) {
        let reason = "others can read a password on a command line; put the script into a file";
        return Err(format!("--run-script: {reason}, for --run-script-file"));
    }
    Ok(Script { commands: vec![command] })
}

fn text(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let most = u64::try_from(LONGEST)? + 1;
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).context("a script is UTF-8")
}

/// Why a command that means something is not run by this version.
const fn not_yet(command: &Command) -> Option<&'static str> {
    match command {
        Command::StartAdHoc { .. } => Some("these sessions are not supported yet"),
        Command::StartJumpItemSession { method: Some(_), .. } => {
            Some("jump.method is not supported yet")
        }
        Command::StartJumpItemSession { credential: Some(_), .. } => {
            Some("credential_id is not supported yet")
        }
        Command::Login(_)
        | Command::StartPinnedClientSession { .. }
        | Command::StartJumpItemSession { .. }
        | Command::GenerateSessionKey { .. } => None,
    }
}

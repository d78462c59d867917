//! `jumpdeck admin`: the configuration as a file.

use super::connect::Connect;
use super::output::{self, NewFile};
use crate::link::Client;
use crate::runtime::dirs::Places;
use crate::runtime::prompt;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use jumpdeck_appliance::{Rescued, reset_password};
use jumpdeck_protocol::configuration::{Change, Effect, Effected, Plan, PlannedChange};
use jumpdeck_protocol::limits;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::{Permission, Permissions};
use jumpdeck_protocol::text::clean;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Admin {
    #[command(subcommand)]
    what: AdminAction,
}

#[derive(Subcommand, Debug)]
enum AdminAction {
    /// Export the configuration, without passwords and second factors.
    Export {
        /// The file; existing files are not overwritten [default: print it]
        file: Option<PathBuf>,
    },
    /// Show what a file would change, and for whom. Exit status: 0 nothing, 3 something.
    Plan {
        /// The file; `-` for the standard input.
        file: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Apply a file: all of it or nothing.
    Apply {
        /// The file; `-` for the standard input.
        file: PathBuf,
        /// Do not ask before.
        #[arg(long)]
        yes: bool,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Give a user a new first password, on the stopped appliance whose data directory this is.
    /// Also enables the user. For when nobody can log in any more.
    ResetPassword {
        /// The user.
        #[arg(default_value = "admin")]
        username: String,
        /// Remove the user's second factor, too.
        #[arg(long)]
        second_factor: bool,
    },
}

impl Admin {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        match self.what {
            AdminAction::Export { file } => export(places, connect, file.as_deref()).await,
            AdminAction::Plan { file, json } => {
                let text = read(&file)?;
                let mut client = connect.client(places).await?;
                let plan = ask(&mut client, text, None).await;
                client.close().await;
                let plan = plan?;
                show(&plan, &file, json)?;
                Ok(ExitCode::from(match () {
                    () if !plan.problems.is_empty() => 1,
                    () if plan.changes_in_all > 0 => 3,
                    () => 0,
                }))
            }
            AdminAction::Apply { file, yes, json } => {
                apply(places, connect, &file, yes, json).await
            }
            AdminAction::ResetPassword { username, second_factor } => {
                let show = |rescued: &Rescued| {
                    let mut out = io::stdout().lock();
                    writeln!(out, "user {}, password {}", rescued.username, rescued.password)?;
                    writeln!(out, "It must be changed at the first login.")?;
                    out.flush()
                };
                reset_password(&places.data()?, &username, second_factor, show).await?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

async fn export(
    places: &Places,
    connect: &Connect,
    file: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let mut client = connect.client(places).await?;
    let answer = client.ask(request::ExportConfiguration).await;
    client.close().await;
    let reply::ExportedConfiguration { file: text } = answer?;
    match file {
        None => output::print(|out| out.write_all(text.as_bytes())),
        Some(path) => {
            let mut new = NewFile::create(path)?;
            new.write_all(text.as_bytes())?;
            new.keep()?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn apply(
    places: &Places,
    connect: &Connect,
    file: &Path,
    yes: bool,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let text = read(file)?;
    // One login for both: a code of the second factor opens once.
    let mut client = connect.client(places).await?;
    let plan = ask(&mut client, text.clone(), None).await?;
    if !plan.problems.is_empty() {
        show(&plan, file, json)?;
        return Ok(ExitCode::FAILURE);
    }
    if plan.changes_in_all == 0 {
        show(&plan, file, json)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !yes {
        if json {
            // The standard output is for one object.
            let mut lines = Vec::new();
            write(&plan, &mut lines)?;
            output::say(String::from_utf8_lossy(&lines).trim_end());
        } else {
            show(&plan, file, false)?;
        }
        if !prompt::somebody_is_there() {
            bail!("nothing was changed: nobody is there to be asked; add --yes");
        }
        if !matches!(prompt::line("Apply it? (yes/no) ")?.trim(), "yes" | "y") {
            bail!("nothing was changed");
        }
    }
    let done = ask(&mut client, text, Some(plan.revision)).await;
    client.close().await;
    let done = done?;
    if json || yes {
        show(&done, file, json)?;
    } else {
        passwords(&done)?;
    }
    Ok(if done.applied { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plans a file; on top of a plan, applies it.
async fn ask(
    client: &mut Client,
    file: String,
    planned: Option<jumpdeck_protocol::Revision>,
) -> anyhow::Result<Plan> {
    let apply = planned.is_some();
    Ok(*client.ask(request::Configure { file, apply, planned }).await?)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let limit = limits::CONFIGURATION as u64 + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
        file.take(limit).read_to_end(&mut bytes).with_context(|| path.display().to_string())?;
    }
    if bytes.len() > limits::CONFIGURATION {
        bail!("a configuration has at most {} bytes", limits::CONFIGURATION);
    }
    String::from_utf8(bytes).with_context(|| format!("{} is no text", path.display()))
}

fn show(plan: &Plan, file: &Path, json: bool) -> anyhow::Result<()> {
    if !plan.problems.is_empty() && !json {
        for problem in &plan.problems {
            let at = if problem.field.is_empty() { "" } else { ": " };
            output::say(&format!(
                "{}:{}:{}: {}{at}{}",
                file.display(),
                problem.line,
                problem.column,
                clean(&problem.field),
                clean(&problem.what)
            ));
        }
        return Ok(());
    }
    output::print(|out| {
        if json {
            serde_json::to_writer(&mut *out, plan)?;
            return writeln!(out);
        }
        write(plan, out)
    })?;
    passwords(plan)
}

fn write(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    if plan.changes_in_all == 0 {
        return writeln!(out, "Nothing to change.");
    }
    for change in &plan.changes {
        writeln!(out, "{}", changed(change))?;
    }
    more(plan.changes_in_all, plan.changes.len(), "changes", out)?;
    if plan.effects_in_all == 0 {
        writeln!(out, "\nNobody's rights change; what a Jump Policy or the site says may.")?;
    } else {
        writeln!(out, "\nWho gains ({}) and who loses ({}):", plan.gain, plan.lose)?;
    }
    for effect in &plan.effects {
        writeln!(out, "  {}", effected(effect))?;
    }
    more(plan.effects_in_all, plan.effects.len(), "effects", out)?;
    for note in &plan.notes {
        writeln!(out, "Note: {}", clean(note))?;
    }
    if plan.applied { writeln!(out, "\nApplied.") } else { Ok(()) }
}

fn more(all: u64, told: usize, what: &str, out: &mut dyn Write) -> io::Result<()> {
    match all.saturating_sub(told as u64) {
        0 => Ok(()),
        more => writeln!(out, "  … and {more} more {what}"),
    }
}

fn changed(change: &Change) -> String {
    let (kind, name) = (clean(&change.kind), clean(&change.name));
    match &change.deed {
        PlannedChange::Added => format!("+ {kind} \"{name}\""),
        PlannedChange::Removed => format!("- {kind} \"{name}\""),
        PlannedChange::Changed(field, was, is) => {
            format!("~ {kind} \"{name}\" {}: {} → {}", clean(field), clean(was), clean(is))
        }
    }
}

/// When sessions may be started, where that is limited or has changed.
fn when(hours: &str, had: &str) -> String {
    let words = |hours: &str| match hours {
        "" => "at any time".to_owned(),
        hours => clean(hours).into_owned(),
    };
    match (hours == had, hours.is_empty() && had.is_empty()) {
        (_, true) => String::new(),
        (true, _) => format!(": {}", words(hours)),
        (false, _) if had.is_empty() => format!(": {}", words(hours)),
        (false, _) => format!(": {} (was {})", words(hours), words(had)),
    }
}

fn effected(effect: &Effect) -> String {
    let (user, place) = (clean(&effect.user), clean(&effect.place));
    match &effect.what {
        Effected::Setting(setting, was, is) => {
            format!("~ {user}, {}: {} → {}", clean(setting), clean(was), clean(is))
        }
        Effected::Session(permission, was, is) => {
            format!("~ {user} in {place}, {}: {} → {}", clean(permission), clean(was), clean(is))
        }
        Effected::Items { saw, sees, gains, loses, hours, had } => {
            let items = match effect.items {
                1 => "1 item".to_owned(),
                count => format!("{count} items"),
            };
            let place = format!("{place} ({items})");
            match (saw, sees) {
                (false, true) => {
                    format!("+ {user} sees {place}{}{}", list(", may ", *gains), when(hours, ""))
                }
                (true, false) => {
                    format!("- {user} sees {place} no more{}", list("; could ", *loses))
                }
                _ => {
                    format!(
                        "~ {user} in {place}{}{}",
                        list(" may now ", *gains),
                        list(" may no more ", *loses)
                    ) + &when(hours, had)
                }
            }
        }
    }
}

fn list(before: &str, permissions: Permissions) -> String {
    if permissions.is_empty() {
        return String::new();
    }
    let titles: Vec<_> = permissions.iter().map(Permission::title).collect();
    format!("{before}{}", titles.join(", "))
}

/// The first passwords of users that were made. Shown this once.
fn passwords(plan: &Plan) -> anyhow::Result<()> {
    if plan.passwords.is_empty() {
        return Ok(());
    }
    output::print(|out| {
        writeln!(out, "\nThis is shown once. First passwords, to be changed at the first login:")?;
        plan.passwords.iter().try_for_each(|user| {
            writeln!(out, "  user {}, password {}", clean(&user.username), user.password)
        })
    })?;
    Ok(())
}

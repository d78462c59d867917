//! `jumpdeck installer`: what a new machine enrols with.

use super::connect::Connect;
use super::output;
use crate::link::{Client, ClientError};
use crate::runtime::dirs::Places;
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};
use jumpdeck_console::core::form::time_text;
use jumpdeck_protocol::InstallerId;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{Installer as Made, InstallerRequest, InstallerView};
use jumpdeck_protocol::text::clean;
use serde::Serialize;
use std::process::ExitCode;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct InstallerVerb {
    #[command(subcommand)]
    what: Option<InstallerAction>,
    /// The Jump Group the machine comes to; created if there is none [default: the personal list]
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// How long the installer can be used: 10m to 365d.
    #[arg(long, default_value = "1d", value_name = "TIME", value_parser = seconds)]
    valid: u64,
}

#[derive(Subcommand, Debug)]
enum InstallerAction {
    /// List the installer keys that can be used: yours; for an administrator, all.
    Ls {
        /// Print one JSON object per line.
        #[arg(long)]
        json: bool,
    },
    /// Revoke installer keys. Machines that enrolled with them stay.
    Rm {
        /// Their numbers.
        #[arg(required = true)]
        numbers: Vec<u64>,
    },
}

/// A key as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct InstallerRow<'a> {
    id: u64,
    group: &'a str,
    made_by: &'a str,
    /// Seconds since 1970.
    made: i64,
    /// Seconds since 1970.
    expires: i64,
    /// Whether machines can still enrol with it.
    good: bool,
}

impl InstallerVerb {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let mut client = connect.client(places).await?;
        let outcome = match self.what {
            None => {
                let request = request::CreateInstaller { group: self.group, valid: self.valid };
                create(&mut client, request, &connect.appliance_url(places)?).await
            }
            Some(InstallerAction::Ls { json }) => {
                let installers = ask(&mut client, InstallerRequest::List).await;
                installers.and_then(|installers| print(&installers, json))
            }
            Some(InstallerAction::Rm { numbers }) => revoke(&mut client, &numbers).await,
        };
        client.close().await;
        outcome
    }
}

async fn create(
    client: &mut Client,
    request: request::CreateInstaller,
    url: &str,
) -> anyhow::Result<ExitCode> {
    let installer = client.ask(request).await?;
    output::print(|out| write!(out, "{}", line(&installer, url)))
}

async fn ask(client: &mut Client, wish: InstallerRequest) -> anyhow::Result<Vec<InstallerView>> {
    Ok(client.ask(wish).await?.installers)
}

/// Each for itself: one that is not there does not keep the others.
async fn revoke(client: &mut Client, numbers: &[u64]) -> anyhow::Result<ExitCode> {
    let mut status = ExitCode::SUCCESS;
    for number in numbers {
        let wish = InstallerRequest::Remove { installer: InstallerId(*number) };
        match client.ask(wish).await {
            Ok(_) => output::say(&format!("Installer key {number} is revoked.")),
            Err(ClientError::Refused(refusal)) => {
                output::say(&format!("jumpdeck: {refusal}"));
                status = ExitCode::FAILURE;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(status)
}

fn print(installers: &[InstallerView], json: bool) -> anyhow::Result<ExitCode> {
    let zone = TimeZone::system();
    output::print(|out| {
        if json {
            return installers.iter().try_for_each(|view| {
                let entry = InstallerRow {
                    id: view.id.0,
                    group: &view.place,
                    made_by: &view.maker,
                    made: view.made.0,
                    expires: view.expires.0,
                    good: view.good,
                };
                serde_json::to_writer(&mut *out, &entry)?;
                writeln!(out)
            });
        }
        let row = |view: &InstallerView| {
            let maker = if view.maker.is_empty() { "the appliance" } else { &view.maker };
            let state = if view.good { "" } else { "its maker may not add machines any more" };
            let expires = time_text(view.expires, &zone);
            [
                view.id.0.to_string(),
                clean(&view.place).into(),
                clean(maker).into(),
                expires,
                state.into(),
            ]
        };
        let rows: Vec<_> = installers.iter().map(row).collect();
        output::table(["NUMBER", "GROUP", "MADE BY", "EXPIRES", ""], &rows, out)
    })
}

/// What to run on the new machine. The key is in the environment, not among the arguments that
/// every user of that machine can see.
pub(super) fn line(installer: &Made, url: &str) -> String {
    let until = Timestamp::from_second(installer.expires.0).map(|t| t.to_string());
    format!(
        "# Installer {}. On the new machine; good until {} for the group {}:\n\
         JUMPDECK_INSTALLER_KEY={} jumpdeck-agent run --appliance {url} --fingerprint {}\n",
        installer.id,
        until.unwrap_or_default(),
        installer.group,
        installer.key,
        installer.fingerprint,
    )
}

/// Reads a time like `10m`, `12h`, `30d`.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || "times look like 10m, 12h, 30d".to_owned();
    let span: Span = text.parse().map_err(|_| wrong())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    u64::try_from(duration.as_secs()).map_err(|_| wrong())
}

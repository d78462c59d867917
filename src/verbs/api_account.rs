//! `jumpdeck api-account`: programs that use the HTTP API.

use super::connect::Connect;
use super::{installer, output};
use crate::runtime::dirs::Places;
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use jumpdeck_console::core::form::time_text;
use jumpdeck_protocol::rep::{ApiAccountRequest, ApiAccountView, ApiScope};
use serde::Serialize;
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct ApiAccountVerb {
    #[command(subcommand)]
    what: ApiAccountAction,
}

#[derive(Subcommand, Debug)]
enum ApiAccountAction {
    /// List the accounts.
    Ls {
        /// Print one JSON object per line.
        #[arg(long)]
        json: bool,
    },
    /// Make an account, and print its token this once.
    Add {
        /// Its name: 1 to 64 letters, digits and . _ - @.
        name: String,
        /// What it may do: items:read, sessions:read. May be given several times.
        #[arg(long = "scope", required = true)]
        scopes: Vec<ApiScope>,
        /// How long its token is good: 1h to 3650d.
        #[arg(long, default_value = "365d", value_name = "TIME", value_parser = installer::seconds)]
        valid: u64,
    },
    /// Remove an account; its token opens nothing any more.
    Rm {
        /// Its name.
        name: String,
    },
}

/// An account as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct AccountRow<'a> {
    name: &'a str,
    scopes: Vec<&'static str>,
    /// Seconds since 1970.
    made: i64,
    /// Seconds since 1970.
    expires: i64,
}

impl<'a> AccountRow<'a> {
    fn of(view: &'a ApiAccountView) -> Self {
        Self {
            name: &view.name,
            scopes: view.scopes.iter().map(|scope| scope.as_str()).collect(),
            made: view.made.0,
            expires: view.expires.0,
        }
    }
}

impl ApiAccountVerb {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let (wish, json) = match self.what {
            ApiAccountAction::Ls { json } => (ApiAccountRequest::List, Some(json)),
            ApiAccountAction::Add { name, scopes, valid } => {
                (ApiAccountRequest::Add { name: name.into(), scopes, valid }, None)
            }
            ApiAccountAction::Rm { name } => {
                (ApiAccountRequest::Remove { name: name.into() }, None)
            }
        };
        let mut client = connect.client(places).await?;
        let answer = client.ask(wish).await;
        client.close().await;
        let answer = answer?;
        if let Some(token) = &answer.token {
            output::say("This is shown once. Send it as Authorization: Bearer TOKEN.");
            return output::print(|out| writeln!(out, "{}", token.0));
        }
        let Some(json) = json else {
            output::say("The account is gone; its token opens nothing any more.");
            return Ok(ExitCode::SUCCESS);
        };
        let zone = TimeZone::system();
        output::print(|out| {
            if json {
                return answer.accounts.iter().try_for_each(|view| {
                    serde_json::to_writer(&mut *out, &AccountRow::of(view))?;
                    writeln!(out)
                });
            }
            let row = |view: &ApiAccountView| {
                let scopes = AccountRow::of(view).scopes.join(" ");
                [view.name.to_string(), scopes, time_text(view.expires, &zone)]
            };
            let rows: Vec<_> = answer.accounts.iter().map(row).collect();
            output::table(["NAME", "SCOPES", "EXPIRES"], &rows, out)
        })
    }
}

//! `jumpdeck user`: who may log in.

use super::connect::Connect;
use super::output;
use crate::runtime::dirs::Places;
use clap::{Args, Subcommand};
use jumpdeck_protocol::rep::request;
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct UserVerb {
    #[command(subcommand)]
    what: UserAction,
}

#[derive(Subcommand, Debug)]
enum UserAction {
    /// Make a user who may have sessions with every item, and print the first password this once.
    /// An administrator's file (`jumpdeck admin`) says more exactly what a user may do.
    Add {
        /// The user name, 1 to 64 characters.
        name: String,
    },
    /// Give a user another first password, and print it this once.
    Reset {
        /// The user name.
        name: String,
        /// Take the second factor away, too.
        #[arg(long)]
        second_factor: bool,
    },
}

impl UserVerb {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let new = matches!(self.what, UserAction::Add { .. });
        let mut client = connect.client(places).await?;
        let answer = match self.what {
            UserAction::Add { name } => client.ask(request::AddUser { username: name }).await,
            UserAction::Reset { name, second_factor } => {
                client.ask(request::ResetUser { username: name, second_factor }).await
            }
        };
        client.close().await;
        let user = answer?;
        if new {
            output::say(
                "The user may have sessions with every item; `jumpdeck admin` says it more exactly.",
            );
        }
        output::print(|out| {
            writeln!(out, "user      {}", user.username)?;
            writeln!(out, "password  {}", user.password)
        })
    }
}

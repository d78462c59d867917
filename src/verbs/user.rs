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
    /// Create a user who can jump to every item, and print the first password once.
    /// `jumpdeck admin` sets the rights in detail.
    Add {
        /// The user name, 1 to 64 characters.
        name: String,
    },
    /// Reset a password, and print the new first password once.
    Reset {
        /// The user name.
        name: String,
        /// Remove the second factor too.
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

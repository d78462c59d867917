//! `jumpdeck user`: who may log in.

use super::connect::Connect;
use super::output;
use crate::runtime::dirs::Places;
use anyhow::bail;
use clap::{Args, Subcommand};
use jumpdeck_protocol::rep::{RepReply, RepRequest};
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct User {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
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

impl User {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let request = match self.what {
            What::Add { name } => RepRequest::AddUser { username: name },
            What::Reset { name, second_factor } => {
                RepRequest::ResetUser { username: name, second_factor }
            }
        };
        let new = matches!(request, RepRequest::AddUser { .. });
        let mut client = connect.client(places).await?;
        let answer = client.ask(request).await?;
        client.close().await;
        let RepReply::UserAdded(user) = answer else {
            bail!("the appliance gave an answer that does not fit the question");
        };
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

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
    /// Make a user, and print the password this once.
    Add {
        /// The user name, 1 to 64 characters.
        name: String,
    },
}

impl User {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let What::Add { name } = self.what;
        let mut client = connect.client(places).await?;
        let answer = client.ask(RepRequest::AddUser { username: name }).await?;
        client.close().await;
        let RepReply::UserAdded(user) = answer else {
            bail!("the appliance gave an answer that does not fit the question");
        };
        output::print(|out| {
            writeln!(out, "user      {}", user.username)?;
            writeln!(out, "password  {}", user.password)
        })
    }
}

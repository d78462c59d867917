//! `jumpdeck team`: who works together, and with which rank.

use super::connect::Connect;
use super::output;
use crate::link::Client;
use crate::runtime::dirs::Places;
use clap::{Args, Subcommand};
use jumpdeck_protocol::queue::{Rank, TeamView};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use serde::Serialize;
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct TeamVerb {
    #[command(subcommand)]
    what: TeamAction,
}

#[derive(Subcommand, Debug)]
enum TeamAction {
    /// List the teams: yours, or all of them for the first user.
    Ls {
        /// Print one JSON object per line.
        #[arg(long)]
        json: bool,
    },
    /// Create a team or replace its members.
    Set {
        /// Its name.
        name: String,
        /// Who is in it: a user name, or with a rank, as alice:manager (member, lead, manager).
        #[arg(required = true, value_name = "USER[:RANK]", value_parser = read)]
        members: Vec<(String, Rank)>,
    },
    /// Remove a team.
    Rm {
        /// Its name.
        name: String,
    },
}

/// A member as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct Member<'a> {
    team: &'a str,
    user: &'a str,
    rank: &'a str,
}

impl TeamVerb {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let mut client = connect.client(places).await?;
        let outcome = match self.what {
            TeamAction::Ls { json } => match client.ask(request::Teams).await {
                Ok(reply::TeamList { teams }) => list(&teams, json),
                Err(error) => Err(error.into()),
            },
            TeamAction::Rm { name } => set(&mut client, name, Vec::new()).await,
            TeamAction::Set { name, members } => set(&mut client, name, members).await,
        };
        client.close().await;
        outcome
    }
}

async fn set(
    client: &mut Client,
    name: String,
    members: Vec<(String, Rank)>,
) -> anyhow::Result<ExitCode> {
    client.ask(request::SetTeam { name, members }).await?;
    Ok(ExitCode::SUCCESS)
}

/// A member and a rank, as they are typed.
fn read(member: &str) -> Result<(String, Rank), String> {
    let Some((user, rank)) = member.rsplit_once(':') else {
        return Ok((member.to_owned(), Rank::Member));
    };
    let rank = Rank::named(rank).ok_or("a rank is member, lead or manager")?;
    Ok((user.to_owned(), rank))
}

fn list(teams: &[TeamView], json: bool) -> anyhow::Result<ExitCode> {
    let members = teams.iter().flat_map(|team| {
        let of = |(user, rank): &(Box<str>, Rank)| (team.name.clone(), user.clone(), rank.word());
        team.members.iter().map(of).collect::<Vec<_>>()
    });
    output::print(|out| {
        if json {
            for (team, user, rank) in members {
                let member = Member { team: &team, user: &user, rank };
                writeln!(out, "{}", serde_json::to_string(&member)?)?;
            }
            return Ok(());
        }
        let clean = |text: &str| jumpdeck_protocol::text::clean(text).into_owned();
        let row = |(team, user, rank): (Box<str>, Box<str>, &str)| {
            [clean(&team), clean(&user), rank.to_owned()]
        };
        let rows: Vec<_> = members.map(row).collect();
        output::table(["TEAM", "USER", "RANK"], &rows, out)
    })
}

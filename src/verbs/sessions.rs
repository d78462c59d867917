//! `jumpdeck sessions`, `attach` and `end`: what goes on, and coming back to it.

use super::context::VerbContext;
use super::escape::EscapeKey;
use super::jump::stay;
use super::output;
use super::status::VerbStatus;
use super::transfer::RunningProgram;
use crate::link::ClientError;
use anyhow::bail;
use clap::Args;
use jumpdeck_protocol::SessionId;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::{Part, SessionView};
use jumpdeck_protocol::text::clean;
use serde::Serialize;

#[derive(Args, Debug)]
pub(crate) struct SessionsVerb {
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Attach {
    #[command(flatten)]
    escape: EscapeKey,
    /// The session: its number, or the name of its machine.
    session: String,
}

#[derive(Args, Debug)]
pub(crate) struct End {
    /// The sessions: a number, or the name of a machine.
    #[arg(required = true)]
    sessions: Vec<String>,
    /// Print one JSON object per line: what came of each.
    #[arg(long)]
    json: bool,
}

/// What came of an end, as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct EndReport<'a> {
    session: u64,
    name: &'a str,
    ended: bool,
    /// Why it goes on.
    error: Option<&'a str>,
}

/// A session as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct SessionLine<'a> {
    session: u64,
    item: u64,
    name: &'a str,
    /// Seconds since 1970.
    started: i64,
    owner: &'a str,
    /// `owner`, `participant` or `observer`.
    part: &'static str,
    shells: usize,
    /// Who has a console in it at this moment.
    here: Vec<&'a str>,
}

impl SessionsVerb {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let mut client = context.client().await?;
        let user = client.welcome.user;
        let sessions = client.fetch_sessions().await?.to_vec();
        client.close().await;
        let entry = |view| SessionLine::of(view, user);
        let person = context.io.is_terminal();
        let print = context.io.print(|out| {
            let entries = sessions.iter().map(entry);
            if self.json {
                for entry in entries {
                    serde_json::to_writer(&mut *out, &entry)?;
                    writeln!(out)?;
                }
                return Ok(());
            }
            let rows: Vec<_> = entries.map(|entry| entry.row()).collect();
            let headings = ["SESSION", "NAME", "OWNER", "SHELLS", "STARTED", "HERE"];
            output::table_for(person, headings, &rows, out)
        });
        print.await
    }
}

impl<'a> SessionLine<'a> {
    fn of(view: &'a SessionView, user: jumpdeck_protocol::UserId) -> Self {
        let find = |wanted| view.participants.iter().find(|one| one.user == wanted);
        let part = match find(user).map(|one| one.part) {
            Some(Part::Owner) => "owner",
            Some(Part::Participant) => "participant",
            Some(Part::Observer) | None => "observer",
        };
        let here = view.participants.iter().filter(|one| one.here);
        Self {
            session: view.id.0,
            item: view.item.0,
            name: &view.item_name,
            started: view.started.0,
            owner: find(view.owner).map_or("", |one| &*one.name),
            part,
            shells: view.channels.iter().filter(|channel| channel.family.nature().terminal).count(),
            here: here.map(|one| &*one.name).collect(),
        }
    }

    fn row(&self) -> [String; 6] {
        let started = jiff::Timestamp::from_second(self.started).unwrap_or_default();
        let started = started.to_zoned(jiff::tz::TimeZone::system());
        [
            self.session.to_string(),
            clean(self.name).into_owned(),
            clean(self.owner).into_owned(),
            self.shells.to_string(),
            started.strftime("%Y-%m-%d %H:%M").to_string(),
            clean(&self.here.join(", ")).into_owned(),
        ]
    }
}

/// The one session that is meant: by its number, or by its machine's name in any case.
fn one<'s>(sessions: &'s [SessionView], wanted: &str) -> anyhow::Result<&'s SessionView> {
    let number = wanted.strip_prefix('#').unwrap_or(wanted).parse().ok().map(SessionId);
    if let Some(found) = sessions.iter().find(|view| Some(view.id) == number) {
        return Ok(found);
    }
    // A name as it is written comes before one in other letters.
    let lower = wanted.to_lowercase();
    let exactly = |view: &&SessionView| &*view.item_name == wanted;
    let named = |view: &&SessionView| view.item_name.to_lowercase() == lower;
    let mut fitting: Vec<_> = sessions.iter().filter(exactly).collect();
    if fitting.is_empty() {
        fitting = sessions.iter().filter(named).collect();
    }
    match fitting.as_slice() {
        [] => bail!("no session of yours is {wanted:?}; `jumpdeck sessions` lists them"),
        [only] => Ok(only),
        several => {
            let numbers: Vec<_> = several.iter().map(|view| view.id.to_string()).collect();
            bail!("{wanted:?} has several sessions: {}", numbers.join(", "))
        }
    }
}

impl Attach {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let escape = self.escape.watch(context).await?;
        let mut client = context.client().await?;
        let view = one(client.fetch_sessions().await?, &self.session)?.clone();
        let Some(channel) =
            view.channels.iter().find(|channel| channel.family.nature().terminal).cloned()
        else {
            let name = clean(&view.item_name);
            bail!("the session with {name} has no shell; `jumpdeck jump` opens one");
        };
        let program = RunningProgram::of(client, view, &channel);
        program.resize(context.io.size());
        stay(program, escape, context).await
    }
}

impl End {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let mut client = context.client().await?;
        let sessions = client.fetch_sessions().await?.to_vec();
        let meant = self.sessions.iter().map(|wanted| one(&sessions, wanted));
        let meant = meant.collect::<anyhow::Result<Vec<_>>>()?;
        let mut status = VerbStatus::DONE;
        for view in meant {
            let (session, name) = (view.id, clean(&view.item_name));
            let error = match client.ask(request::EndSession { session }).await {
                Ok(()) => None,
                Err(ClientError::Refused(refusal)) => {
                    status = VerbStatus::FAILED;
                    Some(refusal.to_string())
                }
                Err(error) => return Err(error.into()),
            };
            let error = error.as_deref();
            if self.json {
                let (session, ended) = (session.0, error.is_none());
                let line =
                    serde_json::to_string(&EndReport { session, name: &name, ended, error })?;
                context.io.print(|out| writeln!(out, "{line}")).await?;
                continue;
            }
            let words = match error {
                None => format!("The session with {name} is over."),
                Some(why) => format!("jumpdeck: {name}: {why}"),
            };
            context.io.say(&words).await;
        }
        client.close().await;
        Ok(status)
    }
}

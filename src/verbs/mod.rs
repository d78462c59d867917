//! What `jumpdeck` does from the command line: the console itself, and single things in lines.
//!
//! Exit status: 0 done, 1 not done, 2 wrong usage; `exec`, `jump` and `attach` pass on the remote
//! status and use 255 for a failure of our own, as `ssh` does.

mod absence;
mod account;
mod admin;
mod ahead;
mod alone;
mod answers;
mod api_account;
mod audit;
mod completions;
mod connect;
mod console;
pub(crate) mod context;
mod demo;
mod escape;
mod exec;
mod explain;
pub mod help;
mod history;
mod installer;
mod integrate;
mod jump;
mod log;
mod ls;
mod many;
pub(crate) mod outlet;
mod output;
mod overriding;
mod plain;
mod play;
mod recordings;
pub(crate) mod remote;
mod removed;
mod script;
mod select;
mod serve;
mod session_key;
mod sessions;
mod show;
mod simulate;
mod ssh_config;
mod ssh_key;
pub(crate) mod status;
pub(crate) mod stdio;
mod stop;
mod targets;
mod team;
mod transfer;
mod tunnel;
mod user;
mod wake;

pub(crate) use account::settle;

use crate::runtime::demo as demo_fleet;
use crate::runtime::dirs::Places;
use crate::runtime::{embedded, logging};
use clap::{FromArgMatches, Parser, Subcommand};
use connect::Connect;
use context::VerbContext;
use jumpdeck_link::why;
use jumpdeck_protocol::journal::Journal;
use status::VerbStatus;
use std::process::ExitCode;
use stdio::Stdio;

/// A remote-support console for the terminal, with its appliance built in.
///
/// Without a verb it opens the console.
#[derive(Parser, Debug)]
#[command(name = "jumpdeck", version)]
pub struct Cli {
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    script: script::RunScript,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// The verbs that work with an appliance alone, and with no files: also for anyone who comes by SSH.
#[derive(Subcommand, Debug)]
pub(crate) enum SharedVerb {
    /// List items, one per line.
    Ls(ls::Ls),
    /// Show everything about an item.
    Show(show::Show),
    /// Run a command on machines; input, output, errors and status pass through.
    Exec(exec::Exec),
    /// Open a shell on a machine in this terminal, as ssh does.
    Jump(jump::JumpVerb),
    /// Wake machines by Wake-on-LAN.
    Wake(wake::WakeVerb),
    /// List your sessions.
    Sessions(sessions::SessionsVerb),
    /// Return to a session's shell in this terminal.
    Attach(sessions::Attach),
    /// End sessions.
    End(sessions::End),
    /// Connect standard input and output to a port of a machine.
    Tunnel(tunnel::Tunnel),
    /// Print an ssh configuration that reaches machines through tunnels.
    SshConfig(ssh_config::SshConfig),
    /// Open a prompt for these verbs: for screen readers and tiny terminals.
    Plain(plain::Plain),
    /// Print a session's log.
    Log(log::LogVerb),
    /// List past sessions: who, with what, when, and what was run.
    History(history::HistoryVerb),
    /// Explain who can do what with an item, and why.
    Explain(explain::Explain),
    /// Show what a session would allow, and which session policy decides.
    Simulate(simulate::Simulate),
    /// Create a session key for a machine without a Jump Client.
    SessionKey(session_key::SessionKeyVerb),
    /// Change your password.
    Passwd(account::Passwd),
    /// Set up or remove your second factor.
    SecondFactor(account::SecondFactorVerb),
    /// List, add or remove the public keys for SSH access.
    #[command(name = "ssh-key")]
    SshKeys(ssh_key::SshKeyVerb),
}

impl SharedVerb {
    /// Does it, for `exec` and `jump` with the statuses that `ssh` has.
    pub(crate) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        context.io.catch_up();
        // These hear for themselves what interrupts them, and end what they started.
        match self {
            Self::Exec(exec) => Ok(own_failure(exec.run(context).await, &context.io).await),
            Self::Jump(jump) => Ok(own_failure(jump.run(context).await, &context.io).await),
            Self::Attach(attach) => Ok(own_failure(attach.run(context).await, &context.io).await),
            Self::Tunnel(tunnel) => Ok(own_failure(tunnel.run(context).await, &context.io).await),
            Self::Plain(plain) => Box::pin(plain.run(context)).await,
            brief => {
                let interrupted = context.io.interrupted();
                tokio::select! {
                    outcome = brief.run_brief(context) => outcome,
                    () = interrupted => Ok(VerbStatus::by_signal(2)),
                }
            }
        }
    }

    /// One that can be dropped at any moment.
    async fn run_brief(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        match self {
            Self::Exec(_) | Self::Jump(_) | Self::Attach(_) | Self::Tunnel(_) | Self::Plain(_) => {
                Ok(VerbStatus::DONE)
            }
            Self::SshConfig(config) => config.run(context).await,
            Self::Ls(ls) => ls.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Wake(wake) => wake.run(context).await,
            Self::Sessions(sessions) => sessions.run(context).await,
            Self::End(end) => end.run(context).await,
            Self::Log(log) => log.run(context).await,
            Self::History(history) => history.run(context).await,
            Self::Explain(explain) => explain.run(context).await,
            Self::Simulate(simulate) => simulate.run(context).await,
            Self::SessionKey(key) => key.run(context).await,
            Self::Passwd(passwd) => passwd.run(context).await,
            Self::SecondFactor(factor) => factor.run(context).await,
            Self::SshKeys(keys) => keys.run(context).await,
        }
    }
}

/// `exec` and `jump` keep the remote statuses free for the remote side.
async fn own_failure(outcome: anyhow::Result<VerbStatus>, io: &Stdio) -> VerbStatus {
    match outcome {
        Ok(status) => status,
        Err(error) => {
            io.say(&format!("jumpdeck: {}", why::told(error.as_ref()))).await;
            VerbStatus::OWN
        }
    }
}

#[derive(Subcommand, Debug)]
enum Verb {
    #[command(flatten)]
    Shared(SharedVerb),
    /// Replay a session in this terminal, or watch one that is open from its beginning.
    Play(play::Play),
    /// List and export recordings of sessions.
    Recordings(recordings::RecordingsVerb),
    /// Export, plan and apply the configuration file.
    Admin(admin::Admin),
    /// List, export and verify the audit log.
    Audit(audit::AuditVerb),
    /// Create users and reset passwords.
    User(user::UserVerb),
    /// List, create and remove accounts for the HTTP API.
    ApiAccount(api_account::ApiAccountVerb),
    /// Save a login on this device.
    Login(account::LoginVerb),
    /// Delete a saved login.
    Logout(account::Logout),
    /// List, create and change teams.
    Team(team::TeamVerb),
    /// Create, list and revoke installer keys, which enrol machines.
    Installer(installer::InstallerVerb),
    /// List items that were removed because their machine was away too long.
    Removed(removed::RemovedVerb),
    /// Restore removed items.
    TakeBack(removed::TakeBack),
    /// Try jumpdeck with simulated machines.
    Demo(demo::Demo),
    /// Run an appliance for many users, in the foreground.
    Serve(serve::Serve),
    /// Stop this machine's own appliance, its sessions and its agent.
    Stop(stop::Stop),
    /// Open Representative Console Scripts (*.brcs) with jumpdeck on this desktop.
    Integrate(integrate::Integrate),
    /// Generate shell completions.
    Completions(completions::Completions),
    /// Write the manual pages.
    Man(completions::Manual),
    #[command(hide = true, name = embedded::APPLIANCE_VERB)]
    EmbeddedAppliance,
    #[command(hide = true, name = embedded::AGENT_VERB)]
    LocalAgent,
    #[command(hide = true, name = demo_fleet::FLEET_VERB)]
    SimulatedFleet,
}

impl Cli {
    /// Reads the command line of this process.
    ///
    /// # Errors
    /// When it is not one of ours, or asks for help.
    pub fn read() -> Result<Self, clap::Error> {
        Self::from_arg_matches(&help::command().try_get_matches()?)
    }

    /// Does what was asked for.
    ///
    /// # Errors
    /// What kept it from being done; exit status 1.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        if matches!(self.verb, Some(Verb::EmbeddedAppliance | Verb::LocalAgent | Verb::Serve(_))) {
            // These outlive the one who started them, and what that had open is not theirs.
            jumpdeck_agent::close_descriptors();
        }
        let journal = self.start_log()?;
        let runtime = self.runtime()?;
        let outcome = runtime.block_on(self.dispatch());
        // A thread that still reads the standard input must not hold up the end.
        runtime.shutdown_background();
        if let Some(journal) = journal {
            journal.settle();
        }
        outcome
    }

    fn start_log(&self) -> anyhow::Result<Option<Journal>> {
        match (&self.verb, &self.places.log) {
            (_, Some(path)) => logging::to_file(path).map(Some),
            (Some(Verb::EmbeddedAppliance | Verb::LocalAgent), None) => {
                embedded::log_in_background().map(Some)
            }
            (Some(Verb::Serve(_)), None) => logging::to_stderr().map(Some),
            _ => Ok(None),
        }
    }

    /// An appliance for many uses all processors; for one user, one thread answers soonest.
    fn runtime(&self) -> std::io::Result<tokio::runtime::Runtime> {
        match self.verb {
            Some(Verb::Serve(_)) => {
                tokio::runtime::Builder::new_multi_thread().enable_all().build()
            }
            _ => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        }
    }

    async fn dispatch(self) -> anyhow::Result<ExitCode> {
        let Self { places, connect, script, verb } = self;
        if verb.is_some() && script.is_given() {
            output::say("jumpdeck: a script opens the console; leave the verb out");
            return Ok(ExitCode::from(2));
        }
        match verb {
            None => script.run(&places, connect).await,
            Some(Verb::Shared(verb)) => {
                Ok(verb.run(&mut VerbContext::own(places, connect)).await?.into())
            }
            Some(Verb::Play(play)) => play.run(&places, &connect).await,
            Some(Verb::Recordings(recordings)) => recordings.run(&places, &connect).await,
            Some(Verb::Admin(admin)) => admin.run(&places, &connect).await,
            Some(Verb::Audit(audit)) => audit.run(&places, &connect).await,
            Some(Verb::User(user)) => user.run(&places, &connect).await,
            Some(Verb::ApiAccount(account)) => account.run(&places, &connect).await,
            Some(Verb::Login(login)) => login.run(&places, &connect).await,
            Some(Verb::Logout(logout)) => logout.run(&places, &connect).await,
            Some(Verb::Team(team)) => team.run(&places, &connect).await,
            Some(Verb::Installer(installer)) => installer.run(&places, &connect).await,
            Some(Verb::Removed(removed)) => removed.run(&places, &connect).await,
            Some(Verb::TakeBack(back)) => back.run(&places, &connect).await,
            Some(Verb::Demo(demo)) => demo.run(&places).await,
            Some(Verb::Serve(serve)) => serve.run(&places).await,
            Some(Verb::Stop(stop)) => stop::run(&stop, &places).await,
            Some(Verb::Integrate(integrate)) => integrate.run(&connect),
            Some(Verb::Completions(completions)) => completions.run(),
            Some(Verb::Man(manual)) => manual.run(),
            Some(Verb::EmbeddedAppliance) => {
                embedded::appliance(places.data()?).await?;
                Ok(ExitCode::SUCCESS)
            }
            Some(Verb::LocalAgent) => {
                embedded::local_agent(places.data()?).await?;
                Ok(ExitCode::SUCCESS)
            }
            Some(Verb::SimulatedFleet) => demo_fleet::part().await.map(|()| ExitCode::SUCCESS),
        }
    }
}

//! What `jumpdeck` does from the command line: the console itself, and single things in lines.
//!
//! Exit status: 0 done, 1 not done, 2 wrong usage; `exec`, `jump` and `attach` pass on the remote
//! status and use 255 for a failure of our own, as `ssh` does.

mod absence;
mod account;
mod admin;
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
use clap::{Parser, Subcommand};
use connect::Connect;
use context::VerbContext;
use jumpdeck_link::why;
use jumpdeck_protocol::journal::Journal;
use status::VerbStatus;
use std::process::ExitCode;
use stdio::Stdio;

/// A remote-support console for the terminal, with its appliance built in.
///
/// Without a verb it opens the console on this machine's own appliance, and starts that if need
/// be.
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
    /// List the items that match, one a line.
    Ls(ls::Ls),
    /// Show all that is known of an item.
    Show(show::Show),
    /// Run a command on machines; input, output, errors and status are passed through.
    Exec(exec::Exec),
    /// Open a shell on a machine in this terminal, as ssh does.
    Jump(jump::JumpVerb),
    /// Wake machines by Wake-on-LAN.
    Wake(wake::WakeVerb),
    /// List the sessions you take part in.
    Sessions(sessions::SessionsVerb),
    /// Come back to a session's shell in this terminal.
    Attach(sessions::Attach),
    /// End sessions.
    End(sessions::End),
    /// Connect the standard input and output with a port of a machine.
    Tunnel(tunnel::Tunnel),
    /// Print what lets plain ssh reach the sshd of items, through tunnels.
    SshConfig(ssh_config::SshConfig),
    /// A prompt that takes these verbs, a line each: for screen readers and tiny terminals.
    Plain(plain::Plain),
    /// Print a session's log.
    Log(log::LogVerb),
    /// Say why somebody may do something with an item, or who may.
    Explain(explain::Explain),
    /// Say what a session would grant, and which layer of session policies says so.
    Simulate(simulate::Simulate),
    /// Make a key by which a machine joins for one session, and print the line to type there.
    SessionKey(session_key::SessionKeyVerb),
    /// Change your password.
    Passwd(account::Passwd),
    /// Set up or remove your second factor.
    SecondFactor(account::SecondFactorVerb),
    /// List, add or remove the public keys that open the SSH front door.
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
    /// List and export the recordings of sessions.
    Recordings(recordings::RecordingsVerb),
    /// Write, plan and apply the configuration as a file: who may do what, when.
    Admin(admin::Admin),
    /// List, export and verify what was done that has consequences.
    Audit(audit::AuditVerb),
    /// Make users, and reset their passwords.
    User(user::UserVerb),
    /// List, make and remove the accounts of programs that use the HTTP API.
    ApiAccount(api_account::ApiAccountVerb),
    /// Keep a login on this device, so that no password is asked for.
    Login(account::LoginVerb),
    /// End a login that is kept.
    Logout(account::Logout),
    /// List, make and change teams.
    Team(team::TeamVerb),
    /// Create an installer key and print the line that enrols a machine; list and revoke keys.
    Installer(installer::InstallerVerb),
    /// List the items that were removed because their machine was away for too long.
    Removed(removed::RemovedVerb),
    /// Take such items back; their agents link again by themselves.
    TakeBack(removed::TakeBack),
    /// Open a throw-away appliance with simulated machines.
    Demo(demo::Demo),
    /// Be an appliance for many, in the foreground.
    Serve(serve::Serve),
    /// End this machine's own appliance, its sessions and its agent.
    Stop(stop::Stop),
    /// Have the desktop open Representative Console Scripts (*.brcs) with jumpdeck.
    Integrate(integrate::Integrate),
    /// Print what completes this program's words in a shell.
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

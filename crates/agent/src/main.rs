//! `jumpdeck-agent`: a Jump Client for an endpoint.

mod verbs;

use clap::{Parser, Subcommand};
use jumpdeck_link::why;
use std::io::Write;
use std::process::ExitCode;
use verbs::{join::Join, run::AgentRun, uninstall::Uninstall};

/// Keeps this machine reachable through a jumpdeck appliance, or lets a technician in once.
#[derive(Parser)]
#[command(version, about)]
struct AgentCli {
    #[command(subcommand)]
    verb: AgentVerb,
}

#[derive(Subcommand)]
enum AgentVerb {
    /// Enrol this machine if it is new, then keep the link to the appliance.
    Run(Box<AgentRun>),
    /// Let a technician in for one session, with the key they gave you.
    Join(Join),
    /// Undo an installation: the service, the key and the program's copy.
    Uninstall(Uninstall),
}

fn main() -> ExitCode {
    jumpdeck_agent::close_descriptors();
    let cli = match AgentCli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return why::usage("jumpdeck-agent", error.print(), error.exit_code()),
    };
    let outcome = match cli.verb {
        AgentVerb::Run(run) => run.start(),
        AgentVerb::Join(join) => join.start(),
        AgentVerb::Uninstall(uninstall) => uninstall.start(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whose terminal is gone reads nothing any more.
            let _ = writeln!(std::io::stderr(), "jumpdeck-agent: {}", why::told(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

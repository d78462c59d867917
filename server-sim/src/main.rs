//! `server-sim`: a simulated fleet at an appliance, what can go wrong with it, and the measures.

mod bench;
mod verbs;

use clap::{Parser, Subcommand};
use jumpdeck_link::why;
use std::io::Write;
use std::process::ExitCode;

/// A simulated fleet that speaks jumpdeck's real agent protocol over real TLS sockets.
///
/// The same scenario and seed make the same machines and the same course of events.
#[derive(Parser)]
#[command(name = "server-sim", version)]
struct SimulatorCli {
    #[command(subcommand)]
    verb: SimulatorVerb,
}

#[derive(Subcommand)]
enum SimulatorVerb {
    /// Link a fleet to an appliance and keep it living.
    Run(verbs::RunVerb),
    /// Print a fleet's machines, a JSON object a line, without linking them.
    List(verbs::ListVerb),
    /// List the scenarios, or print one.
    Scenarios(verbs::Scenarios),
    /// Break the protocol's rules at an appliance, and check that it answers as it must.
    Offend(verbs::Offend),
    /// Measure an appliance at scale: start one, bring a fleet, print a table.
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let cli = match SimulatorCli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return why::usage("server-sim", error.print(), error.exit_code()),
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("JUMPDECK_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .with_env_filter(filter)
        .init();
    match start(cli.verb) {
        Ok(status) => status,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "server-sim: {}", why::told(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn start(verb: SimulatorVerb) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match verb {
            SimulatorVerb::Run(run) => run.run().await.map(|()| ExitCode::SUCCESS),
            SimulatorVerb::List(list) => list.run().map(|()| ExitCode::SUCCESS),
            SimulatorVerb::Scenarios(scenarios) => scenarios.run().map(|()| ExitCode::SUCCESS),
            SimulatorVerb::Offend(offend) => offend.run().await,
            SimulatorVerb::Bench(bench) => bench.run().await.map(|()| ExitCode::SUCCESS),
        }
    })
}

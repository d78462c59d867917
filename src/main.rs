//! `jumpdeck`: the console, its embedded appliance and its verbs in one program.

use clap::Parser;
use jumpdeck::verbs::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("jumpdeck: {error:#}");
            ExitCode::FAILURE
        }
    }
}

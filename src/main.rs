//! `jumpdeck`: the console, its embedded appliance and its verbs in one program.

use clap::Parser;
use jumpdeck::verbs::Cli;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            // Whose terminal is gone reads nothing any more.
            let _ = writeln!(std::io::stderr(), "jumpdeck: {error:#}");
            ExitCode::FAILURE
        }
    }
}

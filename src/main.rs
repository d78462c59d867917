//! `jumpdeck`: the console, its embedded appliance and its verbs in one program.

use jumpdeck::verbs::Cli;
use jumpdeck_link::why;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => return why::usage("jumpdeck", error.print(), error.exit_code()),
    };
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            // Whose terminal is gone reads nothing any more.
            let _ = writeln!(std::io::stderr(), "jumpdeck: {}", why::told(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

//! `jumpdeck`: the console, its embedded appliance and its verbs in one program.

use clap::Parser;
use jumpdeck::verbs::Cli;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            // Whose terminal is gone reads nothing any more.
            let _ = writeln!(std::io::stderr(), "jumpdeck: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Says what was wrong with the arguments, or the help that was asked for.
fn explain(error: &clap::Error) -> ExitCode {
    let said = error.print().and_then(|()| std::io::stdout().flush());
    match said {
        // Whoever reads no further has read enough.
        Err(failure) if failure.kind() != ErrorKind::BrokenPipe => {
            let _ = writeln!(std::io::stderr(), "jumpdeck: writing the output: {failure}");
            ExitCode::FAILURE
        }
        _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
    }
}

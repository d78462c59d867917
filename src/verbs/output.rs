//! Output in lines: whole in a pipe, quiet when the pipe is closed.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// Says something on the standard error. Nobody may be there to read it.
pub(super) fn say(words: &str) {
    let _ = writeln!(io::stderr(), "{words}");
}

/// Writes everything `write` writes to the standard output. A reader that has enough is no
/// failure.
///
/// # Errors
/// When the output cannot be written for another reason, a full disk say.
pub(super) fn print(
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<ExitCode> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(anyhow::Error::from(error).context("writing the output")),
    }
}

//! Output in lines: whole in a pipe, quiet when the pipe is closed.

use anyhow::Context;
use jumpdeck_console::view::text;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tempfile::NamedTempFile;

/// Writes rows in columns with headings for a person, separated by tabs and uncut for a pipe.
pub(super) fn table<const N: usize>(
    headings: [&str; N],
    rows: &[[String; N]],
    out: &mut dyn Write,
) -> io::Result<()> {
    table_for(io::stdout().is_terminal(), headings, rows, out)
}

/// The same, for the reader.
pub(super) fn table_for<const N: usize>(
    person: bool,
    headings: [&str; N],
    rows: &[[String; N]],
    out: &mut dyn Write,
) -> io::Result<()> {
    if !person {
        return rows.iter().try_for_each(|cells| writeln!(out, "{}", cells.join("\t")));
    }
    let headings = headings.map(str::to_owned);
    let mut widths = [0; N];
    for cells in rows.iter().chain([&headings]) {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = text::width(cell).max(*width);
        }
    }
    for cells in std::iter::once(&headings).chain(rows) {
        let padded: Vec<_> =
            cells.iter().zip(widths).map(|(cell, width)| text::left(cell, width)).collect();
        writeln!(out, "{}", padded.join("  ").trim_end())?;
    }
    Ok(())
}

/// A file that is not there yet, and has its name only once it is whole.
pub(super) struct NewFile {
    part: io::BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl NewFile {
    /// # Errors
    /// When its directory cannot be written to.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = dir.unwrap_or(Path::new("."));
        let part = NamedTempFile::new_in(dir)
            .with_context(|| format!("{} cannot be written to", dir.display()))?;
        Ok(Self { part: io::BufWriter::new(part), path: path.to_path_buf() })
    }

    /// It is whole, and gets its name.
    ///
    /// # Errors
    /// When it cannot be written, or something of that name is there already.
    pub(super) fn keep(self) -> anyhow::Result<()> {
        let part = self.part.into_inner().map_err(io::IntoInnerError::into_error)?;
        part.as_file().sync_all()?;
        part.persist_noclobber(&self.path).map_err(|error| match error.error.kind() {
            ErrorKind::AlreadyExists => {
                anyhow::anyhow!("{} is there already; name another file", self.path.display())
            }
            _ => error.error.into(),
        })?;
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.part.flush()
    }
}

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

//! What is written to files: the list as comma-separated values (RFC 4180), lines of a terminal.

use super::columns;
use super::form::time_text;
use super::inventory::{Item, List};
use jiff::tz::TimeZone;
use jumpdeck_protocol::inventory::Presence;
use jumpdeck_protocol::preferences::Column;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

/// Why a list was not written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path}: {why}")]
pub struct ExportError {
    /// Where it was to go, as it was typed.
    pub path: String,
    /// What prevents it.
    pub why: String,
}

/// Something to be written.
#[derive(Clone, Debug)]
pub enum Export {
    /// A list of items.
    Items {
        /// Where to.
        path: PathBuf,
        /// What.
        list: List,
        /// Which columns of it.
        columns: Vec<Column>,
        /// The zone that times are written in.
        zone: TimeZone,
    },
    /// Lines of a terminal.
    Text {
        /// Where to.
        path: PathBuf,
        /// What.
        text: Arc<str>,
    },
}

impl Export {
    /// Where to.
    pub const fn path(&self) -> &PathBuf {
        match self {
            Self::Items { path, .. } | Self::Text { path, .. } => path,
        }
    }

    /// What was written, in words.
    pub fn what(&self) -> String {
        let (count, thing) = match self {
            Self::Items { list, .. } => (list.len(), "item"),
            Self::Text { text, .. } => (text.lines().count(), "line"),
        };
        if count == 1 { format!("1 {thing} was") } else { format!("{count} {thing}s were") }
    }

    /// Writes the text, or the headings and a line for each item.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Text { text, .. } => out.write_all(text.as_bytes())?,
            Self::Items { list, columns, zone, .. } => {
                line(out, columns.iter().map(|column| column.heading().to_owned()))?;
                for (item, presence) in list.with_presence() {
                    let cell = |column: &Column| cell(item, presence, *column, zone);
                    line(out, columns.iter().map(cell))?;
                }
            }
        }
        out.flush()
    }
}

/// What is in a column, in words.
pub fn cell(item: Item<'_>, presence: Presence, column: Column, zone: &TimeZone) -> String {
    match column {
        Column::Status if item.is_client() => presence.status.word().to_owned(),
        Column::Since => presence.since.map(|time| time_text(time, zone)).unwrap_or_default(),
        other => columns::text(item, other).to_owned(),
    }
}

fn line(out: &mut dyn Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    for (number, cell) in cells.enumerate() {
        if number > 0 {
            out.write_all(b",")?;
        }
        out.write_all(quoted(&cell).as_bytes())?;
    }
    out.write_all(b"\r\n")
}

/// A cell as it is in the file. A table calculation takes a text for a formula that begins as
/// one; an apostrophe before it keeps it from being run.
fn quoted(cell: &str) -> String {
    let is_formula = cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        || cell.starts_with(['\t', '\r']);
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    let needs = is_formula || cell.contains(['"', ',', '\n', '\r', ';']) || cell.trim() != cell;
    if needs { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_cell_that_reads_as_a_formula_is_not_run() {
        for text in ["=1+1", "+1", "-1", "@sum(a1)", " =cmd|' /c calc'!a0", "＝1"] {
            assert_eq!(quoted(text), format!("\"'{text}\""));
        }
        assert_eq!(quoted("web-01"), "web-01");
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(quoted(""), "");
    }
}

//! Writes a list to a file: nothing that is there is overwritten, and nothing half-written bears
//! the name that was asked for.

use jumpdeck_console::core::export::{Export, ExportError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Writes it, and says where it is or why it is not there.
pub(super) fn run(export: &Export) -> Result<String, ExportError> {
    let path = home(export.path());
    let failed = |why: String| ExportError { path: export.path().display().to_string(), why };
    // What the system says, without the name of a file that nobody knows.
    let told = |error: &io::Error| {
        let text = error.to_string();
        failed(text.split(" at path ").next().unwrap_or(&text).to_owned())
    };
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(failed("this is a directory; a file's name is missing".to_owned()));
    }
    if !dir.is_dir() {
        return Err(failed(format!("there is no directory {}", dir.display())));
    }
    let mut file = NamedTempFile::new_in(dir).map_err(|error| told(&error))?;
    let mut out = BufWriter::new(&mut file);
    export.write(&mut out).and_then(|()| out.flush()).map_err(|error| told(&error))?;
    drop(out);
    file.as_file().sync_all().map_err(|error| told(&error))?;
    file.persist_noclobber(&path).map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists => {
            failed("there is such a file already; choose another name".to_owned())
        }
        _ => told(&error.error),
    })?;
    let shown = path.canonicalize().unwrap_or(path.clone());
    Ok(format!("{} written to {}.", export.what(), shown.display()))
}

/// `~/` is the home directory, as in a shell.
fn home(path: &Path) -> PathBuf {
    let dirs = directories::BaseDirs::new();
    match (path.strip_prefix("~"), dirs) {
        (Ok(rest), Some(dirs)) => dirs.home_dir().join(rest),
        _ => path.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use jumpdeck_console::core::inventory::Inventory;
    use jumpdeck_console::core::inventory::{Look, Scope, matching};
    use jumpdeck_console::core::query::Query;
    use jumpdeck_protocol::inventory::{InventoryPart, ItemView};
    use jumpdeck_protocol::preferences::Column;
    use jumpdeck_protocol::{ItemId, Timestamp};
    use std::sync::Arc;

    fn export(path: PathBuf) -> Export {
        let named = |id, name: &str, tag: &str| {
            let (id, name, tag) = (ItemId(id), name.into(), tag.into());
            Arc::new(ItemView { id, name, tag, ..ItemView::default() })
        };
        let items = vec![named(1, "Front Office", "office"), named(2, "Café", "web")];
        let mut inventory = Inventory::default();
        inventory.take(InventoryPart { reset: true, items, ..InventoryPart::default() });
        let look = Look::at(Scope::All, Query::default(), Timestamp(0));
        let list = matching(inventory.picture(), &look);
        let columns = vec![Column::Name, Column::Tag, Column::Status];
        Export::Items { path, list, columns, zone: TimeZone::UTC }
    }

    #[test]
    fn a_list_is_written_whole_and_nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.csv");
        let said = run(&export(path.clone())).unwrap();
        assert!(said.starts_with("2 items were written to /"), "{said}");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("Name,Tag,Status\r\n") && text.lines().count() == 3);
        assert!(text.contains("Front Office,office,"));
        let refused = |path: PathBuf| run(&export(path)).unwrap_err().why;
        assert!(refused(path).contains("already"));
        assert!(refused(dir.path().join("no/such.csv")).starts_with("there is no directory /"));
        assert!(refused(dir.path().to_path_buf()).contains("a directory"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing half-written");
    }
}

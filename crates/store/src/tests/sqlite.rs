//! What only a file can do wrong.

use super::{group, names};
use crate::backend::Backend;
use crate::draft::Draft;
use crate::sqlite::Sqlite;
use crate::{Store, StoreError};
use jumpdeck_protocol::RefusalCode;
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn a_full_disk_refuses_the_edit_and_the_store_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let database = Sqlite::open(&dir.path().join("a.db")).unwrap();
    database.limit_pages(12);
    let store = Store::over(database, || ()).unwrap().store;
    let large = group(1, &"x".repeat(200_000));
    let refusal = store.edit(move |draft: &mut Draft| draft.put(large.clone())).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::StoreFailed);
    assert!(names(&store.world()).is_empty());
    store.edit(|draft: &mut Draft| draft.put(group(1, "small"))).await.unwrap();
    assert_eq!(names(&store.world()), ["small"]);
}

#[test]
fn only_its_owner_may_read_a_database() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let _opened = Store::open(&path, || ()).unwrap();
    for name in ["a.db", "a.db-wal"] {
        let mode = std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_newer_database_is_named_and_left_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let database = Sqlite::open(&path).unwrap();
    database.set_schema(99);
    database.close().unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(Store::open(&path, || ()), Err(StoreError::Newer { found: 99, .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_database_is_named_and_left_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    Sqlite::open(&path).unwrap().close().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(4096 + 8).take(4096) {
        *byte ^= 0x5a;
    }
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(Store::open(&path, || ()), Err(StoreError::Damaged { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    std::fs::write(&path, b"not a database at all, but some text").unwrap();
    assert!(matches!(Store::open(&path, || ()), Err(StoreError::Damaged { .. })));
}

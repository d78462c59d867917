//! The store over a real database file.

use super::*;
use crate::AuditRecord;
use jumpdeck_protocol::JumpGroupId;
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::inventory::GroupView;

fn group(id: u64, name: &str) -> GroupView {
    GroupView { id: JumpGroupId(id), name: name.into() }
}

fn names(world: &World) -> Vec<String> {
    world.groups().map(|group| group.name.to_string()).collect()
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let opened = Store::open(&path, || ()).unwrap();
    let epoch = opened.store.world().epoch().to_owned();
    opened.store.edit(|draft| draft.put(group(1, "one"))).await.unwrap();
    opened.store.edit(|draft| draft.put(group(2, "two"))).await.unwrap();
    opened
        .store
        .edit(|d| {
            d.remove(DocumentId::Group(JumpGroupId(1)));
            Ok(())
        })
        .await
        .unwrap();
    let revision = opened.store.world().revision();
    drop(opened.store);

    let world = Store::open(&path, || ()).unwrap().store.world();
    assert_eq!(names(&world), ["two"]);
    assert_eq!((world.epoch(), world.revision()), (&*epoch, revision));
    assert_eq!(world.next::<GroupView>(), JumpGroupId(3));
}

#[tokio::test]
async fn a_refused_edit_leaves_nothing_behind_and_spoils_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let opened = Store::open(&dir.path().join("a.db"), || ()).unwrap();
    let store = &opened.store;
    let refused = store.edit(|draft| {
        draft.put(group(1, "one"))?;
        Err::<(), _>(RefusalCode::InvalidValue.plain())
    });
    let (refused, accepted) = tokio::join!(refused, store.edit(|d| d.put(group(2, "two"))));
    assert!(refused.is_err() && accepted.is_ok());
    assert_eq!(names(&store.world()), ["two"]);
}

#[tokio::test]
async fn the_audit_goes_on_after_refused_edits_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let deed = |subject| AuditRecord { who: "a", action: Action::ItemEdited, subject, detail: "" };
    let opened = Store::open(&path, || ()).unwrap();
    let good = |subject: &'static str| {
        move |draft: &mut Draft| {
            draft.audit(Timestamp(1), deed(subject));
            Ok(())
        }
    };
    opened.store.edit(good("one")).await.unwrap();
    let refused = opened
        .store
        .edit(move |draft: &mut Draft| -> Result<(), Refusal> {
            draft.audit(Timestamp(2), deed("never"));
            Err(RefusalCode::PermissionDenied.plain())
        })
        .await;
    assert!(refused.is_err());
    opened.store.edit(good("two")).await.unwrap();
    opened.store.close().await;
    let opened = Store::open(&path, || ()).unwrap();
    opened.store.edit(good("three")).await.unwrap();
    let read = |db: &Connection| {
        let mut statement = db.prepare("SELECT subject, hash FROM audit ORDER BY number")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<Vec<(String, String)>>>()
    };
    let rows = opened.store.read(read).await.unwrap();
    let mut chain = Chain::default();
    for (number, (subject, hash)) in (1..).zip(&rows) {
        let event = AuditEvent {
            number,
            at: Timestamp(1),
            who: "a".into(),
            action: Action::ItemEdited.word().into(),
            subject: subject.as_str().into(),
            detail: "".into(),
            hash: hash.as_str().into(),
        };
        chain.follow(&event).unwrap();
    }
    let subjects: Vec<_> = rows.iter().map(|(subject, _)| subject.as_str()).collect();
    assert_eq!(subjects, ["one", "two", "three"]);
}

#[tokio::test]
async fn a_full_disk_refuses_the_edit_and_the_store_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let connection = schema::open(&path).unwrap();
    connection.pragma_update(None, "max_page_count", 12).unwrap();
    let world = Arc::new(ArcSwap::from_pointee(World::new("e")));
    let (publish, _changed) = watch::channel(());
    let chain = Arc::default();
    let failing = Arc::default();
    let world_too = Arc::clone(&world);
    let mut writer = StoreWriter { connection, world: world_too, publish, chain, failing };
    let mut draft = Draft::new(World::new("e"));
    draft.put(group(1, &"x".repeat(200_000))).unwrap();
    let refusal = writer.commit(draft).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::StoreFailed);
    assert!(names(&world.load()).is_empty());
    let mut draft = Draft::new(World::new("e"));
    draft.put(group(1, "small")).unwrap();
    writer.commit(draft).unwrap();
    assert_eq!(names(&world.load()), ["small"]);
}

#[test]
fn only_its_owner_may_read_a_database() {
    use std::os::unix::fs::PermissionsExt;
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
    schema::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(Store::open(&path, || ()), Err(StoreError::Newer { found: 99, .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_database_is_named_and_left_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    drop(schema::open(&path).unwrap());
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

//! The store, once over an SQLite file and once over a database in memory.

mod memory;
mod model;
mod sqlite;

use crate::store::Opened;
use crate::{AuditRecord, Draft, Store};
use jumpdeck_protocol::audit::{Action, Chain};
use jumpdeck_protocol::inventory::GroupView;
use jumpdeck_protocol::{JumpGroupId, Refusal, RefusalCode, Revision, Timestamp};
use jumpdeck_world::{DocumentId, World};
use memory::Memory;
use std::collections::BTreeSet;
use tempfile::TempDir;

/// A database that can be opened again and again.
enum Database {
    File(TempDir),
    Memory(Memory),
}

impl Database {
    fn both() -> [Self; 2] {
        [Self::File(tempfile::tempdir().unwrap()), Self::Memory(Memory::default())]
    }

    fn open(&self) -> Opened {
        match self {
            Self::File(dir) => Store::open(&dir.path().join("a.db"), || ()).unwrap(),
            Self::Memory(memory) => Store::over(memory.clone(), || ()).unwrap(),
        }
    }
}

fn group(id: u64, name: &str) -> GroupView {
    GroupView { id: JumpGroupId(id), name: name.into() }
}

fn names(world: &World) -> Vec<String> {
    world.groups().map(|group| group.name.to_string()).collect()
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    for database in Database::both() {
        let store = database.open().store;
        let epoch = store.world().epoch().to_owned();
        store.edit(|draft| draft.put(group(1, "one"))).await.unwrap();
        store.edit(|draft| draft.put(group(2, "two"))).await.unwrap();
        let remove = |draft: &mut Draft| {
            draft.remove(DocumentId::Group(JumpGroupId(1)));
            Ok(())
        };
        store.edit(remove).await.unwrap();
        let revision = store.world().revision();
        store.close().await;

        let world = database.open().store.world();
        assert_eq!(names(&world), ["two"]);
        assert_eq!((world.epoch(), world.revision()), (&*epoch, revision));
        assert_eq!(world.next::<GroupView>(), JumpGroupId(3));
    }
}

#[tokio::test]
async fn a_refused_edit_leaves_nothing_behind_and_spoils_no_other() {
    for database in Database::both() {
        let store = database.open().store;
        let refused = store.edit(|draft| {
            draft.put(group(1, "one"))?;
            Err::<(), _>(RefusalCode::InvalidValue.plain())
        });
        let (refused, accepted) = tokio::join!(refused, store.edit(|d| d.put(group(2, "two"))));
        assert!(refused.is_err() && accepted.is_ok());
        assert_eq!(names(&store.world()), ["two"]);
        assert_eq!(store.world().revision(), Revision(1));
    }
}

#[tokio::test]
async fn the_audit_goes_on_after_refused_edits_and_after_a_restart() {
    for database in Database::both() {
        let audit = |subject: &'static str, outcome: Result<(), Refusal>| {
            move |draft: &mut Draft| {
                let action = Action::ItemEdited;
                draft.audit(Timestamp(1), AuditRecord { who: "a", action, subject, detail: "" });
                outcome.clone()
            }
        };
        let store = database.open().store;
        store.edit(audit("one", Ok(()))).await.unwrap();
        let denied = Err(RefusalCode::PermissionDenied.plain());
        store.edit(audit("never", denied)).await.unwrap_err();
        store.edit(audit("two", Ok(()))).await.unwrap();
        store.close().await;
        let store = database.open().store;
        store.edit(audit("three", Ok(()))).await.unwrap();

        let ((events, last), chain) = store.audit_after(0).await.unwrap();
        let mut followed = Chain::default();
        for event in &events {
            followed.follow(event).unwrap();
        }
        let subjects: Vec<&str> = events.iter().map(|event| &*event.subject).collect();
        assert_eq!((subjects, last), (vec!["one", "two", "three"], true));
        assert_eq!(followed, chain);
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_and_not_seen_and_the_store_goes_on() {
    let memory = Memory::default();
    let store = Database::Memory(memory.clone()).open().store;
    memory.fill(true);
    let refusal = store.edit(|draft| draft.put(group(1, "lost"))).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::StoreFailed);
    assert!(store.is_failing() && names(&store.world()).is_empty());
    memory.fill(false);
    store.edit(|draft| draft.put(group(1, "kept"))).await.unwrap();
    assert!(!store.is_failing());
    assert_eq!(names(&store.world()), ["kept"]);
}

#[tokio::test]
async fn no_id_is_given_twice() {
    for database in Database::both() {
        let store = database.open().store;
        let (first, second) = (store.take_channel_ids(), store.take_channel_ids());
        let ids = BTreeSet::from([first.0, first.1, second.0, second.1]);
        assert_eq!(ids.len(), 4);
        assert_ne!(store.take_session_id(), store.take_session_id());
    }
}

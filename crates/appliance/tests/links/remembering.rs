//! Sessions of the past: who may know of which, and how long what was recorded is kept.

use crate::configuring::audited;
use crate::field::{apply, colleague};
use crate::house::*;
use jumpdeck_protocol::history::{HistoryFilter, SessionRecord};
use jumpdeck_protocol::item::{FieldValue, ItemChange, ItemEdit, ItemField};
use jumpdeck_protocol::log::Attributes;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::*;
use std::sync::atomic::Ordering;

const BOB: &str = r#"
[[user]]
username = "admin"
[user.settings]
administrator = true
default_role = "Administrator"
personal_role = "Administrator"
system_role = "Administrator"
unattended_session_policy = "everything"

[[user]]
username = "bob"
jump_groups = [{ group = "Lab", role = "Start Sessions Only" }]
"#;

const DAY: i64 = 86_400;

async fn past(rep: &mut Link, filter: HistoryFilter) -> Vec<SessionRecord> {
    let part = rep.ask(request::PastSessions { filter, before: None }).await.unwrap();
    assert!(!part.more);
    part.sessions
}

fn numbers(records: &[SessionRecord]) -> Vec<u64> {
    records.iter().map(|record| record.session.0).collect()
}

async fn tag(rep: &mut Link, item: ItemId, tag: &str) {
    let change = ItemChange {
        field: ItemField::Tag,
        from: FieldValue::Text("".into()),
        to: FieldValue::Text(tag.into()),
    };
    let edits = vec![ItemEdit { item, changes: vec![change] }];
    rep.ask(request::EditItems { edits }).await.unwrap();
}

#[tokio::test]
async fn a_rep_knows_of_own_sessions_of_shared_ones_and_of_those_whose_report_may_be_seen() {
    let house = House::new().await;
    let key = house.installer(600).await;
    let mut one = house.agent(&Who::new(Some(&key))).await.unwrap();
    let mut two = house.agent(&Who::new(Some(&key))).await.unwrap();
    let mut admin = house.admin().await;
    let plan = apply(&mut admin, BOB).await;
    let mut bob = colleague(&house, &plan, "bob").await;
    tag(&mut admin, two.item, "Till").await;
    let first = session(&mut admin, &mut one).await;
    house.clock.0.fetch_add(100, Ordering::SeqCst);
    let second = session(&mut admin, &mut two).await;
    let all = HistoryFilter::default;
    assert_eq!(numbers(&past(&mut admin, all()).await), [second.id.0, first.id.0]);
    assert!(past(&mut bob, all()).await.is_empty(), "bob took part in none");

    // Everything that is given has to fit.
    for (filter, expected) in [
        (HistoryFilter { tag: Some("till".into()), ..all() }, vec![second.id.0]),
        (HistoryFilter { words: vec!["TILL".into(), "adm".into()], ..all() }, vec![second.id.0]),
        (HistoryFilter { words: vec!["nothing".into()], ..all() }, vec![]),
        (HistoryFilter { rep: Some("ADMIN".into()), ..all() }, vec![second.id.0, first.id.0]),
        (HistoryFilter { session: Some(first.id), ..all() }, vec![first.id.0]),
        (HistoryFilter { until: Some(Timestamp(1_000_050)), ..all() }, vec![first.id.0]),
        (
            HistoryFilter { since: Some(Timestamp(1_000_050)), ..all() },
            vec![second.id.0, first.id.0],
        ),
        (HistoryFilter { command: Some("none".into()), ..all() }, vec![]),
    ] {
        let found = past(&mut admin, filter.clone()).await;
        assert_eq!(numbers(&found), expected, "{filter:?}");
    }
    for filter in [
        HistoryFilter { rep: Some("nobody".into()), ..all() },
        HistoryFilter { group: Some("Nowhere".into()), ..all() },
        HistoryFilter { words: vec!["w".into(); limits::HISTORY_WORDS + 1], ..all() },
        HistoryFilter { item: Some("w".repeat(limits::HISTORY_WORD + 1).into()), ..all() },
    ] {
        let request = request::PastSessions { filter, before: None };
        assert_eq!(admin.ask(request).await.unwrap_err().code, RefusalCode::InvalidValue);
    }

    // Who takes part knows of it, with all that is there.
    let part = Some(Part::Observer);
    admin.ask(request::Share { session: first.id, with: "bob".into(), part }).await.unwrap();
    let found = past(&mut bob, all()).await;
    assert_eq!(numbers(&found), [first.id.0]);
    assert!(found[0].took_part && found[0].recordings.len() == 1);
    assert_eq!(found[0].recordings[0].name(), format!("{}.1", first.id));
    assert_eq!(&*found[0].others, ["bob".into()]);

    // Who may see the report knows that it was, and no more.
    apply(&mut admin, &BOB.replace("Start Sessions Only", "Auditor")).await;
    let found = past(&mut bob, all()).await;
    let told: Vec<_> =
        found.iter().map(|one| (one.session.0, one.took_part, one.recordings.len())).collect();
    assert_eq!(told, [(second.id.0, false, 0), (first.id.0, true, 1)]);
    let log = request::Log { session: second.id, after: 0 };
    assert_eq!(bob.ask(log).await.unwrap_err().code, RefusalCode::InvalidValue);
    let command = HistoryFilter { command: Some("".into()), ..all() };
    assert!(past(&mut bob, command).await.iter().all(|one| one.took_part));
    let set: Attributes = vec![("a".into(), "b".into())];
    assert!(bob.ask(request::SetAttributes { session: second.id, attributes: set }).await.is_err());
}

#[tokio::test]
async fn a_recording_is_kept_as_long_as_its_policy_says_and_then_it_is_gone() {
    let house = House::new().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let mut admin = house.admin().await;
    let view = session(&mut admin, &mut agent).await;
    let channel = view.channels[0].id;
    admin.ask(request::EndSession { session: view.id }).await.unwrap();
    let shown = async |admin: &mut Link| {
        let found = past(admin, HistoryFilter::default()).await;
        found[0].recordings[0].clone()
    };
    // It is closed on a thread of its own.
    while shown(&mut admin).await.ended.is_none() {
        tokio::task::yield_now().await;
    }
    let policy = "[[jump_policy]]\ncode_name = \"short\"\nrecordings_days = 30\n";
    apply(&mut admin, &format!("[site]\nrecordings_days = 90\n{policy}")).await;
    house.clock.0.fetch_add(31 * DAY, Ordering::SeqCst);
    house.appliance.sweep().await;
    assert!(!shown(&mut admin).await.removed, "the site keeps it for 90 days");
    house.clock.0.fetch_add(60 * DAY, Ordering::SeqCst);
    house.appliance.sweep().await;
    assert!(shown(&mut admin).await.removed);
    let read = request::ReadRecording { channel, offset: 0 };
    let refusal = admin.ask(read).await.unwrap_err();
    assert!(refusal.detail.contains("was removed"), "{refusal}");
    let events = audited(&mut admin).await;
    let event = events.iter().find(|event| &*event.action == "recording_removed").unwrap();
    assert_eq!(&*event.detail, "the site keeps recordings for 90 days");
    house.appliance.sweep().await;
    let again = audited(&mut admin).await;
    let removed = again.iter().filter(|event| &*event.action == "recording_removed");
    assert_eq!(removed.count(), 1, "once");
}

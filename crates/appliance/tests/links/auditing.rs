//! What is written down of what was done, and who reads it.

use crate::house::*;
use crate::links::audited;
use jumpdeck_protocol::queue::Rank;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{RepReply, RepRequest};
use jumpdeck_protocol::*;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn what_has_consequences_is_audited_as_a_chain_that_only_the_first_user_reads() {
    let house = House::new().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    assert!(house.rep("wrong").await.is_err());
    assert!(house.agent(&Who::new(Some("no such key"))).await.is_err());
    let mut admin = house.admin().await;
    let RepReply::UserAdded(user) =
        admin.ask(RepRequest::AddUser(request::AddUser { username: "bob".into() })).await.unwrap()
    else {
        panic!()
    };
    let mut bob = house.rep_named("bob", &user.password).await.unwrap();
    let denied = bob.ask(RepRequest::Audit(request::Audit { after: 0 })).await.unwrap_err();
    assert_eq!(denied.code, RefusalCode::PermissionDenied);
    let view = session(&mut admin, &mut agent).await;
    admin.ask(RepRequest::EndSession(request::EndSession { session: view.id })).await.unwrap();
    // More than one message of them.
    let installer = RepRequest::CreateInstaller(request::CreateInstaller {
        group: Some("G".into()),
        valid: 600,
    });
    admin.ask(installer).await.unwrap();
    for n in 0..450 {
        let rank = if n % 2 == 0 { Rank::Member } else { Rank::Lead };
        let members = vec![("bob".to_owned(), rank)];
        admin
            .ask(RepRequest::SetTeam(request::SetTeam { name: "Desk".into(), members }))
            .await
            .unwrap();
    }
    let events = audited(&mut admin).await;
    let has = |action: &str, who: &str| {
        events.iter().any(|event| *event.action == *action && *event.who == *who)
    };
    for (action, who) in [
        ("login_failed", ""),
        ("agent_refused", ""),
        ("jump_client_enrolled", ""),
        ("logged_in", "bob"),
        ("user_made", "admin"),
        ("session_started", "admin"),
        ("session_ended", ""),
        ("installer_made", "admin"),
    ] {
        assert!(has(action, who), "{action} of {who:?} is missing");
    }
    let text = serde_json::to_string(&events).unwrap();
    assert!(!text.contains(&user.password) && !text.contains(&house.password));
    let beyond =
        admin.ask(RepRequest::Audit(request::Audit { after: u64::MAX })).await.unwrap_err();
    assert_eq!(beyond.code, RefusalCode::NotFound);
}

#[tokio::test]
async fn strangers_cannot_fill_the_audit() {
    let house = House::new().await;
    for _ in 0..75 {
        assert!(house.agent(&Who::new(Some("guess"))).await.is_err());
    }
    // What they did hides nobody else's failure, and leaves a trace of its own.
    assert!(house.rep_named("hunter2", "x").await.is_err());
    house.clock.0.fetch_add(60, Ordering::SeqCst);
    assert!(house.agent(&Who::new(Some("guess"))).await.is_err());
    let mut admin = house.admin().await;
    let events = audited(&mut admin).await;
    let count = |action: &str| events.iter().filter(|event| *event.action == *action).count();
    assert_eq!(count("agent_refused"), 61, "a minute's worth, and one of the next");
    assert_eq!(count("login_failed"), 1);
    let omitted = events.iter().find(|event| &*event.action == "events_omitted").unwrap();
    assert!(omitted.detail.starts_with("15 more"), "{omitted:?}");
    let text = serde_json::to_string(&events).unwrap();
    assert!(!text.contains("hunter2"), "a secret typed into the name's place is not kept");
}

#[tokio::test]
async fn no_long_value_hides_another_change_in_the_audit() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let shortcut = inventory::ItemView {
        name: "box".into(),
        place: inventory::Place::Personal(UserId(1)),
        method: jump_method::JumpMethod::WebJump,
        shortcut: Some(Box::new(item::Shortcut {
            url: "https://ann:hunter2@box/x?token=abc".into(),
            ..item::Shortcut::new(jump_method::JumpMethod::WebJump)
        })),
        ..inventory::ItemView::default()
    };
    let added = admin
        .ask(RepRequest::AddShortcut(request::AddShortcut { item: Box::new(shortcut) }))
        .await
        .unwrap();
    let RepReply::Added(reply::Added { item }) = added else { panic!() };
    let text = |text: &str| item::FieldValue::Text(text.into());
    let change = |field, from, to| item::ItemChange { field, from, to };
    let changes = vec![
        change(item::ItemField::Comments, text(""), text(&"x".repeat(1024))),
        change(
            item::ItemField::Url,
            text("https://ann:hunter2@box/x?token=abc"),
            text(&format!("{}https://evil/", " ".repeat(1100))),
        ),
    ];
    let edits = vec![item::ItemEdit { item, changes }];
    assert_eq!(
        admin.ask(RepRequest::EditItems(request::EditItems { edits })).await,
        Ok(RepReply::Done(reply::BulkDone { refused: vec![] }))
    );
    let events = audited(&mut admin).await;
    let edited: Vec<_> = events
        .iter()
        .filter(|event| &*event.action == "item_edited")
        .map(|event| &*event.detail)
        .collect();
    assert_eq!(
        edited,
        [
            "Comments changed: 0 characters before, 1024 now",
            "URL from \"https://box/x\" to \"https://evil/\"",
        ]
    );
    let text = serde_json::to_string(&events).unwrap();
    assert!(!text.contains("hunter2") && !text.contains("token"), "{text}");
}

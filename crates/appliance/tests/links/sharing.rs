//! Who may do what in a session of two reps, asked by consoles that stick to no rules.

use crate::field::{apply, colleague, seen};
use crate::house::*;
use jumpdeck_appliance::{JumpPolicy, SimultaneousJumps};
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::item::{FieldValue, ItemChange, ItemEdit, ItemField};
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply, RepRequest};
use jumpdeck_protocol::rights::{Permission, Whom};
use jumpdeck_protocol::session::{ChannelOrder, EndReason, Keyboard, Part};
use jumpdeck_protocol::*;
use std::collections::HashMap;

/// Another rep's console.
async fn bob(house: &House, admin: &mut Link) -> Link {
    let request = RepRequest::AddUser(request::AddUser { username: "bob".into() });
    let RepReply::UserAdded(user) = admin.ask(request).await.unwrap() else { panic!() };
    house.rep_named("bob", &user.password).await.unwrap()
}

fn share(session: SessionId, part: Option<Part>) -> RepRequest {
    RepRequest::Share(request::Share { session, with: "bob".into(), part })
}

async fn refused(rep: &mut Link, request: RepRequest) -> RefusalCode {
    rep.ask(request).await.unwrap_err().code
}

#[tokio::test]
async fn a_session_of_another_rep_is_nobodys_business_until_it_is_shared() {
    let house = House::new().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let mut admin = house.admin().await;
    let mut bob = bob(&house, &mut admin).await;
    let view = session(&mut admin, &mut agent).await;
    let (id, channel) = (view.id, view.channels[0].id);
    for request in [
        RepRequest::Chat(request::Chat { session: id, text: "hi".into() }),
        RepRequest::Note(request::Note { session: id, text: "hi".into() }),
        RepRequest::EndSession(request::EndSession { session: id }),
        RepRequest::Transfer(request::Transfer { session: id, to: "bob".into() }),
        share(id, Some(Part::Participant)),
    ] {
        assert_eq!(refused(&mut bob, request).await, RefusalCode::SessionGone);
    }
    let log = RepRequest::Log(request::Log { session: id, after: 0 });
    assert_eq!(refused(&mut bob, log).await, RefusalCode::InvalidValue);
    let read = RepRequest::ReadRecording(request::ReadRecording { channel, offset: 0 });
    assert_eq!(refused(&mut bob, read.clone()).await, RefusalCode::InvalidValue);
    assert!(admin.ask(read.clone()).await.is_ok());

    // Who looks on reads and writes words, and nothing else.
    admin.ask(share(id, Some(Part::Observer))).await.unwrap();
    assert!(bob.ask(RepRequest::Log(request::Log { session: id, after: 0 })).await.is_ok());
    assert!(
        bob.ask(RepRequest::Chat(request::Chat { session: id, text: "hi".into() })).await.is_ok()
    );
    assert!(bob.ask(read.clone()).await.is_ok());
    let note = RepRequest::Note(request::Note { session: id, text: "hi".into() });
    assert_eq!(refused(&mut bob, note).await, RefusalCode::NotOwner);
    let end = RepRequest::EndSession(request::EndSession { session: id });
    assert_eq!(refused(&mut bob, end).await, RefusalCode::NotOwner);
    attach(&mut admin, &mut agent, channel, Keyboard::Take).await;
    attach(&mut bob, &mut agent, channel, Keyboard::Take).await;
    let size = session::Size { columns: 1, rows: 1 };
    bob.order(ChannelOrder::Resize { channel, size }).await;
    bob.raw(frame::data(channel, 0, b"rm -rf /\r")).await;
    bob.order(ChannelOrder::Close { channel }).await;
    // What bob sent is before this, for the link keeps order.
    bob.ask(RepRequest::Colleagues).await.unwrap();
    admin.raw(frame::data(channel, 0, b"typed")).await;
    loop {
        match agent.frame().await.unwrap() {
            Frame::Data { bytes, .. } => {
                assert_eq!(bytes, "typed", "who looks on does not type");
                break;
            }
            Frame::Control(body) => {
                let text = String::from_utf8_lossy(&body);
                assert!(!text.contains("resize") && !text.contains("close"), "{text}");
            }
            Frame::Credit { .. } => {}
        }
    }

    // What is taken back is taken back, for the recording too.
    admin.ask(share(id, None)).await.unwrap();
    assert_eq!(refused(&mut bob, read).await, RefusalCode::InvalidValue);
    let log = RepRequest::Log(request::Log { session: id, after: 0 });
    assert_eq!(refused(&mut bob, log.clone()).await, RefusalCode::InvalidValue);
    let RepReply::Log(reply::LogPart { entries, more: false }) = admin.ask(log).await.unwrap()
    else {
        panic!()
    };
    let numbers: Vec<_> = entries.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (1..=entries.len() as u64).collect::<Vec<_>>(), "no number is missing");
    let chats = entries.iter().filter(|entry| matches!(entry.event, LogEvent::Chat { .. }));
    assert_eq!(chats.count(), 1);
}

/// Whether a rep may start a session now, and the last reason.
async fn start_explained(rep: &mut Link, item: ItemId) -> (bool, String) {
    let action = Some(Permission::PermStart);
    let request = RepRequest::Explain(request::Explain { whom: Whom::Me, item, action, at: None });
    let RepReply::Explained(reply::Explained { answers }) = rep.ask(request).await.unwrap() else {
        panic!()
    };
    let last = answers[0].because.last().unwrap();
    (answers[0].allowed, format!("{} {}", last.source, last.says))
}

#[tokio::test]
async fn a_second_rep_is_turned_away_or_joins_as_the_policy_says() {
    let house = House::new().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let mut admin = house.admin().await;
    let mut bob = bob(&house, &mut admin).await;
    let policy = |simultaneous| JumpPolicy {
        id: JumpPolicyId(0),
        display_name: "Tills".into(),
        code_name: "tills".into(),
        description: String::new(),
        schedule: None,
        no_recordings: true,
        simultaneous_jumps: Some(simultaneous),
        ..JumpPolicy::default()
    };
    let disallow = house.appliance.put_jump_policy(policy(SimultaneousJumps::Disallow)).await;
    let id = disallow.unwrap();
    let change = ItemChange {
        field: ItemField::JumpPolicy,
        from: FieldValue::JumpPolicy(None),
        to: FieldValue::JumpPolicy(Some(id)),
    };
    let edits = vec![ItemEdit { item: agent.item, changes: vec![change] }];
    admin.ask(RepRequest::EditItems(request::EditItems { edits })).await.unwrap();
    let view = session(&mut admin, &mut agent).await;
    assert!(!view.channels[0].recorded, "the policy wants no recordings");
    let denied = bob.ask(shell(agent.item)).await.unwrap_err();
    assert_eq!(denied.code, RefusalCode::JoinDenied);
    assert_eq!(denied.detail, "admin is in a session with it");
    let told = start_explained(&mut bob, agent.item).await;
    let says = "lets nobody in beside admin, who is in a session with it";
    assert_eq!(told, (false, format!("the Jump Policy Tills {says}")));

    house.appliance.put_jump_policy(policy(SimultaneousJumps::Join)).await.unwrap();
    let told = start_explained(&mut bob, agent.item).await;
    let says = "lets reps who jump join the session of admin";
    assert_eq!(told, (true, format!("the Jump Policy Tills {says}")));
    let RepReply::SessionStarted(joined) = bob.ask(shell(agent.item)).await.unwrap() else {
        panic!()
    };
    assert_eq!((joined.id, joined.part(joined.owner)), (view.id, Some(Part::Owner)));
    assert_eq!(joined.participants.len(), 2);
}

#[tokio::test]
async fn a_session_in_which_nobody_does_anything_ends() {
    let house = House::new().await;
    house.appliance.end_idle_after(600);
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let mut admin = house.admin().await;
    let view = session(&mut admin, &mut agent).await;
    house.clock.0.fetch_add(601, std::sync::atomic::Ordering::SeqCst);
    house.appliance.sweep().await;
    let (session, reason, summary) = admin
        .notice(|notice| match notice {
            ApplianceNotice::SessionEnded { session, reason, summary } => {
                Some((session, reason, summary))
            }
            _ => None,
        })
        .await;
    assert_eq!((session, reason), (view.id, EndReason::Idle));
    let summary = summary.unwrap();
    assert_eq!((summary.lasted, summary.shells, summary.recordings), (601, 1, 1));
    assert_eq!(summary.participants, ["admin".into()]);
}

/// The first user, as a file has to have it.
const ADMIN: &str = "[[user]]\nusername = \"admin\"\nsettings = { default_role = \"Administrator\", \
    personal_role = \"Administrator\", teams_role = \"Administrator\", \
    system_role = \"Administrator\", administrator = true, view_audit = true, \
    unattended_session_policy = \"everything\", attended_session_policy = \"everything\" }\n";

/// The same machine in two groups: hidden from bob with a policy of its own, and as a copy that
/// he may start, whose policy says join.
#[tokio::test]
async fn a_session_through_another_item_is_joined_only_as_that_item_lets_it() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let file = |alone: &str, lab: &str| {
        format!(
            "[[jump_policy]]\ncode_name = \"alone\"\ndisplay_name = \"Alone\"\n\
             simultaneous_jumps = \"{alone}\"\n\
             [[jump_policy]]\ncode_name = \"joining\"\ndisplay_name = \"Joining\"\n\
             simultaneous_jumps = \"join\"\n\
             [[jump_group]]\nname = \"Default\"\n[[jump_group]]\nname = \"Lab\"\n\
             {ADMIN}[[user]]\nusername = \"bob\"\njump_groups = [{{ group = \"Default\", \
             role = \"Start Sessions Only\", jump_policy = \"joining\" }}{lab}]\n\
             settings = {{ unattended_session_policy = \"everything\" }}\n"
        )
    };
    let hidden = file("disallow", "");
    let made = apply(&mut admin, &hidden).await;
    let mut bob = colleague(&house, &made, "bob").await;
    let (policies, groups) = known(&mut admin).await;
    let change = |field, from, to| ItemChange { field, from, to };
    let alone = FieldValue::JumpPolicy(Some(policies["Alone"]));
    let none = FieldValue::JumpPolicy(None);
    let changes = vec![change(ItemField::JumpPolicy, none, alone)];
    let edits = vec![ItemEdit { item: agent.item, changes }];
    admin.ask(RepRequest::EditItems(request::EditItems { edits })).await.unwrap();
    let to = inventory::Place::JumpGroup(groups["Default"]);
    admin
        .ask(RepRequest::CopyItems(request::CopyItems { items: vec![agent.item], to }))
        .await
        .unwrap();
    let copy = *seen(&mut bob).await.first().unwrap();
    assert_ne!(copy, agent.item);
    let view = session(&mut admin, &mut agent).await;

    let turned_away = |refusal: Refusal| {
        assert_eq!(refusal.code, RefusalCode::JoinDenied);
        assert_eq!(refusal.detail, "somebody is in a session with it", "nobody is named");
    };
    turned_away(bob.ask(shell(copy)).await.unwrap_err());
    assert!(!start_explained(&mut bob, copy).await.0);
    let note = RepRequest::Note(request::Note { session: view.id, text: "hi".into() });
    assert_eq!(refused(&mut bob, note.clone()).await, RefusalCode::SessionGone);
    apply(&mut admin, &file("join", "")).await;
    turned_away(bob.ask(shell(copy)).await.unwrap_err());

    let member = ", { group = \"Lab\", role = \"Start Sessions Only\" }";
    apply(&mut admin, &file("join", member)).await;
    let joined = bob.ask(shell(copy)).await.unwrap();
    let RepReply::SessionStarted(joined) = joined else { panic!("{joined:?}") };
    assert_eq!(joined.id, view.id);
    assert!(bob.ask(note.clone()).await.is_ok());
    apply(&mut admin, &file("disallow", member)).await;
    house.appliance.look().await;
    assert_eq!(
        refused(&mut bob, note).await,
        RefusalCode::SessionGone,
        "it is not shared any more"
    );
}

/// The Jump Policies and Jump Groups that a console is told of, by their names.
async fn known(rep: &mut Link) -> (HashMap<String, JumpPolicyId>, HashMap<String, JumpGroupId>) {
    let body = RepRequest::Subscribe(request::Subscribe { have: None, presence: None });
    rep.send(&rep::FromRep::Request { id: RequestId(5), body }).await;
    let (mut policies, mut groups) = (HashMap::new(), HashMap::new());
    while policies.is_empty() || groups.is_empty() {
        let some = |notice| match notice {
            ApplianceNotice::Inventory(part) => Some((part.groups, vec![])),
            ApplianceNotice::JumpPolicies { policies } => Some((vec![], policies)),
            _ => None,
        };
        let (of_groups, of_policies) = rep.notice(some).await;
        groups.extend(of_groups.iter().map(|group| (group.name.to_string(), group.id)));
        policies.extend(of_policies.iter().map(|policy| (policy.name.to_string(), policy.id)));
    }
    (policies, groups)
}

//! Clients who mean no good: every request they should not make is refused and audited, and
//! nothing of what they may not see reaches them.

use crate::configuring::audited;
use crate::field::{apply, colleague, seen};
use crate::house::*;
use bytes::Bytes;
use jumpdeck_protocol::agent::{AgentReport, FromAgent};
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::handshake::{RepLogin, RepProof};
use jumpdeck_protocol::inventory::{ItemView, Place};
use jumpdeck_protocol::item::{FieldValue, ItemChange, ItemEdit, ItemField};
use jumpdeck_protocol::queue::Rank;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{RepNotice, RepReply, RepRequest};
use jumpdeck_protocol::rights::Whom;
use jumpdeck_protocol::session::{ChannelOrder, ChannelReport, ExitStatus, Keyboard, Part, Size};
use jumpdeck_protocol::session_policy::StartMethod;
use jumpdeck_protocol::*;
use std::collections::HashSet;

/// Mallory may log in, and has nothing.
const FILE: &str = r#"
[[user]]
username = "admin"
[user.settings]
administrator = true
default_role = "Administrator"
personal_role = "Administrator"
system_role = "Administrator"
attended_session_policy = "everything"
unattended_session_policy = "everything"

[[user]]
username = "mallory"
"#;

/// Everything that mallory could ask for and should not.
fn requests(item: ItemId, session: SessionId, channel: ChannelId) -> Vec<RepRequest> {
    let size = Size { columns: 80, rows: 24 };
    let change = |field, from, to| ItemChange { field, from, to };
    let named = |field| change(field, FieldValue::Text("box".into()), FieldValue::Text("x".into()));
    let edit = |changes| {
        RepRequest::EditItems(request::EditItems { edits: vec![ItemEdit { item, changes }] })
    };
    let mallorys = Place::Personal(UserId(2));
    vec![
        shell(item),
        shell(ItemId(4711)),
        RepRequest::EndSession(request::EndSession { session }),
        RepRequest::EndSession(request::EndSession { session: SessionId(4711) }),
        RepRequest::OpenShell(request::OpenShell { session, size, term: "xterm".into() }),
        RepRequest::Share(request::Share {
            session,
            with: "mallory".into(),
            part: Some(Part::Owner),
        }),
        RepRequest::ShareTeam(request::ShareTeam {
            session,
            team: "Desk".into(),
            part: Some(Part::Participant),
        }),
        RepRequest::Transfer(request::Transfer { session, to: "mallory".into() }),
        RepRequest::Leave(request::Leave { session }),
        RepRequest::Chat(request::Chat { session, text: "hello".into() }),
        RepRequest::Note(request::Note { session, text: "hello".into() }),
        RepRequest::Log(request::Log { session, after: 0 }),
        RepRequest::ReadRecording(request::ReadRecording { channel, offset: 0 }),
        RepRequest::CreateSessionKey(request::CreateSessionKey {
            queue: queue::QueueChoice::General,
            valid: 600,
            attributes: vec![],
        }),
        RepRequest::TurnAway(request::TurnAway { item }),
        RepRequest::JoinSession(request::JoinSession { session }),
        RepRequest::Pin(request::Pin { session, item: Box::default() }),
        RepRequest::Unpin(request::Unpin { session }),
        RepRequest::Explain(request::Explain { whom: Whom::Me, item, action: None, at: None }),
        RepRequest::Explain(request::Explain {
            whom: Whom::Everybody,
            item,
            action: None,
            at: None,
        }),
        RepRequest::Simulate(request::Simulate {
            whom: Whom::User("admin".into()),
            item,
            method: StartMethod::Attended,
            present: None,
            at: None,
        }),
        RepRequest::ExportConfiguration,
        RepRequest::Configure(request::Configure { file: FILE.into(), apply: true, planned: None }),
        RepRequest::Audit(request::Audit { after: 0 }),
        RepRequest::SetTeam(request::SetTeam {
            name: "Desk".into(),
            members: vec![("mallory".into(), Rank::Manager)],
        }),
        RepRequest::AddUser(request::AddUser { username: "eve".into() }),
        RepRequest::ResetUser(request::ResetUser { username: "admin".into(), second_factor: true }),
        RepRequest::CreateInstaller(request::CreateInstaller {
            group: Some("Lab".into()),
            valid: 600,
        }),
        RepRequest::CreateInstaller(request::CreateInstaller { group: None, valid: 600 }),
        edit(vec![named(ItemField::Name)]),
        edit(vec![change(
            ItemField::Place,
            FieldValue::Place(Place::JumpGroup(JumpGroupId(1))),
            FieldValue::Place(mallorys),
        )]),
        RepRequest::CopyItems(request::CopyItems { items: vec![item], to: mallorys }),
        RepRequest::RemoveItems(request::RemoveItems { items: vec![item] }),
        RepRequest::AddShortcut(request::AddShortcut {
            item: Box::new(ItemView { place: mallorys, ..ItemView::default() }),
        }),
        RepRequest::Wake(request::Wake { item, password: None }),
        RepRequest::History(request::History { item }),
        RepRequest::Stop,
    ]
}

/// Whether an answer gives anything away or does anything.
fn is_refused(answer: &Result<RepReply, Refusal>) -> bool {
    match answer {
        Err(_) => true,
        Ok(RepReply::Done(reply::BulkDone { refused })) => refused.len() == 1,
        Ok(_) => false,
    }
}

#[tokio::test]
async fn a_rep_with_no_rights_gets_nothing_but_refusals_and_each_is_audited() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let made = apply(&mut admin, FILE).await;
    let mut mallory = colleague(&house, &made, "mallory").await;
    let view = session(&mut admin, &mut agent).await;
    let channel = view.channels[0].id;
    attach(&mut admin, &mut agent, channel, Keyboard::Take).await;
    assert!(seen(&mut mallory).await.is_empty(), "nothing that may not be seen leaves");
    let before = audited(&mut admin).await.len();
    let requests = requests(agent.item, view.id, channel);
    for request in &requests {
        let answer = mallory.ask(request.clone()).await;
        assert!(is_refused(&answer), "{request:?} was answered with {answer:?}");
    }
    let events = audited(&mut admin).await;
    let mut audited = events[before..].iter().filter(|event| &*event.who == "mallory");
    for request in &requests {
        let event = audited.next().unwrap_or_else(|| panic!("{request:?} is written down"));
        let name = format!("{request:?}");
        let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap();
        match &*event.action {
            "request_refused" => assert!(event.subject.starts_with(name), "{event:?}"),
            action => assert_eq!((action, name), ("session_refused", "StartSession")),
        }
    }
    // Channels: attaching, typing, resizing, closing somebody else's.
    let (received, window, attempt) = (None, 1 << 17, 1);
    let keyboard = Keyboard::Take;
    for order in [
        ChannelOrder::Attach { channel, received, window, keyboard, attempt },
        ChannelOrder::Resize { channel, size: Size { columns: 1, rows: 1 } },
        ChannelOrder::InputEnd { channel, offset: 0 },
        ChannelOrder::Fit { channel, own: true },
        ChannelOrder::Detach { channel },
        ChannelOrder::Close { channel },
    ] {
        mallory.order(order).await;
    }
    let bytes = Bytes::from_static(b"rm -rf /\n");
    mallory.raw(Frame::Data { channel, offset: 0, bytes }.encode()).await;
    mallory
        .send(&rep::FromRep::Notice { body: RepNotice::Watch { items: vec![agent.item] } })
        .await;
    // The agent hears of none of that: what comes next is what the owner does.
    mallory.ask(RepRequest::Colleagues).await.unwrap();
    admin.order(ChannelOrder::Close { channel }).await;
    let Control::Notice { body } = agent.wanted().await else { panic!() };
    let order = agent::AgentOrder::Channel(ChannelOrder::Close { channel });
    assert_eq!(body, order, "the first thing the agent hears of is the owner's");
}

#[tokio::test]
async fn stale_forged_and_replayed_logins_are_refused_and_audited() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let login = |proof| RepLogin { proof, console: 0, code: None, keep: None, keep_for: 0 };
    let proofs = [
        RepProof::Token(String::new()),
        RepProof::Token("0".repeat(64)),
        RepProof::Login(String::new()),
        RepProof::Login("forged".into()),
        RepProof::Password { username: "admin".into(), password: String::new() },
        RepProof::Password { username: "admin\0".into(), password: house.password.clone() },
        RepProof::Password { username: String::new(), password: house.password.clone() },
        RepProof::Password { username: "x".repeat(10_000), password: "y".repeat(10_000) },
    ];
    let before = audited(&mut admin).await.len();
    for proof in &proofs {
        assert!(house.welcomed(login(proof.clone())).await.is_err());
    }
    let events = audited(&mut admin).await;
    let failed = events[before..].iter().filter(|event| &*event.action == "login_failed");
    assert_eq!(failed.count(), proofs.len());
}

#[tokio::test]
async fn an_agent_that_reports_of_others_channels_changes_nothing() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let who = Who { machine: "two".into(), ..Who::new(Some(&house.installer(600).await)) };
    let mut mallory = house.agent(&who).await.unwrap();
    let view = session(&mut admin, &mut agent).await;
    let channel = view.channels[0].id;
    attach(&mut admin, &mut agent, channel, Keyboard::Take).await;
    let before = audited(&mut admin).await.len();
    for report in [
        ChannelReport::Exited { channel, end: 0, status: ExitStatus::Code(0) },
        ChannelReport::Gone { channel, refusal: RefusalCode::ChannelGone.plain() },
        ChannelReport::Attached {
            channel,
            attempt: 1,
            from: 7,
            end: 9,
            input_received: 0,
            input_limit: 1,
        },
    ] {
        let body = AgentReport::Channel(report);
        mallory.send(&FromAgent::Notice { body }).await;
    }
    for body in [AgentReport::Stopped, AgentReport::Said { text: "mallory was here".into() }] {
        mallory.send(&FromAgent::Notice { body }).await;
    }
    let bytes = Bytes::from_static(b"forged");
    mallory.raw(Frame::Data { channel, offset: 0, bytes }.encode()).await;
    mallory.raw(Frame::Credit { channel, received: 9, limit: 9 }.encode()).await;
    // What the right agent says is the first that the console hears.
    let bytes = Bytes::from_static(b"right");
    agent.raw(Frame::Data { channel, offset: 0, bytes: bytes.clone() }.encode()).await;
    let heard = loop {
        if let Some(Frame::Data { bytes, .. }) = admin.frame().await {
            break bytes;
        }
    };
    assert_eq!(heard, bytes);
    let RepReply::Log(reply::LogPart { entries, .. }) =
        admin.ask(RepRequest::Log(request::Log { session: view.id, after: 0 })).await.unwrap()
    else {
        panic!()
    };
    assert!(!format!("{entries:?}").contains("mallory"), "{entries:?}");
    let size = Size { columns: 80, rows: 24 };
    let open =
        RepRequest::OpenShell(request::OpenShell { session: view.id, size, term: "xterm".into() });
    let (opened, _) = tokio::join!(admin.ask(open), agent.open());
    assert!(opened.is_ok(), "the session goes on");
    // Each of that is written down, under mallory's machine, and no more often for being repeated.
    let report = ChannelReport::Exited { channel, end: 0, status: ExitStatus::Code(0) };
    mallory.send(&FromAgent::Notice { body: AgentReport::Channel(report) }).await;
    // Its answer comes after all of that.
    session(&mut admin, &mut mallory).await;
    let events = audited(&mut admin).await;
    let strayed = events[before..].iter().filter(|event| &*event.action == "agent_strayed");
    let (subjects, details): (HashSet<_>, Vec<_>) =
        strayed.map(|event| (&*event.subject, &*event.detail)).unzip();
    assert_eq!(subjects.len(), 1, "{subjects:?}");
    let others = format!("channel {channel} is another machine's");
    let expected = [
        format!("an exit: {others}"),
        format!("a channel's loss: {others}"),
        format!("an attach: {others}"),
        "an end by the customer: nobody sits there".into(),
        "words of the customer: nobody sits there".into(),
        format!("output: {others}"),
        format!("room for input: {others}"),
    ];
    assert_eq!(details, expected);
}

//! The two worked set-ups of the field, as files: tables of who may do what, each cell tried.

use crate::house::*;
use jumpdeck_protocol::agent::AgentRequest;
use jumpdeck_protocol::configuration::Plan;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::item::{FieldValue, ItemChange, ItemEdit, ItemField};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply, RepRequest};
use jumpdeck_protocol::rights::{Permission, Whom};
use jumpdeck_protocol::*;
use std::collections::BTreeSet;

/// What may be done with the items of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// Everything.
    All,
    /// Sessions.
    Start,
    /// Nothing; they are hidden.
    Nothing,
}

impl May {
    fn has(self, permission: Permission) -> bool {
        match self {
            Self::All => true,
            Self::Start => permission == Permission::PermStart,
            Self::Nothing => false,
        }
    }
}

/// Applies a file, and returns what it did.
pub async fn apply(admin: &mut Link, file: &str) -> Plan {
    let request =
        RepRequest::Configure(request::Configure { file: file.into(), apply: true, planned: None });
    let RepReply::Plan(plan) = admin.ask(request).await.unwrap() else { panic!() };
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    *plan
}

/// Logs in as a user that a file made.
pub async fn colleague(house: &House, plan: &Plan, name: &str) -> Link {
    let made = plan.passwords.iter().find(|user| user.username == name).unwrap();
    house.rep_named(name, &made.password).await.unwrap()
}

/// The items that a rep's console is told of.
pub async fn seen(rep: &mut Link) -> BTreeSet<ItemId> {
    // Asked for without waiting: the answer and the parts come in their own order.
    let body = RepRequest::Subscribe(request::Subscribe { have: None, presence: None });
    rep.send(&rep::FromRep::Request { id: RequestId(5), body }).await;
    let (mut seen, mut whole) = (BTreeSet::new(), false);
    loop {
        let part = rep
            .notice(|notice| match notice {
                ApplianceNotice::Inventory(part) => Some(part),
                _ => None,
            })
            .await;
        // What an earlier feed said may still be on its way.
        whole |= part.reset;
        seen.extend(part.items.iter().filter(|_| whole).map(|item| item.id));
        if whole && part.position.is_some() {
            return seen;
        }
    }
}

/// An agent that enrols with an installer which this rep makes.
async fn enrolled(house: &House, rep: &mut Link, group: Option<&str>) -> Link {
    let request = RepRequest::CreateInstaller(request::CreateInstaller {
        group: group.map(str::to_owned),
        valid: 600,
    });
    let RepReply::Installer(made) = rep.ask(request).await.unwrap() else { panic!() };
    house.agent(&Who::new(Some(&made.key))).await.unwrap()
}

/// Tries a cell of a table: what is said of every permission, what is told, and what is done.
async fn try_cell(admin: &mut Link, (name, rep): (&str, &mut Link), agent: &mut Link, may: May) {
    let (item, whom) = (agent.item, Whom::User(name.into()));
    let request = RepRequest::Explain(request::Explain { whom, item, action: None, at: None });
    let RepReply::Explained(reply::Explained { answers }) = admin.ask(request).await.unwrap()
    else {
        panic!()
    };
    for answer in &answers {
        let said = answer.allowed;
        assert_eq!(said, may.has(answer.action), "{name}, {item}, {:?}", answer.because);
    }
    assert_eq!(seen(rep).await.contains(&item), may != May::Nothing, "{name} sees {item}");
    let edit = RepRequest::EditItems(request::EditItems {
        edits: vec![ItemEdit {
            item,
            changes: vec![ItemChange {
                field: ItemField::Comments,
                from: FieldValue::Text("".into()),
                to: FieldValue::Text(name.into()),
            }],
        }],
    });
    let RepReply::Done(reply::BulkDone { refused }) = rep.ask(edit).await.unwrap() else {
        panic!()
    };
    let expected = match may {
        May::All => vec![],
        May::Start => vec![RefusalCode::PermissionDenied],
        May::Nothing => vec![RefusalCode::JumpItemGone],
    };
    let codes: Vec<_> = refused.iter().map(|(_, refusal)| refusal.code).collect();
    assert_eq!(codes, expected, "{name} edits {item}");
    if may == May::All {
        // As it was, for anyone who comes next.
        let changes = vec![ItemChange {
            field: ItemField::Comments,
            from: FieldValue::Text(name.into()),
            to: FieldValue::Text("".into()),
        }];
        rep.ask(RepRequest::EditItems(request::EditItems {
            edits: vec![ItemEdit { item, changes }],
        }))
        .await
        .unwrap();
    }
    if may == May::Nothing {
        let refusal = rep.ask(shell(item)).await.unwrap_err();
        assert_eq!(refusal.code, RefusalCode::JumpItemGone, "{name} starts {item}");
        return;
    }
    let session = session(rep, agent).await.id;
    rep.ask(RepRequest::EndSession(request::EndSession { session })).await.unwrap();
    // The agent is told, and is free for the next one.
    while !matches!(agent.wanted().await, Control::Notice { .. }) {}
}

#[tokio::test]
async fn the_basic_set_up_lets_each_do_what_its_table_says() {
    use May::{All, Nothing, Start};
    let house = House::new().await;
    let mut admin = house.admin().await;
    // Before the file takes that away, the first user puts a machine elsewhere.
    let mut elsewhere = enrolled(&house, &mut admin, Some("Elsewhere")).await;
    let file = include_str!("basic.toml").replace(
        "[[jump_group]]\nname",
        "[[jump_group]]\nname = \"Elsewhere\"\n[[jump_group]]\nname",
    );
    let plan = apply(&mut admin, &file).await;
    let mut anna = colleague(&house, &plan, "anna").await;
    let mut ben = colleague(&house, &plan, "ben").await;
    let mut shared = enrolled(&house, &mut anna, Some("Shared")).await;
    let mut annas = enrolled(&house, &mut anna, None).await;
    let mut bens = enrolled(&house, &mut ben, None).await;

    //            Shared  anna's list  ben's list  another group
    // anna       all     all          start       start
    // ben        start   nothing      all         nothing
    for (agent, of_anna, of_ben) in [
        (&mut shared, All, Start),
        (&mut annas, All, Nothing),
        (&mut bens, Start, All),
        (&mut elsewhere, Start, Nothing),
    ] {
        try_cell(&mut admin, ("anna", &mut anna), agent, of_anna).await;
        try_cell(&mut admin, ("ben", &mut ben), agent, of_ben).await;
    }
    // Who may only start sessions deploys nothing into the group, but into the own list.
    let deploy = RepRequest::CreateInstaller(request::CreateInstaller {
        group: Some("Shared".into()),
        valid: 600,
    });
    let refusal = ben.ask(deploy).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::PermissionDenied);
    assert_eq!(
        refusal.detail,
        "the membership of the Jump Group through the group policy Users names the role; the role \
         Start Sessions Only lacks perm_add"
    );
}

#[tokio::test]
async fn the_advanced_set_up_lets_each_do_what_its_table_says_and_when() {
    use May::{All, Nothing, Start};
    let house = House::new().await;
    let mut admin = house.admin().await;
    let plan = apply(&mut admin, include_str!("advanced.toml")).await;
    let mut ada = colleague(&house, &plan, "ada").await;
    let mut hanna = colleague(&house, &plan, "hanna").await;
    let mut vera = colleague(&house, &plan, "vera").await;
    let mut web = enrolled(&house, &mut ada, Some("Web Servers")).await;
    let mut directory = enrolled(&house, &mut ada, Some("Directory Servers")).await;
    let mut systems = enrolled(&house, &mut ada, Some("User Systems")).await;
    let mut adas = enrolled(&house, &mut ada, None).await;

    //            Web Servers       Directory Servers  User Systems  ada's list
    // ada        all               all                all           all
    // hanna      nothing           nothing            start         nothing
    // vera       start (weekdays)  nothing            nothing       nothing
    for (agent, of_ada, of_hanna, of_vera) in [
        (&mut web, All, Nothing, Start),
        (&mut directory, All, Nothing, Nothing),
        (&mut systems, All, Start, Nothing),
        (&mut adas, All, Nothing, Nothing),
    ] {
        try_cell(&mut admin, ("ada", &mut ada), agent, of_ada).await;
        try_cell(&mut admin, ("hanna", &mut hanna), agent, of_hanna).await;
        try_cell(&mut admin, ("vera", &mut vera), agent, of_vera).await;
    }
    // The help desk deploys into the own list; vendors do not even have one.
    enrolled(&house, &mut hanna, None).await;
    let deploy =
        |group| RepRequest::CreateInstaller(request::CreateInstaller { group, valid: 600 });
    for group in [None, Some("Web Servers".to_owned())] {
        let refusal = vera.ask(deploy(group)).await.unwrap_err();
        assert_eq!(refusal.code, RefusalCode::PermissionDenied);
    }
    let refused = vera
        .ask(RepRequest::AddShortcut(request::AddShortcut { item: shortcut(vera_place(&plan)) }))
        .await;
    assert!(refused.is_err());

    // On a Saturday the vendor's membership keeps it out, and the administrator's does not.
    house.clock.0.fetch_add(5 * 86_400, std::sync::atomic::Ordering::SeqCst);
    let refusal = vera.ask(shell(web.item)).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::ScheduleClosed);
    assert_eq!(
        refusal.detail,
        "the Jump Policy Weekdays is closed and opens 1970-01-19 07:00 UTC \
         (Mon–Fri 08:00–17:00, can be overridden)"
    );
    let view = session(&mut ada, &mut web).await;
    ada.ask(RepRequest::EndSession(request::EndSession { session: view.id })).await.unwrap();
    while !matches!(web.wanted().await, Control::Notice { .. }) {}
    // It is not strict: the one who says so comes in, and that is in the audit.
    let RepRequest::StartSession(request::StartSession { item, kind, code, .. }) = shell(web.item)
    else {
        panic!()
    };
    let anyway = RepRequest::StartSession(request::StartSession {
        item,
        kind,
        override_schedule: true,
        reason: Some("the till burns".into()),
        code,
    });
    let (answer, _) = tokio::join!(vera.ask(anyway), opened(&mut web));
    assert!(matches!(answer, Ok(RepReply::SessionStarted(_))), "{answer:?}");
    let audited = crate::configuring::audited(&mut admin).await;
    let overrode = audited.iter().find(|event| &*event.action == "schedule_overridden").unwrap();
    assert_eq!((&*overrode.who, &*overrode.detail), ("vera", "Weekdays: the till burns"));
    let started = audited.iter().rfind(|event| &*event.action == "session_started").unwrap();
    assert!(started.detail.contains("and is overridden"), "{started:?}");
}

async fn opened(agent: &mut Link) {
    loop {
        if let Control::Request { id, body: AgentRequest::Open { .. } } = agent.wanted().await {
            return agent.answer(id, agent::AgentReply::Opened { process: 1 }).await;
        }
    }
}

/// The personal list of the vendor: users are numbered as the file names them, after the first.
fn vera_place(plan: &Plan) -> Place {
    let at = plan.passwords.iter().position(|user| user.username == "vera").unwrap();
    Place::Personal(UserId(2 + at as u64))
}

fn shortcut(place: Place) -> Box<inventory::ItemView> {
    use jumpdeck_protocol::inventory::ItemView;
    use jumpdeck_protocol::jump_method::JumpMethod;
    let shortcut = item::Shortcut::new(JumpMethod::ShellJump);
    Box::new(ItemView {
        name: "router".into(),
        place,
        method: JumpMethod::ShellJump,
        shortcut: Some(Box::new(shortcut)),
        ..ItemView::default()
    })
}

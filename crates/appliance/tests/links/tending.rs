//! Items are tended: edited, copied, removed, woken; and what consoles are told of it.

use crate::house::*;
use jumpdeck_appliance::{JumpPolicy, Schedule, TimeOfWeek, WeeklyEntry};
use jumpdeck_protocol::agent::{AgentOrder, AgentReport, AgentRequest, FromAgent};
use jumpdeck_protocol::inventory::*;
use jumpdeck_protocol::item::{FieldValue, ItemChange, ItemEdit, ItemField, Shortcut};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::preferences::{Preferences, SavedSearch};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepNotice, RepReply, RepRequest};
use jumpdeck_protocol::rights::Permission;
use jumpdeck_protocol::wake::Mac;
use jumpdeck_protocol::*;
use std::sync::atomic::Ordering;

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.into())
}

fn edit(item: ItemId, field: ItemField, from: FieldValue, to: FieldValue) -> RepRequest {
    let changes = vec![ItemChange { field, from, to }];
    RepRequest::EditItems(request::EditItems { edits: vec![ItemEdit { item, changes }] })
}

/// What was refused of a request with many items.
async fn refused(rep: &mut Link, request: RepRequest) -> Vec<(ItemId, RefusalCode, String)> {
    match rep.ask(request).await.unwrap() {
        RepReply::Done(reply::BulkDone { refused }) => {
            refused.into_iter().map(|(item, why)| (item, why.code, why.detail)).collect()
        }
        other => panic!("{other:?}"),
    }
}

pub async fn subscribe(rep: &mut Link) {
    let subscribe = RepRequest::Subscribe(request::Subscribe { have: None, presence: None });
    rep.ask(subscribe).await.unwrap();
}

/// The next parts of the inventory until one holds this item as wanted.
async fn item_until(rep: &mut Link, item: ItemId, holds: impl Fn(&ItemView) -> bool) -> ItemView {
    loop {
        let part = rep
            .notice(|notice| match notice {
                ApplianceNotice::Inventory(part) => Some(part),
                _ => None,
            })
            .await;
        if let Some(found) = part.items.iter().find(|view| view.id == item && holds(view)) {
            return ItemView::clone(found);
        }
    }
}

async fn gone(rep: &mut Link, item: ItemId) {
    rep.notice(|notice| match notice {
        ApplianceNotice::Inventory(part) => part.gone.contains(&item).then_some(()),
        _ => None,
    })
    .await;
}

/// A machine behind a gateway, with a hardware address of its own.
pub fn machine(key: &str, last: u8) -> Who {
    let mut who = Who::new(Some(key));
    who.name = format!("box {last}");
    who.facts = Facts {
        gateway: "10.0.0.1".into(),
        gateway_mac: "02:00:00:00:00:01".into(),
        mac: Mac([2, 0, 0, 0, 1, last]).to_string().into(),
        ..Facts::default()
    };
    who
}

#[tokio::test]
async fn an_edit_is_seen_by_every_console_and_one_that_comes_too_late_is_refused() {
    let house = House::new().await;
    let agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let (mut one, mut two) = (house.admin().await, house.admin().await);
    subscribe(&mut two).await;
    let first = edit(agent.item, ItemField::Tag, text(""), text("office"));
    assert!(refused(&mut one, first.clone()).await.is_empty());
    let seen = item_until(&mut two, agent.item, |view| !view.tag.is_empty()).await;
    assert_eq!(&*seen.tag, "office");
    let late = edit(agent.item, ItemField::Tag, text(""), text("mail"));
    let [(_, code, detail)] = &refused(&mut two, late).await[..] else { panic!() };
    assert_eq!(
        (*code, detail.as_str()),
        (RefusalCode::EditConflict, "Tag changed meanwhile; admin edited it last")
    );
    assert!(refused(&mut one, first).await.is_empty(), "sent twice, it does no harm");
    let mail = edit(agent.item, ItemField::Tag, text("office"), text("mail"));
    assert!(refused(&mut two, mail).await.is_empty());
}

#[tokio::test]
async fn an_edit_that_does_not_fit_says_so_and_changes_nothing() {
    let house = House::new().await;
    let agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let mut rep = house.admin().await;
    let item = agent.item;
    let edits = [
        (ItemField::Name, text("box"), text(" \u{202e} "), "Name: it cannot be empty."),
        (
            ItemField::Tag,
            text(""),
            text(&"x".repeat(65)),
            "Tag: 65 characters are too many; 64 fit.",
        ),
        (ItemField::Hostname, text("h[31mst"), text("x"), "A Jump Client has no Hostname/IP."),
        (ItemField::Url, text(""), text("https://x"), "A Jump Client has no URL."),
        (
            ItemField::Place,
            FieldValue::Place(Place::JumpGroup(JumpGroupId(1))),
            FieldValue::Place(Place::JumpGroup(JumpGroupId(99))),
            "There is no such Jump Group.",
        ),
        (
            ItemField::JumpPolicy,
            FieldValue::JumpPolicy(None),
            FieldValue::JumpPolicy(Some(JumpPolicyId(99))),
            "That Jump Policy does not exist any more.",
        ),
        (
            ItemField::Expires,
            FieldValue::Time(None),
            FieldValue::Time(Some(Timestamp(5))),
            "That time is in the past.",
        ),
    ];
    for (field, from, to, why) in edits {
        let [(_, code, detail)] = &refused(&mut rep, edit(item, field, from, to)).await[..] else {
            panic!("{field:?} was taken")
        };
        assert_eq!((*code, detail.as_str()), (RefusalCode::InvalidValue, why));
    }
    let nobody = edit(ItemId(99), ItemField::Tag, text(""), text("x"));
    assert_eq!(refused(&mut rep, nobody).await[0].1, RefusalCode::JumpItemGone);
    let many = RepRequest::RemoveItems(request::RemoveItems {
        items: vec![item; limits::ITEMS_PER_REQUEST + 1],
    });
    assert_eq!(rep.ask(many).await.unwrap_err().code, RefusalCode::InvalidValue);
}

#[tokio::test]
async fn a_copy_leads_to_the_same_machine_and_only_the_last_removal_uninstalls_it() {
    let house = House::new().await;
    let who = Who::new(Some(&house.installer(600).await));
    let mut agent = house.agent(&who).await.unwrap();
    let mut rep = house.admin().await;
    let own = Place::Personal(UserId(1));
    let copy = RepRequest::CopyItems(request::CopyItems { items: vec![agent.item], to: own });
    assert!(refused(&mut rep, copy.clone()).await.is_empty());
    let again = refused(&mut rep, copy).await;
    assert_eq!(again[0].2, "box is in admin's list already.");
    let mut watcher = house.admin().await;
    subscribe(&mut watcher).await;
    let online = |notice| match notice {
        ApplianceNotice::Presence { changes, .. } => {
            let online = changes.iter().filter(|p| p.status == Status::Online);
            let items: Vec<_> = online.map(|presence| presence.item).collect();
            (items.len() == 2).then_some(items)
        }
        _ => None,
    };
    let both = watcher.notice(online).await;
    let copied = *both.iter().find(|item| **item != agent.item).unwrap();
    // A session through the copy runs at the same agent, and both are in use.
    let (answer, _) = tokio::join!(rep.ask(shell(copied)), agent.open());
    let RepReply::SessionStarted(view) = answer.unwrap() else { panic!() };
    assert_eq!(view.item, copied);
    let in_use = |notice| match notice {
        ApplianceNotice::Presence { changes, .. } => {
            (changes.iter().filter(|p| p.status == Status::InUse).count() == 2).then_some(())
        }
        _ => None,
    };
    watcher.notice(in_use).await;
    let through = RepRequest::RemoveItems(request::RemoveItems { items: vec![copied] });
    assert_eq!(
        refused(&mut rep, through).await[0].1,
        RefusalCode::InSession,
        "it is in use itself"
    );
    assert!(
        refused(
            &mut rep,
            RepRequest::RemoveItems(request::RemoveItems { items: vec![agent.item] })
        )
        .await
        .is_empty()
    );
    gone(&mut watcher, agent.item).await;
    let last = RepRequest::RemoveItems(request::RemoveItems { items: vec![copied] });
    assert_eq!(refused(&mut rep, last.clone()).await[0].1, RefusalCode::InSession);
    rep.ask(RepRequest::EndSession(request::EndSession { session: view.id })).await.unwrap();
    assert!(refused(&mut rep, last).await.is_empty());
    loop {
        if let Control::Notice { body: AgentOrder::Uninstall } = agent.wanted().await {
            break;
        }
    }
    gone(&mut watcher, copied).await;
}

#[tokio::test]
async fn a_removed_machine_that_was_away_is_told_when_it_comes_back() {
    let house = House::new().await;
    let key = house.installer(600).await;
    let who = Who::new(Some(&key));
    let agent = house.agent(&who).await.unwrap();
    let item = agent.item;
    drop(agent);
    let mut rep = house.admin().await;
    assert!(
        refused(&mut rep, RepRequest::RemoveItems(request::RemoveItems { items: vec![item] }))
            .await
            .is_empty()
    );
    let told = house.agent(&who).await.err().map(|refusal| refusal.code);
    assert_eq!(told, Some(RefusalCode::JumpItemGone), "its installer does not bring it back");
    assert!(house.agent(&Who::new(Some(&key))).await.is_ok(), "a new key is a new machine");
}

#[tokio::test]
async fn a_shortcut_is_made_and_its_session_is_refused_until_there_are_some() {
    let house = House::new().await;
    house.installer(600).await;
    let mut rep = house.admin().await;
    let mut view = ItemView {
        name: "Mail".into(),
        place: Place::JumpGroup(JumpGroupId(1)),
        method: JumpMethod::ShellJump,
        shortcut: Some(Box::new(Shortcut::new(JumpMethod::ShellJump))),
        ..ItemView::default()
    };
    let add = |view: &ItemView| {
        RepRequest::AddShortcut(request::AddShortcut { item: Box::new(view.clone()) })
    };
    let refusal = rep.ask(add(&view)).await.unwrap_err();
    assert_eq!(refusal.detail, "Hostname/IP: it cannot be empty.");
    view.facts.hostname = "10.14.3.10".into();
    view.facts.version = "no shortcut says this of itself".into();
    let RepReply::Added(reply::Added { item }) = rep.ask(add(&view)).await.unwrap() else {
        panic!()
    };
    subscribe(&mut rep).await;
    let made = item_until(&mut rep, item, |_| true).await;
    assert_eq!((&*made.facts.hostname, &*made.facts.version), ("10.14.3.10", ""));
    assert_eq!(made.shortcut.unwrap().port, 22);
    assert_eq!(rep.ask(shell(item)).await.unwrap_err().code, RefusalCode::Unsupported);
    let client = ItemView { method: JumpMethod::JumpClient, ..view };
    assert_eq!(rep.ask(add(&client)).await.unwrap_err().code, RefusalCode::InvalidValue);
}

#[tokio::test]
async fn a_closed_jump_policy_refuses_a_start_and_says_when_it_opens() {
    let house = House::new().await;
    let who = Who::new(Some(&house.installer(600).await));
    let mut agent = house.agent(&who).await.unwrap();
    // The house's clock is at a Monday, 1970-01-12, 13:46:40 UTC.
    let times = |start, end| WeeklyEntry {
        start: TimeOfWeek { day: 0, minute: start },
        end: TimeOfWeek { day: 0, minute: end },
    };
    let policy = |strict| JumpPolicy {
        id: JumpPolicyId(0),
        display_name: "Evenings".into(),
        code_name: "evenings".into(),
        description: String::new(),
        schedule: Some(Schedule {
            timezone: "UTC".into(),
            entries: vec![times(20 * 60, 22 * 60)],
            strict,
        }),
        no_recordings: false,
        ..JumpPolicy::default()
    };
    let id = house.appliance.put_jump_policy(policy(false)).await.unwrap();
    let mut rep = house.admin().await;
    let from = FieldValue::JumpPolicy(None);
    let apply = edit(agent.item, ItemField::JumpPolicy, from, FieldValue::JumpPolicy(Some(id)));
    assert!(refused(&mut rep, apply).await.is_empty());
    let closed = rep.ask(shell(agent.item)).await.unwrap_err();
    assert_eq!(closed.code, RefusalCode::ScheduleClosed);
    assert_eq!(
        closed.detail,
        "the Jump Policy Evenings is closed and opens 1970-01-12 20:00 UTC \
         (Mon 20:00–22:00, can be overridden)"
    );
    let RepRequest::StartSession(request::StartSession { item, kind, .. }) = shell(agent.item)
    else {
        panic!()
    };
    let with = |reason: Option<&str>| {
        RepRequest::StartSession(request::StartSession {
            item,
            kind: kind.clone(),
            override_schedule: true,
            reason: reason.map(Into::into),
            code: None,
        })
    };
    for none in [None, Some(" ")] {
        let refusal = rep.ask(with(none)).await.unwrap_err();
        assert_eq!(refusal.code, RefusalCode::ReasonRequired);
    }
    let anyway = with(Some("the till burns"));
    let (answer, _) = tokio::join!(rep.ask(anyway.clone()), agent.open());
    assert!(matches!(answer, Ok(RepReply::SessionStarted(_))), "whoever may override it can");
    assert_eq!(house.appliance.put_jump_policy(policy(true)).await.unwrap(), id);
    assert_eq!(rep.ask(anyway).await.unwrap_err().code, RefusalCode::ScheduleClosed);
    let mut late = house.admin().await;
    subscribe(&mut late).await;
    let policies = late
        .notice(|notice| match notice {
            ApplianceNotice::JumpPolicies { policies } => Some(policies),
            _ => None,
        })
        .await;
    let opens = Some(Timestamp(1_000_000 - 1_000_000 % 86_400 + 20 * 3600));
    assert_eq!((policies[0].strict, policies[0].state), (true, PolicyState::Closed { opens }));
}

#[tokio::test]
async fn preferences_are_kept_and_told_to_the_other_consoles_of_the_rep() {
    let house = House::new().await;
    let (mut one, mut two) = (house.admin().await, house.admin().await);
    let saved = SavedSearch { name: "offline tills".into(), query: "status:offline".into() };
    let preferences = Preferences { saved: vec![saved], ..Preferences::default() };
    let save = RepRequest::SavePreferences(request::SavePreferences {
        preferences: Box::new(preferences.clone()),
    });
    assert_eq!(one.ask(save).await.unwrap(), RepReply::Saved);
    let told = |notice| match notice {
        ApplianceNotice::Preferences(preferences) => Some(*preferences),
        _ => None,
    };
    assert_eq!(two.notice(told).await, preferences);
    let mut later = house.admin().await;
    subscribe(&mut later).await;
    assert_eq!(later.notice(told).await, preferences);
}

#[tokio::test]
async fn what_was_used_and_by_whom_is_told() {
    let house = House::new().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let mut rep = house.admin().await;
    let view = session(&mut rep, &mut agent).await;
    rep.ask(RepRequest::EndSession(request::EndSession { session: view.id })).await.unwrap();
    house.clock.0.fetch_add(60, Ordering::SeqCst);
    session(&mut rep, &mut agent).await;
    let history = RepRequest::History(request::History { item: agent.item });
    let RepReply::History(reply::ItemHistory { sessions, .. }) = rep.ask(history).await.unwrap()
    else {
        panic!()
    };
    let spans: Vec<_> =
        sessions.iter().map(|past| (past.started.0, past.ended.is_some())).collect();
    assert_eq!(spans, [(1_000_060, false), (1_000_000, true)]);
    assert_eq!(&*sessions[0].user, "admin");
    let mut later = house.admin().await;
    subscribe(&mut later).await;
    let used = later
        .notice(|notice| match notice {
            ApplianceNotice::Used { items } => Some(items),
            _ => None,
        })
        .await;
    assert_eq!((used[0].item, used[0].times, used[0].last.0), (agent.item, 2, 1_000_060));
}

#[tokio::test]
async fn figures_are_told_only_while_somebody_searches_for_them() {
    let house = House::new().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let mut rep = house.admin().await;
    subscribe(&mut rep).await;
    let want = |wanted| rep::FromRep::Notice { body: RepNotice::WatchFigures { wanted } };
    rep.send(&want(true)).await;
    let interest = |wanted: Control<AgentRequest, Never, AgentOrder>| match wanted {
        Control::Notice { body: AgentOrder::Interest { interval } } => Some(interval),
        _ => None,
    };
    assert_eq!(interest(agent.wanted().await), Some(30_000));
    let statistics =
        Statistics { cpu: 93.0, disk_used: 81, disk_total: 100, ..Statistics::default() };
    agent.send(&FromAgent::Notice { body: AgentReport::Statistics(statistics) }).await;
    let figures = rep
        .notice(|notice| match notice {
            ApplianceNotice::Figures { figures } => Some(figures),
            _ => None,
        })
        .await;
    assert_eq!(figures, [Figure { item: agent.item, cpu: 93, disk: 81 }]);
}

#[tokio::test]
async fn a_console_is_told_what_its_rep_may_do_and_why() {
    let house = House::new().await;
    house.installer(600).await;
    let mut rep = house.admin().await;
    subscribe(&mut rep).await;
    let places = rep
        .notice(|notice| match notice {
            ApplianceNotice::Rights { places, .. } => Some(places),
            _ => None,
        })
        .await;
    let lab = places.iter().find(|p| p.place == Place::JumpGroup(JumpGroupId(1))).unwrap();
    assert_eq!((&*lab.role, lab.permitted.has(Permission::PermEditTag)), ("Administrator", true));
    assert_eq!(&*lab.because, "the user's System slot names the role");
    let own = places.iter().find(|p| p.place == Place::Personal(UserId(1))).unwrap();
    assert_eq!(own.owner.as_deref(), Some("admin"));
}

#[tokio::test]
async fn two_edits_of_one_item_in_a_request_are_both_done() {
    let house = House::new().await;
    let agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let mut rep = house.admin().await;
    let change = |field, to: &str, from: &str| ItemEdit {
        item: agent.item,
        changes: vec![ItemChange { field, from: text(from), to: text(to) }],
    };
    let edits = vec![change(ItemField::Tag, "a", ""), change(ItemField::Comments, "b", "")];
    assert!(
        refused(&mut rep, RepRequest::EditItems(request::EditItems { edits })).await.is_empty()
    );
    subscribe(&mut rep).await;
    let view = item_until(&mut rep, agent.item, |_| true).await;
    assert_eq!((&*view.tag, &*view.comments), ("a", "b"));
    let many = vec![change(ItemField::Tag, "c", "a").changes.remove(0); 100];
    let edits = vec![ItemEdit { item: agent.item, changes: many }];
    let refused = refused(&mut rep, RepRequest::EditItems(request::EditItems { edits })).await;
    assert_eq!(refused[0].1, RefusalCode::InvalidValue);
}

#[tokio::test]
async fn reads_of_the_history_do_not_keep_edits_from_the_disk() {
    let house = House::new().await;
    let agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let (mut reader, mut rep) = (house.admin().await, house.admin().await);
    let item = agent.item;
    let reading = tokio::spawn(async move {
        loop {
            let _ = reader.ask(RepRequest::History(request::History { item })).await;
        }
    });
    for tag in ["a", "b", "c"] {
        let before = match tag {
            "a" => "",
            "b" => "a",
            _ => "b",
        };
        let edit = edit(item, ItemField::Tag, text(before), text(tag));
        assert!(refused(&mut rep, edit).await.is_empty());
    }
    reading.abort();
}

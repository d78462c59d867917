//! Machines that join with a session key: who may take them, and what becomes of them.

use crate::house::*;
use jumpdeck_protocol::agent::{AgentOrder, AgentReply, AgentReport, AgentRequest, FromAgent};
use jumpdeck_protocol::inventory::{ItemView, Place};
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::queue::{QueueChoice, QueueView, Rank};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply, RepRequest};
use jumpdeck_protocol::session::{EndReason, SessionView};
use jumpdeck_protocol::*;
use std::sync::atomic::Ordering;

pub async fn key(rep: &mut Link, queue: QueueChoice) -> String {
    let request = RepRequest::CreateSessionKey(request::CreateSessionKey {
        queue,
        valid: 600,
        attributes: vec![],
    });
    let RepReply::SessionKey(made) = rep.ask(request).await.unwrap() else { panic!() };
    assert!(queue::read_key(&made.key).is_some(), "{}", made.key);
    made.key
}

/// A machine that nobody knows yet.
pub fn stranger(key: &str) -> Who {
    Who { session_key: Some(key.to_owned()), ..Who::new(None) }
}

pub async fn refusal(house: &House, who: &Who) -> RefusalCode {
    match house.agent(who).await {
        Err(refusal) => refusal.code,
        Ok(_) => panic!("it was let in"),
    }
}

/// The names of the machines that wait, once there are so many.
pub async fn waiting(rep: &mut Link, count: usize) -> QueueView {
    rep.notice(|notice| match notice {
        ApplianceNotice::Queues(queues) if queues.waiting.len() == count => Some(queues),
        _ => None,
    })
    .await
}

pub async fn add_user(house: &House, admin: &mut Link, name: &str) -> Link {
    let request = RepRequest::AddUser(request::AddUser { username: name.into() });
    let RepReply::UserAdded(user) = admin.ask(request).await.unwrap() else { panic!() };
    house.rep_named(name, &user.password).await.unwrap()
}

async fn team(admin: &mut Link, name: &str, members: &[(&str, Rank)]) {
    let members = members.iter().map(|(user, rank)| ((*user).to_owned(), *rank)).collect();
    let request = RepRequest::SetTeam(request::SetTeam { name: name.into(), members });
    assert_eq!(admin.ask(request).await, Ok(RepReply::Saved));
}

/// As the person at the machine: answers the next question.
pub async fn answers(agent: &mut Link, yes: bool) {
    loop {
        if let Control::Request { id, body: AgentRequest::Ask { rep, .. } } = agent.wanted().await {
            assert!(!rep.is_empty());
            return agent.answer(id, AgentReply::Answered { yes, silent: false }).await;
        }
    }
}

pub async fn let_in(rep: &mut Link, agent: &mut Link) -> SessionView {
    let item = agent.item;
    let there = async {
        answers(agent, true).await;
        agent.open().await
    };
    let (answer, _) = tokio::join!(rep.ask(shell(item)), there);
    match answer.unwrap() {
        RepReply::SessionStarted(view) => view,
        other => panic!("{other:?}"),
    }
}

/// A rep's wish to pin, and the machine that does its part.
pub async fn pin(
    rep: &mut Link,
    agent: &mut Link,
    session: SessionId,
    item: ItemView,
) -> Result<RepReply, Refusal> {
    let there = async {
        loop {
            if let Control::Request { id, body: AgentRequest::Pin { .. } } = agent.wanted().await {
                let by_hand = Some("no manager".into());
                return agent.answer(id, AgentReply::Pinned { by_hand }).await;
            }
        }
    };
    tokio::join!(rep.ask(RepRequest::Pin(request::Pin { session, item: Box::new(item) })), there).0
}

pub fn client(name: &str) -> ItemView {
    let place = Place::Personal(UserId(1));
    ItemView { name: name.into(), place, tag: "lab".into(), ..ItemView::default() }
}

#[tokio::test]
async fn a_key_lets_one_machine_in_for_a_while_and_no_second() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let first = key(&mut admin, QueueChoice::Personal).await;
    let spoken = format!(" {}-{} ", &first[..3], first[3..].to_lowercase());
    let machine = house.agent(&stranger(&spoken)).await.unwrap();
    assert_eq!(refusal(&house, &stranger(&first)).await, RefusalCode::SessionKeyInvalid);
    let queues = waiting(&mut admin, 1).await;
    assert_eq!(queues.waiting[0].item, machine.item);
    assert_eq!(&*queues.waiting[0].name, "h[31mst", "cleaned");
    assert_eq!(&*queues.waiting[0].invited_by, "admin");

    let late = key(&mut admin, QueueChoice::Personal).await;
    house.clock.0.fetch_add(601, Ordering::SeqCst);
    assert_eq!(refusal(&house, &stranger(&late)).await, RefusalCode::SessionKeyInvalid);
    for valid in [59, 86_401] {
        let request = RepRequest::CreateSessionKey(request::CreateSessionKey {
            queue: QueueChoice::General,
            valid,
            attributes: vec![],
        });
        assert_eq!(admin.ask(request).await.unwrap_err().code, RefusalCode::InvalidValue);
    }
}

#[tokio::test]
async fn whoever_guesses_keys_has_to_wait() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let right = key(&mut admin, QueueChoice::General).await;
    for _ in 0..5 {
        assert_eq!(refusal(&house, &stranger("AAAAAAA")).await, RefusalCode::SessionKeyInvalid);
    }
    assert_eq!(refusal(&house, &stranger(&right)).await, RefusalCode::SessionKeyThrottled);
    house.clock.0.fetch_add(60, Ordering::SeqCst);
    assert!(house.agent(&stranger(&right)).await.is_ok());
}

#[tokio::test]
async fn a_machine_that_waits_is_seen_and_taken_only_by_those_who_serve_its_queue() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let mut bob = add_user(&house, &mut admin, "bob").await;
    let mut eve = add_user(&house, &mut admin, "eve").await;
    team(&mut admin, "Desk", &[("admin", Rank::Member), ("bob", Rank::Lead)]).await;
    let outside = RepRequest::CreateSessionKey(request::CreateSessionKey {
        queue: QueueChoice::Team("Desk".into()),
        valid: 600,
        attributes: vec![],
    });
    assert_eq!(eve.ask(outside).await.unwrap_err().code, RefusalCode::NotFound);
    let desk = key(&mut admin, QueueChoice::Team("Desk".into())).await;
    let mut machine = house.agent(&stranger(&desk)).await.unwrap();
    assert_eq!(&*waiting(&mut bob, 1).await.waiting[0].team, "Desk");
    waiting(&mut admin, 1).await;

    // Eve knows its number, and that is all the good it does.
    let item = machine.item;
    assert_eq!(eve.ask(shell(item)).await.unwrap_err().code, RefusalCode::JumpItemGone);
    let away = RepRequest::TurnAway(request::TurnAway { item });
    assert_eq!(eve.ask(away).await.unwrap_err().code, RefusalCode::JumpItemGone);
    for request in [
        RepRequest::RemoveItems(request::RemoveItems { items: vec![item] }),
        RepRequest::CopyItems(request::CopyItems {
            items: vec![item],
            to: Place::Personal(UserId(1)),
        }),
    ] {
        let RepReply::Done(reply::BulkDone { refused }) = bob.ask(request).await.unwrap() else {
            panic!()
        };
        assert_eq!(refused[0].1.code, RefusalCode::JumpItemGone, "it is no Jump Item");
    }
    let_in(&mut bob, &mut machine).await;
    assert_eq!(waiting(&mut admin, 0).await.sessions.len(), 1, "it is bob's now");
}

#[tokio::test]
async fn the_person_there_may_say_no_and_may_stop() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let general = key(&mut admin, QueueChoice::General).await;
    let mut machine = house.agent(&stranger(&general)).await.unwrap();
    waiting(&mut admin, 1).await;
    let item = machine.item;
    let (answer, ()) = tokio::join!(admin.ask(shell(item)), answers(&mut machine, false));
    assert_eq!(answer.unwrap_err().code, RefusalCode::CustomerRefused);

    let view = let_in(&mut admin, &mut machine).await;
    assert!(view.terms.customer_present && !view.pinned);
    machine.send(&FromAgent::Notice { body: AgentReport::Said { text: "hi\u{1b}".into() } }).await;
    let said = |notice| match notice {
        ApplianceNotice::Logged { entry, .. } => match entry.event {
            LogEvent::Chat { text } => Some((entry.who.unwrap(), text)),
            _ => None,
        },
        _ => None,
    };
    let (who, text) = admin.notice(said).await;
    assert_eq!((&*who, &*text), ("the customer", "hi"));
    machine.send(&FromAgent::Notice { body: AgentReport::Stopped }).await;
    let ended = |notice| match notice {
        ApplianceNotice::SessionEnded { reason, .. } => Some(reason),
        _ => None,
    };
    assert_eq!(admin.notice(ended).await, EndReason::EndedByCustomer);
    loop {
        if let Control::Notice { body: AgentOrder::Uninstall } = machine.wanted().await {
            break;
        }
    }
    assert!(machine.until_closed().await);
    assert_eq!(admin.ask(shell(item)).await.unwrap_err().code, RefusalCode::JumpItemGone);
}

#[tokio::test]
async fn two_reps_do_not_take_the_same_machine() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let mut bob = add_user(&house, &mut admin, "bob").await;
    let general = key(&mut admin, QueueChoice::General).await;
    let mut machine = house.agent(&stranger(&general)).await.unwrap();
    let item = machine.item;
    let there = async {
        let Control::Request { id, .. } = machine.wanted().await else { panic!() };
        let second = bob.ask(shell(item)).await.unwrap_err();
        assert_eq!(second.code, RefusalCode::BeingTaken, "while the person is asked");
        let away = bob.ask(RepRequest::TurnAway(request::TurnAway { item })).await.unwrap_err();
        assert_eq!(away.code, RefusalCode::BeingTaken);
        machine.answer(id, AgentReply::Answered { yes: true, silent: false }).await;
        machine.open().await;
    };
    let (first, ()) = tokio::join!(admin.ask(shell(item)), there);
    assert!(first.is_ok());
    assert_eq!(bob.ask(shell(item)).await.unwrap_err().code, RefusalCode::BeingTaken);
}

#[tokio::test]
async fn who_is_turned_away_or_leaves_is_gone() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let one = key(&mut admin, QueueChoice::General).await;
    let who = stranger(&one);
    let machine = house.agent(&who).await.unwrap();
    waiting(&mut admin, 1).await;
    assert_eq!(
        admin.ask(RepRequest::TurnAway(request::TurnAway { item: machine.item })).await,
        Ok(RepReply::Saved)
    );
    assert!(machine.until_closed().await);
    assert_eq!(refusal(&house, &who).await, RefusalCode::JumpItemGone, "it is told");

    let two = key(&mut admin, QueueChoice::General).await;
    let who = stranger(&two);
    drop(house.agent(&who).await.unwrap());
    waiting(&mut admin, 1).await;
    waiting(&mut admin, 0).await;
    // A broken link is no farewell: the same machine may come back without another key.
    let back = house.agent(&who).await.unwrap();
    waiting(&mut admin, 1).await;
    drop(back);
    waiting(&mut admin, 0).await;
    house.clock.0.fetch_add(121, Ordering::SeqCst);
    house.appliance.sweep().await;
    assert_eq!(refusal(&house, &who).await, RefusalCode::JumpItemGone);
}

#[tokio::test]
async fn who_outranks_the_owner_may_come_in_and_nobody_else() {
    let house = House::new().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let mut admin = house.admin().await;
    let mut bob = add_user(&house, &mut admin, "bob").await;
    let mut eve = add_user(&house, &mut admin, "eve").await;
    let mut kim = add_user(&house, &mut admin, "kim").await;
    let ranks = [("bob", Rank::Manager), ("admin", Rank::Lead), ("kim", Rank::Member)];
    team(&mut admin, "Desk", &ranks).await;
    let view = session(&mut admin, &mut agent).await;
    let of_team = |may_join| {
        move |notice| match notice {
            ApplianceNotice::Queues(queues) if queues.sessions.len() == 1 => {
                assert_eq!(queues.sessions[0].may_join, may_join);
                Some(queues.sessions[0].session)
            }
            _ => None,
        }
    };
    assert_eq!(bob.notice(of_team(true)).await, view.id);
    assert_eq!(kim.notice(of_team(false)).await, view.id);
    let join = RepRequest::JoinSession(request::JoinSession { session: view.id });
    assert_eq!(eve.ask(join.clone()).await.unwrap_err().code, RefusalCode::SessionGone);
    assert_eq!(kim.ask(join.clone()).await.unwrap_err().code, RefusalCode::NotOwner);
    assert!(matches!(bob.ask(join.clone()).await, Ok(RepReply::SessionStarted(_))));
    assert!(
        bob.ask(RepRequest::Note(request::Note { session: view.id, text: "x".into() }))
            .await
            .is_ok()
    );

    // A team is shared with as a whole; the one who is in none of that name shares with nobody.
    let share = |team: &str| {
        RepRequest::ShareTeam(request::ShareTeam {
            session: view.id,
            team: team.into(),
            part: Some(session::Part::Observer),
        })
    };
    assert_eq!(admin.ask(share("Other")).await.unwrap_err().code, RefusalCode::NotFound);
    assert_eq!(admin.ask(share("Desk")).await, Ok(RepReply::Saved));
    assert!(kim.ask(RepRequest::Log(request::Log { session: view.id, after: 0 })).await.is_ok());
    let only_first = RepRequest::SetTeam(request::SetTeam { name: "Desk".into(), members: vec![] });
    assert_eq!(bob.ask(only_first).await.unwrap_err().code, RefusalCode::PermissionDenied);

    // What came of a rank goes with it.
    let note = RepRequest::Note(request::Note { session: view.id, text: "x".into() });
    assert!(bob.ask(note.clone()).await.is_ok());
    let ranks = [("bob", Rank::Member), ("admin", Rank::Lead), ("kim", Rank::Member)];
    team(&mut admin, "Desk", &ranks).await;
    bob.notice(|notice| match notice {
        ApplianceNotice::Sessions { sessions } => sessions.is_empty().then_some(()),
        _ => None,
    })
    .await;
    assert_eq!(bob.ask(note).await.unwrap_err().code, RefusalCode::SessionGone);
    assert!(kim.ask(RepRequest::Log(request::Log { session: view.id, after: 0 })).await.is_ok());
}

#[tokio::test]
async fn a_hostile_machine_can_neither_flood_the_log_nor_break_a_console() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let general = key(&mut admin, QueueChoice::General).await;
    let mut machine = house.agent(&stranger(&general)).await.unwrap();
    let session = let_in(&mut admin, &mut machine).await.id;
    for _ in 0..200 {
        let text = "x".repeat(5000).into();
        machine.send(&FromAgent::Notice { body: AgentReport::Said { text } }).await;
    }
    let there = async {
        let Control::Request { id, .. } = machine.wanted_request().await else { panic!() };
        let by_hand = Some("y\u{202e}".repeat(200_000).into());
        machine.answer(id, AgentReply::Pinned { by_hand }).await;
    };
    let request = RepRequest::Pin(request::Pin { session, item: Box::new(client("pc")) });
    let (answer, ()) = tokio::join!(admin.ask(request), there);
    let RepReply::Pinned(reply::PinnedItem { by_hand, .. }) = answer.unwrap() else { panic!() };
    assert_eq!(by_hand.unwrap().chars().count(), limits::FACT);
    let log = admin.ask(RepRequest::Log(request::Log { session, after: 0 })).await.unwrap();
    let RepReply::Log(reply::LogPart { entries, .. }) = log else { panic!() };
    let said = entries.iter().filter(|entry| matches!(entry.event, LogEvent::Chat { .. }));
    assert_eq!(said.count(), 5, "a second's worth");
}

#[tokio::test]
async fn whoever_waits_for_a_team_that_is_removed_waits_for_the_maker_of_the_key() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let mut bob = add_user(&house, &mut admin, "bob").await;
    team(&mut admin, "Desk", &[("bob", Rank::Member), ("admin", Rank::Member)]).await;
    let desk = || QueueChoice::Team("Desk".into());
    let (used, unused) = (key(&mut bob, desk()).await, key(&mut bob, desk()).await);
    let _machine = house.agent(&stranger(&used)).await.unwrap();
    waiting(&mut admin, 1).await;
    team(&mut admin, "Desk", &[]).await;
    waiting(&mut admin, 0).await;
    let moved = |notice| match notice {
        ApplianceNotice::Queues(queues) => match queues.waiting.as_slice() {
            [one] if one.queue == queue::Queue::Personal(UserId(2)) => Some(()),
            _ => None,
        },
        _ => None,
    };
    bob.notice(moved).await;
    assert_eq!(refusal(&house, &stranger(&unused)).await, RefusalCode::SessionKeyInvalid);
}

#[tokio::test]
async fn a_session_with_a_visitor_that_never_comes_back_ends_after_half_an_hour() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let general = key(&mut admin, QueueChoice::General).await;
    let mut machine = house.agent(&stranger(&general)).await.unwrap();
    let view = let_in(&mut admin, &mut machine).await;
    let channel = view.channels[0].id;
    attach(&mut admin, &mut machine, channel, session::Keyboard::Take).await;
    drop(machine);
    let away =
        |notice| matches!(notice, ApplianceNotice::AgentLink { linked: false, .. }).then_some(());
    admin.notice(away).await;
    house.clock.0.fetch_add(1800, Ordering::SeqCst);
    house.appliance.sweep().await;
    let note = RepRequest::Note(request::Note { session: view.id, text: "still here".into() });
    assert!(admin.ask(note).await.is_ok());
    house.clock.0.fetch_add(1, Ordering::SeqCst);
    house.appliance.sweep().await;
    let ended = |notice| match notice {
        ApplianceNotice::SessionEnded { reason, .. } => Some(reason),
        _ => None,
    };
    assert_eq!(admin.notice(ended).await, EndReason::AgentLost);
}

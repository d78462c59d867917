//! Machines that are pinned and unpinned within their session.

use crate::house::*;
use crate::visiting::{add_user, client, key, let_in, pin, refusal, stranger};
use jumpdeck_protocol::agent::{AgentOrder, AgentReply, AgentRequest, FromAgent};
use jumpdeck_protocol::inventory::{ItemView, Place, StartMode};
use jumpdeck_protocol::queue::QueueChoice;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{RepReply, RepRequest};
use jumpdeck_protocol::*;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_machine_is_pinned_and_unpinned_within_its_session() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let mut bob = add_user(&house, &mut admin, "bob").await;
    let general = key(&mut admin, QueueChoice::General).await;
    let who = stranger(&general);
    let mut machine = house.agent(&who).await.unwrap();
    let view = let_in(&mut admin, &mut machine).await;
    let session = view.id;

    let request = RepRequest::Pin(request::Pin { session, item: Box::new(client("pc")) });
    assert_eq!(bob.ask(request).await.unwrap_err().code, RefusalCode::SessionGone);
    let mut over = client("pc");
    over.expires = Some(Timestamp(1));
    let request = RepRequest::Pin(request::Pin { session, item: Box::new(over) });
    assert_eq!(admin.ask(request).await.unwrap_err().code, RefusalCode::InvalidValue);
    let unpin = RepRequest::Unpin(request::Unpin { session });
    assert_eq!(admin.ask(unpin.clone()).await.unwrap_err().code, RefusalCode::NotPinned);

    let mut wish = client("pc");
    wish.start_mode = StartMode::Hidden;
    wish.expires = Some(Timestamp(house.clock.0.load(Ordering::SeqCst) + 3600));
    let pinned = pin(&mut admin, &mut machine, session, wish).await.unwrap();
    let RepReply::Pinned(reply::PinnedItem { item, by_hand }) = pinned else { panic!() };
    assert_eq!((item, by_hand.as_deref()), (machine.item, Some("no manager")));
    let again = RepRequest::Pin(request::Pin { session, item: Box::new(client("pc")) });
    assert_eq!(admin.ask(again).await.unwrap_err().code, RefusalCode::AlreadyPinned);

    // It stays when the session ends, and when its agent is started again.
    admin.ask(RepRequest::EndSession(request::EndSession { session })).await.unwrap();
    drop(machine);
    let mut machine = house.agent(&Who { session_key: None, ..who }).await.unwrap();
    let view = crate::house::session(&mut admin, &mut machine).await;
    assert!(view.pinned);
    let request = RepRequest::Unpin(request::Unpin { session: view.id });
    let there = async {
        loop {
            if let Control::Request { id, body: AgentRequest::Unpin } = machine.wanted().await {
                return machine.answer(id, AgentReply::Unpinned).await;
            }
        }
    };
    let (answer, ()) = tokio::join!(admin.ask(request), there);
    assert_eq!(answer, Ok(RepReply::Saved));
    assert_eq!(bob.ask(shell(item)).await.unwrap_err().code, RefusalCode::JumpItemGone);
    admin.ask(RepRequest::EndSession(request::EndSession { session: view.id })).await.unwrap();
    assert!(machine.until_closed().await, "with the session, the machine goes");
}

#[tokio::test]
async fn a_pin_that_cannot_be_is_refused_with_the_reason() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let general = key(&mut admin, QueueChoice::General).await;
    let mut machine = house.agent(&stranger(&general)).await.unwrap();
    let session = let_in(&mut admin, &mut machine).await.id;
    let request = || RepRequest::Pin(request::Pin { session, item: Box::new(client("pc")) });

    let nowhere = ItemView { place: Place::JumpGroup(JumpGroupId(99)), ..client("pc") };
    let nowhere = RepRequest::Pin(request::Pin { session, item: Box::new(nowhere) });
    assert_eq!(admin.ask(nowhere).await.unwrap_err().code, RefusalCode::InvalidValue);

    // The person says no.
    let there = async {
        let Control::Request { id, .. } = machine.wanted_request().await else { panic!() };
        let body = Outcome::Refused(RefusalCode::CustomerRefused.plain());
        machine.send(&FromAgent::Reply { id, body }).await;
    };
    let (answer, ()) = tokio::join!(admin.ask(request()), there);
    assert_eq!(answer.unwrap_err().code, RefusalCode::CustomerRefused);

    // Another console of the same rep asks while the person is asked.
    let mut second = house.admin().await;
    let there = async {
        let Control::Request { id, .. } = machine.wanted_request().await else { panic!() };
        let pending = second.ask(request()).await.unwrap_err();
        assert_eq!(pending.code, RefusalCode::PinAlreadyPending);
        let body = Outcome::Refused(RefusalCode::CustomerRefused.plain());
        machine.send(&FromAgent::Reply { id, body }).await;
    };
    tokio::join!(admin.ask(request()), there).0.unwrap_err();

    // The appliance is full: a machine that enrols, and one that is pinned, are refused.
    house.appliance.limit_clients(1);
    house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let another = Who::new(Some(&house.installer(600).await));
    assert_eq!(refusal(&house, &another).await, RefusalCode::JumpClientLimitReached);
    assert_eq!(admin.ask(request()).await.unwrap_err().code, RefusalCode::JumpClientLimitReached);
    house.appliance.limit_clients(0);

    // Its machine is away.
    drop(machine);
    // The appliance may not have noticed yet.
    let mut code = RefusalCode::JumpClientOffline;
    while code == RefusalCode::JumpClientOffline {
        code = admin.ask(request()).await.unwrap_err().code;
    }
    assert_eq!(code, RefusalCode::CustomerNotOnline);
    let ended = admin.ask(RepRequest::EndSession(request::EndSession { session })).await;
    assert_eq!(ended, Ok(RepReply::SessionEnded));
    assert_eq!(admin.ask(request()).await.unwrap_err().code, RefusalCode::SessionGone);
}

#[tokio::test]
async fn a_pinned_machine_that_expires_uninstalls_itself_and_leaves_the_list() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let general = key(&mut admin, QueueChoice::General).await;
    let mut machine = house.agent(&stranger(&general)).await.unwrap();
    let session = let_in(&mut admin, &mut machine).await.id;
    let expires = Timestamp(house.clock.0.load(Ordering::SeqCst) + 3600);
    let wish = ItemView { expires: Some(expires), ..client("pc") };
    pin(&mut admin, &mut machine, session, wish).await.unwrap();
    house.clock.0.store(expires.0 + 1, Ordering::SeqCst);
    house.appliance.sweep().await;
    assert_eq!(
        admin.ask(RepRequest::EndSession(request::EndSession { session })).await,
        Ok(RepReply::SessionEnded),
        "a session that runs is not cut off"
    );
    house.appliance.sweep().await;
    loop {
        if let Control::Notice { body: AgentOrder::Uninstall } = machine.wanted().await {
            break;
        }
    }
    assert!(machine.until_closed().await);
}

#[tokio::test]
async fn a_jump_client_whose_session_was_started_through_a_copy_is_unpinned_with_all_of_them() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let to = Place::Personal(UserId(1));
    let request = RepRequest::CopyItems(request::CopyItems { items: vec![agent.item], to });
    assert_eq!(admin.ask(request).await, Ok(RepReply::Done(reply::BulkDone { refused: vec![] })));
    let (original, copy) = (agent.item, ItemId(agent.item.0 + 1));
    agent.item = copy;
    let view = session(&mut admin, &mut agent).await;
    assert_eq!(view.item, copy);
    let there = async {
        loop {
            if let Control::Request { id, body: AgentRequest::Unpin } = agent.wanted().await {
                return agent.answer(id, AgentReply::Unpinned).await;
            }
        }
    };
    let request = RepRequest::Unpin(request::Unpin { session: view.id });
    let (answer, ()) = tokio::join!(admin.ask(request), there);
    assert_eq!(answer, Ok(RepReply::Saved));
    for item in [original, copy] {
        let history = admin.ask(RepRequest::History(request::History { item })).await.unwrap_err();
        assert_eq!(history.code, RefusalCode::JumpItemGone);
    }
    assert!(
        admin
            .ask(RepRequest::Note(request::Note { session: view.id, text: "on".into() }))
            .await
            .is_ok()
    );
    admin.ask(RepRequest::EndSession(request::EndSession { session: view.id })).await.unwrap();
    assert!(agent.until_closed().await);
}

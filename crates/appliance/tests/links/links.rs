//! Links as a stranger would make them.

use crate::house::*;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::{self, Frame};
use jumpdeck_protocol::inventory::{Position, Status};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply, RepRequest};
use jumpdeck_protocol::session::ChannelOrder;
use jumpdeck_protocol::*;
use std::sync::atomic::Ordering;
use tokio_tungstenite::tungstenite::Message;
#[tokio::test]
async fn an_installer_key_works_until_it_expires() {
    let house = House::new().await;
    let key = house.installer(600).await;
    assert!(house.agent(&Who::new(Some(&key))).await.is_ok());
    house.clock.0.fetch_add(600, Ordering::SeqCst);
    assert!(house.agent(&Who::new(Some(&key))).await.is_ok());
    house.clock.0.fetch_add(1, Ordering::SeqCst);
    let refused = house.agent(&Who::new(Some(&key))).await.err().unwrap();
    assert_eq!(refused.code, RefusalCode::InstallerKeyInvalid);
}

#[tokio::test]
async fn a_clock_that_jumps_does_not_part_an_agent_from_its_appliance() {
    let house = House::new().await;
    let who = Who::new(Some(&house.installer(600).await));
    let item = house.agent(&who).await.unwrap().item;
    for jump in [10_000_000, -20_000_000] {
        house.clock.0.fetch_add(jump, Ordering::SeqCst);
        assert_eq!(house.agent(&who).await.unwrap().item, item);
    }
}

#[tokio::test]
async fn a_copy_of_an_agent_on_another_machine_is_refused_and_the_first_stays() {
    let house = House::new().await;
    let mut who = Who::new(Some(&house.installer(600).await));
    let mut first = house.agent(&who).await.unwrap();
    who.machine = "two".into();
    let refused = house.agent(&who).await.err().unwrap();
    assert_eq!(refused.code, RefusalCode::IdentityCheckFailed);
    let mut rep = house.admin().await;
    session(&mut rep, &mut first).await;
}

/// A disk image with an enrolled agent is started twice: the same key, the same machine.
#[tokio::test]
async fn a_copy_of_the_whole_disk_is_refused_while_the_first_lives_and_is_told_of() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let mut who = Who::new(Some(&house.installer(600).await));
    who.run = 1;
    let mut first = house.agent(&who).await.unwrap();
    let view = session(&mut admin, &mut first).await;
    who.facts.hostname = "copy".into();
    who.run = 2;
    let asked = async {
        loop {
            // It answers what it is asked, as `wanted` does for it.
            first.wanted().await;
        }
    };
    let refused = tokio::select! {
        outcome = house.agent(&who) => outcome.err().unwrap(),
        () = asked => unreachable!(),
    };
    assert_eq!(refused.code, RefusalCode::IdentityCheckFailed);
    assert!(refused.detail.contains("--new-identity"), "{}", refused.detail);
    let history = RepRequest::History(request::History { item: first.item });
    let RepReply::History(reply::ItemHistory { warning, .. }) = admin.ask(history).await.unwrap()
    else {
        panic!()
    };
    assert!(warning.unwrap().contains("copy at 127.0.0.1"));
    let RepReply::Audit(reply::AuditPart { events, .. }) =
        admin.ask(RepRequest::Audit(request::Audit { after: 0 })).await.unwrap()
    else {
        panic!()
    };
    let told = events.iter().filter(|event| &*event.action == "identity_check_failed").count();
    assert_eq!(told, 1);
    let note = RepRequest::Note(request::Note { session: view.id, text: "still here".into() });
    admin.ask(note).await.unwrap();

    // One that does not answer any more is dead, whatever its link says.
    drop(first);
    assert!(house.agent(&who).await.is_ok());
}

#[tokio::test]
async fn a_proof_of_another_link_is_worth_nothing_here() {
    let house = House::new().await;
    let mut who = Who::new(Some(&house.installer(600).await));
    who.signs_another_link = true;
    let refused = house.agent(&who).await.err().unwrap();
    assert_eq!(refused.code, RefusalCode::IdentityCheckFailed);
}

#[tokio::test]
async fn an_agent_that_nobody_invited_is_refused() {
    let house = House::new().await;
    let refused = house.agent(&Who::new(None)).await.err().unwrap();
    assert_eq!(refused.code, RefusalCode::IdentityCheckFailed);
    let refused = house.agent(&Who::new(Some("guess"))).await.err().unwrap();
    assert_eq!(refused.code, RefusalCode::InstallerKeyInvalid);
}

#[tokio::test]
async fn a_console_gets_the_inventory_then_changes_and_resumes_from_where_it_stood() {
    let house = House::new().await;
    let key = house.installer(600).await;
    let inventory = |notice| match notice {
        ApplianceNotice::Inventory(part) => Some(part),
        _ => None,
    };
    let mut rep = house.admin().await;
    rep.send(&rep::FromRep::Request {
        id: RequestId(1),
        body: RepRequest::Subscribe(request::Subscribe { have: None, presence: None }),
    })
    .await;
    let snapshot = rep.notice(inventory).await;
    assert!(snapshot.reset && snapshot.items.is_empty());
    let first = house.agent(&Who::new(Some(&key))).await.unwrap();
    let change = rep.notice(inventory).await;
    assert!(!change.reset);
    assert_eq!(change.items[0].id, first.item);
    assert_eq!(&*change.items[0].facts.hostname, "h[31mst", "hostile text is cleaned");
    let online = rep
        .notice(|notice| match notice {
            ApplianceNotice::Presence { changes, .. } => changes.first().copied(),
            _ => None,
        })
        .await;
    assert_eq!((online.item, online.status), (first.item, Status::Online));
    let have: Option<Position> = change.position;
    drop(rep);

    let second = house.agent(&Who::new(Some(&key))).await.unwrap();
    let mut again = house.admin().await;
    again
        .send(&rep::FromRep::Request {
            id: RequestId(1),
            body: RepRequest::Subscribe(request::Subscribe { have, presence: None }),
        })
        .await;
    let resumed = again.notice(inventory).await;
    assert!(!resumed.reset, "only what changed is sent");
    let ids: Vec<_> = resumed.items.iter().map(|item| item.id).collect();
    assert_eq!(ids, [second.item]);
}

#[tokio::test]
async fn bytes_are_relayed_unchanged_and_only_where_they_belong() {
    let house = House::new().await;
    let key = house.installer(600).await;
    let mut mine = house.agent(&Who::new(Some(&key))).await.unwrap();
    let mut other = house.agent(&Who::new(Some(&key))).await.unwrap();
    let mut rep = house.admin().await;
    let view = session(&mut rep, &mut mine).await;
    let channel = view.channels[0].id;
    attach(&mut rep, &mut mine, channel, session::Keyboard::Take).await;

    // Another agent, and another console that did not attach, have no part in the channel.
    other.raw(frame::data(channel, 0, b"forged")).await;
    let mut stranger = house.admin().await;
    stranger.raw(frame::data(channel, 0, b"rm -rf /\r")).await;

    rep.raw(frame::data(channel, 0, b"typed")).await;
    loop {
        if let Some(Frame::Data { bytes, .. }) = mine.frame().await {
            assert_eq!(bytes, "typed");
            break;
        }
    }
    mine.raw(frame::data(channel, 0, b"output")).await;
    loop {
        if let Some(Frame::Data { bytes, offset, .. }) = rep.frame().await {
            assert_eq!((offset, &bytes[..]), (0, &b"output"[..]));
            break;
        }
    }
}

#[tokio::test]
async fn one_console_types_the_others_watch_and_all_are_told() {
    let house = House::new().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let mut first = house.admin().await;
    let channel = session(&mut first, &mut agent).await.channels[0].id;
    attach(&mut first, &mut agent, channel, session::Keyboard::Take).await;
    let mut second = house.admin().await;
    attach(&mut second, &mut agent, channel, session::Keyboard::Watch).await;
    let state = |consoles: u32, yours: bool| {
        move |notice| match notice {
            ApplianceNotice::ChannelState { state, .. }
                if state.consoles == consoles && state.yours == yours =>
            {
                Some(state.keyboard)
            }
            _ => None,
        }
    };
    assert_eq!(first.notice(state(2, true)).await.as_deref(), Some("admin"));
    agent.raw(frame::data(channel, 0, b"seen by both")).await;
    for console in [&mut first, &mut second] {
        loop {
            if let Some(Frame::Data { bytes, .. }) = console.frame().await {
                assert_eq!(bytes, "seen by both");
                break;
            }
        }
    }
    second.raw(frame::data(channel, 0, b"ignored")).await;
    first.raw(frame::data(channel, 0, b"typed")).await;
    loop {
        if let Some(Frame::Data { bytes, .. }) = agent.frame().await {
            assert_eq!(bytes, "typed", "only the one with the keyboard types");
            break;
        }
    }
    let keyboard = session::Keyboard::Take;
    let (received, window, attempt) = (None, 1000, 2);
    second.order(ChannelOrder::Attach { channel, received, window, keyboard, attempt }).await;
    first.notice(state(2, false)).await;
}

#[tokio::test]
async fn an_agent_that_comes_back_without_a_channel_ends_its_session() {
    let house = House::new().await;
    let mut who = Who::new(Some(&house.installer(600).await));
    let mut agent = house.agent(&who).await.unwrap();
    let mut rep = house.admin().await;
    let view = session(&mut rep, &mut agent).await;
    let ended = |notice| match notice {
        ApplianceNotice::SessionEnded { session, reason, .. } => Some((session, reason)),
        _ => None,
    };

    who.channels = vec![view.channels[0].id, ChannelId(999)];
    let back = house.agent(&who).await.unwrap();
    assert_eq!(back.close, [ChannelId(999)], "what nobody knows is closed, the rest lives on");
    who.channels = vec![];
    house.agent(&who).await.unwrap();
    let (session, reason) = rep.notice(ended).await;
    assert_eq!((session, reason), (view.id, session::EndReason::AgentLost));
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_soon_slowed_down() {
    let house = House::new().await;
    for _ in 0..5 {
        assert_eq!(house.rep("wrong").await.err().unwrap().code, RefusalCode::LoginFailed);
    }
    let refused = house.rep(&house.password).await.err().unwrap();
    assert_eq!(refused.code, RefusalCode::LoginThrottled);
    house.clock.0.fetch_add(60, Ordering::SeqCst);
    assert!(house.rep(&house.password).await.is_ok());
}

#[tokio::test]
async fn nonsense_ends_a_link_and_no_other() {
    let house = House::new().await;
    let who = Who::new(Some(&house.installer(600).await));
    for nonsense in [&b"\x01\xff\xff"[..], b"\x09", b"", b"\x02short"] {
        let mut link = house.agent(&who).await.unwrap();
        link.raw(Bytes::copy_from_slice(nonsense)).await;
        assert!(link.until_closed().await);
        let mut rep = house.admin().await;
        rep.raw(Bytes::copy_from_slice(nonsense)).await;
        assert!(rep.until_closed().await);
    }
    assert!(house.agent(&who).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_is_talking_when_the_appliance_stops_hears_it() {
    let house = House::new().await;
    let mut hearing = Vec::new();
    for _ in 0..12 {
        let (mut sink, mut stream) = house.admin().await.socket.split();
        let body = rep::RepNotice::WatchFigures { wanted: false };
        let talk = Message::Binary(control::encode(&rep::FromRep::Notice { body }));
        tokio::spawn(async move { while sink.send(talk.clone()).await.is_ok() {} });
        hearing.push(tokio::spawn(async move {
            let mut last = None;
            while let Some(Ok(message)) = stream.next().await {
                if let Message::Binary(bytes) = message {
                    last = Some(bytes);
                }
            }
            last
        }));
    }
    house.appliance.stop();
    let goodbye = rep::ToRep::Notice { body: ApplianceNotice::Stopping };
    for heard in hearing {
        assert_eq!(heard.await.unwrap(), Some(control::encode(&goodbye)));
    }
}

#[tokio::test]
async fn a_request_of_a_later_version_is_refused_not_ignored() {
    let house = House::new().await;
    let mut rep = house.admin().await;
    let later: Control<&str, Never, Never> =
        Control::Request { id: RequestId(77), body: "fly_to_the_moon" };
    let later = jumpdeck_protocol::frame::control(&rmp_serde::to_vec_named(&later).unwrap());
    rep.raw(later).await;
    loop {
        let Some(Frame::Control(body)) = rep.frame().await else { continue };
        if let Received::Known(Control::Reply { body, .. }) =
            control::decode::<Never, RepReply, ApplianceNotice>(&body).unwrap()
        {
            let refusal = Result::from(body).err().unwrap();
            assert_eq!(refusal.code, RefusalCode::Unsupported);
            break;
        }
    }
}

#[tokio::test]
async fn requests_beyond_a_reps_rights_are_refused() {
    let house = House::new().await;
    let mut rep = house.admin().await;
    let refused = |answer: Result<RepReply, Refusal>| answer.err().unwrap().code;
    assert_eq!(refused(rep.ask(RepRequest::Stop).await), RefusalCode::PermissionDenied);
    assert_eq!(refused(rep.ask(shell(ItemId(99))).await), RefusalCode::JumpItemGone);
    let end = RepRequest::EndSession(request::EndSession { session: SessionId(5) });
    assert_eq!(refused(rep.ask(end).await), RefusalCode::SessionGone);
    let installer = RepRequest::CreateInstaller(request::CreateInstaller { group: None, valid: 1 });
    assert_eq!(refused(rep.ask(installer).await), RefusalCode::InvalidValue);
}

#[tokio::test]
async fn a_session_with_an_offline_item_is_refused() {
    let house = House::new().await;
    let agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let item = agent.item;
    assert!(agent.hang_up().await);
    let mut rep = house.admin().await;
    loop {
        match rep.ask(shell(item)).await {
            Err(refusal) if refusal.code == RefusalCode::JumpClientOffline => break,
            // The appliance has not noticed yet; asking again is harmless.
            _ => tokio::task::yield_now().await,
        }
    }
}

impl Link {
    async fn hang_up(mut self) -> bool {
        self.socket.close(None).await.is_ok()
    }
}

/// The whole audit, followed from its beginning to its seal.
pub async fn audited(rep: &mut Link) -> Vec<jumpdeck_protocol::audit::AuditEvent> {
    let (mut chain, mut all) = (jumpdeck_protocol::audit::Chain::default(), Vec::new());
    loop {
        let answer =
            rep.ask(RepRequest::Audit(request::Audit { after: chain.events() })).await.unwrap();
        let RepReply::Audit(reply::AuditPart { events, seal }) = answer else {
            panic!("{answer:?}")
        };
        events.iter().for_each(|event| chain.follow(event).unwrap());
        all.extend(events);
        if let Some(seal) = seal {
            chain.ends_with(&seal).unwrap();
            return all;
        }
    }
}

//! Machines that are woken by a neighbour.

use crate::house::*;
use crate::tending::{machine, subscribe};
use jumpdeck_protocol::agent::{AgentReply, AgentRequest, FromAgent};
use jumpdeck_protocol::inventory::*;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply, RepRequest};
use jumpdeck_protocol::wake::{Mac, SecureOn};
use jumpdeck_protocol::*;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_magic_packet_is_sent_by_a_neighbour_and_nobody_tries_again_for_thirty_seconds() {
    let house = House::new().await;
    let key = house.installer(600).await;
    let sleeper = house.agent(&machine(&key, 7)).await.unwrap();
    let mut far = machine(&key, 8);
    far.facts.gateway_mac = "02:00:00:00:00:99".into();
    let _far = house.agent(&far).await.unwrap();
    let item = sleeper.item;
    let (mut rep, mut other) = (house.admin().await, house.admin().await);
    let awake = RepRequest::Wake(request::Wake { item, password: None });
    assert_eq!(rep.ask(awake.clone()).await.unwrap_err().detail, "box 7 is already online.");
    drop(sleeper);
    let offline = |notice| match notice {
        ApplianceNotice::Presence { changes, .. } => {
            let is = |p: &Presence| p.item == item && p.status == Status::Offline;
            changes.iter().any(is).then_some(())
        }
        _ => None,
    };
    subscribe(&mut other).await;
    other.notice(offline).await;
    let alone = rep.ask(awake.clone()).await.unwrap_err();
    assert_eq!(alone.code, RefusalCode::NoWakeHelper, "the only other machine is elsewhere");
    let mut helper = house.agent(&machine(&key, 9)).await.unwrap();
    let password = Some(SecureOn([1, 2, 3, 4, 5, 6]));
    let helping = async {
        loop {
            if let Control::Request { id, body: AgentRequest::Wake { mac, password } } =
                helper.wanted().await
            {
                let body = Outcome::Ok(AgentReply::Called { networks: 1 });
                helper.send(&FromAgent::Reply { id, body }).await;
                return (mac, password);
            }
        }
    };
    let wake = rep.ask(RepRequest::Wake(request::Wake { item, password }));
    let (answer, (mac, heard)) = tokio::join!(wake, helping);
    assert_eq!(answer.unwrap(), RepReply::Waking(reply::WakeHelper { helper: "box 9".into() }));
    assert_eq!((mac, heard), (Mac([2, 0, 0, 0, 1, 7]), password));
    let waking = |notice| match notice {
        ApplianceNotice::Waking { item, by, wait } => Some((item, by, wait)),
        _ => None,
    };
    assert_eq!(other.notice(waking).await, (item, "admin".into(), 30));
    house.clock.0.fetch_add(12, Ordering::SeqCst);
    let again = other.ask(awake.clone()).await.unwrap_err();
    assert_eq!((again.code, again.detail.as_str()), (RefusalCode::WakeCoolingDown, "18 s to go"));
    let mut late = house.admin().await;
    subscribe(&mut late).await;
    assert_eq!(late.notice(waking).await, (item, "admin".into(), 18), "whoever comes later too");
}

#[tokio::test]
async fn a_neighbour_that_cannot_call_takes_no_turn() {
    let house = House::new().await;
    let key = house.installer(600).await;
    let item = house.agent(&machine(&key, 7)).await.unwrap().item;
    let mut helper = house.agent(&machine(&key, 9)).await.unwrap();
    let mut rep = house.admin().await;
    let wake = RepRequest::Wake(request::Wake { item, password: None });
    let failing = async {
        loop {
            if let Control::Request { id, .. } = helper.wanted().await {
                let body = Outcome::Refused(RefusalCode::NoWakeHelper.plain());
                helper.send(&FromAgent::Reply { id, body }).await;
                return;
            }
        }
    };
    // The appliance may not have seen the sleeper go yet.
    let refusal = async {
        loop {
            let refusal = rep.ask(wake.clone()).await.unwrap_err();
            if refusal.detail != "it is awake" {
                return refusal;
            }
            tokio::task::yield_now().await;
        }
    };
    let (refusal, ()) = tokio::join!(refusal, failing);
    assert_eq!(refusal.code, RefusalCode::NoWakeHelper);
    let again = tokio::spawn(async move {
        let mut rep = rep;
        rep.ask(wake).await
    });
    assert!(matches!(helper.wanted().await, Control::Request { .. }), "it is asked at once again");
    again.abort();
}

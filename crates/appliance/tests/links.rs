//! Links as a stranger would make them: hand-made agents and consoles against a real appliance
//! with a clock that the test sets.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::pedantic,
    reason = "a test says what it expects by unwrapping and indexing"
)]

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use jumpdeck_appliance::{Appliance, ApplianceRole, Clock, DataDir, InstallerSpec};
use jumpdeck_protocol::agent::{AgentOrder, AgentReply, AgentRequest};
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::{self, Frame};
use jumpdeck_protocol::handshake::*;
use jumpdeck_protocol::inventory::{Facts, Position, Status};
use jumpdeck_protocol::link::{
    ClientStream, Dialed, Pin, client_config, dial, read_plain, write_plain,
};
use jumpdeck_protocol::rep::{ApplianceNotice, RepNotice, RepReply, RepRequest};
use jumpdeck_protocol::session::{ChannelKind, ChannelOrder, ChannelReport, SessionView, Size};
use jumpdeck_protocol::*;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// A clock that stands still until it is set.
#[derive(Default)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

struct House {
    appliance: Arc<Appliance>,
    clock: Arc<TestClock>,
    url: String,
    password: String,
    _dir: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_000_000)));
        let data = DataDir::create(dir.path()).unwrap();
        let appliance = Appliance::open(&data, ApplianceRole::Server, clock.clone()).unwrap();
        let listening = appliance.listen("127.0.0.1:0").await.unwrap();
        let first = appliance.settle().await.unwrap();
        let url = format!("https://{}", listening.address);
        let serving = Arc::clone(&appliance);
        tokio::spawn(async move { serving.serve(listening).await });
        let password = first.admin_password.unwrap();
        Self { appliance, clock, url, password, _dir: dir }
    }

    async fn installer(&self, valid: u64) -> String {
        let spec = InstallerSpec { group: Some("Lab".into()), valid, local: false };
        self.appliance.create_installer(spec).await.unwrap().key
    }

    async fn dial(&self, path: &str) -> Dialed {
        let pin = Pin::Fingerprint(self.appliance.fingerprint());
        let address = self.url.parse().unwrap();
        dial(&address, path, &pin, &client_config().unwrap(), None).await.unwrap()
    }

    async fn agent(&self, who: &Who) -> Result<Link, Refusal> {
        let mut dialed = self.dial(AGENT_PATH).await;
        let signed = transcript(
            Party::Agent,
            &dialed.binding,
            &dialed.client_nonce,
            &dialed.appliance_nonce,
        );
        let signed = if who.signs_another_link { b"another link".to_vec() } else { signed };
        let proof = AgentProof {
            key: PublicKey::of(&who.pair),
            signature: sign(&who.pair, &signed),
            machine: who.machine.clone(),
            enrolment: who.key.clone().map(|installer_key| Enrolment {
                installer_key,
                name: Some(who.name.clone()),
                tag: None,
                comments: None,
            }),
            facts: Facts { hostname: "h\x1b[31mst".into(), ..Facts::default() },
            channels: who.channels.clone(),
            standing: agent::Standing::Ready,
        };
        write_plain(&mut dialed.socket, &proof).await.unwrap();
        match read_plain(&mut dialed.socket).await.unwrap() {
            AgentWelcome::Welcome { item, close, .. } => {
                Ok(Link { socket: dialed.socket, item, close })
            }
            AgentWelcome::Refused(refusal) => Err(refusal),
            AgentWelcome::Removed => Err(RefusalCode::JumpItemGone.plain()),
        }
    }

    async fn rep(&self, password: &str) -> Result<Link, Refusal> {
        let mut dialed = self.dial(REP_PATH).await;
        let proof = RepProof::Password { username: "admin".into(), password: password.to_owned() };
        write_plain(&mut dialed.socket, &RepLogin { proof }).await.unwrap();
        match read_plain(&mut dialed.socket).await.unwrap() {
            RepWelcome::Welcome { .. } => {
                Ok(Link { socket: dialed.socket, item: ItemId(0), close: vec![] })
            }
            RepWelcome::Refused(refusal) => Err(refusal),
        }
    }

    async fn admin(&self) -> Link {
        self.rep(&self.password).await.unwrap()
    }
}

/// Who an agent says it is.
struct Who {
    pair: Ed25519KeyPair,
    machine: String,
    key: Option<String>,
    name: String,
    channels: Vec<ChannelId>,
    signs_another_link: bool,
}

impl Who {
    fn new(key: Option<&str>) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self {
            pair: Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap(),
            machine: "one".into(),
            key: key.map(str::to_owned),
            name: "box".into(),
            channels: vec![],
            signs_another_link: false,
        }
    }
}

struct Link {
    socket: WebSocketStream<ClientStream>,
    item: ItemId,
    close: Vec<ChannelId>,
}

impl Link {
    async fn send<T: Serialize>(&mut self, message: &T) {
        self.raw(control::encode(message)).await;
    }

    async fn raw(&mut self, bytes: Bytes) {
        self.socket.send(Message::Binary(bytes)).await.unwrap();
    }

    async fn frame(&mut self) -> Option<Frame> {
        match self.socket.next().await? {
            Ok(Message::Binary(bytes)) => Some(Frame::decode(bytes).unwrap()),
            _ => None,
        }
    }

    /// The next notice that `pick` takes.
    async fn notice<T>(&mut self, pick: impl Fn(ApplianceNotice) -> Option<T>) -> T {
        loop {
            let Some(Frame::Control(body)) = self.frame().await else { continue };
            let received = control::decode::<Never, RepReply, ApplianceNotice>(&body).unwrap();
            if let Received::Known(Control::Notice { body }) = received
                && let Some(found) = pick(body)
            {
                return found;
            }
        }
    }

    async fn ask(&mut self, request: RepRequest) -> Result<RepReply, Refusal> {
        let id = RequestId(77);
        self.send(&rep::FromRep::Request { id, body: request }).await;
        loop {
            let Some(Frame::Control(body)) = self.frame().await else { continue };
            let received = control::decode::<Never, RepReply, ApplianceNotice>(&body).unwrap();
            if let Received::Known(Control::Reply { body, .. }) = received {
                return body.into();
            }
        }
    }

    async fn order(&mut self, order: ChannelOrder) {
        self.send(&rep::FromRep::Notice { body: RepNotice::Channel(order) }).await;
    }

    /// As an agent: the next thing the appliance wants.
    async fn wanted(&mut self) -> Control<AgentRequest, Never, AgentOrder> {
        loop {
            let Some(Frame::Control(body)) = self.frame().await else { continue };
            if let Received::Known(message) = control::decode(&body).unwrap() {
                return message;
            }
        }
    }

    /// As an agent: grants the next request to open something.
    async fn open(&mut self) -> ChannelId {
        loop {
            if let Control::Request { id, body: AgentRequest::Open { channel, .. } } =
                self.wanted().await
            {
                let body = Outcome::Ok(AgentReply::Opened { process: 1 });
                self.send(&agent::FromAgent::Reply { id, body }).await;
                return channel;
            }
        }
    }

    async fn until_closed(mut self) -> bool {
        while let Some(message) = self.socket.next().await {
            if matches!(message, Ok(Message::Close(_)) | Err(_)) {
                return true;
            }
        }
        true
    }
}

fn shell(item: ItemId) -> RepRequest {
    let size = Size { columns: 80, rows: 24 };
    let kind = ChannelKind::Shell { size, term: "xterm".into() };
    RepRequest::StartSession { item, kind, override_schedule: false }
}

async fn session(rep: &mut Link, agent: &mut Link) -> SessionView {
    let item = agent.item;
    let (answer, _) = tokio::join!(rep.ask(shell(item)), agent.open());
    match answer.unwrap() {
        RepReply::SessionStarted(view) => view,
        other => panic!("{other:?}"),
    }
}

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
        body: RepRequest::Subscribe { have: None, presence: None },
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
            body: RepRequest::Subscribe { have, presence: None },
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
async fn attaching_elsewhere_tells_the_console_that_had_it() {
    let house = House::new().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let mut first = house.admin().await;
    let channel = session(&mut first, &mut agent).await.channels[0].id;
    let mut second = house.admin().await;
    second.order(ChannelOrder::Attach { channel, received: None, window: 1000 }).await;
    let refusal = first
        .notice(|notice| match notice {
            ApplianceNotice::Channel(ChannelReport::Gone { refusal, .. }) => Some(refusal),
            _ => None,
        })
        .await;
    assert_eq!(refusal.code, RefusalCode::AttachedElsewhere);
}

#[tokio::test]
async fn an_agent_that_comes_back_without_a_channel_ends_its_session() {
    let house = House::new().await;
    let mut who = Who::new(Some(&house.installer(600).await));
    let mut agent = house.agent(&who).await.unwrap();
    let mut rep = house.admin().await;
    let view = session(&mut rep, &mut agent).await;
    let ended = |notice| match notice {
        ApplianceNotice::SessionEnded { session, reason } => Some((session, reason)),
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

#[tokio::test]
async fn a_request_of_a_later_version_is_refused_not_ignored() {
    let house = House::new().await;
    let mut rep = house.admin().await;
    let later: Control<&str, Never, Never> =
        Control::Request { id: RequestId(77), body: "fly_to_the_moon" };
    rep.send(&later).await;
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
    let end = RepRequest::EndSession { session: SessionId(5) };
    assert_eq!(refused(rep.ask(end).await), RefusalCode::SessionGone);
    let installer = RepRequest::CreateInstaller { group: None, valid: 1 };
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

//! A house to be visited: an appliance with a clock that the test sets, hand-made agents and
//! consoles.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use jumpdeck_appliance::{Appliance, ApplianceRole, Clock, DataDir, InstallerSpec, Uptime};
use jumpdeck_link::{Dialed, Pin, Socket, client_config, dial, read_plain, write_plain};
use jumpdeck_protocol::agent::{AgentOrder, AgentReply, AgentRequest};
use jumpdeck_protocol::control::Wire;
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::handshake::*;
use jumpdeck_protocol::inventory::Facts;
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::rep::Request;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepNotice, RepReply, RepRequest, Secret};
use jumpdeck_protocol::session::{
    ChannelKind, ChannelOrder, ChannelReport, Keyboard, SessionView, Size,
};
use jumpdeck_protocol::*;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio_tungstenite::tungstenite::Message;

/// A clock that stands still until it is set: the time that goes by, and by how much somebody has
/// set the clock on the wall wrong.
#[derive(Default)]
pub struct TestClock(pub AtomicI64, pub AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst) + self.1.load(Ordering::SeqCst))
    }

    fn uptime(&self) -> Uptime {
        Uptime(u64::try_from(self.0.load(Ordering::SeqCst)).unwrap())
    }
}

pub struct House {
    pub appliance: Arc<Appliance>,
    pub clock: Arc<TestClock>,
    pub url: String,
    pub password: String,
    /// The passwords that were chosen in the place of first ones.
    pub chosen: Mutex<HashMap<(String, String), String>>,
    _dir: tempfile::TempDir,
}

impl House {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_000_000), AtomicI64::new(0)));
        let data = DataDir::create(dir.path()).unwrap();
        let appliance = Appliance::open(&data, ApplianceRole::Server, clock.clone()).unwrap();
        let listening = appliance.listen("127.0.0.1:0").await.unwrap();
        let first = appliance.settle().await.unwrap();
        let url = format!("https://{}", listening.address);
        let serving = Arc::clone(&appliance);
        tokio::spawn(async move { serving.serve(listening).await });
        let password = first.admin_password.unwrap();
        let chosen = Mutex::default();
        Self { appliance, clock, url, password, chosen, _dir: dir }
    }

    pub async fn installer(&self, valid: u64) -> String {
        let spec = InstallerSpec { group: Some("Lab".into()), valid, local: false };
        self.appliance.create_installer(spec).await.unwrap().key
    }

    pub async fn dial(&self, path: &str) -> Dialed {
        let pin = Pin::Fingerprint(self.appliance.fingerprint());
        let address = self.url.parse().unwrap();
        dial(&address, path, &pin, &client_config().unwrap(), None).await.unwrap()
    }

    pub async fn agent(&self, who: &Who) -> Result<Link, Refusal> {
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
            visit: who.session_key.clone().map(|session_key| Visit { session_key, name: None }),
            attended: who.session_key.is_some(),
            facts: who.facts.clone(),
            channels: who.channels.clone(),
            standing: agent::Standing::Ready,
            run: who.run,
        };
        write_plain(&mut dialed.socket, &proof).await.unwrap();
        match read_plain(&mut dialed.socket).await.unwrap() {
            AgentWelcome::Welcome { item, close, .. } => {
                Ok(Link { socket: dialed.socket, item, close })
            }
            AgentWelcome::Refused(refusal) => Err(refusal),
            // What the appliance says is another variant; here the code is enough.
            AgentWelcome::Removed => Err(RefusalCode::JumpItemGone.plain()),
        }
    }

    pub async fn rep(&self, password: &str) -> Result<Link, Refusal> {
        self.rep_named("admin", password).await
    }

    /// Logs in. Anyone who has a first password chooses another one at once.
    pub async fn rep_named(&self, name: &str, password: &str) -> Result<Link, Refusal> {
        let chosen =
            self.chosen.lock().unwrap().get(&(name.to_owned(), password.to_owned())).cloned();
        let password = chosen.unwrap_or_else(|| password.to_owned());
        let (mut link, first) = self
            .log_in(RepLogin {
                proof: RepProof::Password { username: name.into(), password: password.clone() },
                console: 0,
                code: None,
                keep: None,
                keep_for: 0,
            })
            .await?;
        if first == Some(RefusalCode::PasswordChangeRequired) {
            let new = format!("{password} and more");
            let (current, other) = (Secret(password.clone()), Secret(new.clone()));
            link.ask(RepRequest::ChangePassword(request::ChangePassword { current, new: other }))
                .await?;
            self.chosen.lock().unwrap().insert((name.to_owned(), password), new);
        }
        Ok(link)
    }

    /// Logs in, and says what is to be done first.
    pub async fn log_in(&self, login: RepLogin) -> Result<(Link, Option<RefusalCode>), Refusal> {
        let (link, welcome) = self.welcomed(login).await?;
        let RepWelcome::Welcome { first, .. } = welcome else { panic!("{welcome:?}") };
        Ok((link, first))
    }

    /// Logs in, with all that the appliance says.
    pub async fn welcomed(&self, login: RepLogin) -> Result<(Link, RepWelcome), Refusal> {
        let mut dialed = self.dial(REP_PATH).await;
        write_plain(&mut dialed.socket, &login).await.unwrap();
        match read_plain(&mut dialed.socket).await.unwrap() {
            RepWelcome::Refused(refusal) => Err(refusal),
            welcome => {
                let link = Link { socket: dialed.socket, item: ItemId(0), close: vec![] };
                Ok((link, welcome))
            }
        }
    }

    pub async fn admin(&self) -> Link {
        self.rep(&self.password).await.unwrap()
    }
}

/// Who an agent says it is.
pub struct Who {
    pub pair: Ed25519KeyPair,
    pub machine: String,
    pub key: Option<String>,
    pub name: String,
    pub channels: Vec<ChannelId>,
    pub signs_another_link: bool,
    /// It comes for one session.
    pub session_key: Option<String>,
    pub facts: Facts,
    /// What its process drew at its start.
    pub run: u64,
}

impl Who {
    pub fn new(key: Option<&str>) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self {
            pair: Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap(),
            machine: "one".into(),
            key: key.map(str::to_owned),
            name: "box".into(),
            channels: vec![],
            signs_another_link: false,
            session_key: None,
            facts: Facts { hostname: "h\x1b[31mst".into(), ..Facts::default() },
            run: 0,
        }
    }
}

pub struct Link {
    pub socket: Socket,
    pub item: ItemId,
    pub close: Vec<ChannelId>,
}

impl Link {
    pub async fn send(&mut self, message: &impl Wire) {
        self.raw(control::encode(message)).await;
    }

    pub async fn raw(&mut self, bytes: Bytes) {
        self.socket.send(Message::Binary(bytes)).await.unwrap();
    }

    pub async fn frame(&mut self) -> Option<Frame> {
        match self.socket.next().await? {
            Ok(Message::Binary(bytes)) => Some(Frame::decode(bytes).unwrap()),
            _ => None,
        }
    }

    /// The next control message, if that is what comes next.
    async fn control_frame(&mut self) -> Option<Bytes> {
        match self.socket.next().await {
            Some(Ok(Message::Binary(bytes))) => match Frame::decode(bytes).unwrap() {
                Frame::Control(body) => Some(body),
                _ => None,
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
            // Anyone who waits for an answer would wait for ever.
            gone => panic!("the appliance closed the link: {gone:?}"),
        }
    }

    /// The next notice that `pick` takes.
    pub async fn notice<T>(&mut self, pick: impl Fn(ApplianceNotice) -> Option<T>) -> T {
        loop {
            let Some(body) = self.control_frame().await else { continue };
            let received = control::decode::<Never, RepReply, ApplianceNotice>(&body).unwrap();
            if let Received::Known(Control::Notice { body }) = received
                && let Some(found) = pick(body)
            {
                return found;
            }
        }
    }

    pub async fn ask<R: Request>(&mut self, request: R) -> Result<R::Reply, Refusal> {
        let id = RequestId(77);
        self.send(&rep::FromRep::Request { id, body: request.into() }).await;
        loop {
            let Some(body) = self.control_frame().await else { continue };
            let received = control::decode::<Never, RepReply, ApplianceNotice>(&body).unwrap();
            if let Received::Known(Control::Reply { id: of, body }) = received
                && of == id
            {
                let reply: Result<RepReply, Refusal> = body.into();
                return reply.map(|reply| R::of_reply(reply).unwrap());
            }
        }
    }

    pub async fn order(&mut self, order: ChannelOrder) {
        self.send(&rep::FromRep::Notice { body: RepNotice::Channel(order) }).await;
    }

    /// As an agent with nobody there: the next thing the appliance wants.
    pub async fn wanted(&mut self) -> Control<AgentRequest, Never, AgentOrder> {
        loop {
            let Some(body) = self.control_frame().await else { continue };
            match control::decode(&body).unwrap() {
                Received::Known(Control::Request { id, body: AgentRequest::Customer }) => {
                    self.answer(id, AgentReply::Customer { user: "".into() }).await;
                }
                Received::Known(message) => return message,
                _ => {}
            }
        }
    }

    /// As an agent: the next thing the appliance asks for.
    pub async fn wanted_request(&mut self) -> Control<AgentRequest, Never, AgentOrder> {
        loop {
            if let request @ Control::Request { .. } = self.wanted().await {
                return request;
            }
        }
    }

    /// As an agent: what was asked for is done.
    pub async fn answer(&mut self, id: RequestId, reply: AgentReply) {
        let body = Outcome::Ok(reply);
        self.send(&agent::FromAgent::Reply { id, body }).await;
    }

    /// As an agent: grants the next request to open something.
    pub async fn open(&mut self) -> ChannelId {
        loop {
            if let Control::Request { id, body: AgentRequest::Open { channel, .. } } =
                self.wanted().await
            {
                self.answer(id, AgentReply::Opened { process: 1 }).await;
                return channel;
            }
        }
    }

    /// Whether the appliance closes the link; not that it stays silent.
    pub async fn until_closed(mut self) -> bool {
        let closed = async {
            while let Some(message) = self.socket.next().await {
                if matches!(message, Ok(Message::Close(_)) | Err(_)) {
                    return;
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), closed).await.is_ok()
    }
}

pub fn shell(item: ItemId) -> RepRequest {
    let size = Size { columns: 80, rows: 24 };
    let (term, modes) = ("xterm".into(), TerminalModes::utf8());
    let kind = ChannelKind::Shell { size, term, modes };
    RepRequest::StartSession(request::StartSession {
        item,
        kind,
        override_schedule: false,
        reason: None,
        code: None,
    })
}

pub async fn session(rep: &mut Link, agent: &mut Link) -> SessionView {
    let item = agent.item;
    let (answer, _) = tokio::join!(rep.ask(shell(item)), agent.open());
    match answer.unwrap() {
        RepReply::SessionStarted(view) => view,
        other => panic!("{other:?}"),
    }
}

/// A console shows a channel: it attaches, and the agent says where it stands.
pub async fn attach(rep: &mut Link, agent: &mut Link, channel: ChannelId, keyboard: Keyboard) {
    let (received, window, attempt) = (None, 1 << 17, 1);
    rep.order(ChannelOrder::Attach { channel, received, window, keyboard, attempt }).await;
    loop {
        let wanted = agent.wanted().await;
        if let Control::Notice { body: AgentOrder::Channel(ChannelOrder::Attach { .. }) } = wanted {
            break;
        }
    }
    let report = ChannelReport::Attached {
        channel,
        attempt,
        from: 0,
        end: 0,
        input_received: 0,
        input_limit: 1 << 17,
    };
    let body = agent::AgentReport::Channel(report);
    agent.send(&agent::FromAgent::Notice { body }).await;
    let attached = |notice| {
        matches!(notice, ApplianceNotice::Channel(ChannelReport::Attached { .. })).then_some(())
    };
    rep.notice(attached).await;
}

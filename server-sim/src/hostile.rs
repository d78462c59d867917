//! Callers that break the rules, each in one way, and what the appliance makes of it.

use futures_util::{SinkExt, StreamExt};
use jumpdeck_link::{
    Address, Dialed, Pin, client_config, connect, dial, read_plain, settings, write_plain,
};
use jumpdeck_link::{Socket, Stream};
use jumpdeck_protocol::agent::{AgentReport, FromAgent, Standing};
use jumpdeck_protocol::handshake::{
    AGENT_PATH, AgentProof, AgentWelcome, Enrolment, Hello, Party, PublicKey, sign, transcript,
};
use jumpdeck_protocol::inventory::{Facts, Statistics};
use jumpdeck_protocol::session::ChannelReport;
use jumpdeck_protocol::{ChannelId, ItemId, Never, PROTOCOL, Refusal, RefusalCode};
use jumpdeck_protocol::{VERSION, control, frame, limits};
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use rustls::pki_types::ServerName;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Longer than an appliance may take for anything that is done here.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the appliance is, and how to get in.
#[derive(Clone)]
pub struct HostileTarget {
    /// Its address.
    pub url: String,
    /// The fingerprint of its key.
    pub fingerprint: String,
    /// An installer key that works.
    pub installer_key: String,
}

/// What an appliance made of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostileVerdict {
    /// It was refused, with this code.
    Refused(RefusalCode),
    /// The connection was closed without a word.
    Closed,
    /// Nothing happened: the link goes on, and what was said was passed over.
    PassedOver,
}

impl fmt::Display for HostileVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code) => write!(f, "refused: {}", code.as_str()),
            Self::Closed => f.write_str("closed"),
            Self::PassedOver => f.write_str("passed over"),
        }
    }
}

macro_rules! offences {
    ($($(#[doc = $doc:literal])* $name:ident $word:literal => $verdict:expr;)*) => {
        /// A way to break the rules.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Offence {
            $($(#[doc = $doc])* $name,)*
        }

        impl Offence {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What it does.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }

            /// What an appliance must make of it.
            pub const fn verdict(self) -> HostileVerdict {
                match self { $(Self::$name => $verdict,)* }
            }
        }
    };
}

offences! {
    /// Sends bytes that are no TLS.
    Garbage "garbage" => HostileVerdict::Closed;
    /// Makes a link and then sends bytes that are no message of the handshake.
    GarbageHello "garbage-hello" => HostileVerdict::Closed;
    /// Sends a first message that is far too long.
    LongHello "long-hello" => HostileVerdict::Closed;
    /// Connects and says nothing at all.
    Silence "silence" => HostileVerdict::Closed;
    /// Speaks another version of the protocol.
    OldProtocol "old-protocol" => HostileVerdict::Refused(RefusalCode::VersionMismatch);
    /// Comes without an installer key, and nobody knows it.
    Uninvited "uninvited" => HostileVerdict::Refused(RefusalCode::IdentityCheckFailed);
    /// Comes with an installer key that was never made.
    WrongInstaller "wrong-installer" => HostileVerdict::Refused(RefusalCode::InstallerKeyInvalid);
    /// Says it has a key that it cannot sign with.
    WrongKey "wrong-key" => HostileVerdict::Refused(RefusalCode::IdentityCheckFailed);
    /// Sends again, on another link, a proof that was good on its own.
    Replay "replay" => HostileVerdict::Refused(RefusalCode::IdentityCheckFailed);
    /// A copy of a linked machine, elsewhere.
    Duplicate "duplicate" => HostileVerdict::Refused(RefusalCode::IdentityCheckFailed);
    /// Sends a text message on an open link.
    Text "text" => HostileVerdict::Closed;
    /// Sends a frame of no known kind on an open link.
    UnknownFrame "unknown-frame" => HostileVerdict::Closed;
    /// Sends a control message that cannot be read on an open link.
    BrokenControl "broken-control" => HostileVerdict::Closed;
    /// Sends a message of more than a mebibyte on an open link.
    LongMessage "long-message" => HostileVerdict::Closed;
    /// Sends measurements that nobody asked for, without an end.
    Flood "flood" => HostileVerdict::Closed;
    /// Says without an end that its machine is another one now.
    FactsFlood "facts-flood" => HostileVerdict::Closed;
    /// Sends output of other machines' shells, and says that they have ended.
    ForeignChannels "foreign-channels" => HostileVerdict::PassedOver;
    /// Answers requests that were never made.
    FalseReplies "false-replies" => HostileVerdict::PassedOver;
    /// States facts that are far too long and full of control characters.
    HostileFacts "hostile-facts" => HostileVerdict::PassedOver;
}

impl FromStr for Offence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|offence| offence.word() == text);
        known.copied().ok_or_else(|| {
            let words: Vec<_> = Self::ALL.iter().map(|offence| offence.word()).collect();
            format!("{text:?} is no offence; there are: {}", words.join(", "))
        })
    }
}

/// Whether an appliance with this key is there at all.
///
/// # Errors
/// Why it cannot be reached.
pub async fn reach(target: &HostileTarget) -> anyhow::Result<()> {
    HostileCaller::new(None).dial(target).await.map(drop)
}

/// Commits an offence.
///
/// # Errors
/// When it could not even be tried: the appliance cannot be reached, or an honest link that the
/// offence needs was refused.
pub async fn commit(offence: Offence, target: &HostileTarget) -> anyhow::Result<HostileVerdict> {
    match offence {
        Offence::Garbage => garbage(target).await,
        Offence::Silence => silence(target).await,
        Offence::GarbageHello => hello(target, vec![0x01, 0xc1, 0xc1, 0xc1]).await,
        Offence::LongHello => hello(target, vec![0x01; limits::HANDSHAKE_MESSAGE * 4]).await,
        Offence::OldProtocol => old_protocol(target).await,
        Offence::Uninvited => HostileCaller::new(None).refused(target).await,
        Offence::WrongInstaller => HostileCaller::new(Some("never made")).refused(target).await,
        Offence::WrongKey => {
            let mut caller = HostileCaller::new(Some(&target.installer_key));
            caller.signs_with = Some(key()?);
            caller.refused(target).await
        }
        Offence::Replay => replay(target).await,
        Offence::Duplicate => duplicate(target).await,
        _ => on_a_link(offence, target).await,
    }
}

/// Offences that begin with an honest link.
async fn on_a_link(offence: Offence, target: &HostileTarget) -> anyhow::Result<HostileVerdict> {
    let mut caller = HostileCaller::new(Some(&target.installer_key));
    if offence == Offence::HostileFacts {
        caller.facts = hostile_facts();
    }
    let mut link = caller.link(target).await?;
    let statistics = || notice(AgentReport::Statistics(Statistics::default()));
    match offence {
        Offence::Text => link.send(Message::text("hello")).await,
        Offence::UnknownFrame => link.send(Message::binary(vec![0x7f; 100])).await,
        Offence::BrokenControl => link.send(Message::binary(vec![0x01, 0xc1, 0xff])).await,
        Offence::LongMessage => {
            link.send(Message::binary(vec![0x01; limits::MESSAGE + 4096])).await;
        }
        Offence::Flood => link.flood((0..20_000).map(|_| statistics())).await,
        Offence::FactsFlood => link.flood((0..20_000).map(facts)).await,
        Offence::ForeignChannels => {
            for channel in 1..200 {
                let id = ChannelId(channel);
                link.send(Message::Binary(frame::data(id, 0, b"forged\r\n"))).await;
                let refusal = RefusalCode::ChannelGone.plain();
                let gone = ChannelReport::Gone { channel: id, refusal };
                link.send(notice(AgentReport::Channel(gone))).await;
            }
        }
        Offence::FalseReplies => {
            for id in 1..200 {
                let body = jumpdeck_protocol::Outcome::Refused(RefusalCode::SpawnFailed.plain());
                let reply = FromAgent::Reply { id: jumpdeck_protocol::RequestId(id), body };
                link.send(Message::Binary(control::encode(&reply))).await;
            }
        }
        _ => {}
    }
    Ok(link.verdict().await)
}

fn notice(report: AgentReport) -> Message {
    Message::Binary(control::encode(&FromAgent::Notice { body: report }))
}

fn facts(number: u32) -> Message {
    let facts = Facts { console_user: format!("user {number}").into(), ..Facts::default() };
    notice(AgentReport::Facts(Box::new(facts)))
}

fn hostile_facts() -> Facts {
    let long: Box<str> = "\u{1b}]0;x\u{7}\u{202e}".repeat(300).into();
    Facts {
        hostname: long.clone(),
        fqdn: long.clone(),
        operating_system: long.clone(),
        console_user: long,
        ..Facts::default()
    }
}

async fn tcp(target: &HostileTarget) -> anyhow::Result<TcpStream> {
    let address: Address = target.url.parse()?;
    Ok(connect(&address, None).await?)
}

async fn garbage(target: &HostileTarget) -> anyhow::Result<HostileVerdict> {
    let mut stream = tcp(target).await?;
    stream.write_all(&[0x99; 4096]).await?;
    Ok(closed(&mut stream).await)
}

async fn silence(target: &HostileTarget) -> anyhow::Result<HostileVerdict> {
    Ok(closed(&mut tcp(target).await?).await)
}

/// Whether the other side closes, whatever it says before.
async fn closed(stream: &mut TcpStream) -> HostileVerdict {
    let mut said = [0; 1024];
    let ended = async { while matches!(stream.read(&mut said).await, Ok(1..)) {} };
    match timeout(PATIENCE, ended).await {
        Ok(()) => HostileVerdict::Closed,
        Err(_) => HostileVerdict::PassedOver,
    }
}

/// A WebSocket to the agents' door, before the handshake.
async fn door(target: &HostileTarget) -> anyhow::Result<HostileLink> {
    let address: Address = target.url.parse()?;
    let name = ServerName::try_from(address.host.clone())?;
    let tls = TlsConnector::from(client_config()?).connect(name, tcp(target).await?).await?;
    let request = format!("{}{AGENT_PATH}", address.to_string().replacen("https", "wss", 1))
        .into_client_request()?;
    let tls: Box<dyn Stream> = Box::new(tls);
    let (socket, _) = client_async_with_config(request, tls, Some(settings())).await?;
    Ok(HostileLink { socket, item: None })
}

async fn hello(target: &HostileTarget, bytes: Vec<u8>) -> anyhow::Result<HostileVerdict> {
    let mut link = door(target).await?;
    link.send(Message::binary(bytes)).await;
    Ok(link.verdict().await)
}

async fn old_protocol(target: &HostileTarget) -> anyhow::Result<HostileVerdict> {
    use jumpdeck_protocol::handshake::{Challenge, nonce};
    let mut link = door(target).await?;
    let hello = Hello { protocol: PROTOCOL + 1, version: VERSION.to_owned(), nonce: nonce()? };
    write_plain(&mut link.socket, &hello).await?;
    match read_plain(&mut link.socket).await? {
        Challenge::Refused(refusal) => Ok(HostileVerdict::Refused(refusal.code)),
        Challenge::Appliance { .. } => Ok(HostileVerdict::PassedOver),
    }
}

async fn replay(target: &HostileTarget) -> anyhow::Result<HostileVerdict> {
    let caller = HostileCaller::new(Some(&target.installer_key));
    let mut first = caller.dial(target).await?;
    let proof = caller.proof(&first)?;
    write_plain(&mut first.socket, &proof).await?;
    let AgentWelcome::Welcome { .. } = read_plain(&mut first.socket).await? else {
        anyhow::bail!("the honest link was refused");
    };
    let mut second = caller.dial(target).await?;
    write_plain(&mut second.socket, &proof).await?;
    Ok(welcomed(read_plain(&mut second.socket).await?))
}

async fn duplicate(target: &HostileTarget) -> anyhow::Result<HostileVerdict> {
    let mut caller = HostileCaller::new(Some(&target.installer_key));
    let mut first = caller.link(target).await?;
    "the machine of the copy".clone_into(&mut caller.machine);
    let verdict = caller.refused(target).await?;
    match first.verdict().await {
        HostileVerdict::PassedOver => Ok(verdict),
        other => anyhow::bail!("the first machine's link suffered: {other}"),
    }
}

fn welcomed(welcome: AgentWelcome) -> HostileVerdict {
    match welcome {
        AgentWelcome::Refused(refusal) => HostileVerdict::Refused(refusal.code),
        AgentWelcome::Welcome { .. } => HostileVerdict::PassedOver,
        AgentWelcome::Removed => HostileVerdict::Refused(RefusalCode::JumpItemGone),
    }
}

fn key() -> anyhow::Result<Ed25519KeyPair> {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| anyhow::anyhow!("the system has no randomness"))?;
    Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|error| anyhow::anyhow!("{error}"))
}

/// A hand-made agent.
pub struct HostileCaller {
    key: anyhow::Result<Ed25519KeyPair>,
    signs_with: Option<Ed25519KeyPair>,
    installer_key: Option<String>,
    /// The machine it says it is on.
    pub machine: String,
    /// What it says of that machine.
    pub facts: Facts,
    /// The name it wishes for.
    pub name: String,
}

impl HostileCaller {
    /// A new identity, with an installer key or without.
    pub fn new(installer_key: Option<&str>) -> Self {
        Self {
            key: key(),
            signs_with: None,
            installer_key: installer_key.map(str::to_owned),
            machine: "a hand-made machine".to_owned(),
            facts: Facts { hostname: "hand-made".into(), ..Facts::default() },
            name: "hand-made".to_owned(),
        }
    }

    async fn dial(&self, target: &HostileTarget) -> anyhow::Result<Dialed> {
        let pin = Pin::Fingerprint(target.fingerprint.clone());
        let address: Address = target.url.parse()?;
        Ok(dial(&address, AGENT_PATH, &pin, &client_config()?, None).await?)
    }

    fn proof(&self, dialed: &Dialed) -> anyhow::Result<AgentProof> {
        let signed = transcript(
            Party::Agent,
            &dialed.binding,
            &dialed.client_nonce,
            &dialed.appliance_nonce,
        );
        let own = self.key.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(AgentProof {
            key: PublicKey::of(own),
            signature: sign(self.signs_with.as_ref().unwrap_or(own), &signed),
            machine: self.machine.clone(),
            enrolment: self.installer_key.clone().map(|installer_key| Enrolment {
                installer_key,
                name: Some(self.name.clone()),
                tag: None,
                comments: None,
            }),
            visit: None,
            attended: false,
            facts: self.facts.clone(),
            channels: Vec::new(),
            standing: Standing::Ready,
            run: 0,
        })
    }

    async fn call(&self, target: &HostileTarget) -> anyhow::Result<(Dialed, AgentWelcome)> {
        let mut dialed = self.dial(target).await?;
        let proof = self.proof(&dialed)?;
        write_plain(&mut dialed.socket, &proof).await?;
        let welcome = read_plain(&mut dialed.socket).await?;
        Ok((dialed, welcome))
    }

    /// Links honestly.
    ///
    /// # Errors
    /// When the appliance does not want it.
    pub async fn link(&self, target: &HostileTarget) -> anyhow::Result<HostileLink> {
        match self.call(target).await? {
            (dialed, AgentWelcome::Welcome { item, .. }) => {
                Ok(HostileLink { socket: dialed.socket, item: Some(item) })
            }
            (_, AgentWelcome::Refused(refusal)) => Err(Refusal::into(refusal)),
            (_, AgentWelcome::Removed) => anyhow::bail!("this Jump Client was removed"),
        }
    }

    /// Calls, to be refused.
    async fn refused(&self, target: &HostileTarget) -> anyhow::Result<HostileVerdict> {
        let (_, welcome) = self.call(target).await?;
        Ok(welcomed(welcome))
    }
}

/// A hand-made link.
pub struct HostileLink {
    socket: Socket,
    /// The item it is, once it was let in.
    pub item: Option<ItemId>,
}

impl HostileLink {
    /// Sends a message; a link that was closed shows later.
    pub async fn send(&mut self, message: Message) {
        let _ = self.socket.send(message).await;
    }

    async fn flood(&mut self, messages: impl Iterator<Item = Message>) {
        for message in messages {
            if self.socket.feed(message).await.is_err() {
                return;
            }
        }
        let _ = self.socket.flush().await;
    }

    /// Whether the link still answers.
    pub async fn verdict(&mut self) -> HostileVerdict {
        self.send(Message::Ping(vec![1].into())).await;
        let answer = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Pong(_))) => return HostileVerdict::PassedOver,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return HostileVerdict::Closed,
                    Some(Ok(_)) => {}
                }
            }
        };
        timeout(PATIENCE, answer).await.unwrap_or(HostileVerdict::PassedOver)
    }

    /// Never answers again, and never reads: the other side has to find out by itself.
    pub async fn fall_silent(self) -> Never {
        let _socket = self.socket;
        std::future::pending().await
    }
}

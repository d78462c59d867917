//! The handshake that opens a link: both sides prove who they are, bound to the TLS channel.
//!
//! ```text
//! client                                   appliance
//!   Hello { protocol, nonce }          →
//!                                      ←   Appliance { protocol, nonce, key, signature }
//!   Agent { … } or Rep { … }           →
//!                                      ←   Welcome or Refused
//! ```
//! Each signature is Ed25519 over [`transcript`]: a context string, the TLS exporter of RFC 9266
//! and both nonces. A party in the middle has another exporter, so what it relays proves nothing.

use crate::agent::Standing;
use crate::inventory::Facts;
use crate::{ChannelId, ItemId, Refusal, RefusalCode, Timestamp, UserId};
use data_encoding::BASE64_NOPAD;
use ring::digest;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;
use std::fmt;

/// The path of an agent's link.
pub const AGENT_PATH: &str = "/link/agent";
/// The path of a console's link.
pub const REP_PATH: &str = "/link/rep";
/// The TLS exporter that signatures are bound to (RFC 9266).
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// 32 random bytes, new for each link.
pub type Nonce = ByteArray<32>;
/// An Ed25519 signature.
pub type Signature = ByteArray<64>;
/// The TLS exporter's 32 bytes.
pub type Binding = [u8; 32];

/// An Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicKey(pub ByteArray<32>);

impl PublicKey {
    /// `SHA256:` and the base64 of the key's SHA-256, as `ssh` shows keys.
    pub fn fingerprint(&self) -> String {
        let hash = digest::digest(&digest::SHA256, self.0.as_slice());
        format!("SHA256:{}", BASE64_NOPAD.encode(hash.as_ref()))
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0.as_slice())
            .verify(message, signature.as_slice())
            .is_ok()
    }

    /// The key of a key pair.
    pub fn of(pair: &Ed25519KeyPair) -> Self {
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(pair.public_key().as_ref()) {
            *to = *from;
        }
        Self(ByteArray::new(key))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fingerprint())
    }
}

/// A party's signature over a message.
pub fn sign(pair: &Ed25519KeyPair, message: &[u8]) -> Signature {
    let mut bytes = [0; 64];
    for (to, from) in bytes.iter_mut().zip(pair.sign(message).as_ref()) {
        *to = *from;
    }
    ByteArray::new(bytes)
}

/// A new nonce.
///
/// # Errors
/// When the system has no randomness to give.
pub fn nonce() -> Result<Nonce, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(ByteArray::new(bytes))
}

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The appliance.
    Appliance,
    /// An agent.
    Agent,
}

/// What a party signs: `"jumpdeck 1 appliance"` or `"jumpdeck 1 agent"`, a zero byte, the TLS
/// exporter, the client's nonce, the appliance's nonce.
pub fn transcript(party: Party, binding: &Binding, client: &Nonce, appliance: &Nonce) -> Vec<u8> {
    let context: &[u8] = match party {
        Party::Appliance => b"jumpdeck 1 appliance\0",
        Party::Agent => b"jumpdeck 1 agent\0",
    };
    [context, binding, client.as_slice(), appliance.as_slice()].concat()
}

/// A client's first message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol it speaks.
    pub protocol: u16,
    /// Its version, for people.
    pub version: String,
    /// Its nonce.
    pub nonce: Nonce,
}

/// The appliance's answer: the first that can be checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Challenge {
    /// The appliance and the proof of its key.
    Appliance {
        /// The protocol it speaks.
        protocol: u16,
        /// Its version, for people.
        version: String,
        /// Its nonce.
        nonce: Nonce,
        /// Its key.
        key: PublicKey,
        /// Over the transcript of [`Party::Appliance`].
        signature: Signature,
    },
    /// It does not want this link.
    Refused(Refusal),
}

/// An agent's proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentProof {
    /// The agent's key.
    pub key: PublicKey,
    /// Over the transcript of [`Party::Agent`].
    pub signature: Signature,
    /// A hash that tells one machine from another.
    pub machine: String,
    /// Wanted when the key is not known to the appliance yet.
    pub enrolment: Option<Enrolment>,
    /// Wanted when it comes for one session only, and its key is not known yet.
    #[serde(default)]
    pub visit: Option<Visit>,
    /// A person sits at the agent's own terminal, and can be asked and told.
    #[serde(default)]
    pub attended: bool,
    /// What the machine is.
    pub facts: Facts,
    /// The channels that still live at this agent.
    pub channels: Vec<ChannelId>,
    /// Whether it may be used.
    #[serde(default)]
    pub standing: Standing,
    /// A number that this agent drew when it started: a copy of its disk has another one. 0: none.
    #[serde(default)]
    pub run: u64,
}

/// What a new agent asks for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The installer key it was given.
    pub installer_key: String,
    /// The wish for a name; else the host's name is taken.
    pub name: Option<String>,
    /// The wish for a tag.
    pub tag: Option<String>,
    /// The wish for comments.
    pub comments: Option<String>,
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enrolment")
            .field("name", &self.name)
            .field("tag", &self.tag)
            .finish_non_exhaustive()
    }
}

/// What a machine asks for that comes for one session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// The session key that its user was given.
    pub session_key: String,
    /// What its user calls it; else the host's name is taken.
    pub name: Option<String>,
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The answer to an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentWelcome {
    /// The link is open.
    Welcome {
        /// The item this agent is.
        item: ItemId,
        /// The item's name.
        name: String,
        /// The appliance's clock.
        now: Timestamp,
        /// Channels whose sessions have ended meanwhile: close them.
        close: Vec<ChannelId>,
        /// When the Jump Client uninstalls itself.
        #[serde(default)]
        expires: Option<Timestamp>,
        /// Milliseconds over which all agents of this appliance are to come back when it was away.
        #[serde(default)]
        spread: u32,
    },
    /// It is not.
    Refused(Refusal),
    /// The Jump Client was removed while it was away: forget the appliance, and end.
    Removed,
}

/// How a rep proves who it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepProof {
    /// The token of an embedded appliance, which only its user can read.
    Token(String),
    /// The token of a login that was kept, see [`Login`].
    Login(String),
    /// A user name and password.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
}

impl RepProof {
    /// Who it says it is; empty for a token.
    pub fn username(&self) -> &str {
        match self {
            Self::Token(_) | Self::Login(_) => "",
            Self::Password { username, .. } => username,
        }
    }
}

impl fmt::Debug for RepProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(…)",
            Self::Login(_) => "Login(…)",
            Self::Password { .. } => "Password(…)",
        })
    }
}

/// A rep's proof and what it comes for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepLogin {
    /// The proof.
    pub proof: RepProof,
    /// A number that this console drew when it started: a new link of the same console takes the
    /// place of one that is not known to be dead yet. 0: none.
    #[serde(default)]
    pub console: u64,
    /// A code of the second factor, or a recovery code.
    #[serde(default)]
    pub code: Option<String>,
    /// Keep the login: with a token, no password and no code are asked for again. What is to hold
    /// it, for people.
    #[serde(default)]
    pub keep: Option<String>,
    /// For so many seconds; 0: as long as the appliance does.
    #[serde(default)]
    pub keep_for: u64,
}

impl fmt::Debug for RepLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RepLogin").field("proof", &self.proof).finish_non_exhaustive()
    }
}

/// A login that is kept. Anyone who has the token logs in with it until it expires or is revoked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The token.
    pub token: String,
    /// Until when.
    pub expires: Timestamp,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The answer to a rep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepWelcome {
    /// The link is open.
    Welcome {
        /// Who logged in.
        user: UserId,
        /// Under which name.
        username: String,
        /// The appliance's clock.
        now: Timestamp,
        /// The appliance is embedded: `stop` ends it.
        embedded: bool,
        /// The login that was to be kept.
        #[serde(default)]
        login: Option<Login>,
        /// Nothing is done on this link before this was: `password_change_required` or
        /// `second_factor_unknown`.
        #[serde(default)]
        first: Option<RefusalCode>,
        /// Seconds without a key after which the console locks itself; 0: never.
        #[serde(default)]
        idle_lock: u64,
        /// The rep prefers a prompt to panes.
        #[serde(default)]
        plain: bool,
    },
    /// It is not.
    Refused(Refusal),
}

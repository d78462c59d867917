//! The audit: what was done that has consequences, as a chain that shows when something is missing
//! or changed (DESIGN 7).
//!
//! Each event bears SHA-256 over the hash of the one before and its own fields:
//!
//! ```text
//! before (32) | number (u64, big-endian) | at (i64, big-endian) |
//!     who | action | subject | detail, each as length (u32, big-endian) and UTF-8
//! ```
//! The first event follows 32 zero bytes. An export ends with a [`Seal`]: how many events there are,
//! the last hash, and the appliance's signature over both, so that nothing can be cut off its end.

use crate::handshake::{PublicKey, sign};
use crate::{Timestamp, text};
use data_encoding::{BASE64, HEXLOWER};
use ring::digest;
use ring::signature::Ed25519KeyPair;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;
use thiserror::Error;

/// A SHA-256.
pub type Hash = [u8; 32];

/// The hash before the first event.
pub const BEGINNING: Hash = [0; 32];

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEvent {
    /// Its number; the first is 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it: a user name; empty for what happened by itself.
    pub who: Box<str>,
    /// What was done, as a stable word: `login_failed`, `session_started` …
    pub action: Box<str>,
    /// To what.
    pub subject: Box<str>,
    /// What more there is to say. Never a secret.
    pub detail: Box<str>,
    /// Its hash, in hexadecimal digits.
    pub hash: Box<str>,
}

/// How grave an event is, for anyone who watches over many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something was done.
    Done,
    /// Somebody or something was turned away.
    Refused,
}

macro_rules! actions {
    ($($name:ident $word:literal $severity:ident,)*) => {
        /// What was done. The words are in databases and exports and are never changed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $(#[doc = concat!("`", $word, "`.")] $name,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its word, as it is written down.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// How grave it is.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)*
                }
            }

            /// The action of a word; nothing for one of a later version.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.word() == word)
            }
        }
    };
}

actions! {
    AgentBrokeProtocol "agent_broke_protocol" Refused,
    AgentRefused "agent_refused" Refused,
    AgentStrayed "agent_strayed" Refused,
    ApiAccountMade "api_account_made" Done,
    ApiAccountRemoved "api_account_removed" Done,
    ApiRefused "api_refused" Refused,
    ClockSet "clock_set" Done,
    ConfigurationApplied "configuration_applied" Done,
    ConfigurationChanged "configuration_changed" Done,
    EventsOmitted "events_omitted" Done,
    IdentityCheckFailed "identity_check_failed" Refused,
    InstallerMade "installer_made" Done,
    InstallerRevoked "installer_revoked" Done,
    ItemCopied "item_copied" Done,
    ItemEdited "item_edited" Done,
    ItemMade "item_made" Done,
    ItemPinned "item_pinned" Done,
    ItemRemoved "item_removed" Done,
    ItemTakenBack "item_taken_back" Done,
    ItemUnpinned "item_unpinned" Done,
    JumpClientEnrolled "jump_client_enrolled" Done,
    LoggedIn "logged_in" Done,
    LoggedOut "logged_out" Done,
    LoginFailed "login_failed" Refused,
    LoginKept "login_kept" Done,
    MachineJoined "machine_joined" Done,
    MachineTurnedAway "machine_turned_away" Refused,
    MagicPacketSent "magic_packet_sent" Done,
    PasswordChanged "password_changed" Done,
    PasswordReset "password_reset" Done,
    RecordingClosed "recording_closed" Done,
    RecordingRemoved "recording_removed" Done,
    RecoveryCodeUsed "recovery_code_used" Done,
    RequestRefused "request_refused" Refused,
    ScheduleOverridden "schedule_overridden" Done,
    SecondFactorRemoved "second_factor_removed" Done,
    SecondFactorSet "second_factor_set" Done,
    SessionEnded "session_ended" Done,
    SessionEntered "session_entered" Done,
    SessionJoined "session_joined" Done,
    SessionKeyMade "session_key_made" Done,
    SessionRefused "session_refused" Refused,
    SessionShared "session_shared" Done,
    SessionStarted "session_started" Done,
    SessionTransferred "session_transferred" Done,
    SessionWithdrawn "session_withdrawn" Done,
    SshKeyAdded "ssh_key_added" Done,
    SshKeyRemoved "ssh_key_removed" Done,
    StandingChanged "standing_changed" Done,
    TeamChanged "team_changed" Done,
    TeamRemoved "team_removed" Done,
    UserMade "user_made" Done,
}

impl AuditEvent {
    /// The hash it should bear after `before`.
    pub fn expected(&self, before: &Hash) -> Hash {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(before);
        context.update(&self.number.to_be_bytes());
        context.update(&self.at.0.to_be_bytes());
        for text in [&self.who, &self.action, &self.subject, &self.detail] {
            // A text of 4 GiB fits into no message and no database.
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            context.update(&length.to_be_bytes());
            context.update(text.as_bytes());
        }
        let mut hash = BEGINNING;
        for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        hash
    }

    /// Gives it the hash that it has after `before`. Returns it.
    pub fn seal(&mut self, before: &Hash) -> Hash {
        let hash = self.expected(before);
        self.hash = HEXLOWER.encode(&hash).into();
        hash
    }
}

/// The end of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// When it was sealed: an older seal does not hide what came later.
    pub at: Timestamp,
    /// How many events there are.
    pub events: u64,
    /// The last one's hash, in hexadecimal digits.
    pub head: Box<str>,
    /// The fingerprint of the appliance's key.
    pub appliance: Box<str>,
    /// The key itself, in base64.
    pub key: Box<str>,
    /// By that key, over [`sealed`], in base64.
    pub signature: Box<str>,
}

impl Seal {
    /// Seals a chain with the appliance's key.
    pub fn new(pair: &Ed25519KeyPair, chain: &Chain, at: Timestamp) -> Self {
        let key = PublicKey::of(pair);
        let signature = sign(pair, &sealed(at, chain.events, &chain.head));
        Self {
            at,
            events: chain.events,
            head: HEXLOWER.encode(&chain.head).into(),
            appliance: key.fingerprint().into(),
            key: BASE64.encode(key.0.as_slice()).into(),
            signature: BASE64.encode(signature.as_slice()).into(),
        }
    }
}

/// Bytes of a fixed number in base64.
fn bytes<const N: usize>(text: &str) -> Option<ByteArray<N>> {
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    <[u8; N]>::try_from(bytes).ok().map(ByteArray::new)
}

/// What the appliance signs: `"jumpdeck 1 audit"`, a zero byte, the time, the number of events and
/// the head.
pub fn sealed(at: Timestamp, events: u64, head: &Hash) -> Vec<u8> {
    let (at, events) = (at.0.to_be_bytes(), events.to_be_bytes());
    [b"jumpdeck 1 audit\0".as_slice(), &at, &events, head].concat()
}

/// What is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Broken {
    /// An event is missing, doubled or in another's place.
    #[error("event {found} stands where event {wanted} should")]
    Order {
        /// The number that should be there.
        wanted: u64,
        /// The one that does.
        found: u64,
    },
    /// An event is not what it was.
    #[error("event {0} was changed, or one before it")]
    Changed(u64),
    /// The end is not the one that was sealed.
    #[error("{0}")]
    Seal(String),
}

/// A chain that is being followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    events: u64,
    head: Hash,
}

impl Default for Chain {
    fn default() -> Self {
        Self { events: 0, head: BEGINNING }
    }
}

impl Chain {
    /// One that has come so far.
    pub const fn at(events: u64, head: Hash) -> Self {
        Self { events, head }
    }

    /// How many events it has.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// The last one's hash.
    pub const fn head(&self) -> &Hash {
        &self.head
    }

    /// Adds an event: it gets its number and its hash.
    pub fn add(&mut self, event: &mut AuditEvent) {
        self.events += 1;
        event.number = self.events;
        self.head = event.seal(&self.head);
    }

    /// Follows the next event.
    ///
    /// # Errors
    /// [`Broken`] when it is not the one that belongs there.
    pub fn follow(&mut self, event: &AuditEvent) -> Result<(), Broken> {
        let wanted = self.events + 1;
        if event.number != wanted {
            return Err(Broken::Order { wanted, found: event.number });
        }
        let hash = event.expected(&self.head);
        if *event.hash != *HEXLOWER.encode(&hash) {
            return Err(Broken::Changed(event.number));
        }
        (self.events, self.head) = (wanted, hash);
        Ok(())
    }

    /// Whether it ends where it was sealed.
    ///
    /// # Errors
    /// [`Broken::Seal`] says what does not fit.
    pub fn ends_with(&self, seal: &Seal) -> Result<(), Broken> {
        let broken = |what: String| Err(Broken::Seal(what));
        if seal.events != self.events {
            return broken(format!("{} events were sealed, {} are here", seal.events, self.events));
        }
        let key = bytes(&seal.key).map(PublicKey);
        let key = key.filter(|key| key.fingerprint() == *seal.appliance);
        let signature = bytes(&seal.signature);
        let signed = sealed(seal.at, self.events, &self.head);
        match key.zip(signature) {
            Some((key, signature))
                if *seal.head == *HEXLOWER.encode(&self.head)
                    && key.verifies(&signed, &signature) =>
            {
                Ok(())
            }
            _ => broken("the seal was changed".to_owned()),
        }
    }
}

/// What is in an event is cleaned and cut before it is sealed; what is cut says so.
pub fn kept(text: &str) -> Box<str> {
    let count = text.chars().count();
    if count <= crate::limits::COMMENTS {
        return text::clean(text).into();
    }
    let head = text::bounded(text, crate::limits::COMMENTS - 40);
    format!("{head} … ({count} characters)").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_is_known_by_its_word() {
        for action in Action::ALL {
            assert_eq!(Action::named(action.word()), Some(*action));
        }
        assert_eq!(Action::named("moon_landed"), None, "one of a later version");
    }
}

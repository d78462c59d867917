//! A user as the appliance keeps it, and what may be written of one.

use super::{Entity, Indexes};
use jumpdeck_policy::{Membership, PolicyChoice, Role, SessionPolicy, Settings, Slots};
use jumpdeck_protocol::messagepack;
use jumpdeck_protocol::{JumpGroupId, Refusal, RefusalCode, Timestamp, UserId, text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Characters of a user name (DOMAIN 4).
pub const USERNAME: usize = 64;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub display_name: String,
    pub email: String,
    pub enabled: bool,
    /// Own settings: they stand where no group policy defines another.
    pub settings: Settings,
    /// Own memberships.
    pub memberships: BTreeMap<JumpGroupId, Membership>,
}

/// What proves that somebody is a user. It stands apart from the user: it changes with logins, and
/// that is no change of anybody's rights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub user: UserId,
    /// argon2id in PHC form; an embedded owner has none.
    pub password: Option<String>,
    /// The password was made by somebody else.
    pub must_change: bool,
    pub second_factor: Option<SecondFactor>,
    /// What opens the SSH front door, in the order they were added.
    #[serde(default)]
    pub ssh_keys: Vec<SshPublicKey>,
    /// Grows with each change of the password or the second factor: links and logins of before are
    /// over.
    pub generation: u64,
}

impl Account {
    /// A first password, to be changed.
    pub fn first(user: UserId, hash: String) -> Self {
        Self { password: Some(hash), must_change: true, generation: 1, ..Self::none(user) }
    }

    /// The account of a user who has none.
    pub const fn none(user: UserId) -> Self {
        Self {
            user,
            password: None,
            must_change: false,
            second_factor: None,
            ssh_keys: Vec::new(),
            generation: 0,
        }
    }

    /// Whether a code of a second factor is required.
    pub fn has_factor(&self) -> bool {
        self.second_factor.as_ref().is_some_and(|factor| factor.confirmed)
    }
}

/// A public key, as OpenSSH has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshPublicKey {
    pub algorithm: String,
    /// The key as it goes over the wire (RFC 4253, 6.6).
    #[serde(with = "serde_bytes")]
    pub blob: Vec<u8>,
    pub comment: String,
    pub added: Timestamp,
}

/// The password that stood with a user in databases of a former version.
pub fn former_password(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Former {
        #[serde(default)]
        password: Option<String>,
    }
    #[derive(Deserialize)]
    enum FormerDocument {
        User(Former),
    }
    let FormerDocument::User(former) = messagepack::from_slice(body).ok()?;
    former.password
}

/// What a user proves a login with besides the password (RFC 6238).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    #[serde(with = "serde_bytes")]
    pub secret: Vec<u8>,
    /// The user has shown a code of it: from now on it is asked for.
    pub confirmed: bool,
    /// Another one that was begun and not confirmed yet.
    #[serde(with = "serde_bytes", default)]
    pub next: Option<Vec<u8>>,
    /// The last time step whose code was taken: each is taken once.
    pub last_step: u64,
    /// SHA-256 of recovery codes that were not used.
    pub recovery: Vec<String>,
    pub since: Timestamp,
}

impl std::fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondFactor").field("confirmed", &self.confirmed).finish_non_exhaustive()
    }
}

impl Entity for Account {
    fn id(&self) -> UserId {
        self.user
    }
}

impl Entity for User {
    fn id(&self) -> UserId {
        self.id
    }

    fn index(indexes: &mut Indexes, before: Option<&Self>, after: Option<&Self>) {
        indexes.rights_changed();
        if let Some(before) = before {
            indexes.usernames.remove(&*before.username.to_lowercase());
        }
        if let Some(after) = after {
            indexes.usernames.insert(after.username.to_lowercase().into(), after.id);
        }
    }
}

impl User {
    /// A user who may log in and has nothing.
    pub fn new(id: UserId, username: impl Into<String>) -> Self {
        Self {
            id,
            username: username.into(),
            display_name: String::new(),
            email: String::new(),
            enabled: true,
            settings: Settings::default(),
            memberships: BTreeMap::new(),
        }
    }

    /// A user who may do everything.
    pub fn owner(id: UserId, username: impl Into<String>) -> Self {
        let all = Role::ADMINISTRATOR;
        let settings = Settings {
            default_role: all,
            personal_role: all,
            teams_role: all,
            system_role: all,
            administrator: true,
            view_audit: true,
            ..supporter()
        };
        Self { settings, ..Self::new(id, username) }
    }

    /// A user who may have sessions with everything, as `jumpdeck user add` makes them. An
    /// administrator's file says it more exactly.
    pub fn rep(id: UserId, username: impl Into<String>) -> Self {
        let start = Role::START_SESSIONS_ONLY;
        let settings = Settings {
            default_role: start,
            personal_role: Role::ADMINISTRATOR,
            system_role: start,
            ..supporter()
        };
        Self { settings, ..Self::new(id, username) }
    }
}

/// Everything in sessions, and nothing outside of them.
fn supporter() -> Settings {
    let everything = || Some(PolicyChoice::Shared(SessionPolicy::EVERYTHING));
    Settings {
        attended_session_policy: everything(),
        unattended_session_policy: everything(),
        generate_session_keys: true,
        jump_clients_pinning: true,
        ..Settings::default()
    }
}

/// A user as it is in databases, also in those of former versions.
#[derive(Deserialize)]
struct Stored {
    id: UserId,
    username: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    email: String,
    enabled: bool,
    /// What a former version kept of settings.
    #[serde(default)]
    slots: Option<Slots>,
    #[serde(default)]
    settings: Option<Settings>,
    memberships: BTreeMap<JumpGroupId, Membership>,
}

impl From<Stored> for User {
    fn from(stored: Stored) -> Self {
        let (id, username) = (stored.id, stored.username);
        // Anyone who is from before there were settings keeps what all users had then.
        let former = match id {
            UserId(1) => Self::owner(id, username),
            _ => Self::rep(id, username),
        };
        let slots = |slots: Slots| Settings {
            default_role: slots.default,
            personal_role: slots.personal,
            teams_role: slots.teams,
            system_role: slots.system,
            ..former.settings.clone()
        };
        let settings = stored.settings.or(stored.slots.map(slots));
        Self {
            display_name: stored.display_name,
            email: stored.email,
            enabled: stored.enabled,
            settings: settings.unwrap_or(former.settings),
            memberships: stored.memberships,
            id,
            username: former.username,
        }
    }
}

/// A user name as it is kept.
///
/// # Errors
/// `invalid_value`, and what a name looks like.
pub fn username(name: &str) -> Result<String, Refusal> {
    let name = text::clean(name.trim()).into_owned();
    let plain = |c: char| c.is_alphanumeric() || "._-@".contains(c);
    if name.is_empty() || name.chars().count() > USERNAME || !name.chars().all(plain) {
        let detail = "A user name has 1 to 64 letters, digits and . _ - @";
        return Err(RefusalCode::InvalidValue.because(detail));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_of_a_former_version_keeps_what_it_had() {
        #[derive(Serialize)]
        struct FormerUser {
            id: UserId,
            username: String,
            password: Option<String>,
            enabled: bool,
            slots: Slots,
            memberships: BTreeMap<JumpGroupId, Option<u64>>,
        }
        #[derive(Serialize)]
        enum WrittenDocument {
            User(FormerUser),
        }
        let (start, none) = (Role::START_SESSIONS_ONLY, Role::NO_ACCESS);
        let former = |id| FormerUser {
            id: UserId(id),
            username: "bob".into(),
            password: Some("hash".into()),
            enabled: true,
            slots: Slots {
                default: start,
                personal: Role::ADMINISTRATOR,
                teams: none,
                system: start,
            },
            memberships: BTreeMap::new(),
        };
        let read = |id| -> User {
            rmp_serde::from_slice(&rmp_serde::to_vec_named(&former(id)).unwrap()).unwrap()
        };
        let bob = User::rep(UserId(2), "bob");
        assert_eq!(read(2), bob);
        assert!(read(1).settings.administrator && !read(2).settings.administrator);
        let body = rmp_serde::to_vec_named(&WrittenDocument::User(former(2))).unwrap();
        assert_eq!(former_password(&body).as_deref(), Some("hash"));
        let document = crate::Document::from(bob.clone());
        assert_eq!(former_password(&rmp_serde::to_vec_named(&document).unwrap()), None);
        let again: User = rmp_serde::from_slice(&rmp_serde::to_vec_named(&bob).unwrap()).unwrap();
        assert_eq!(again, bob);
    }
}

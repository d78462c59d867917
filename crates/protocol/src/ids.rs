//! Identifiers: one type per thing, so that they cannot be mixed up.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The id that follows this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A Jump Item (DOMAIN 2).
    ItemId;
    /// A machine with an agent. One or several Jump Items lead to it.
    EndpointId;
    /// A Jump Group (DOMAIN 1).
    JumpGroupId;
    /// A team of reps (DOMAIN 1).
    TeamId;
    /// A session key, by which a machine joins that is not a Jump Client.
    SessionKeyId;
    /// A Jump Policy (DOMAIN 5).
    JumpPolicyId;
    /// A Jump Item Role (DOMAIN 3). 1 is *No Access*.
    RoleId;
    /// A user: a representative who may log in (DOMAIN 4).
    UserId;
    /// A group policy: settings and memberships for several users (DOMAIN 4).
    GroupPolicyId;
    /// A session policy (DOMAIN 6). 1 is the global default.
    SessionPolicyId;
    /// A login that outlives its link.
    LoginId;
    /// An account of a program that uses the HTTP API.
    ApiAccountId;
    /// A public portal (DOMAIN 1).
    PortalId;
    /// An installer: what an agent enrols with (DOMAIN 7).
    InstallerId;
    /// A support session (DOMAIN 1).
    SessionId;
    /// A channel: two resumable byte streams between a console and an agent.
    ChannelId;
    /// One authenticated WebSocket, as long as it lasts. Never reused in a process.
    LinkId;
    /// A request on one link; the reply bears the same number.
    RequestId;
    /// The state of an appliance's World: every change gets the next one.
    Revision;
}

/// A moment: whole seconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Seconds from `earlier` to this moment; 0 if it is in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// This moment and `seconds` more.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)))
    }

    /// The moment a system clock shows.
    #[must_use]
    pub fn from_system(time: std::time::SystemTime) -> Self {
        let seconds = time.duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        Self(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}

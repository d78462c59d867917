//! Which appliance a console belongs to, and how it logs in there.

use crate::runtime::embedded;
use jumpdeck_appliance::{Appliance, AuthenticatedRep, DataDir};
use jumpdeck_link::{Address, DialError};
use jumpdeck_protocol::handshake::RepProof;
use std::path::PathBuf;
use std::sync::Arc;

/// A user name, and what proves that it is one's own.
#[derive(Clone)]
pub struct LinkCredentials {
    /// The name.
    pub username: String,
    /// The proof.
    pub proof: Proof,
    /// Who is to hold a login that is kept, if one is to be.
    pub keep: Option<String>,
    /// For so many seconds; 0: as long as the appliance does.
    pub keep_for: u64,
}

/// What proves who somebody is.
#[derive(Clone)]
pub enum Proof {
    /// A password, and a code of the second factor where one is asked for.
    Password {
        /// The password.
        password: String,
        /// The code. It is good for one login.
        code: Option<String>,
    },
    /// The token of a login that was kept.
    Kept(String),
}

impl std::fmt::Debug for LinkCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkCredentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// An appliance.
#[derive(Clone, Debug)]
pub enum Destination {
    /// The one in this data directory; it is started if it does not run.
    Embedded(DataDir),
    /// One elsewhere.
    Remote {
        /// Where.
        address: Address,
        /// The fingerprint of its key, as it was trusted.
        fingerprint: String,
        /// Who logs in.
        credentials: LinkCredentials,
        /// The file in which the fingerprint stands.
        known: PathBuf,
    },
    /// The one that this process is, where somebody is in already.
    Here(Here),
}

/// The appliance that this process is, and who came in to it.
#[derive(Clone)]
pub struct Here {
    /// The appliance.
    pub appliance: Arc<Appliance>,
    /// Who is in.
    pub entrance: AuthenticatedRep,
    /// Where other programs reach it.
    pub url: String,
    /// The port of its SSH front door.
    pub ssh_port: u16,
}

impl Here {
    /// Whether the rep prefers a prompt to panes.
    pub fn prefers_plain(&self) -> bool {
        self.appliance.front_door().prefers_plain(&self.entrance)
    }
}

impl std::fmt::Debug for Here {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Here").field("entrance", &self.entrance).finish_non_exhaustive()
    }
}

/// Why an appliance cannot be found.
#[derive(Debug)]
pub enum Unreachable {
    /// It may be there in a moment.
    Passing(String),
    /// Somebody has to do something.
    Lasting(String),
}

/// Where to dial and what to prove.
pub(super) struct LinkTarget {
    pub address: Address,
    pub fingerprint: String,
    pub proof: RepProof,
    pub code: Option<String>,
    pub keep: Option<String>,
    pub keep_for: u64,
    /// The appliance for people.
    pub shown: String,
}

impl LinkCredentials {
    fn rep_proof(&self) -> RepProof {
        match &self.proof {
            Proof::Kept(token) => RepProof::Login(token.clone()),
            Proof::Password { password, .. } => {
                let (username, password) = (self.username.clone(), password.clone());
                RepProof::Password { username, password }
            }
        }
    }

    fn code(&self) -> Option<String> {
        match &self.proof {
            Proof::Password { code, .. } => code.clone(),
            Proof::Kept(_) => None,
        }
    }
}

impl Destination {
    /// Whether it is this data directory's own.
    pub const fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded(_))
    }

    pub(super) async fn find(&self) -> Result<LinkTarget, Unreachable> {
        match self {
            Self::Here(_) => Err(Unreachable::Lasting("it is not dialled".to_owned())),
            Self::Remote { address, fingerprint, credentials, .. } => Ok(LinkTarget {
                address: address.clone(),
                fingerprint: fingerprint.clone(),
                proof: credentials.rep_proof(),
                code: credentials.code(),
                keep: credentials.keep.clone(),
                keep_for: credentials.keep_for,
                shown: address.to_string().trim_start_matches("https://").to_owned(),
            }),
            Self::Embedded(dir) => {
                let running = embedded::ensure_running(dir).await;
                let running =
                    running.map_err(|error| Unreachable::Lasting(format!("{error:#}")))?;
                let passing = |reason: String| Unreachable::Passing(reason);
                // The token is written before the address is; a server has none.
                let token = std::fs::read_to_string(dir.token()).map_err(|_| {
                    Unreachable::Lasting(format!(
                        "{} belongs to `jumpdeck serve`; use --connect {} --as NAME",
                        dir.path().display(),
                        running.url
                    ))
                })?;
                Ok(LinkTarget {
                    address: running.url.parse().map_err(|e| passing(format!("{e}")))?,
                    fingerprint: running.fingerprint,
                    proof: RepProof::Token(token),
                    code: None,
                    keep: None,
                    keep_for: 0,
                    shown: "this machine".to_owned(),
                })
            }
        }
    }

    /// What to say when an appliance shows another key than before.
    pub(super) fn changed_key(&self, error: &DialError) -> String {
        match self {
            Self::Embedded(_) | Self::Here(_) => error.to_string(),
            Self::Remote { known, .. } => format!(
                "{error}. Somebody may be listening in between, or the appliance was set up anew. \
                 If you know that it was, remove its line from {} and connect again.",
                known.display()
            ),
        }
    }
}

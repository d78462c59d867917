//! The agent: a Jump Client that keeps a link to its appliance and runs what it is asked to.
//!
//! [`run`] does all of it. Shells and their output live here and outlast the link, the console
//! and the appliance.

mod channels;
mod facts;
mod files;
mod identity;
mod inherited;
mod install;
mod link;
mod measure;
mod person;
mod pinned;
mod requests;
mod run;
mod statistics;
mod thumbnail;
pub mod wake;

pub use files::{AgentDir, AgentDirError, Target};
pub use identity::IdentityError;
pub use inherited::close_descriptors;
pub use person::Person;
pub use run::{AgentEnding, EnrolRequest, RunError, fingerprint_of, run, uninstall};

use std::path::PathBuf;

/// How an agent is to run.
#[derive(Debug)]
pub struct Options {
    /// Its own directory.
    pub dir: AgentDir,
    /// Where the appliance is.
    pub source: AgentSource,
    /// What to enrol with, if the agent is new.
    pub enrol: Option<EnrolRequest>,
    /// What to join with, if it comes for one session.
    pub visit: Option<AgentVisit>,
    /// Only while its user is logged in, or always.
    pub install_mode: jumpdeck_protocol::inventory::InstallMode,
    /// The longest pause between two attempts to make the link.
    pub most_pause: std::time::Duration,
}

impl Options {
    /// Those of a Jump Client that is installed in a directory.
    fn of_installed(dir: AgentDir) -> Self {
        let none = Target { url: String::new(), fingerprint: String::new() };
        Self {
            source: AgentSource::Fixed(dir.target().unwrap_or(none)),
            dir,
            enrol: None,
            visit: None,
            install_mode: jumpdeck_protocol::inventory::InstallMode::default(),
            most_pause: std::time::Duration::from_secs(60),
        }
    }
}

/// What a machine joins with that comes for one session. The key does not show in `Debug`.
#[derive(Clone)]
pub struct AgentVisit {
    /// The session key that its user was given.
    pub session_key: String,
    /// What its user calls it.
    pub name: Option<String>,
    /// Whom to ask and to tell.
    pub person: Person,
    /// Where a Jump Client is installed if a rep pins the machine.
    pub place: PathBuf,
}

impl std::fmt::Debug for AgentVisit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentVisit").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How the agent knows where its appliance is.
#[derive(Clone, Debug)]
pub enum AgentSource {
    /// It was given one, and keeps it in its directory.
    Fixed(Target),
    /// An embedded appliance writes it to this file, again at each start.
    File(PathBuf),
}

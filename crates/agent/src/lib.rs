//! The agent: a Jump Client that keeps a link to its appliance and runs what it is asked to.
//!
//! [`run`] does all of it. Shells and their output live here and outlast the link, the console
//! and the appliance.

mod channels;
mod facts;
mod files;
mod identity;
mod link;
mod statistics;
mod thumbnail;
pub mod wake;

pub use files::{AgentDir, AgentDirError, Target};
pub use identity::IdentityError;
pub use link::{EnrolWish, RunError, run};

use std::path::PathBuf;

/// How an agent is to run.
#[derive(Debug)]
pub struct Options {
    /// Its own directory.
    pub dir: AgentDir,
    /// Where the appliance is.
    pub source: Source,
    /// What to enrol with, if the agent is new.
    pub enrol: Option<EnrolWish>,
    /// Only while its user is logged in, or always.
    pub install_mode: jumpdeck_protocol::inventory::InstallMode,
    /// The longest pause between two attempts to make the link.
    pub most_pause: std::time::Duration,
}

/// How the agent knows where its appliance is.
#[derive(Clone, Debug)]
pub enum Source {
    /// It was told, and keeps it in its directory.
    Fixed(Target),
    /// An embedded appliance writes it to this file, anew at each start.
    File(PathBuf),
}

//! The appliance as a whole: opening it, and what only its own program may do.

pub(crate) mod rescue;
mod startup;
#[cfg(test)]
mod tests;

pub use startup::{Afresh, FirstStart, Role, StartError};

use crate::data_dir::{DataDir, RunningAddress};
use crate::gateway::in_process::FrontDoor;
use crate::gateway::{Gateway, Listening, bind};
use crate::items::installers::InstallerSpec;
use crate::jobs::{Every, Jobs};
use crate::services::Services;
use jumpdeck_policy::JumpPolicy;
use jumpdeck_protocol::rep::Installer;
use jumpdeck_protocol::{JumpPolicyId, Refusal};
use jumpdeck_session::recording::RecorderEvent;
use std::sync::{Arc, Mutex};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

/// A running appliance.
pub struct Appliance {
    services: Arc<Services>,
    jobs: Arc<Jobs>,
    gateway: Arc<Gateway>,
    recorder_news: Mutex<Option<mpsc::UnboundedReceiver<RecorderEvent>>>,
    role: Role,
    data_dir: DataDir,
}

impl Appliance {
    /// A place among the connections that may be open; nothing if what is left of the system's
    /// file descriptors is needed for sessions and recordings.
    pub fn connection(&self) -> Option<OwnedSemaphorePermit> {
        self.gateway.connection()
    }

    /// Whether this appliance is one user's own.
    pub fn is_embedded(&self) -> bool {
        self.services.embedded
    }

    /// The data directory.
    pub const fn data_dir(&self) -> &DataDir {
        &self.data_dir
    }

    /// The fingerprint of the appliance's key.
    pub fn fingerprint(&self) -> String {
        self.services.keys.public.fingerprint()
    }

    /// Whether reps are let in; those who come meanwhile wait.
    pub fn admit_reps(&self, reps: bool) {
        self.gateway.admit_reps(reps);
    }

    /// The way in for those who prove who they are within this process.
    pub fn front_door(&self) -> FrontDoor {
        FrontDoor::new(Arc::clone(&self.services))
    }

    /// Takes a port and says in the data directory where it is.
    ///
    /// # Errors
    /// [`StartError::Listen`] when the port is not to be had.
    pub async fn listen(&self, address: &str) -> Result<Listening, StartError> {
        let failed = |reason| StartError::Listen { address: address.to_owned(), reason };
        let listening = bind(address).await.map_err(failed)?;
        self.data_dir.publish(&RunningAddress {
            url: format!("https://{}", listening.reach()),
            fingerprint: self.fingerprint(),
            process: std::process::id(),
        })?;
        Ok(listening)
    }

    /// Serves links until the appliance stops.
    pub async fn serve(self: &Arc<Self>, listening: Listening) {
        self.listen_to_recorder();
        self.services.begin().await;
        for (every, name) in [(Every::Look, "looks"), (Every::Minute, "sweeps")] {
            let (stopping, vital) = (self.stopping(), self.services.vitals.part(name));
            tokio::spawn(Arc::clone(&self.jobs).keep_running(every, stopping, vital));
        }
        self.gateway.serve(listening).await;
    }

    /// Does now what is done each minute: items whose time is over are removed, and sessions in
    /// which nobody does anything end.
    pub async fn sweep(&self) {
        self.jobs.run(Every::Minute).await;
    }

    /// Does now what is done each ten seconds: what changes by time alone is noticed.
    pub async fn look(&self) {
        self.jobs.run(Every::Look).await;
    }

    /// Resolves when the local agent is linked.
    pub async fn local_agent_linked(&self) {
        let mut changes = self.services.links.agents.subscribe();
        let linked = || {
            let world = self.services.base.world();
            let links = self.services.links.agents.links();
            links.iter().any(|(endpoint, _)| world.items_of(*endpoint).any(|item| item.local))
        };
        while !linked() {
            // Missed changes do not matter: the question is asked again.
            let _ = changes.recv().await;
        }
    }

    /// Makes an installer in nobody's name.
    ///
    /// # Errors
    /// A [`Refusal`] when its group does not exist, or the store fails.
    pub async fn create_installer(&self, spec: InstallerSpec) -> Result<Installer, Refusal> {
        self.services.items.installers.create(None, spec).await
    }

    /// Makes a Jump Policy, or changes the one of this code name.
    ///
    /// # Errors
    /// A [`Refusal`] when the store fails.
    pub async fn put_jump_policy(&self, policy: JumpPolicy) -> Result<JumpPolicyId, Refusal> {
        self.services.policies.jump_policies.put_jump_policy(policy).await
    }

    /// Gives a user the password that was chosen, in the name of the user who runs this program.
    ///
    /// # Errors
    /// A [`Refusal`] when there is no such user, or the store fails.
    pub async fn choose_password(&self, username: &str, password: String) -> Result<(), Refusal> {
        self.services.accounts.passwords.choose_password(username, password).await
    }

    /// So many machines may be Jump Clients; 0: any number.
    pub fn limit_clients(&self, most: usize) {
        self.services.items.client_limit.set(most);
    }

    /// So many requests to the HTTP API from one address in a minute; 0: any number.
    pub fn limit_api(&self, most: u32) {
        self.services.accounts.programs.limit_api(most);
    }

    /// Sessions in which nobody does anything for so many seconds end; 0: they do not.
    pub fn end_idle_after(&self, seconds: u64) {
        self.services.sessions.endings.end_idle_after(seconds);
    }

    /// Becomes true when the appliance is ending.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.services.stopping.subscribe()
    }

    /// Ends the appliance: consoles are notified, and an embedded one takes its local agent along.
    pub fn stop(&self) {
        self.services.stopping.stop();
    }

    /// Closes the database; the last thing a stopped appliance does.
    pub async fn close(&self) {
        self.services.stopping.close().await;
    }

    /// Waits until a part without which there is no appliance has ended by a mistake of its own.
    /// Returns its name.
    pub async fn until_failed(&self) -> &'static str {
        self.services.vitals.until_failed().await
    }

    /// Whether nobody needs this embedded appliance: no console is linked, no session is open, and
    /// no other machine relies on it.
    pub fn is_idle(&self) -> bool {
        let relies = |item: &Arc<jumpdeck_world::Item>| !item.local && item.key.is_some();
        !self.has_console()
            && self.services.book.is_empty()
            && !self.services.base.world().items().any(relies)
    }

    /// Whether a console is linked.
    pub fn has_console(&self) -> bool {
        !self.services.links.consoles.is_empty()
    }

    /// Whether nobody is linked at all.
    pub fn is_deserted(&self) -> bool {
        !self.has_console() && self.services.links.agents.is_empty()
    }
}

//! Who is linked: agents and consoles, and whether they answer.

pub(crate) mod agent;
pub(crate) mod asking;
pub(crate) mod clones;
pub(crate) mod consoles;
pub(crate) mod liveness;
pub(crate) mod presence;
pub(crate) mod watching;

use crate::clock::Clocks;
use crate::jobs::{Every, Jobs};
use asking::Asking;
use clones::CloneSightings;
use consoles::Reps;
use jumpdeck_protocol::LinkId;
use presence::Presences;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use watching::Watching;

/// Everybody who is linked, and what waits for them.
pub(crate) struct Links {
    pub agents: Presences,
    pub consoles: Reps,
    pub watching: Watching,
    /// Machines where a person is being asked.
    pub asking: Asking,
    pub clones: CloneSightings,
    next: AtomicU64,
}

impl Links {
    pub(crate) fn new(agents: Presences) -> Self {
        Self {
            agents,
            consoles: Reps::default(),
            watching: Watching::default(),
            asking: Asking::default(),
            clones: CloneSightings::default(),
            next: AtomicU64::new(1),
        }
    }

    /// A number for a new link.
    pub(crate) fn next(&self) -> LinkId {
        LinkId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn jobs(self: &Arc<Self>, clocks: &Arc<Clocks>, jobs: &mut Jobs) {
        let clocks = Arc::clone(clocks);
        jobs.add(Every::Look, self, move |links| {
            let now = clocks.moment();
            async move { links.agents.look(now) }
        });
    }
}

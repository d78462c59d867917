//! What every service stands on: the store, the clocks, the audit, the bus.

use crate::audit::record::Audit;
use crate::bus::Bus;
use crate::clock::{Clocks, Moment, Uptime};
use jumpdeck_protocol::Timestamp;
use jumpdeck_store::Store;
use jumpdeck_world::World;
use std::fs::File;
use std::sync::Arc;

/// A handle to each; cheap to copy.
#[derive(Clone)]
pub(crate) struct Base {
    pub store: Store,
    pub clocks: Arc<Clocks>,
    pub audit: Arc<Audit>,
    pub bus: Bus,
    /// The data directory is this appliance's for as long as anything of it is there.
    #[allow(dead_code, reason = "it is held, not read")]
    pub lock: Arc<File>,
}

impl Base {
    /// The World as it is now.
    pub(crate) fn world(&self) -> Arc<World> {
        self.store.world()
    }

    /// This moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.clocks.now()
    }

    /// This moment by both clocks.
    pub(crate) fn moment(&self) -> Moment {
        self.clocks.moment()
    }

    /// How long the machine has run.
    pub(crate) fn uptime(&self) -> Uptime {
        self.clocks.uptime()
    }
}

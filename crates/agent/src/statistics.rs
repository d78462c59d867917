//! Measurements of this machine, taken only while somebody looks.

use crate::facts;
use jumpdeck_protocol::inventory::{InstallMode, Statistics};
use std::path::Path;
use sysinfo::{DiskRefreshKind, Disks, System};

/// Holds what must be known from one measurement to the next.
pub(crate) struct Meter {
    system: System,
    disks: Disks,
    install_mode: InstallMode,
}

impl Meter {
    /// # Errors
    /// When this system cannot be measured.
    pub(crate) fn new(install_mode: InstallMode) -> Result<Self, sysinfo::Error> {
        let mut system = System::new()?;
        system.refresh_cpu_usage();
        let kind = DiskRefreshKind::nothing().with_storage();
        let disks = Disks::new_with_refreshed_list_specifics(kind)?;
        Ok(Self { system, disks, install_mode })
    }

    /// The machine now; CPU is averaged since the last measurement.
    pub(crate) fn measure(&mut self) -> Statistics {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        let kind = DiskRefreshKind::nothing().with_storage();
        self.disks.refresh_specifics(false, kind);
        let disk = self.disks.iter().find(|disk| disk.mount_point() == Path::new("/"));
        let disk = disk.or_else(|| self.disks.iter().next());
        let (total, free) = disk.map_or((0, 0), |d| (d.total_space(), d.available_space()));
        Statistics {
            cpu: self.system.global_cpu_usage(),
            memory_used: self.system.used_memory(),
            memory_total: self.system.total_memory(),
            disk_used: total.saturating_sub(free),
            disk_total: total,
            uptime: System::uptime().unwrap_or_default(),
            console_user: facts::console_user(self.install_mode).into(),
        }
    }
}

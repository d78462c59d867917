//! The configuration as a file, with what follows from it in comments.

use super::file::SiteEntry;
use super::kinds;
use super::written::push;
use jumpdeck_world::World;
use std::collections::BTreeMap;

const HEAD: &str = "\
# The configuration of a jumpdeck appliance.
#
# `jumpdeck admin plan FILE` says what this file would change, and for whom;
# `jumpdeck admin apply FILE` changes it. A kind that stands nowhere in the file is left alone; of a
# kind that does, what is not in the file is removed. Passwords and second factors are not in it.
";

/// Everything, as the file's entries.
#[derive(Default)]
pub(super) struct Entries {
    /// By kind and name: what is in the file.
    pub tables: BTreeMap<(usize, String), serde_json::Value>,
}

/// The file.
pub(super) fn write(world: &World) -> String {
    let mut out = HEAD.to_owned();
    let site: BTreeMap<&str, SiteEntry> = BTreeMap::from([("site", site(world))]);
    push(&mut out, &[], &site);
    kinds::write_all(world, &mut out);
    out
}

/// The same as values that can be compared.
pub(super) fn entries(world: &World) -> Entries {
    let mut entries = Entries::default();
    let site = serde_json::to_value(site(world)).unwrap_or_default();
    let site = ("site", vec![("site".to_owned(), site)]);
    let all = std::iter::once(site).chain(kinds::all_values(world));
    for (at, (_, values)) in all.enumerate() {
        entries.tables.extend(values.into_iter().map(|(name, value)| ((at, name), value)));
    }
    entries
}

fn site(world: &World) -> SiteEntry {
    let minutes = |seconds: u64| u32::try_from(seconds / 60).unwrap_or(u32::MAX);
    let site = world.site();
    SiteEntry {
        simultaneous_jumps: site.simultaneous_jumps,
        login_life_minutes: minutes(site.login_life),
        idle_lock_minutes: minutes(site.idle_lock),
        recordings_days: site.recordings_days,
    }
}

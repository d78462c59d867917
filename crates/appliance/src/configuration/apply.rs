//! Makes the World what a file says.
//!
//! Things come in the order in which they refer to each other, so that a file may make a role and
//! use it; removals come last, and what is still used is not removed.

use super::applying::{Applied, Applying, By};
use super::file::SiteEntry;
use super::kinds::{File, apply_all};
use super::reader::FileReader;
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::configuration::Problem;
use jumpdeck_store::Draft;
use jumpdeck_world::Site;
use jumpdeck_world::World;

/// Puts everything into the draft. What is wrong with the file is in the reader then, and the
/// draft is to be thrown away.
pub(super) fn apply(
    draft: &mut Draft,
    reader: &mut FileReader<'_>,
    file: &File,
    by: By,
) -> Result<Applied, Refusal> {
    if let Some(entry) = &file.site {
        site(draft, entry)?;
    }
    let mut applying = Applying { draft, reader, applied: Applied::default(), by, order: 0 };
    apply_all(&mut applying, file)?;
    let Applying { draft, reader, applied, .. } = applying;
    check_administrators(draft, reader, file);
    check_default_portal(draft, reader, file);
    Ok(applied)
}

fn site(draft: &mut Draft, entry: &SiteEntry) -> Result<(), Refusal> {
    let site = Site {
        simultaneous_jumps: entry.simultaneous_jumps,
        login_life: u64::from(entry.login_life_minutes) * 60,
        idle_lock: u64::from(entry.idle_lock_minutes) * 60,
        recordings_days: entry.recordings_days,
    };
    if **draft.site() == site { Ok(()) } else { draft.put(site) }
}

/// Somebody must be able to change it back.
fn check_administrators(world: &World, reader: &mut FileReader<'_>, file: &File) {
    if !world.users().any(|user| world.administers(user.id)) {
        let first = file.user.iter().flatten().next().map(|user| user.username.span());
        let what = "nobody would be an administrator any more";
        reader.problem(first.unwrap_or_default(), "user: settings.administrator", what);
    }
}

/// At most one portal counts where none is named.
fn check_default_portal(world: &World, reader: &mut FileReader<'_>, file: &File) {
    if world.portals().filter(|portal| portal.default).count() > 1 {
        let second = file.public_portal.iter().flatten().filter(|portal| portal.default).nth(1);
        let span = second.map(|portal| portal.name.span()).unwrap_or_default();
        reader.problem(span, "public_portal: default", "only one portal is the default");
    }
}

/// Reads the file's form.
pub(super) fn parse(text: &str) -> Result<File, Problem> {
    toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let mut reader = FileReader::new(text);
        reader.problem(span, "", error.message());
        reader.problems.pop().unwrap_or_else(|| Problem {
            line: 1,
            column: 1,
            field: "".into(),
            what: "the file cannot be read".into(),
        })
    })
}

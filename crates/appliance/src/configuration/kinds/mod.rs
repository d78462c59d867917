//! The kinds of things a configuration has: how each is written, read, and what keeps it from
//! being removed. One that is added is a file here and a line in the list below.

mod group_policies;
mod groups;
mod jump_policies;
mod portals;
mod roles;
mod session_policies;
mod teams;
mod users;

use super::applying::Applying;
use super::file::{Name, SiteEntry};
use super::written::{one, push};
use jumpdeck_protocol::Refusal;
use jumpdeck_world::World;
use jumpdeck_world::{DocumentId, Entity};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A kind of things that the file has a list of.
pub(super) trait ConfigurationKind {
    /// What is kept of one.
    type Entity: Entity;
    /// What stands of it in the file.
    type Entry: Serialize + for<'de> Deserialize<'de>;

    /// What an entry is called in the file.
    const NAME: &'static str;

    /// All there are, in the order of the file.
    fn all(world: &World) -> Vec<Arc<Self::Entity>>;

    /// The name it is known by, in the file and to people.
    fn name(entity: &Self::Entity) -> &str;

    /// What is in the file of one that there is.
    fn entry(world: &World, entity: &Self::Entity) -> Self::Entry;

    /// The name in an entry, and where it stands.
    fn entry_name(entry: &Self::Entry) -> &Name;

    /// Makes what an entry says, as far as nothing later in the file is needed for it.
    fn make(
        applying: &mut Applying<'_, '_>,
        entry: &Self::Entry,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), Refusal>;

    /// Does what could not be done before everything was made.
    fn finish(_: &mut Applying<'_, '_>, _: &Self::Entry) -> Result<(), Refusal> {
        Ok(())
    }

    /// Whether it is there on every appliance: it is not removed.
    fn is_built_in(_: &Self::Entity) -> bool {
        false
    }

    /// Whether it is there on every appliance as it is: the file does not say it.
    fn is_fixed(_: &Self::Entity) -> bool {
        false
    }

    /// What depends on it: one that is needed is not removed.
    fn used_by(applying: &Applying<'_, '_>, entity: &Self::Entity) -> Vec<String>;

    /// Comments beside it in the file.
    fn notes(_: &World, _: &Self::Entity) -> Vec<String> {
        Vec::new()
    }

    /// Removes it with what goes along; nothing depends on it.
    fn remove(applying: &mut Applying<'_, '_>, entity: &Self::Entity) {
        applying.draft.remove(id(entity));
    }

    /// What is compared of it between two states, besides what is in the file.
    fn compared(_number: usize, _: &mut Value) {}
}

fn id<T: Entity>(entity: &T) -> DocumentId {
    T::document_id(entity.id())
}

/// Writes all of a kind.
fn write<K: ConfigurationKind>(world: &World, out: &mut String) {
    for entity in K::all(world).iter().filter(|entity| !K::is_fixed(entity)) {
        let notes = K::notes(world, entity);
        push(out, &notes, &one(K::NAME, K::entry(world, entity)));
    }
}

/// All of a kind by name, as values that can be compared.
fn values<K: ConfigurationKind>(world: &World) -> Vec<(String, Value)> {
    let value = |(number, entity): (usize, &Arc<K::Entity>)| {
        let mut value = serde_json::to_value(K::entry(world, entity)).unwrap_or_default();
        K::compared(number, &mut value);
        (K::name(entity).to_owned(), value)
    };
    K::all(world).iter().enumerate().map(value).collect()
}

/// Makes what the entries of a kind say.
fn make<K: ConfigurationKind>(
    applying: &mut Applying<'_, '_>,
    entries: Option<&[K::Entry]>,
) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    entries.unwrap_or_default().iter().try_for_each(|entry| K::make(applying, entry, &mut seen))
}

fn finish<K: ConfigurationKind>(
    applying: &mut Applying<'_, '_>,
    entries: Option<&[K::Entry]>,
) -> Result<(), Refusal> {
    entries.unwrap_or_default().iter().try_for_each(|entry| K::finish(applying, entry))
}

/// Removes those that the file does not name, if it speaks of the kind at all.
fn remove_rest<K: ConfigurationKind>(
    applying: &mut Applying<'_, '_>,
    entries: Option<&[K::Entry]>,
) {
    let Some(entries) = entries else {
        return;
    };
    let kept: BTreeSet<String> =
        entries.iter().map(|entry| K::entry_name(entry).get_ref().to_lowercase()).collect();
    for entity in K::all(applying.draft) {
        let name = K::name(&entity);
        if K::is_built_in(&entity) || kept.contains(&name.to_lowercase()) {
            continue;
        }
        let used = K::used_by(applying, &entity);
        if used.is_empty() {
            K::remove(applying, &entity);
            continue;
        }
        let some: Vec<_> = used.iter().take(8).map(String::as_str).collect();
        let what = format!("it is not in the file, and is still needed: {}", some.join(", "));
        applying.reader.problem(0..0, &format!("{} \"{name}\"", K::NAME), &what);
    }
}

/// The kinds, in the order in which they refer to each other: what is named comes first.
macro_rules! kinds {
    ($($field:ident: $kind:ty;)*) => {
        /// All of a file.
        #[derive(Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct File {
            pub site: Option<SiteEntry>,
            $(pub $field: Option<Vec<<$kind as ConfigurationKind>::Entry>>,)*
        }

        /// Their names, in the order of the file.
        pub(super) const KINDS: &[&str] = &["site", $(<$kind as ConfigurationKind>::NAME),*];

        /// Writes all of them.
        pub(super) fn write_all(world: &World, out: &mut String) {
            $(write::<$kind>(world, out);)*
        }

        /// All of them by kind and name, as values that can be compared.
        pub(super) fn all_values(world: &World) -> Vec<(&'static str, Vec<(String, Value)>)> {
            vec![$((<$kind as ConfigurationKind>::NAME, values::<$kind>(world))),*]
        }

        /// Makes what the file says, and then removes the rest, the last kind first.
        pub(super) fn apply_all(
            applying: &mut Applying<'_, '_>,
            file: &File,
        ) -> Result<(), Refusal> {
            $(make::<$kind>(applying, file.$field.as_deref())?;)*
            $(finish::<$kind>(applying, file.$field.as_deref())?;)*
            let rest: &[fn(&mut Applying<'_, '_>, &File)] =
                &[$(|applying, file| remove_rest::<$kind>(applying, file.$field.as_deref())),*];
            rest.iter().rev().for_each(|remove| remove(applying, file));
            Ok(())
        }

        #[cfg(test)]
        fn documents() -> Vec<DocumentId> {
            vec![$(document::<<$kind as ConfigurationKind>::Entity>()),*]
        }
    };
}

kinds! {
    jump_item_role: roles::RoleKind;
    session_policy: session_policies::SessionPolicyKind;
    jump_policy: jump_policies::JumpPolicyKind;
    public_portal: portals::PortalKind;
    jump_group: groups::GroupKind;
    team: teams::TeamKind;
    user: users::UserKind;
    group_policy: group_policies::GroupPolicyKind;
}

#[cfg(test)]
fn document<T: Entity>() -> DocumentId {
    T::document_id(T::numbered(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpdeck_world::Site;

    #[test]
    fn every_entity_that_is_configuration_has_a_kind_in_the_file_and_no_other_has() {
        let row = |id: DocumentId| id.row().0;
        let counts: BTreeSet<_> =
            DocumentId::configuration().map(|(first, _)| row(first)).collect();
        let site = document::<Site>();
        let kinds: BTreeSet<_> = documents().into_iter().chain([site]).map(row).collect();
        assert_eq!(kinds, counts);
    }
}

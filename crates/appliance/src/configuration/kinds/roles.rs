//! Jump Item Roles.

use super::ConfigurationKind;
use crate::configuration::applying::Applying;
use crate::configuration::file::{Name, named};
use crate::configuration::reader::{At, same};
use crate::configuration::usage::{Dependency, note, used_by};
use jumpdeck_policy::Role;
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::RoleId;
use jumpdeck_protocol::rights::{Permission, Permissions};
use jumpdeck_world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleEntry {
    pub name: Name,
    #[serde(default)]
    pub permissions: Vec<Permission>,
}

pub(in crate::configuration) struct RoleKind;

impl ConfigurationKind for RoleKind {
    type Entity = Role;
    type Entry = RoleEntry;

    const NAME: &'static str = "jump_item_role";

    fn all(world: &World) -> Vec<Arc<Role>> {
        world.roles().cloned().collect()
    }

    fn name(entity: &Role) -> &str {
        &entity.name
    }

    fn entry(_: &World, role: &Role) -> RoleEntry {
        RoleEntry { name: named(&role.name), permissions: role.permissions.iter().collect() }
    }

    fn entry_name(entry: &RoleEntry) -> &Name {
        &entry.name
    }

    fn make(
        applying: &mut Applying<'_, '_>,
        entry: &RoleEntry,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), Refusal> {
        let Applying { draft, reader, .. } = applying;
        let Some(name) = reader.fresh("jump_item_role", "name", &entry.name, seen) else {
            return Ok(());
        };
        let known = draft.roles().find(|role| same(&role.name, &name)).cloned();
        if let Some(known) = known.as_ref().filter(|known| is_built_in(known.id)) {
            let at = At { kind: "jump_item_role", name: &known.name };
            reader.wrong(
                at,
                "name",
                &entry.name,
                "a built-in role is as it is; choose another name",
            );
            return Ok(());
        }
        let id = known.as_ref().map_or_else(|| draft.next::<Role>(), |known| known.id);
        let role = Role { id, name, permissions: Permissions::of(&entry.permissions) };
        if known.as_deref() == Some(&role) { Ok(()) } else { draft.put(role) }
    }

    fn is_built_in(entity: &Role) -> bool {
        is_built_in(entity.id)
    }

    fn is_fixed(entity: &Role) -> bool {
        is_built_in(entity.id)
    }

    fn used_by(applying: &Applying<'_, '_>, entity: &Role) -> Vec<String> {
        used_by(applying.draft, Dependency::Role(entity.id))
    }

    fn notes(world: &World, entity: &Role) -> Vec<String> {
        note(world, Dependency::Role(entity.id))
    }
}

/// Whether a role is there on every appliance and stays as it is.
fn is_built_in(role: RoleId) -> bool {
    (Role::NO_ACCESS..=Role::AUDITOR).contains(&role)
}

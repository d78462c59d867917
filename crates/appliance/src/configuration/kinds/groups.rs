//! Jump Groups.

use super::ConfigurationKind;
use crate::configuration::applying::Applying;
use crate::configuration::file::{Name, named};
use crate::configuration::usage::{Dependency, members, used_by};
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::inventory::{GroupView, Place};
use jumpdeck_world::DocumentId;
use jumpdeck_world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupEntry {
    pub name: Name,
}

pub(in crate::configuration) struct GroupKind;

impl ConfigurationKind for GroupKind {
    type Entity = GroupView;
    type Entry = GroupEntry;

    const NAME: &'static str = "jump_group";

    fn all(world: &World) -> Vec<Arc<GroupView>> {
        world.all::<GroupView>().cloned().collect()
    }

    fn name(entity: &GroupView) -> &str {
        &entity.name
    }

    fn entry(_: &World, group: &GroupView) -> GroupEntry {
        GroupEntry { name: named(&*group.name) }
    }

    fn entry_name(entry: &GroupEntry) -> &Name {
        &entry.name
    }

    fn make(
        applying: &mut Applying<'_, '_>,
        entry: &GroupEntry,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), Refusal> {
        let Applying { draft, reader, .. } = applying;
        let Some(name) = reader.fresh("jump_group", "name", &entry.name, seen) else {
            return Ok(());
        };
        if draft.group_by_name(&name).is_some() {
            return Ok(());
        }
        let id = draft.next::<GroupView>();
        draft.put(GroupView { id, name: name.into() })
    }

    fn used_by(applying: &Applying<'_, '_>, entity: &GroupView) -> Vec<String> {
        used_by(applying.draft, Dependency::Group(entity.id))
    }

    fn notes(world: &World, entity: &GroupView) -> Vec<String> {
        members(world, entity.id)
    }

    fn remove(applying: &mut Applying<'_, '_>, entity: &GroupView) {
        revoke_installers(applying, entity);
        applying.draft.remove(DocumentId::Group(entity.id));
    }
}

/// Nothing enrols into a group that is gone.
fn revoke_installers(applying: &mut Applying<'_, '_>, group: &GroupView) {
    let place = Place::JumpGroup(group.id);
    let there = applying.draft.installers().filter(|installer| installer.place == place);
    let there: Vec<_> = there.map(|installer| installer.id).collect();
    if !there.is_empty() {
        let note = format!("jump_group \"{}\": its installer keys are revoked", group.name);
        applying.applied.notes.push(note);
    }
    for installer in there {
        applying.draft.remove(DocumentId::Installer(installer));
    }
}

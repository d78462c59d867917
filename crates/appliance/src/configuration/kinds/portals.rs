//! Public portals.

use super::ConfigurationKind;
use crate::configuration::applying::Applying;
use crate::configuration::file::is_false;
use crate::configuration::file::{Name, named};
use crate::configuration::reader::{At, same};
use crate::configuration::usage::{Dependency, note, used_by};
use crate::configuration::written::choice;
use jumpdeck_policy::Availability;
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::session_policy::Rules;
use jumpdeck_world::Portal;
use jumpdeck_world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortalEntry {
    pub name: Name,
    pub address: Name,
    #[serde(default, skip_serializing_if = "is_false")]
    pub default: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_policy: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_session_policy: Option<Rules>,
}

pub(in crate::configuration) struct PortalKind;

impl ConfigurationKind for PortalKind {
    type Entity = Portal;
    type Entry = PortalEntry;

    const NAME: &'static str = "public_portal";

    fn all(world: &World) -> Vec<Arc<Portal>> {
        world.portals().cloned().collect()
    }

    fn name(entity: &Portal) -> &str {
        &entity.name
    }

    fn entry(world: &World, portal: &Portal) -> PortalEntry {
        let (session_policy, custom_session_policy) = choice(world, portal.session_policy.as_ref());
        PortalEntry {
            name: named(&portal.name),
            address: named(&portal.address),
            default: portal.default,
            session_policy,
            custom_session_policy,
        }
    }

    fn entry_name(entry: &PortalEntry) -> &Name {
        &entry.name
    }

    fn make(
        applying: &mut Applying<'_, '_>,
        entry: &PortalEntry,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), Refusal> {
        let Applying { draft, reader, .. } = applying;
        let Some(name) = reader.fresh("public_portal", "name", &entry.name, seen) else {
            return Ok(());
        };
        let at = At { kind: "public_portal", name: &name };
        let address = entry.address.get_ref().trim().to_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if address.is_empty() || address.len() > 253 || !address.chars().all(plain) {
            let what = "an address is a host name, as support.example.com";
            reader.wrong(at, "address", &entry.address, what);
        }
        let policy = (entry.session_policy.as_ref(), entry.custom_session_policy.as_ref());
        let field = "session_policy";
        let session_policy = reader.choice(draft, at, field, policy, Availability::PublicPortals);
        let known = draft.portals().find(|portal| same(&portal.name, &name)).cloned();
        let id = known.as_ref().map_or_else(|| draft.next::<Portal>(), |known| known.id);
        let portal = Portal { id, name, address, default: entry.default, session_policy };
        if known.as_deref() == Some(&portal) { Ok(()) } else { draft.put(portal) }
    }

    fn used_by(applying: &Applying<'_, '_>, entity: &Portal) -> Vec<String> {
        used_by(applying.draft, Dependency::Portal(entity.id))
    }

    fn notes(world: &World, entity: &Portal) -> Vec<String> {
        note(world, Dependency::Portal(entity.id))
    }
}

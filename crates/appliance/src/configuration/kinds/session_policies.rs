//! Session policies.

use super::ConfigurationKind;
use crate::configuration::applying::Applying;
use crate::configuration::file::{Name, named};
use crate::configuration::reader::{At, same, shown};
use crate::configuration::usage::{Dependency, note, used_by};
use jumpdeck_policy::{Availability, SessionPolicy};
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::session_policy::{Rules, SessionPermission};
use jumpdeck_world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionPolicyEntry {
    pub code_name: Name,
    #[serde(default)]
    pub display_name: Option<Name>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default = "everywhere")]
    pub availability: Vec<Availability>,
    #[serde(default)]
    pub rules: Rules,
}

pub(in crate::configuration) struct SessionPolicyKind;

impl ConfigurationKind for SessionPolicyKind {
    type Entity = SessionPolicy;
    type Entry = SessionPolicyEntry;

    const NAME: &'static str = "session_policy";

    fn all(world: &World) -> Vec<Arc<SessionPolicy>> {
        world.session_policies().cloned().collect()
    }

    fn name(entity: &SessionPolicy) -> &str {
        &entity.code_name
    }

    fn entry(_: &World, policy: &SessionPolicy) -> SessionPolicyEntry {
        SessionPolicyEntry {
            code_name: named(&policy.code_name),
            display_name: Some(named(&policy.display_name)),
            description: policy.description.clone(),
            availability: policy.availability.iter().copied().collect(),
            rules: policy.rules.clone(),
        }
    }

    fn entry_name(entry: &SessionPolicyEntry) -> &Name {
        &entry.code_name
    }

    fn make(
        applying: &mut Applying<'_, '_>,
        entry: &SessionPolicyEntry,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), Refusal> {
        let Applying { draft, reader, .. } = applying;
        let Some(code_name) = reader.code("session_policy", &entry.code_name, seen) else {
            return Ok(());
        };
        let at = At { kind: "session_policy", name: &code_name };
        let known = draft.session_policies().find(|p| same(&p.code_name, &code_name)).cloned();
        let id = known.as_ref().map_or_else(|| draft.next::<SessionPolicy>(), |known| known.id);
        if id == SessionPolicy::EVERYTHING {
            let what = "this built-in session policy is as it is; choose another name";
            reader.wrong(at, "code_name", &entry.code_name, what);
            return Ok(());
        }
        let everything = SessionPermission::ALL.iter();
        let missing: Vec<_> =
            everything.filter(|p| !entry.rules.defines(**p)).map(|p| p.as_str()).collect();
        if id == SessionPolicy::GLOBAL_DEFAULT && !missing.is_empty() {
            let what = format!("it defines everything; these are missing: {}", missing.join(", "));
            reader.wrong(at, "rules", &entry.code_name, &what);
        }
        let mut availability: BTreeSet<_> = entry.availability.iter().copied().collect();
        if id == SessionPolicy::GLOBAL_DEFAULT {
            availability = Availability::ALL.iter().copied().collect();
        }
        let policy = SessionPolicy {
            id,
            display_name: shown(entry.display_name.as_ref(), &code_name),
            code_name,
            description: entry.description.clone(),
            availability,
            rules: entry.rules.clone(),
        };
        if known.as_deref() == Some(&policy) {
            return Ok(());
        }
        draft.put(policy)
    }

    fn is_built_in(entity: &SessionPolicy) -> bool {
        [SessionPolicy::GLOBAL_DEFAULT, SessionPolicy::EVERYTHING].contains(&entity.id)
    }

    fn is_fixed(entity: &SessionPolicy) -> bool {
        entity.id == SessionPolicy::EVERYTHING
    }

    fn used_by(applying: &Applying<'_, '_>, entity: &SessionPolicy) -> Vec<String> {
        used_by(applying.draft, Dependency::SessionPolicy(entity.id))
    }

    fn notes(world: &World, entity: &SessionPolicy) -> Vec<String> {
        note(world, Dependency::SessionPolicy(entity.id))
    }
}

fn everywhere() -> Vec<Availability> {
    Availability::ALL.to_vec()
}

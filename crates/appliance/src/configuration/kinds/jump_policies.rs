//! Jump Policies.

use super::ConfigurationKind;
use crate::configuration::applying::{Applied, Applying};
use crate::configuration::file::{Name, named};
use crate::configuration::file::{is_false, is_zero};
use crate::configuration::hours;
use crate::configuration::reader::{At, FileReader, same, shown};
use crate::configuration::usage::{Dependency, note, used_by};
use jumpdeck_policy::{Approval, JumpPolicy, Notifications, Schedule, SimultaneousJumps, Ticket};
use jumpdeck_protocol::Refusal;
use jumpdeck_world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JumpPolicyEntry {
    pub code_name: Name,
    #[serde(default)]
    pub display_name: Option<Name>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub two_factor: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_recordings: bool,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub recordings_days: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simultaneous_jumps: Option<SimultaneousJumps>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Notifications>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleEntry {
    pub timezone: Name,
    #[serde(default)]
    pub strict: bool,
    /// `Mon-Fri 08:00-17:00`, or `Fri 17:00 - Mon 08:00`.
    pub times: Vec<Name>,
}

pub(in crate::configuration) struct JumpPolicyKind;

impl ConfigurationKind for JumpPolicyKind {
    type Entity = JumpPolicy;
    type Entry = JumpPolicyEntry;

    const NAME: &'static str = "jump_policy";

    fn all(world: &World) -> Vec<Arc<JumpPolicy>> {
        world.policies().cloned().collect()
    }

    fn name(entity: &JumpPolicy) -> &str {
        &entity.code_name
    }

    fn entry(_: &World, policy: &JumpPolicy) -> JumpPolicyEntry {
        let schedule = policy.schedule.as_ref().map(|schedule| ScheduleEntry {
            timezone: named(&schedule.timezone),
            strict: schedule.strict,
            times: jumpdeck_policy::written(&schedule.entries).into_iter().map(named).collect(),
        });
        JumpPolicyEntry {
            code_name: named(&policy.code_name),
            display_name: Some(named(&policy.display_name)),
            description: policy.description.clone(),
            two_factor: policy.two_factor,
            no_recordings: policy.no_recordings,
            recordings_days: policy.recordings_days,
            simultaneous_jumps: policy.simultaneous_jumps,
            schedule,
            approval: policy.approval.clone(),
            ticket: policy.ticket.clone(),
            notifications: policy.notifications.clone(),
        }
    }

    fn entry_name(entry: &JumpPolicyEntry) -> &Name {
        &entry.code_name
    }

    fn make(
        applying: &mut Applying<'_, '_>,
        entry: &JumpPolicyEntry,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), Refusal> {
        let Applying { draft, reader, applied, .. } = applying;
        let Some(code_name) = reader.code("jump_policy", &entry.code_name, seen) else {
            return Ok(());
        };
        let at = At { kind: "jump_policy", name: &code_name };
        check(reader, at, entry);
        let later = [
            (entry.approval.is_some(), "approvals: until then nobody jumps under it"),
            (entry.ticket.is_some(), "ticket IDs: until then nobody jumps under it"),
            (entry.notifications.is_some(), "e-mail: until then nobody is notified"),
        ];
        for (_, what) in later.into_iter().filter(|(wanted, _)| *wanted) {
            let note = format!("jump_policy \"{code_name}\": not supported yet: {what}");
            applied.notes.push(note);
        }
        let schedule = entry.schedule.as_ref();
        let schedule = schedule.map(|schedule| read_hours(reader, applied, at, schedule));
        let known = draft.policies().find(|policy| same(&policy.code_name, &code_name)).cloned();
        let policy = JumpPolicy {
            id: known.as_ref().map_or_else(|| draft.next::<JumpPolicy>(), |known| known.id),
            display_name: shown(entry.display_name.as_ref(), &code_name),
            code_name,
            description: entry.description.clone(),
            schedule,
            approval: entry.approval.clone(),
            ticket: entry.ticket.clone(),
            notifications: entry.notifications.clone(),
            two_factor: entry.two_factor,
            no_recordings: entry.no_recordings,
            recordings_days: entry.recordings_days,
            simultaneous_jumps: entry.simultaneous_jumps,
        };
        if known.as_deref() == Some(&policy) {
            return Ok(());
        }
        if let Some(schedule) = &policy.schedule {
            let hours = schedule.in_words();
            applied.notes.push(format!("jump_policy \"{}\": {hours}", policy.code_name));
        }
        draft.put(policy)
    }

    fn used_by(applying: &Applying<'_, '_>, entity: &JumpPolicy) -> Vec<String> {
        used_by(applying.draft, Dependency::JumpPolicy(entity.id))
    }

    fn notes(world: &World, entity: &JumpPolicy) -> Vec<String> {
        note(world, Dependency::JumpPolicy(entity.id))
    }
}

fn check(reader: &mut FileReader<'_>, at: At<'_>, entry: &JumpPolicyEntry) {
    if entry.approval.is_some() && entry.schedule.is_some() {
        let what = "a Jump Policy has a schedule or an approval, never both";
        reader.wrong(at, "approval", &entry.code_name, what);
    }
    if entry.approval.as_ref().is_some_and(|approval| approval.approval_max_duration < 60) {
        let what = "approval_max_duration is 60 seconds or more";
        reader.wrong(at, "approval", &entry.code_name, what);
    }
    if entry.ticket.as_ref().is_some_and(|ticket| !ticket.url.starts_with("https://")) {
        reader.wrong(at, "ticket", &entry.code_name, "a ticket system is asked over https");
    }
}

fn read_hours(
    reader: &mut FileReader<'_>,
    applied: &mut Applied,
    at: At<'_>,
    schedule: &ScheduleEntry,
) -> Schedule {
    let zone = schedule.timezone.get_ref();
    if jumpdeck_policy::zone(zone).is_none() {
        let what = format!("there is no time zone \"{zone}\"; one looks like Europe/Berlin");
        reader.wrong(at, "schedule.timezone", &schedule.timezone, &what);
    }
    let mut entries = Vec::new();
    for times in &schedule.times {
        match hours::read(times.get_ref()) {
            Ok(read) => entries.extend(read),
            Err(what) => reader.wrong(at, "schedule.times", times, what),
        }
    }
    if entries.is_empty() && reader.problems.is_empty() {
        applied.notes.push(format!("jump_policy \"{}\": it never opens", at.name));
    }
    Schedule { timezone: zone.clone(), entries, strict: schedule.strict }
}

//! How long a decision takes with its steps, and the set of items that a rep may see.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::pedantic,
    clippy::print_stdout,
    reason = "a bench that fails stops"
)]

use jumpdeck_policy::{
    Attempt, Effective, GroupPolicy, JumpPolicy, Membership, Permission, PolicySettings, Role, Say,
    Schedule, SessionPolicy, Setting, Settings, Subject, TimeOfWeek, WeeklyEntry, decide, sees,
    simulate,
};
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::session_policy::Layer;
use jumpdeck_protocol::{GroupPolicyId, JumpGroupId, RoleId, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Jump Groups, of which the rep is a member of every other one, through group policies.
const GROUPS: u64 = 200;
/// Items, spread over the groups and some personal lists.
const ITEMS: u64 = 100_000;
/// Times that each thing is measured.
const TIMES: usize = 2000;

fn main() {
    let policies: Vec<GroupPolicy> = (0..5).map(policy).collect();
    let about: Vec<&GroupPolicy> = policies.iter().collect();
    let effective = Effective::of(&Settings::default(), &BTreeMap::new(), &about);
    let outranked: BTreeSet<UserId> = (2..50).map(UserId).collect();
    let subject = Subject {
        user: UserId(1),
        enabled: true,
        effective: &effective,
        outranked: Some(&outranked),
    };
    let roles = Role::built_in();
    let role = |id: RoleId| roles.iter().find(|role| role.id == id);
    let place = |number: u64| match number % 10 {
        0 => Place::Personal(UserId(number % 100)),
        _ => Place::JumpGroup(JumpGroupId(number % GROUPS + 1)),
    };
    let mut number = 0;
    let decision = median(|| {
        number += 1;
        black_box(decide(&subject, place(number), Some(Permission::PermStart), role));
    });
    println!("a decision with its steps: {decision:?} median (≤ 5 µs)");
    let weekdays = weekdays();
    let with_hours = median(|| {
        number += 1;
        let decision = decide(&subject, place(number), Some(Permission::PermStart), role);
        let now = Timestamp(1_800_000_000 + number as i64);
        let conditions = weekdays.conditions(now, Attempt::default(), |time| time.0.to_string());
        let steps = conditions.into_iter().map(|condition| condition.step);
        black_box(steps.fold(decision, |decision, step| decision.and(step)));
    });
    println!("the same with a Jump Policy's schedule: {with_hours:?} median");
    let layers = SessionPolicy::built_in();
    let says: Vec<Say<'_>> = layers
        .iter()
        .rev()
        .map(|policy| Say {
            layer: Layer::Representative,
            policy: &policy.display_name,
            rules: &policy.rules,
        })
        .collect();
    let simulated = median(|| drop(black_box(simulate(&says))));
    println!("all session permissions with their layers: {simulated:?} median");
    let items: Vec<Place> = (0..ITEMS).map(place).collect();
    let visible = median_of(40, || {
        let mut known: HashMap<Place, bool> = HashMap::new();
        let see = |place: &&Place| {
            *known
                .entry(**place)
                .or_insert_with(|| sees(&subject, **place, |id| role(id).is_some()))
        };
        black_box(items.iter().filter(see).count());
    });
    println!("the visible set among {ITEMS} items: {visible:?} median (≤ 20 ms)");
}

fn policy(number: u64) -> GroupPolicy {
    let groups = (1..=GROUPS).filter(|group| group % 2 == 0 && group % 5 == number % 5);
    let membership =
        |group| (JumpGroupId(group), Membership { role: Some(RoleId(3)), jump_policy: None });
    GroupPolicy {
        id: GroupPolicyId(number),
        name: format!("Policy {number}").into(),
        order: number as u32,
        everybody: true,
        members: BTreeSet::new(),
        settings: PolicySettings {
            default_role: Setting::Defined(Role::START_SESSIONS_ONLY),
            teams_role: Setting::Defined(Role::AUDITOR),
            ..PolicySettings::default()
        },
        add_to_groups: groups.map(membership).collect(),
        remove_from_groups: BTreeSet::new(),
        add_to_teams: BTreeMap::new(),
        remove_from_teams: BTreeSet::new(),
    }
}

fn weekdays() -> JumpPolicy {
    let entry = |day| WeeklyEntry {
        start: TimeOfWeek { day, minute: 480 },
        end: TimeOfWeek { day, minute: 1020 },
    };
    let entries = (0..5).map(entry).collect();
    let schedule = Schedule { timezone: "Europe/Berlin".into(), entries, strict: false };
    JumpPolicy {
        display_name: "Weekdays".into(),
        schedule: Some(schedule),
        ..JumpPolicy::default()
    }
}

fn median(act: impl FnMut()) -> Duration {
    median_of(TIMES, act)
}

fn median_of(times: usize, mut act: impl FnMut()) -> Duration {
    let mut taken: Vec<Duration> = (0..times)
        .map(|_| {
            let began = Instant::now();
            act();
            began.elapsed()
        })
        .collect();
    taken.sort_unstable();
    taken.get(times / 2).copied().unwrap_or_default()
}

//! Reads names of a file as what they stand for, and gathers what is wrong with it.

use super::file::{MembershipEntry, Name};
use jumpdeck_policy::{Availability, Membership, PolicyChoice};
use jumpdeck_protocol::configuration::Problem;
use jumpdeck_protocol::session_policy::Rules;
use jumpdeck_protocol::{JumpGroupId, JumpPolicyId, RoleId, TeamId, UserId, limits, text};
use jumpdeck_world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

/// Problems that are gathered before a file is given up.
const PROBLEMS: usize = 50;

/// Where in the file something stands, for people.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    pub kind: &'static str,
    pub name: &'a str,
}

/// A file that is being read.
pub(super) struct FileReader<'a> {
    text: &'a str,
    pub problems: Vec<Problem>,
}

impl<'a> FileReader<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, problems: Vec::new() }
    }

    /// Something is wrong with what is there.
    pub(super) fn problem(&mut self, span: Range<usize>, field: &str, what: &str) {
        if self.problems.len() >= PROBLEMS {
            return;
        }
        let before = self.text.get(..span.start).unwrap_or_default();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let line = number(before.bytes().filter(|byte| *byte == b'\n').count() + 1);
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
        let what = text::bounded(what, limits::COMMENTS).into();
        let field = text::bounded(field, limits::FACT).into();
        self.problems.push(Problem { line, column: number(column + 1), field, what });
    }

    /// The same, of a name in an entry.
    pub(super) fn wrong(&mut self, at: At<'_>, field: &str, name: &Name, what: &str) {
        let place = format!("{} \"{}\": {field}", at.kind, at.name);
        self.problem(name.span(), &place, what);
    }

    /// A name of a new thing: 1 to `most` characters, all of them visible, and only once.
    pub(super) fn fresh(
        &mut self,
        kind: &'static str,
        field: &str,
        name: &Name,
        seen: &mut BTreeSet<String>,
    ) -> Option<String> {
        let value = name.get_ref().as_str();
        let at = At { kind, name: value };
        if value.trim() != value || value.is_empty() || text::clean(value) != value {
            let what = "a name has visible characters, and none that is blank at its ends";
            self.wrong(at, field, name, what);
            return None;
        }
        if value.chars().count() > limits::NAME {
            self.wrong(at, field, name, "a name has at most 128 characters");
            return None;
        }
        if !seen.insert(value.to_lowercase()) {
            self.wrong(at, field, name, "this name is listed twice");
            return None;
        }
        Some(value.to_owned())
    }

    /// The name of something that files and programs call: `[A-Za-z0-9_-]{1,64}`.
    pub(super) fn code(
        &mut self,
        kind: &'static str,
        name: &Name,
        seen: &mut BTreeSet<String>,
    ) -> Option<String> {
        let value = self.fresh(kind, "code_name", name, seen)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if value.len() > 64 || !value.chars().all(plain) {
            let what = "a code name has 1 to 64 letters, digits, - and _";
            self.wrong(At { kind, name: &value }, "code_name", name, what);
            return None;
        }
        Some(value)
    }

    pub(super) fn role(
        &mut self,
        world: &World,
        at: At<'_>,
        field: &str,
        name: &Name,
    ) -> Option<RoleId> {
        let found = world
            .roles()
            .find(|role| role.name.to_lowercase() == name.get_ref().to_lowercase())
            .map(|role| role.id);
        if found.is_none() {
            let known: Vec<_> = world.roles().map(|role| role.name.as_str()).collect();
            self.unknown(at, field, name, "Jump Item Role", &known);
        }
        found
    }

    pub(super) fn jump_policy(
        &mut self,
        world: &World,
        at: At<'_>,
        name: &Name,
    ) -> Option<JumpPolicyId> {
        let mut policies = world.policies();
        let found = policies
            .find(|policy| policy.code_name.to_lowercase() == name.get_ref().to_lowercase())
            .map(|policy| policy.id);
        if found.is_none() {
            let known: Vec<_> = world.policies().map(|p| p.code_name.as_str()).collect();
            self.unknown(at, "jump_policy", name, "Jump Policy", &known);
        }
        found
    }

    pub(super) fn group(
        &mut self,
        world: &World,
        at: At<'_>,
        field: &str,
        name: &Name,
    ) -> Option<JumpGroupId> {
        let found = world.group_by_name(name.get_ref()).map(|group| group.id);
        if found.is_none() {
            let known: Vec<_> = world.groups().map(|group| &*group.name).collect();
            self.unknown(at, field, name, "Jump Group", &known);
        }
        found
    }

    pub(super) fn team(
        &mut self,
        world: &World,
        at: At<'_>,
        field: &str,
        name: &Name,
    ) -> Option<TeamId> {
        let found = world.team_by_name(name.get_ref()).map(|team| team.id);
        if found.is_none() {
            let known: Vec<_> = world.teams().map(|team| team.name.as_str()).collect();
            self.unknown(at, field, name, "team", &known);
        }
        found
    }

    pub(super) fn user(
        &mut self,
        world: &World,
        at: At<'_>,
        field: &str,
        name: &Name,
    ) -> Option<UserId> {
        let found = world.user_by_name(name.get_ref()).map(|user| user.id);
        if found.is_none() {
            self.unknown(at, field, name, "user", &[]);
        }
        found
    }

    /// A session policy that is applied: one of the list, its own, or none.
    pub(super) fn choice(
        &mut self,
        world: &World,
        at: At<'_>,
        field: &str,
        (name, custom): (Option<&Name>, Option<&Rules>),
        to: Availability,
    ) -> Option<PolicyChoice> {
        let Some(name) = name.filter(|name| !name.get_ref().is_empty()) else {
            return custom.map(|rules| PolicyChoice::Custom(Arc::new(rules.clone())));
        };
        if custom.is_some() {
            self.wrong(at, field, name, "it is one of the list or a custom one, not both");
            return None;
        }
        let mut policies = world.session_policies();
        let Some(policy) = policies
            .find(|policy| policy.code_name.to_lowercase() == name.get_ref().to_lowercase())
        else {
            let known: Vec<_> = world.session_policies().map(|p| p.code_name.as_str()).collect();
            self.unknown(at, field, name, "session policy", &known);
            return None;
        };
        if !policy.availability.contains(&to) {
            self.wrong(at, field, name, "this session policy is not available for that");
            return None;
        }
        Some(PolicyChoice::Shared(policy.id))
    }

    pub(super) fn memberships(
        &mut self,
        world: &World,
        at: At<'_>,
        field: &str,
        entries: &[MembershipEntry],
    ) -> BTreeMap<JumpGroupId, Membership> {
        let mut memberships = BTreeMap::new();
        for entry in entries {
            let role = entry.role.as_ref().and_then(|role| self.role(world, at, "role", role));
            let jump_policy =
                entry.jump_policy.as_ref().and_then(|policy| self.jump_policy(world, at, policy));
            let Some(group) = self.group(world, at, field, &entry.group) else {
                continue;
            };
            if memberships.insert(group, Membership { role, jump_policy }).is_some() {
                self.wrong(at, field, &entry.group, "this group is listed twice");
            }
        }
        memberships
    }

    fn unknown(&mut self, at: At<'_>, field: &str, name: &Name, kind: &str, known: &[&str]) {
        let mut what = format!("there is no {kind} \"{}\"", name.get_ref());
        if !known.is_empty() {
            let some: Vec<_> = known.iter().take(12).map(|name| format!("\"{name}\"")).collect();
            let more = if known.len() > some.len() { ", …" } else { "" };
            // Writing to a text does not fail.
            let _ = write!(what, "; there are {}{more}", some.join(", "));
        }
        self.wrong(at, field, name, &what);
    }
}

/// Whether two names are one: upper and lower case make no difference.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// A name for people: what was given, or the other one.
pub(super) fn shown(name: Option<&Name>, code_name: &str) -> String {
    let name = name.map(|name| name.get_ref().trim()).filter(|name| !name.is_empty());
    text::bounded(name.unwrap_or(code_name), limits::NAME)
}

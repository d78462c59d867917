//! Why may I, why may I not: what the appliance said of the rep's rights, for one item.

use super::Console;
use super::form::time_text;
use crate::core::requests::{About, IfLost};
use crate::text::wrap;
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::inventory::PolicyState;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::{Answer, ExplainedStep, Permission, Whom};
use jumpdeck_protocol::session::Size;
use jumpdeck_protocol::text::clean;

/// A line of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyLine {
    /// A heading.
    Heading(String),
    /// Something that may be done, or not, and what it takes.
    Right {
        /// It may.
        allowed: bool,
        /// What.
        what: &'static str,
        /// The permission that decides.
        permission: &'static str,
    },
    /// What a session grants: the permission, and its value.
    Value {
        /// The permission.
        name: &'static str,
        /// What comes out.
        value: String,
    },
    /// Why, beneath what it is about.
    Detail(String),
    /// Anything else.
    Text(String),
}

/// One thing that had a say.
pub(super) fn step(step: &ExplainedStep) -> WhyLine {
    let sign = match step.allows {
        Some(true) => "✓",
        Some(false) => "✕",
        None => "·",
    };
    WhyLine::Detail(format!("{sign} {} {}", clean(&step.source), clean(&step.says)))
}

impl Console {
    /// Asks the appliance for the reasons.
    pub(super) fn ask_why(&mut self, item: ItemId) {
        self.list.known.explained = None;
        if self.is_linked() {
            let (whom, action, at) = (Whom::Me, None, None);
            let note = (About::Anything, IfLost::Nothing);
            let request = request::Explain { whom, item, action, at };
            self.ask(note, request, move |console, outcome| {
                // If it is refused, what was told of the rights is there already.
                if let Ok(reply) = outcome {
                    console.list.known.explained = Some((item, reply.answers));
                }
            });
        }
    }

    /// What the appliance said of an item.
    pub fn explained(&self, item: ItemId) -> Option<&[Answer]> {
        let known = self.list.known.explained.as_ref();
        known.filter(|(of, _)| *of == item).map(|(_, answers)| answers.as_slice())
    }
}

/// The answer for an item.
pub fn lines(console: &Console, item: ItemId) -> Vec<WhyLine> {
    let Some(there) = console.inventory().item(item) else {
        return vec![WhyLine::Text("The item is gone.".to_owned())];
    };
    let Some(rights) = console.rights(there.place()) else {
        return vec![WhyLine::Text("The appliance has not told your rights yet.".to_owned())];
    };
    let mut lines = vec![WhyLine::Heading(format!("{} in {}", there.name(), there.group()))];
    let explained = console.explained(item);
    verdict(console, item, explained, &mut lines);
    lines.push(WhyLine::Text(String::new()));
    let role = format!("Your role here is {}: {}.", rights.role, rights.because);
    lines.push(WhyLine::Text(role));
    for permission in Permission::ALL {
        let said = explained
            .and_then(|answers| answers.iter().find(|answer| answer.action == *permission))
            .map(|answer| answer.allowed);
        // A tick never stands on a closed door.
        let closed = *permission == Permission::PermStart && console.closed_policy(item).is_some();
        lines.push(WhyLine::Right {
            allowed: said.unwrap_or(rights.permitted.has(*permission)) && !closed,
            what: permission.title(),
            permission: permission.as_str(),
        });
    }
    lines
}

/// Whether a session can be started now, and what decides that.
fn verdict(
    console: &Console,
    item: ItemId,
    explained: Option<&[Answer]>,
    lines: &mut Vec<WhyLine>,
) {
    const CAN: &str = "✓ You can start a session now.";
    const CANNOT: &str = "✕ You cannot start a session now.";
    let mut says = |words: &str| lines.push(WhyLine::Text(words.to_owned()));
    let start = explained
        .and_then(|answers| answers.iter().find(|answer| answer.action == Permission::PermStart));
    if let Some(start) = start {
        says(if start.allowed { CAN } else { CANNOT });
        // What denies it comes before what would allow it.
        let (deny, others): (Vec<_>, Vec<_>) =
            start.because.iter().partition(|one| one.allows == Some(false));
        lines.extend(deny.into_iter().chain(others).map(step));
        lines.extend(override_line(console, item));
        return;
    }
    let (policy, open) = policy_line(console, item);
    match console.no_jump_to(item) {
        Some(reason) => {
            says(CANNOT);
            lines.push(WhyLine::Detail(format!("✕ {reason}")));
        }
        None if open => says(CAN),
        None => says(CANNOT),
    }
    lines.push(WhyLine::Detail(policy));
    if !open {
        lines.extend(override_line(console, item));
    }
}

/// What can be done at a closed door.
fn override_line(console: &Console, item: ItemId) -> Option<WhyLine> {
    console.closed_policy(item).filter(|policy| !policy.strict)?;
    let words = "Enter asks for a reason and overrides the schedule; the reason is logged.";
    Some(WhyLine::Text(words.to_owned()))
}

/// Columns that such lines are given, with the frame and a margin, at most.
pub const WIDTH: u16 = 84;

/// Columns for the words of such lines on a terminal of this width.
pub fn room(columns: u16) -> usize {
    usize::from(columns.min(WIDTH)).saturating_sub(4)
}

/// Rows that such lines take on a terminal of this size.
pub(super) fn rows(lines: &[WhyLine], size: Size) -> usize {
    let room = room(size.columns);
    let rows = |line: &WhyLine| match line {
        WhyLine::Heading(_) | WhyLine::Right { .. } | WhyLine::Value { .. } => 1,
        WhyLine::Detail(words) => wrap(words, room.saturating_sub(DETAIL)).len(),
        WhyLine::Text(words) => wrap(words, room).len(),
    };
    lines.iter().map(rows).sum()
}

/// Columns by which details are set in.
pub const DETAIL: usize = 3;

/// The item's Jump Policy in words, and whether it is open.
fn policy_line(console: &Console, item: ItemId) -> (String, bool) {
    let id = console.jump_policy_of(item);
    let Some(policy) = id.and_then(|id| console.policy(id)) else {
        return ("No Jump Policy is applied to it.".to_owned(), true);
    };
    let name = jumpdeck_protocol::text::clean(&policy.name);
    let state = state_text(console, policy.state);
    let open = !matches!(policy.state, PolicyState::Closed { .. });
    let hours = jumpdeck_protocol::text::clean(&policy.hours);
    let about = if hours.is_empty() { state } else { format!("{hours}; {state}") };
    (format!("Jump Policy {name}: {about}."), open)
}

/// A policy's state, in words.
pub fn state_text(console: &Console, state: PolicyState) -> String {
    let at = |time| time_text(time, console.zone());
    match state {
        PolicyState::Always | PolicyState::Open { until: None } => "always open".to_owned(),
        PolicyState::Open { until: Some(until) } => format!("open until {}", at(until)),
        PolicyState::Closed { opens: Some(opens) } => format!("opens at {}", at(opens)),
        PolicyState::Closed { opens: None } => "never opens".to_owned(),
    }
}

/// How many lines these are in a window on this screen.
pub(super) fn lines_of_window(console: &Console, lines: &[WhyLine]) -> usize {
    rows(lines, console.size())
}

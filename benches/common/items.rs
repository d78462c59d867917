//! Simulated machines as a console is told of them.

use jumpdeck_protocol::inventory::{ItemView, Place};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::{ItemId, JumpGroupId, Revision, Timestamp};
use jumpdeck_server_sim::{Scenario, SimulatedMachine};
use std::sync::Arc;

/// The first machines of a scenario, each in a group of its scenario (by its place there).
pub fn items(scenario: &Scenario, count: usize) -> Vec<Arc<ItemView>> {
    let groups = scenario.groups();
    let group = |name: &str| groups.iter().position(|group| *group == name).unwrap_or(0) as u64;
    let view = |machine: SimulatedMachine| {
        Arc::new(ItemView {
            id: ItemId(machine.number + 1),
            revision: Revision(machine.number + 1),
            place: Place::JumpGroup(JumpGroupId(group(&machine.group))),
            name: machine.name.into(),
            tag: machine.tag.unwrap_or_default().into(),
            comments: machine.comments.unwrap_or_default().into(),
            method: JumpMethod::JumpClient,
            created: Timestamp(0),
            facts: machine.facts,
            public_ip: "203.0.113.7".into(),
            ..ItemView::default()
        })
    };
    (0..count as u64)
        .filter_map(|number| SimulatedMachine::new(scenario, 1, number))
        .map(view)
        .collect()
}

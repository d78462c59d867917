//! The simulator, as a value.

use crate::core::why::WhyLine;
use jumpdeck_protocol::configuration::Simulation;
use jumpdeck_protocol::session_policy::{Simulated, StartMethod};
use jumpdeck_protocol::text::clean;
use jumpdeck_protocol::{ItemId, Refusal, Timestamp};
use std::fmt::Write;

/// What is simulated, and what came out.
#[derive(Debug)]
pub struct Simulator {
    /// The item.
    pub item: ItemId,
    /// The item's name.
    pub name: String,
    /// Whose session; nothing for one's own.
    pub user: Option<String>,
    /// How it comes about.
    pub method: StartMethod,
    /// Whether somebody is at the machine; nothing for what was seen last.
    pub present: Option<bool>,
    /// When; nothing for now.
    pub at: Option<Timestamp>,
    /// When, in words.
    pub when: String,
    /// The number of the question that was asked last.
    pub number: u64,
    /// What came out, once it came.
    pub outcome: Option<Result<Box<Simulation>, Refusal>>,
    /// Lines scrolled down.
    pub scroll: usize,
}

/// What is shown.
pub fn lines(simulator: &Simulator) -> Vec<WhyLine> {
    let user = simulator.user.as_deref().unwrap_or("you");
    let method = match simulator.method {
        StartMethod::Unattended => "jump (unattended)",
        StartMethod::Attended => "the customer starts it (attended)",
    };
    let mut lines = vec![
        WhyLine::Heading(format!("A session with {}", clean(&simulator.name))),
        WhyLine::Text(format!("u  representative: {}", clean(user))),
        WhyLine::Text(format!("a  start: {method}")),
    ];
    let simulation = match &simulator.outcome {
        Some(Ok(simulation)) => Some(simulation),
        _ => None,
    };
    let present = simulator.present.or(simulation.map(|s| s.customer_present));
    let customer = match (present, simulator.present) {
        (Some(true), Some(_)) => "present",
        (Some(false), Some(_)) => "not present",
        (Some(true), None) => "present, as was seen last",
        (Some(false), None) => "not present, as was seen last",
        (None, _) => "…",
    };
    lines.push(WhyLine::Text(format!("c  customer: {customer}")));
    lines.push(WhyLine::Text(format!("t  time: {}", simulator.when)));
    lines.push(WhyLine::Text(String::new()));
    match (&simulator.outcome, simulation) {
        (None, _) => lines.push(WhyLine::Text("The appliance is asked …".to_owned())),
        (Some(Err(refusal)), _) => lines.push(WhyLine::Text(format!("✕ {refusal}"))),
        (_, Some(simulation)) => answer(simulation, &mut lines),
        (Some(Ok(_)), None) => {}
    }
    lines
}

fn answer(simulation: &Simulation, lines: &mut Vec<WhyLine>) {
    let (sign, may) = if simulation.start.allowed { ("✓", "may") } else { ("✕", "may not") };
    lines.push(WhyLine::Heading(format!("{sign} {} {may} start it", clean(&simulation.user))));
    lines.extend(simulation.start.because.iter().map(crate::core::why::step));
    lines.push(WhyLine::Text(String::new()));
    lines.push(WhyLine::Heading("What it grants".to_owned()));
    for one in &simulation.permissions {
        lines.push(WhyLine::Value {
            name: one.permission.as_str(),
            value: clean(&one.value).into_owned(),
        });
        lines.push(WhyLine::Detail(reason(one)));
    }
}

/// Who says so, and what lower layers would have said.
fn reason(one: &Simulated) -> String {
    let mut words = format!("{} ({})", clean(&one.policy), one.layer.title());
    for lower in &one.lower {
        let says = lower.value.as_deref().unwrap_or("not defined");
        // Writing to a text does not fail.
        let _ = write!(words, " · {}: {}", lower.layer.title(), clean(says));
    }
    words
}

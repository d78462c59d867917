//! The simulator: what would a session grant, whose, how it comes about, and when?

use super::{Ask, Layer, Prompt};
use crate::core::Console;
use crate::core::form::time_text;
use crate::core::input::Input;
use crate::core::keymap::Context;
use crate::core::requests::{About, IfLost};
use crate::core::room::{Room, moved};
use crate::core::why::WhyLine;
use crate::core::why::lines_of_window;
use jiff::civil::DateTime;
use jumpdeck_protocol::configuration::Simulation;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::Whom;
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

impl Console {
    pub(in crate::core) fn open_simulator(&mut self) {
        let Some(item) = self.list.jump.selected else {
            return;
        };
        let name = self.list.inventory.name(item).unwrap_or_default().to_owned();
        self.dialogs.layers.push(Layer::Simulator(Box::new(Simulator {
            item,
            name,
            user: None,
            method: StartMethod::Unattended,
            present: None,
            at: None,
            when: "now".to_owned(),
            number: 0,
            outcome: None,
            scroll: 0,
        })));
        self.simulate();
    }

    /// Why the simulator is not reached from here.
    pub(in crate::core) fn no_read_simulate(&self) -> Option<String> {
        let why = matches!(self.dialogs.layers.last(), Some(Layer::Why(_)));
        (!why).then(|| "This is about no item.".to_owned())
    }

    /// Asks the appliance.
    fn simulate(&mut self) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let Some(Layer::Simulator(simulator)) = self.dialogs.layers.last_mut() else {
            return;
        };
        simulator.outcome = None;
        simulator.number += 1;
        let number = simulator.number;
        let whom = simulator.user.as_deref().map_or(Whom::Me, |user| Whom::User(user.into()));
        let (item, method) = (simulator.item, simulator.method);
        let (present, at) = (simulator.present, simulator.at);
        let request = request::Simulate { whom, item, method, present, at };
        let note = (About::Anything, IfLost::Nothing);
        self.ask(note, request, move |console, outcome| console.simulated(number, outcome));
    }

    /// What came out.
    fn simulated(&mut self, number: u64, outcome: Result<Box<Simulation>, Refusal>) {
        // A prompt may lie over it.
        let simulator = self.dialogs.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Simulator(simulator) => Some(simulator),
            _ => None,
        });
        // An answer to a question of before says nothing any more.
        if let Some(simulator) = simulator.filter(|simulator| simulator.number == number) {
            simulator.outcome = Some(outcome);
        }
    }

    fn vary(&mut self, how: impl FnOnce(&mut Simulator)) {
        if let Some(Layer::Simulator(simulator)) = self.dialogs.layers.last_mut() {
            how(simulator);
        }
        self.simulate();
    }

    pub(in crate::core) fn simulate_start(&mut self) {
        self.vary(|simulator| {
            simulator.method = match simulator.method {
                StartMethod::Unattended => StartMethod::Attended,
                StartMethod::Attended => StartMethod::Unattended,
            };
        });
    }

    pub(in crate::core) fn simulate_customer(&mut self) {
        self.vary(|simulator| {
            simulator.present = match simulator.present {
                None => Some(true),
                Some(true) => Some(false),
                Some(false) => None,
            };
        });
    }

    pub(in crate::core) fn ask_simulated_user(&mut self) {
        self.ask_simulated(Ask::SimulatedUser);
    }

    pub(in crate::core) fn ask_simulated_time(&mut self) {
        self.ask_simulated(Ask::SimulatedTime);
    }

    fn ask_simulated(&mut self, purpose: Ask) {
        let (input, mistake) = (Input::default(), None);
        self.dialogs.layers.push(Layer::Prompt(Prompt { purpose, input, mistake }));
    }

    pub(in crate::core) fn simulate_user(&mut self, name: &str) {
        self.dialogs.layers.pop();
        let user = Some(name.to_owned()).filter(|name| !name.is_empty());
        self.vary(|simulator| simulator.user = user);
    }

    pub(in crate::core) fn simulate_time(&mut self, text: &str) {
        if text.is_empty() {
            self.dialogs.layers.pop();
            self.vary(|simulator| (simulator.at, simulator.when) = (None, "now".to_owned()));
            return;
        }
        let time = text.parse::<DateTime>().ok().and_then(|time| {
            let zoned = time.to_zoned(self.zone().clone()).ok()?;
            Some(Timestamp(zoned.timestamp().as_second()))
        });
        let Some(at) = time else {
            self.prompt_mistake("A time looks like 2027-01-31 09:00.");
            return;
        };
        self.dialogs.layers.pop();
        let when = time_text(at, self.zone());
        self.vary(|simulator| (simulator.at, simulator.when) = (Some(at), when));
    }
}

impl Room for Simulator {
    fn context(&self) -> Context {
        Context::Simulator
    }

    fn rows(&self, console: &Console) -> usize {
        lines_of_window(console, &lines(self))
    }

    fn scroll(&mut self, by: isize, most: usize) {
        self.scroll = moved(self.scroll, by, most);
    }
}

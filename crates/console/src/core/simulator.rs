//! The simulator: what would a session grant, whose, how it comes about, and when?

use super::Console;
use super::form::time_text;
use super::input::Input;
use super::layer::{Ask, Layer, Prompt};
use super::layers::simulator::Simulator;
use crate::core::requests::{About, IfLost};
use jiff::civil::DateTime;
use jumpdeck_protocol::configuration::Simulation;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::Whom;
use jumpdeck_protocol::session_policy::StartMethod;
use jumpdeck_protocol::{Refusal, Timestamp};

impl Console {
    pub(super) fn open_simulator(&mut self) {
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
    pub(super) fn no_read_simulate(&self) -> Option<String> {
        let why = matches!(self.dialogs.layers.last(), Some(Layer::Why { .. }));
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

    pub(super) fn simulate_start(&mut self) {
        self.vary(|simulator| {
            simulator.method = match simulator.method {
                StartMethod::Unattended => StartMethod::Attended,
                StartMethod::Attended => StartMethod::Unattended,
            };
        });
    }

    pub(super) fn simulate_customer(&mut self) {
        self.vary(|simulator| {
            simulator.present = match simulator.present {
                None => Some(true),
                Some(true) => Some(false),
                Some(false) => None,
            };
        });
    }

    pub(super) fn ask_simulated_user(&mut self) {
        self.ask_simulated(Ask::SimulatedUser);
    }

    pub(super) fn ask_simulated_time(&mut self) {
        self.ask_simulated(Ask::SimulatedTime);
    }

    fn ask_simulated(&mut self, purpose: Ask) {
        let (input, mistake) = (Input::default(), None);
        self.dialogs.layers.push(Layer::Prompt(Prompt { purpose, input, mistake }));
    }

    pub(super) fn simulate_user(&mut self, name: &str) {
        self.dialogs.layers.pop();
        let user = Some(name.to_owned()).filter(|name| !name.is_empty());
        self.vary(|simulator| simulator.user = user);
    }

    pub(super) fn simulate_time(&mut self, text: &str) {
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

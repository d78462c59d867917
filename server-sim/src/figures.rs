//! What a simulated machine measures: figures that wander, with the rhythm of the day.

use crate::dice::Dice;
use crate::identity::SimulatedMachine;
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::inventory::Statistics;

/// The figures of one machine, from one measurement to the next.
#[derive(Debug)]
pub(crate) struct Figures {
    dice: Dice,
    load: [f32; 2],
    utc: i8,
    wander: f32,
    now: Statistics,
    booted: Option<Timestamp>,
}

const GIB: u64 = 1024 * 1024 * 1024;

impl Figures {
    pub(crate) fn new(seed: u64, machine: &SimulatedMachine) -> Self {
        let mut dice = Dice::new(seed, machine.number, "figures");
        let disk_total = (64 << dice.below(5)) * GIB;
        let memory_total = machine.facts.memory;
        let now = Statistics {
            cpu: 0.0,
            memory_used: memory_total / 100 * (30 + dice.below(50)),
            memory_total,
            disk_used: disk_total / 100 * (20 + dice.below(75)),
            disk_total,
            uptime: dice.below(4_000_000),
            console_user: machine.facts.console_user.clone(),
        };
        Self { dice, load: machine.load, utc: machine.utc, wander: 0.0, now, booted: None }
    }

    /// The next measurement.
    pub(crate) fn measure(&mut self, now: Timestamp, user: &str) -> Statistics {
        let step = |dice: &mut Dice| percent(dice.below(101)) - 50.0;
        self.wander = (self.wander * 0.9 + step(&mut self.dice) / 10.0).clamp(-30.0, 30.0);
        let [quiet, busy] = self.load;
        let load = quiet + (busy - quiet) * rhythm(now, self.utc);
        self.now.cpu = (load + self.wander).clamp(0.3, 100.0);
        let memory = self.now.memory_total / 400;
        let drift = self.dice.below(2 * memory + 1);
        self.now.memory_used = (self.now.memory_used + drift)
            .saturating_sub(memory)
            .clamp(self.now.memory_total / 10, self.now.memory_total / 100 * 98);
        let booted = *self.booted.get_or_insert(Timestamp(
            now.0.saturating_sub(i64::try_from(self.now.uptime).unwrap_or(0)),
        ));
        self.now.uptime = now.since(booted);
        self.now.console_user = user.into();
        self.now.clone()
    }
}

/// How busy the hour is, between 0 at four in the morning and 1 at four in the afternoon.
fn rhythm(now: Timestamp, utc: i8) -> f32 {
    let seconds = (now.0 + i64::from(utc) * 3600).rem_euclid(86_400);
    let hour = f32::from(u16::try_from(seconds / 60).unwrap_or(0)) / 60.0;
    let turn = (hour - 4.0) / 24.0 * std::f32::consts::TAU;
    (1.0 - turn.cos()) / 2.0
}

fn percent(value: u64) -> f32 {
    f32::from(u8::try_from(value).unwrap_or(100))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn the_afternoon_is_busier_than_the_night_where_the_machine_stands() {
        let at = |hour: i64| Timestamp(hour * 3600);
        assert!(rhythm(at(16), 0) > 0.99 && rhythm(at(4), 0) < 0.01);
        assert!(rhythm(at(7), 9) > 0.99, "it is four in the afternoon in Osaka");
    }

    #[test]
    fn figures_wander_within_what_is_possible_and_are_the_same_for_a_seed() {
        let scenario = Scenario::load("office").unwrap();
        let machine = SimulatedMachine::new(&scenario, 1, 5).unwrap();
        let run = || {
            let mut figures = Figures::new(1, &machine);
            (0..500).map(move |n| figures.measure(Timestamp(1_000_000 + n), "ann"))
        };
        assert!(run().eq(run()));
        assert!(run().all(|s| (0.0..=100.0).contains(&s.cpu)
            && s.memory_used < s.memory_total
            && s.disk_used < s.disk_total));
        let first = run().next().unwrap();
        assert!(run().any(|s| (s.cpu - first.cpu).abs() > 5.0));
        assert_eq!(run().nth(499).unwrap().uptime, first.uptime + 499);
    }
}

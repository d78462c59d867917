//! What happens to a machine and when: people come and go, it leaves, its standing changes.
//!
//! The course of events comes from the seed alone; only the network decides how long things take.

use crate::dice::Dice;
use crate::identity::SimulatedMachine;
use crate::scenario::Scenario;
use jumpdeck_protocol::agent::Standing;
use std::sync::Arc;
use std::time::Duration;

/// Something happens to a machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// It goes away for so long.
    Leaves(Duration),
    /// Somebody sits down, or nobody sits there any more.
    User(String),
    /// It may be used, or may not any more.
    Standing(Standing),
}

/// The course of events of one machine: how long until each, and what it is.
#[derive(Debug)]
pub struct Life {
    dice: Dice,
    scenario: Arc<Scenario>,
    rates: [f64; 3],
    away: [u64; 2],
    user: bool,
    standing: Standing,
}

impl Life {
    /// The life of a machine of a scenario.
    pub fn new(
        scenario: &Arc<Scenario>,
        seed: u64,
        machine: &SimulatedMachine,
        standing: Standing,
    ) -> Self {
        let peopled = machine.attended && !scenario.people.names.is_empty();
        let people = if peopled { scenario.people.changes_per_hour } else { 0.0 };
        let churn = &scenario.churn;
        Self {
            dice: Dice::new(seed, machine.number, "life"),
            scenario: Arc::clone(scenario),
            rates: [churn.leaves_per_hour, people, churn.standing_changes_per_hour],
            away: churn.away_seconds,
            user: !machine.facts.console_user.is_empty(),
            standing,
        }
    }

    fn leaves(&mut self) -> Happening {
        let [shortest, longest] = self.away;
        Happening::Leaves(Duration::from_secs(self.dice.within(&(shortest..longest + 1))))
    }

    fn user(&mut self) -> Happening {
        self.user = !self.user;
        let name = self.dice.pick(&self.scenario.people.names, |_| 1.0).filter(|_| self.user);
        Happening::User(name.cloned().unwrap_or_default())
    }

    fn standing(&mut self) -> Happening {
        self.standing = match self.standing {
            Standing::Ready if self.dice.chance(0.5) => Standing::Disabled,
            Standing::Ready => Standing::UpgradePending,
            _ => Standing::Ready,
        };
        Happening::Standing(self.standing)
    }
}

impl Iterator for Life {
    type Item = (Duration, Happening);

    /// The next event and how long after the one before it happens; nothing ever happens to a
    /// machine without churn.
    fn next(&mut self) -> Option<Self::Item> {
        let all: f64 = self.rates.iter().sum();
        if all <= 0.0 {
            return None;
        }
        let after = Duration::from_secs_f64(self.dice.wait(all).clamp(0.05, 1e9));
        let kinds = [0, 1, 2];
        let rates = self.rates;
        let kind = self.dice.pick(&kinds, |kind| rates.get(*kind).copied().unwrap_or(0.0));
        let happening = match kind {
            Some(0) => self.leaves(),
            Some(1) => self.user(),
            _ => self.standing(),
        };
        Some((after, happening))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(seed: u64) -> Vec<(Duration, Happening)> {
        let scenario = Arc::new(Scenario::load("restless").unwrap());
        let machine = SimulatedMachine::new(&scenario, seed, 3).unwrap();
        Life::new(&scenario, seed, &machine, Standing::Ready).take(40).collect()
    }

    #[test]
    fn the_same_seed_takes_the_same_course() {
        assert_eq!(course(1), course(1));
        assert_ne!(course(1), course(2));
        let happened = |wanted: fn(&Happening) -> bool| course(1).iter().any(|(_, h)| wanted(h));
        assert!(happened(|h| matches!(h, Happening::Leaves(_))));
        assert!(happened(|h| matches!(h, Happening::User(_))));
        assert!(happened(|h| matches!(h, Happening::Standing(_))));
    }

    #[test]
    fn nothing_happens_in_a_quiet_scenario() {
        let scenario = Arc::new(Scenario::load("quiet").unwrap());
        let machine = SimulatedMachine::new(&scenario, 1, 1).unwrap();
        assert_eq!(Life::new(&scenario, 1, &machine, Standing::Ready).next(), None);
    }
}

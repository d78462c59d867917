//! Who the simulated machines are: made from a scenario and a seed, the same each time.

use crate::dice::Dice;
use crate::scenario::{Churn, Kind, Scenario, ScenarioSite};
use jumpdeck_protocol::agent::Standing;
use jumpdeck_protocol::inventory::{Facts, InstallMode, Status};
use jumpdeck_protocol::limits;
use jumpdeck_protocol::wake::Mac;

/// One simulated machine.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedMachine {
    /// Its number in the fleet.
    pub number: u64,
    /// What its key is made from.
    pub key_seed: [u8; 32],
    /// The Jump Group it comes to.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Its tag.
    pub tag: Option<String>,
    /// Its comments.
    pub comments: Option<String>,
    /// What it says of itself.
    pub facts: Facts,
    /// How it is when the fleet starts.
    pub start: StartState,
    /// Its hardware address, which a magic packet names.
    pub mac: [u8; 6],
    /// How much it has to do: in the quietest and in the busiest hour, in percent.
    pub load: [f32; 2],
    /// Hours from UTC.
    pub utc: i8,
    /// Somebody may sit there.
    pub attended: bool,
}

/// How a machine is when the fleet starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartState {
    /// Linked.
    Linked {
        /// What it says of itself.
        standing: Standing,
    },
    /// Enrolled once, and away.
    Away {
        /// For so many seconds.
        seconds: u64,
        /// What it said when it went.
        standing: Standing,
    },
}

impl StartState {
    /// The status that an appliance shows for it.
    pub const fn status(self) -> Status {
        match self {
            Self::Linked { standing } | Self::Away { standing, .. } => match (standing, self) {
                (Standing::Uninstalled, _) => Status::Uninstalled,
                (Standing::Disabled, _) => Status::Disabled,
                (Standing::UpgradePending, _) => Status::UpgradePending,
                (Standing::Ready, Self::Linked { .. }) => Status::Online,
                (Standing::Ready, Self::Away { seconds, .. }) if seconds > 30 * DAY => Status::Lost,
                (Standing::Ready, Self::Away { .. }) => Status::Offline,
            },
        }
    }
}

const DAY: u64 = 86_400;
/// An item is lost after 30 days (DOMAIN 7); these are away for longer.
const LOST: std::ops::Range<u64> = 31 * DAY..170 * DAY;

impl SimulatedMachine {
    /// The machine of this number.
    pub fn new(scenario: &Scenario, seed: u64, number: u64) -> Option<Self> {
        // Another scenario has other machines, with other keys.
        let mut dice = Dice::new(seed, number, &scenario.about);
        let site = dice.pick(&scenario.sites, |site| site.share)?;
        let kind = dice.pick(&scenario.kinds, |kind| kind.share)?;
        let naming = dice.pick(&scenario.namings, |naming| naming.share)?;
        let name = name(&naming.pattern, site, kind, number);
        let text = |choice: Option<&String>| choice.filter(|text| !text.is_empty()).cloned();
        let tag = text(dice.pick(&kind.tags, |_| 1.0));
        let comments = text(dice.pick(&kind.comments, |_| 1.0));
        let system = dice.pick(&kind.systems, |_| 1.0)?.clone();
        let facts = facts(&mut dice, site, number, system);
        let mut simulated = Self {
            number,
            key_seed: dice.bytes(),
            group: kind.group.clone(),
            name,
            tag,
            comments,
            facts,
            start: start(&mut dice, &scenario.churn),
            mac: mac(number),
            load: kind.load,
            utc: site.utc,
            attended: kind.attended,
        };
        if kind.attended && dice.chance(0.6) {
            let person = dice.pick(&scenario.people.names, |_| 1.0);
            simulated.facts.console_user = person.cloned().unwrap_or_default().into();
        }
        Some(simulated)
    }
}

fn name(pattern: &str, site: &ScenarioSite, kind: &Kind, number: u64) -> String {
    let name = pattern
        .replace("{site}", &site.code)
        .replace("{kind}", &kind.code)
        .replace("{number}", &format!("{number:04}"));
    let fill = limits::NAME.saturating_sub(name.replace("{fill}", "").chars().count());
    let filling: String = "longname".chars().cycle().take(fill).collect();
    name.replace("{fill}", &filling)
}

fn facts(dice: &mut Dice, site: &ScenarioSite, number: u64, system: String) -> Facts {
    let subnet = u64::from(site.first_subnet) + dice.below(u64::from(site.subnets.max(1)));
    let hostname = match site.hostname.as_str() {
        "" => format!("{}-{number:05}", ascii(&site.code)),
        pattern => pattern.replace("{number}", &format!("{number:02}")),
    };
    let fqdn = match site.domain.as_str() {
        "" => String::new(),
        domain => format!("{hostname}.{domain}"),
    };
    let network = site.network;
    Facts {
        hostname: hostname.into(),
        fqdn: fqdn.into(),
        domain: site.domain.as_str().into(),
        operating_system: system.into(),
        private_ip: format!("10.{network}.{subnet}.{}", 2 + dice.below(252)).into(),
        gateway: format!("10.{network}.{subnet}.1").into(),
        gateway_mac: format!("02:00:0a:{network:02x}:{subnet:02x}:01").into(),
        mac: Mac(mac(number)).to_string().into(),
        version: jumpdeck_protocol::VERSION.into(),
        console_user: "".into(),
        install_mode: InstallMode::Service,
        processors: 1 << dice.below(5),
        memory: (1 << dice.below(4)) * 4 * 1024 * 1024 * 1024,
    }
}

/// A host's name has letters that the DNS knows.
fn ascii(code: &str) -> String {
    let known: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    if known.is_empty() { "host".to_owned() } else { known.to_lowercase() }
}

/// A locally administered address of its own for each machine.
fn mac(number: u64) -> [u8; 6] {
    let mut mac = [0x02; 6];
    for (to, from) in mac.iter_mut().skip(1).zip(number.to_be_bytes().into_iter().skip(3)) {
        *to = from;
    }
    mac
}

fn start(dice: &mut Dice, churn: &Churn) -> StartState {
    let mut rest = dice.share();
    let mut is = |share: f64| {
        rest -= share;
        rest < 0.0
    };
    let linked = |standing| StartState::Linked { standing };
    if is(churn.uninstalled) {
        let standing = Standing::Uninstalled;
        StartState::Away { seconds: dice.within(&(60..20 * DAY)), standing }
    } else if is(churn.lost) {
        StartState::Away { seconds: dice.within(&LOST), standing: Standing::Ready }
    } else if is(churn.offline) {
        away(dice)
    } else if is(churn.disabled) {
        linked(Standing::Disabled)
    } else if is(churn.upgrade_pending) {
        linked(Standing::UpgradePending)
    } else {
        linked(Standing::Ready)
    }
}

/// Away, mostly for minutes or hours, sometimes for weeks.
fn away(dice: &mut Dice) -> StartState {
    let longest = [7200, 12 * 3600, 3 * DAY, 25 * DAY];
    let longest = dice.pick(&longest, |_| 1.0).copied().unwrap_or(7200);
    StartState::Away { seconds: dice.within(&(60..longest)), standing: Standing::Ready }
}

impl SimulatedMachine {
    /// It cannot be linked now: there are more machines than links.
    pub(crate) fn stay_away(&mut self, seed: u64) {
        self.start = away(&mut Dice::new(seed, self.number, "away"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(scenario: &str, seed: u64, clients: u64) -> Vec<SimulatedMachine> {
        let scenario = Scenario::load(scenario).unwrap();
        (0..clients).filter_map(|number| SimulatedMachine::new(&scenario, seed, number)).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_fleet_and_another_seed_another() {
        assert_eq!(fleet("office", 1, 200), fleet("office", 1, 200));
        assert_ne!(fleet("office", 1, 200), fleet("office", 2, 200));
        let part: Vec<_> = fleet("office", 1, 200).into_iter().skip(150).collect();
        let scenario = Scenario::load("office").unwrap();
        let alone: Vec<_> =
            (150..200).filter_map(|number| SimulatedMachine::new(&scenario, 1, number)).collect();
        assert_eq!(part, alone, "a part of a fleet is what it is in the whole");
    }

    #[test]
    fn hard_names_are_there_and_no_name_is_too_long() {
        let fleet = fleet("hard-names", 1, 200);
        assert!(fleet.iter().all(|machine| machine.name.chars().count() <= limits::NAME));
        for part in ["東京都", "e\u{301}", "👩‍👩‍👧‍👦", "\u{202e}", "\u{1b}[31m", "\u{200b}", "مكتب"]
        {
            assert!(fleet.iter().any(|machine| machine.name.contains(part)), "{part:?}");
        }
        let longest = fleet.iter().map(|machine| machine.name.chars().count()).max();
        assert_eq!(longest, Some(limits::NAME));
    }

    #[test]
    fn shares_of_the_churn_hold_for_a_large_fleet() {
        let fleet = fleet("office", 1, 4000);
        let count =
            |wanted: fn(&StartState) -> bool| fleet.iter().filter(|m| wanted(&m.start)).count();
        let lost =
            count(|start| matches!(start, StartState::Away { seconds, .. } if *seconds > 30 * DAY));
        assert!((50..110).contains(&lost), "{lost}");
        let away = count(|start| matches!(start, StartState::Away { .. }));
        assert!((480..680).contains(&away), "{away}");
    }
}

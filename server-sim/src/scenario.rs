//! Scenarios: what a simulated fleet is like, and what happens to it, as TOML.

use serde::Deserialize;
use std::path::Path;
use thiserror::Error;

/// The scenarios that are built in, by name.
const BUILT_IN: &[(&str, &str)] = &[
    ("office", include_str!("../scenarios/office.toml")),
    ("hard-names", include_str!("../scenarios/hard-names.toml")),
    ("quiet", include_str!("../scenarios/quiet.toml")),
    ("restless", include_str!("../scenarios/restless.toml")),
];

/// The scenario that is used when none is named.
pub const DEFAULT: &str = "office";

/// Why there is no such scenario.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// The name means none.
    #[error("{name:?} is neither a .toml file nor a scenario; there are: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The file cannot be read.
    #[error("the scenario {path} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The text is no scenario.
    #[error("the scenario {name} is not right: {reason}")]
    Invalid {
        /// Its name or file.
        name: String,
        /// What is wrong, with the line.
        reason: String,
    },
}

/// What a fleet is like.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// One line about it.
    pub about: String,
    /// How many clients, unless somebody says otherwise.
    pub clients: usize,
    /// What makes this fleet differ from another, unless somebody says otherwise.
    #[serde(default = "one")]
    pub seed: u64,
    /// Where the machines stand.
    #[serde(rename = "site")]
    pub sites: Vec<ScenarioSite>,
    /// What they are for.
    #[serde(rename = "kind")]
    pub kinds: Vec<Kind>,
    /// What they are called.
    #[serde(rename = "naming")]
    pub namings: Vec<Naming>,
    /// Who sits at them.
    #[serde(default)]
    pub people: People,
    /// What happens to them.
    #[serde(default)]
    pub churn: Churn,
    /// How they answer a wake-up.
    #[serde(default)]
    pub wake: Wake,
    /// What their shells answer besides the usual.
    #[serde(default, rename = "command")]
    pub commands: Vec<FleetCommand>,
}

const fn one() -> u64 {
    1
}

const fn whole() -> f64 {
    1.0
}

/// A place with a network of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioSite {
    /// For names: `{site}`.
    pub code: String,
    /// How many of all machines, against the other sites.
    #[serde(default = "whole")]
    pub share: f64,
    /// Hours from UTC, for the rhythm of the day.
    #[serde(default)]
    pub utc: i8,
    /// The second number of its addresses, 10.N.x.y.
    pub network: u8,
    /// Subnets; each has a gateway of its own.
    #[serde(default = "eight")]
    pub subnets: u8,
    /// The third number of its first subnet.
    #[serde(default)]
    pub first_subnet: u8,
    /// Host names, with `{number}` (two digits or more) replaced, instead of the usual ones.
    #[serde(default)]
    pub hostname: String,
    /// Its DNS domain.
    #[serde(default)]
    pub domain: String,
}

const fn eight() -> u8 {
    8
}

/// What a machine is for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// For names: `{kind}`.
    pub code: String,
    /// How many of all machines, against the other kinds.
    #[serde(default = "whole")]
    pub share: f64,
    /// The Jump Group they come to.
    pub group: String,
    /// Tags; an empty one is none.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Operating systems.
    pub systems: Vec<String>,
    /// Comments; an empty one is none.
    #[serde(default)]
    pub comments: Vec<String>,
    /// Somebody sits there.
    #[serde(default)]
    pub attended: bool,
    /// Use of the processors in the quietest and the busiest hour, in percent.
    #[serde(default = "load")]
    pub load: [f32; 2],
}

const fn load() -> [f32; 2] {
    [2.0, 40.0]
}

/// A way to name machines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Naming {
    /// With `{site}`, `{kind}`, `{number}` (four digits or more) and `{fill}` (letters up to 128
    /// characters) replaced.
    pub pattern: String,
    /// How many of all names, against the other ways.
    #[serde(default = "whole")]
    pub share: f64,
}

/// Who sits at attended machines.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct People {
    /// Their names.
    pub names: Vec<String>,
    /// How often somebody comes or goes at a machine, each hour.
    pub changes_per_hour: f64,
}

/// What happens to machines. Shares are of all machines, at the start.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Churn {
    /// Not linked, for minutes to days.
    pub offline: f64,
    /// Not linked for more than a month.
    pub lost: f64,
    /// A new version waits.
    pub upgrade_pending: f64,
    /// Disabled by the customer.
    pub disabled: f64,
    /// Removed from the machine.
    pub uninstalled: f64,
    /// How often a linked machine goes away, each hour.
    pub leaves_per_hour: f64,
    /// For how many seconds.
    pub away_seconds: [u64; 2],
    /// How often a machine's standing changes (disabled, upgrade, ready again), each hour.
    pub standing_changes_per_hour: f64,
}

/// How sleeping machines answer a magic packet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wake {
    /// How many do.
    pub share: f64,
    /// After how many seconds they are linked.
    pub seconds: [u64; 2],
    /// The password they want (six bytes in hexadecimal); none if it is empty.
    pub password: String,
}

/// What a shell answers to a command.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetCommand {
    /// The command's name.
    pub name: String,
    /// What it prints; `{host}`, `{system}` and `{user}` are replaced.
    pub output: String,
}

impl Scenario {
    /// The names of those that are built in.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The text of a built-in scenario, to begin a file of one's own with.
    pub fn text(name: &str) -> Option<&'static str> {
        BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// A built-in scenario, or one in a file.
    ///
    /// # Errors
    /// [`ScenarioError`] names what is wrong and where.
    pub fn load(name: &str) -> Result<Self, ScenarioError> {
        if let Some(text) = Self::text(name) {
            return Self::parse(name, text);
        }
        let path = Path::new(name);
        if path.extension().is_none() {
            let known = Self::names().collect::<Vec<_>>().join(", ");
            return Err(ScenarioError::Unknown { name: name.to_owned(), known });
        }
        let text = std::fs::read_to_string(path)
            .map_err(|reason| ScenarioError::Unreadable { path: name.to_owned(), reason })?;
        Self::parse(name, &text)
    }

    /// Reads a scenario.
    ///
    /// # Errors
    /// [`ScenarioError::Invalid`] with the line.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let invalid = |reason: String| ScenarioError::Invalid { name: name.to_owned(), reason };
        let scenario: Self = toml::from_str(text).map_err(|e| invalid(e.to_string()))?;
        scenario.check().map_err(invalid)?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), String> {
        self.check_sites()?;
        self.check_kinds()?;
        self.check_namings()?;
        self.check_churn()?;
        if self.commands.iter().any(|command| command.name.trim().is_empty()) {
            return Err("a [[command]] needs a name".to_owned());
        }
        if self.wake.seconds[0] > self.wake.seconds[1] {
            return Err("the seconds of [wake] must be the shortest and the longest".to_owned());
        }
        share("the share of [wake]", self.wake.share)?;
        crate::network::password(&self.wake.password).map(drop)
    }

    fn check_sites(&self) -> Result<(), String> {
        shares("[[site]]", self.sites.iter().map(|site| site.share))?;
        for site in &self.sites {
            if site.subnets == 0 || !(-12..=14).contains(&site.utc) {
                let code = &site.code;
                return Err(format!("the site {code} needs subnets, and utc from -12 to 14"));
            }
        }
        Ok(())
    }

    fn check_kinds(&self) -> Result<(), String> {
        shares("[[kind]]", self.kinds.iter().map(|kind| kind.share))?;
        for Kind { code, systems, load: [quiet, busy], .. } in &self.kinds {
            if systems.is_empty() {
                return Err(format!("the kind {code} needs an operating system"));
            }
            let percent = 0.0..=100.0;
            if !percent.contains(quiet) || !percent.contains(busy) || quiet > busy {
                return Err(format!("the load of the kind {code} is least and most, 0 to 100"));
            }
        }
        Ok(())
    }

    fn check_namings(&self) -> Result<(), String> {
        shares("[[naming]]", self.namings.iter().map(|naming| naming.share))?;
        for Naming { pattern, .. } in &self.namings {
            let mut rest = pattern.clone();
            for known in ["{site}", "{kind}", "{number}", "{fill}"] {
                rest = rest.replace(known, "");
            }
            if pattern.trim().is_empty() || rest.contains(['{', '}']) {
                return Err(format!(
                    "the pattern {pattern:?} may hold {{site}}, {{kind}}, {{number}}, {{fill}} \
                     and must hold something"
                ));
            }
        }
        Ok(())
    }

    fn check_churn(&self) -> Result<(), String> {
        let churn = &self.churn;
        let states =
            [churn.offline, churn.lost, churn.upgrade_pending, churn.disabled, churn.uninstalled];
        for state in states {
            share("a share of [churn]", state)?;
        }
        if states.iter().sum::<f64>() > 1.0 {
            return Err("the shares of [churn] together are more than 1".to_owned());
        }
        let rates =
            [churn.leaves_per_hour, churn.standing_changes_per_hour, self.people.changes_per_hour];
        if !rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0) {
            return Err("what happens each hour is a number from 0".to_owned());
        }
        if churn.away_seconds[0] > churn.away_seconds[1] {
            return Err("away_seconds must be the shortest and the longest time".to_owned());
        }
        Ok(())
    }

    /// The Jump Groups its machines come to, each once, in the order of the file.
    pub fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for kind in &self.kinds {
            if !groups.contains(&kind.group.as_str()) {
                groups.push(&kind.group);
            }
        }
        groups
    }
}

fn share(what: &str, share: f64) -> Result<(), String> {
    let right = (0.0..=1.0).contains(&share);
    right.then_some(()).ok_or_else(|| format!("{what} must lie between 0 and 1"))
}

/// Weights against each other.
fn shares(what: &str, mut shares: impl Iterator<Item = f64> + Clone) -> Result<(), String> {
    let whole: f64 = shares.clone().sum();
    let right = shares.all(|share| share.is_finite() && share >= 0.0) && whole > 0.0;
    right
        .then_some(())
        .ok_or_else(|| format!("it needs a {what} at least, with a share that is more than 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_scenario_is_right() {
        for name in Scenario::names() {
            let scenario = Scenario::load(name).unwrap();
            assert!(!scenario.groups().is_empty() && scenario.clients > 0, "{name}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let office = BUILT_IN[0].1;
        let wrong = office.replacen("clients", "klients", 1);
        let said = Scenario::parse("mine.toml", &wrong).unwrap_err().to_string();
        assert!(said.contains("mine.toml") && said.contains("klients"), "{said}");
        assert!(said.contains("line"), "{said}");
        let unknown = Scenario::load("offce").unwrap_err().to_string();
        assert!(unknown.contains("office") && unknown.contains("quiet"), "{unknown}");
    }

    #[test]
    fn shares_that_make_more_than_a_whole_are_refused() {
        let text = format!("{}\n[churn]\noffline = 0.7\nlost = 0.5\n", minimal());
        assert!(Scenario::parse("x", &text).is_err());
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        assert!(Scenario::parse("x", minimal()).is_ok());
        for (right, wrong) in [
            ("'{number}'", "'{nubmer}'"),
            ("'{number}'", "' '"),
            ("network = 1", "network = 1\nsubnets = 0"),
            ("network = 1", "network = 1\nutc = 99"),
            ("network = 1", "network = 1\nshare = -1.0"),
            ("network = 1", "network = 1\nshare = nan"),
            ("group = 'G'", "group = 'G'\nload = [90.0, 5.0]"),
            ("['S']", "[]"),
        ] {
            let text = minimal().replacen(right, wrong, 1);
            assert!(Scenario::parse("x", &text).is_err(), "{wrong}");
        }
    }

    fn minimal() -> &'static str {
        "about = 'a'\nclients = 1\n[[site]]\ncode = 'A'\nnetwork = 1\n[[kind]]\ncode = 'K'\n\
         group = 'G'\nsystems = ['S']\n[[naming]]\npattern = '{number}'\n"
    }
}

//! Who the simulated machines are: made from a seed, the same each time.

use jumpdeck_protocol::inventory::{Facts, InstallMode};

/// A fleet that is to be simulated.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Where the appliance is.
    pub url: String,
    /// The fingerprint of its key.
    pub fingerprint: String,
    /// An installer key for each group the clients are spread over.
    pub installer_keys: Vec<String>,
    /// How many clients.
    pub clients: usize,
    /// What makes this fleet differ from another.
    pub seed: u64,
}

/// One simulated machine.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// Its number in the fleet.
    pub number: u64,
    /// What its key is made from.
    pub key_seed: [u8; 32],
    /// The installer key it enrols with.
    pub installer_key: String,
    /// Its name.
    pub name: String,
    /// Its tag.
    pub tag: Option<String>,
    /// Its comments.
    pub comments: Option<String>,
    /// What it says of itself.
    pub facts: Facts,
}

const SITES: [&str; 6] = ["BER", "LON", "NYC", "OSA", "SAO", "TLV"];
const KINDS: [(&str, &str, &str); 6] = [
    ("WEB", "web", "Serves the public site"),
    ("DB", "database", "Nightly backup at 02:30"),
    ("DESK", "office", ""),
    ("FRONT", "office", "Front office support"),
    ("MAIL", "mail", "Ask before a restart"),
    ("LAB", "lab", ""),
];
const SYSTEMS: [&str; 5] = [
    "Debian GNU/Linux 12 (bookworm)",
    "Ubuntu 24.04.3 LTS",
    "Red Hat Enterprise Linux 9.6",
    "Windows 11 Pro 24H2",
    "macOS 15.6",
];
const PEOPLE: [&str; 7] = ["m.chen", "a.silva", "j.okafor", "l.novak", "s.haddad", "t.mori", ""];

impl Fleet {
    /// Its machines.
    pub fn clients(&self) -> impl Iterator<Item = Simulated> + '_ {
        (0..self.clients as u64).map(|number| self.client(number))
    }

    fn client(&self, number: u64) -> Simulated {
        let mut dice = Dice::new(self.seed, number);
        let site = dice.pick(&SITES).copied().unwrap_or_default();
        let (kind, tag, comments) = dice.pick(&KINDS).copied().unwrap_or_default();
        let name = format!("{site}-{kind}-{number:04}");
        let keys = &self.installer_keys;
        let key = usize::try_from(number).ok().and_then(|n| keys.get(n % keys.len().max(1)));
        let subnet = dice.below(200);
        Simulated {
            number,
            key_seed: dice.bytes(),
            installer_key: key.cloned().unwrap_or_default(),
            tag: (dice.below(5) > 0).then(|| tag.to_owned()),
            comments: (!comments.is_empty()).then(|| comments.to_owned()),
            facts: Facts {
                hostname: name.to_lowercase().into(),
                fqdn: format!("{}.example.com", name.to_lowercase()).into(),
                domain: "example.com".into(),
                operating_system: dice.pick(&SYSTEMS).copied().unwrap_or_default().into(),
                private_ip: format!("10.{}.{subnet}.{}", dice.below(30), 2 + dice.below(250))
                    .into(),
                gateway: format!("10.0.{subnet}.1").into(),
                gateway_mac: format!("02:00:00:00:{subnet:02x}:01").into(),
                version: jumpdeck_protocol::VERSION.into(),
                console_user: dice.pick(&PEOPLE).copied().unwrap_or_default().into(),
                install_mode: InstallMode::Service,
                processors: 1 << dice.below(5),
                memory: (1 << dice.below(4)) * 4 * 1024 * 1024 * 1024,
            },
            name,
        }
    }
}

/// Even numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut dice = Self(seed ^ number.wrapping_mul(0xa076_1d64_78bd_642f));
        dice.next();
        dice
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> Option<&'t T> {
        from.get(usize::try_from(self.below(from.len() as u64)).ok()?)
    }

    fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Fleet;

    #[test]
    fn the_same_seed_makes_the_same_fleet_and_another_seed_another() {
        let fleet = |seed| Fleet {
            url: String::new(),
            fingerprint: String::new(),
            installer_keys: vec!["a".into(), "b".into()],
            clients: 20,
            seed,
        };
        let names = |seed| fleet(seed).clients().map(|c| (c.name, c.key_seed)).collect::<Vec<_>>();
        assert_eq!(names(1), names(1));
        assert_ne!(names(1), names(2));
    }
}

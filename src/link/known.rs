//! The appliances whose keys a rep has accepted, as `ssh` keeps its known hosts.

use anyhow::Context;
use jumpdeck_link::Address;
use jumpdeck_protocol::private_file;
use std::path::{Path, PathBuf};

/// The file of known appliances: an address and a fingerprint a line.
#[derive(Clone, Debug)]
pub struct KnownAppliances(PathBuf);

/// What is known of an appliance that shows a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It is the key that was accepted.
    Known,
    /// It was never seen before.
    Unknown,
    /// Another key was accepted.
    Changed {
        /// The accepted key's fingerprint.
        accepted: String,
    },
}

impl KnownAppliances {
    /// The file in a configuration directory.
    pub fn in_dir(config_dir: &Path) -> Self {
        Self(config_dir.join("known_appliances"))
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The accepted fingerprint of an appliance.
    pub fn fingerprint(&self, address: &Address) -> Option<String> {
        let text = std::fs::read_to_string(&self.0).ok()?;
        let wanted = address.to_string();
        let entries = text.lines().filter_map(|line| line.split_once(' '));
        let mut found = entries.filter(|(known, _)| *known == wanted);
        found.next_back().map(|(_, fingerprint)| fingerprint.trim().to_owned())
    }

    /// What is known of an appliance that shows this key.
    pub fn judge(&self, address: &Address, fingerprint: &str) -> Trust {
        match self.fingerprint(address) {
            None => Trust::Unknown,
            Some(accepted) if accepted == fingerprint => Trust::Known,
            Some(accepted) => Trust::Changed { accepted },
        }
    }

    /// Accepts a key.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn accept(&self, address: &Address, fingerprint: &str) -> anyhow::Result<()> {
        let mut text = std::fs::read_to_string(&self.0).unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let line = format!("{address} {fingerprint}\n");
        text.push_str(&line);
        if let Some(dir) = self.0.parent() {
            private_file::create_dir(dir).with_context(|| dir.display().to_string())?;
        }
        private_file::write(&self.0, text.as_bytes())
            .with_context(|| format!("writing {}", self.0.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_key_is_told_from_an_unknown_one() {
        let dir = tempfile::tempdir().unwrap();
        let known = KnownAppliances::in_dir(&dir.path().join("new"));
        let address: Address = "https://a.example:1".parse().unwrap();
        let other: Address = "https://a.example:2".parse().unwrap();
        assert_eq!(known.judge(&address, "SHA256:x"), Trust::Unknown);
        known.accept(&address, "SHA256:x").unwrap();
        assert_eq!(known.judge(&address, "SHA256:x"), Trust::Known);
        assert_eq!(known.judge(&other, "SHA256:x"), Trust::Unknown);
        let changed = Trust::Changed { accepted: "SHA256:x".into() };
        assert_eq!(known.judge(&address, "SHA256:y"), changed);
    }
}

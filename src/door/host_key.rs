//! The key by which the front door is known: made once, kept, shown.

use anyhow::{Context, anyhow};
use jumpdeck_appliance::DataDir;
use jumpdeck_protocol::private_file;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey};

/// Its file, among the appliance's keys.
const FILE: &str = "ssh_host_ed25519_key";

/// The key.
pub struct HostKey(pub(super) PrivateKey);

impl HostKey {
    /// Reads the key, or makes it at the first start.
    ///
    /// # Errors
    /// When it cannot be read or kept.
    pub fn open(dir: &DataDir) -> anyhow::Result<Self> {
        let path = dir.key(FILE);
        if !path.exists() {
            let mut seed = [0; 32];
            let random = ring::rand::SystemRandom::new();
            ring::rand::SecureRandom::fill(&random, &mut seed)
                .map_err(|_| anyhow!("the system has no randomness for a key"))?;
            let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
            let text = key.to_openssh(LineEnding::LF).context("writing the SSH host key")?;
            private_file::write(&path, text.as_bytes())
                .with_context(|| path.display().to_string())?;
        }
        let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let key = PrivateKey::from_openssh(text)
            .map_err(|error| anyhow!("{} is no SSH key: {error}", path.display()))?;
        Ok(Self(key))
    }

    /// As `ssh` shows it at the first connection.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }
}

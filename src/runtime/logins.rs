//! Logins that are kept: in the desktop's keyring where there is one, else in a file that only its
//! user can read.
//!
//! The keyring is reached through `secret-tool` (libsecret): a secret goes there and comes from
//! there by a pipe, never on a command line.

use anyhow::{Context, bail};
use jumpdeck_protocol::private_file;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where a login was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptWhere {
    /// In the desktop's keyring.
    Keyring,
    /// In this file.
    File(PathBuf),
}

/// The logins of one configuration directory.
#[derive(Clone, Debug)]
pub struct Logins {
    file: PathBuf,
    keyring: bool,
}

impl Logins {
    /// Those of a configuration directory; the keyring is asked too, if there is one.
    pub fn in_dir(config_dir: &Path) -> Self {
        let keyring = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() && has_tool();
        Self { file: config_dir.join("logins"), keyring }
    }

    /// The token of a login.
    pub fn find(&self, address: &str, username: &str) -> Option<String> {
        let kept = self.read();
        let in_file = kept.get(&key(address, username)).cloned();
        in_file.or_else(|| self.keyring.then(|| look_up(address, username)).flatten())
    }

    /// Who is logged in at an appliance by a login in the file, if it is one alone.
    pub fn only_user(&self, address: &str) -> Option<String> {
        let kept = self.read();
        let mut users = kept.keys().filter_map(|key| key.strip_prefix(&format!("{address} ")));
        let first = users.next()?.to_owned();
        users.next().is_none().then_some(first)
    }

    /// Whether any login at an appliance may be kept.
    pub fn has_any(&self, address: &str) -> bool {
        let prefix = format!("{address} ");
        self.keyring || self.read().keys().any(|key| key.starts_with(&prefix))
    }

    /// Keeps a login.
    ///
    /// # Errors
    /// When neither the keyring nor the file takes it.
    pub fn keep(&self, address: &str, username: &str, token: &str) -> anyhow::Result<KeptWhere> {
        let mut kept = self.read();
        if self.keyring && store(address, username, token).is_ok() {
            // What stood in the file of before would hide it.
            if kept.remove(&key(address, username)).is_some() {
                self.write(&kept)?;
            }
            return Ok(KeptWhere::Keyring);
        }
        kept.insert(key(address, username), token.to_owned());
        self.write(&kept)?;
        Ok(KeptWhere::File(self.file.clone()))
    }

    /// Forgets a login. Returns whether there was one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget(&self, address: &str, username: &str) -> anyhow::Result<bool> {
        let mut kept = self.read();
        let mut known = kept.remove(&key(address, username)).is_some();
        if known {
            self.write(&kept)?;
        }
        if self.keyring && look_up(address, username).is_some() {
            known = true;
            tool(&["clear", "service", "jumpdeck", "appliance", address, "user", username])
                .status()
                .context("asking the keyring")?;
        }
        Ok(known)
    }

    /// What is in the file: an address, a user and a token a line.
    fn read(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let line = |line: &str| line.rsplit_once(' ').map(|(k, v)| (k.to_owned(), v.to_owned()));
        text.lines().filter_map(line).collect()
    }

    fn write(&self, kept: &BTreeMap<String, String>) -> anyhow::Result<()> {
        let mut lines = String::new();
        for (key, token) in kept {
            lines.extend([key, " ", token, "\n"]);
        }
        if let Some(dir) = self.file.parent() {
            private_file::create_dir(dir)?;
        }
        private_file::write(&self.file, lines.as_bytes())
            .with_context(|| format!("{} cannot be written", self.file.display()))
    }
}

fn key(address: &str, username: &str) -> String {
    format!("{address} {username}")
}

fn has_tool() -> bool {
    let quiet = Command::new("secret-tool").stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok()
}

fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new("secret-tool");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn look_up(address: &str, username: &str) -> Option<String> {
    let arguments = ["lookup", "service", "jumpdeck", "appliance", address, "user", username];
    let found = tool(&arguments).output().ok().filter(|found| found.status.success())?;
    let token = String::from_utf8(found.stdout).ok()?;
    let token = token.trim_end_matches('\n').to_owned();
    (!token.is_empty()).then_some(token)
}

fn store(address: &str, username: &str, token: &str) -> anyhow::Result<()> {
    let label = format!("--label=jumpdeck: {username} at {address}");
    let arguments =
        ["store", &label, "service", "jumpdeck", "appliance", address, "user", username];
    let mut child = tool(&arguments).stdin(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(token.as_bytes())?;
    }
    if !child.wait()?.success() {
        bail!("the keyring did not take it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn without_a_keyring_logins_stand_in_a_file_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let logins = Logins { file: dir.path().join("config/logins"), keyring: false };
        assert_eq!(logins.find("https://one:8443", "bob"), None);
        let kept = logins.keep("https://one:8443", "bob", "secret").unwrap();
        let KeptWhere::File(path) = kept else { panic!("{kept:?}") };
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        logins.keep("https://two:8443", "bob", "other").unwrap();
        assert_eq!(logins.find("https://one:8443", "bob").as_deref(), Some("secret"));
        assert_eq!(logins.find("https://one:8443", "alice"), None);
        assert_eq!(logins.only_user("https://one:8443").as_deref(), Some("bob"));
        assert!(logins.forget("https://one:8443", "bob").unwrap());
        assert!(!logins.forget("https://one:8443", "bob").unwrap());
        assert_eq!(logins.find("https://two:8443", "bob").as_deref(), Some("other"));
    }
}

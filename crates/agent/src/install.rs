//! A Jump Client that stays: its directory, its copy of this program, and the service that starts
//! it. And all of that undone.

use crate::files::{AgentDir, AgentDirError, Target};
use jumpdeck_protocol::{Timestamp, private_file};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use thiserror::Error;

/// The service's name.
const UNIT: &str = "jumpdeck-agent.service";

/// Why nothing was installed. Nothing of it is left then.
#[derive(Debug, Error)]
pub(crate) enum InstallError {
    /// There is a Jump Client already.
    #[error("{0} holds a Jump Client already")]
    Taken(PathBuf),
    /// The directory.
    #[error(transparent)]
    Dir(#[from] AgentDirError),
    /// A file.
    #[error("{path} cannot be written: {reason}")]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
}

/// A Jump Client that was installed, held by the process that did it.
#[derive(Debug)]
pub(crate) struct Installed {
    pub dir: AgentDir,
    /// Why it does not start by itself, if it does not.
    pub by_hand: Option<String>,
    _lock: File,
}

/// Installs a Jump Client with the identity of this agent.
pub(crate) fn install(
    from: &AgentDir,
    to: &Path,
    target: &Target,
    expires: Option<Timestamp>,
) -> Result<Installed, InstallError> {
    let dir = AgentDir::create(to)?;
    if dir.target().is_some() {
        return Err(InstallError::Taken(to.to_path_buf()));
    }
    let lock = dir.lock()?;
    let written = write(from, &dir, target, expires);
    if let Err(error) = written {
        remove_files(&dir);
        return Err(error);
    }
    let by_hand = start_at_login(&dir).err();
    Ok(Installed { dir, by_hand, _lock: lock })
}

/// The files; the one that makes it a Jump Client is the last.
fn write(
    from: &AgentDir,
    dir: &AgentDir,
    target: &Target,
    expires: Option<Timestamp>,
) -> Result<(), InstallError> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |reason| InstallError::Unwritable { path, reason }
    };
    let program = dir.program();
    let folder = program.parent().unwrap_or(&program);
    private_file::create_dir(folder).map_err(at(folder))?;
    let own = std::env::current_exe().and_then(fs::read).map_err(at(&program))?;
    private_file::write(&program, &own).map_err(at(&program))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).map_err(at(&program))?;
    let key = fs::read(from.key()).map_err(at(&from.key()))?;
    private_file::write(&dir.key(), &key).map_err(at(&dir.key()))?;
    dir.expires_at(expires)?;
    dir.remember(target)?;
    Ok(())
}

/// Undoes an installation: the service, then every file. What is not there is passed over.
///
/// # Errors
/// What could not be removed.
pub(crate) fn uninstall(dir: &AgentDir) -> Result<(), AgentDirError> {
    let unit = unit_path();
    let ours = unit.as_ref().filter(|unit| starts(unit, &dir.program()));
    if let Some(unit) = ours {
        // Without its file the service is gone whatever the manager says.
        let _ = systemctl(&["disable", UNIT]);
        if let Err(reason) = fs::remove_file(unit) {
            return Err(AgentDirError::Unusable { path: unit.clone(), reason });
        }
        let _ = systemctl(&["daemon-reload"]);
    }
    dir.forget()?;
    remove_files(dir);
    Ok(())
}

fn remove_files(dir: &AgentDir) {
    let program = dir.program();
    for path in [dir.key(), program.clone(), dir.expiry(), dir.lock_file()] {
        // What is not there need not go.
        let _ = fs::remove_file(path);
    }
    for folder in [program.parent(), Some(dir.path())].into_iter().flatten() {
        // A folder in which something else is stays.
        let _ = fs::remove_dir(folder);
    }
}

/// Has the service manager start the Jump Client from the next login (as root: the next start of
/// the machine) on.
///
/// # Errors
/// Why that cannot be, as half a sentence.
fn start_at_login(dir: &AgentDir) -> Result<(), String> {
    let unit = unit_path().ok_or("there is no home directory")?;
    if unit.exists() {
        return Err(format!("{} is there already", unit.display()));
    }
    // Whether there is a service manager shows before anything is written.
    systemctl(&["daemon-reload"])?;
    let written = unit.parent().map_or(Ok(()), fs::create_dir_all);
    written
        .and_then(|()| fs::write(&unit, unit_text(dir)))
        .map_err(|reason| format!("{} cannot be written: {reason}", unit.display()))?;
    let enabled = systemctl(&["daemon-reload"]).and_then(|()| systemctl(&["enable", UNIT]));
    if enabled.is_err() {
        // It would be taken for one that works.
        let _ = fs::remove_file(&unit);
    }
    enabled
}

/// Starts the service now, once this process lets go of the directory.
pub(crate) fn start_now() {
    if let Err(reason) = systemctl(&["start", "--no-block", UNIT]) {
        tracing::warn!(reason, "the service starts at the next login");
    }
}

/// Stops the service, if it runs the Jump Client of this directory.
pub(crate) fn stop_now(dir: &AgentDir) {
    let ours = unit_path().is_some_and(|unit| starts(&unit, &dir.program()));
    if ours && let Err(reason) = systemctl(&["stop", UNIT]) {
        tracing::warn!(reason, "the service could not be stopped");
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn unit_path() -> Option<PathBuf> {
    if is_root() {
        return Some(Path::new("/etc/systemd/system").join(UNIT));
    }
    let dirs = directories::BaseDirs::new()?;
    Some(dirs.config_dir().join("systemd/user").join(UNIT))
}

/// Whether a unit starts this program.
fn starts(unit: &Path, program: &Path) -> bool {
    fs::read_to_string(unit).is_ok_and(|text| text.contains(&quoted(program)))
}

fn unit_text(dir: &AgentDir) -> String {
    let (mode, wanted_by) =
        if is_root() { ("", "multi-user.target") } else { (" --user", "default.target") };
    let (program, data) = (quoted(&dir.program()), quoted(dir.path()));
    format!(
        "[Unit]\n\
         Description=jumpdeck Jump Client\n\
         StartLimitIntervalSec=0\n\n\
         [Service]\n\
         ExecStart={program} run --data-dir {data}{mode}\n\
         Restart=on-failure\n\
         RestartSec=2\n\
         KillMode=mixed\n\n\
         [Install]\n\
         WantedBy={wanted_by}\n"
    )
}

/// A path as a unit wants it (systemd.syntax(7), systemd.unit(5)).
fn quoted(path: &Path) -> String {
    let mut quoted = String::from("\"");
    for c in path.to_string_lossy().chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '%' | '$' => quoted.extend([c, c]),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Tells the service manager something. What it complains of is the error.
fn systemctl(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("systemctl");
    if !is_root() {
        command.arg("--user");
    }
    let output = command.args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("systemctl cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| !line.trim().is_empty());
    Err(first.map_or_else(|| "systemctl failed".to_owned(), |line| line.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_as_a_unit_reads_it() {
        assert_eq!(quoted(Path::new("/a b/100%/\"c\"")), "\"/a b/100%%/\\\"c\\\"\"");
    }

    #[test]
    fn what_is_undone_leaves_nothing_but_what_others_put_there() {
        let home = tempfile::tempdir().unwrap();
        let from = AgentDir::create(&home.path().join("visit")).unwrap();
        private_file::write(&from.key(), b"key").unwrap();
        let to = home.path().join("stays");
        let target = Target { url: "https://a:1".into(), fingerprint: "SHA256:x".into() };
        let dir = AgentDir::create(&to).unwrap();
        write(&from, &dir, &target, Some(Timestamp(7))).unwrap();
        assert_eq!(dir.target(), Some(target.clone()));
        assert_eq!(dir.expires(), Some(Timestamp(7)));
        assert!(matches!(install(&from, &to, &target, None), Err(InstallError::Taken(_))));
        uninstall(&dir).unwrap();
        assert!(!to.exists());
        let dir = AgentDir::create(&to).unwrap();
        write(&from, &dir, &target, None).unwrap();
        fs::write(to.join("notes"), b"mine").unwrap();
        uninstall(&dir).unwrap();
        let left: Vec<_> = fs::read_dir(&to).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["notes"]);
    }
}

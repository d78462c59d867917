//! A Jump Client that stays: its directory, its copy of this program, and the service that starts
//! it. And all of that undone.

use crate::files::{AgentDir, AgentDirError, Target};
use jumpdeck_protocol::{Timestamp, private_file};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use thiserror::Error;

/// The service's name.
const UNIT: &str = "jumpdeck-agent.service";
/// How long the service manager may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing was installed. Nothing of it is left then.
#[derive(Debug, Error)]
pub(crate) enum InstallError {
    /// There is a Jump Client already.
    #[error("there is a Jump Client already; to remove it: {0}")]
    Taken(String),
    /// Others could put their own program in its place.
    #[error("{0} can be changed by others, and a program there would run as root")]
    Unsafe(PathBuf),
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
    let lock = dir.lock()?;
    if dir.target().is_some() {
        return Err(InstallError::Taken(dir.uninstall_command()));
    }
    only_ours(to)?;
    let written = write(from, &dir, target, expires);
    if let Err(error) = written {
        if let Err(left) = remove_files(&dir) {
            tracing::error!(%left, "an installation that failed left something behind");
        }
        return Err(error);
    }
    let by_hand = start_at_login(&dir).err();
    Ok(Installed { dir, by_hand, _lock: lock })
}

/// A program that root starts stands where only root can change it: in a directory of root's, below
/// directories of root's. Where anybody may add a file, nobody may replace another's.
fn only_ours(dir: &Path) -> Result<(), InstallError> {
    if !is_root() {
        return Ok(());
    }
    for (depth, place) in dir.ancestors().enumerate() {
        let about = fs::symlink_metadata(place);
        let about = about.map_err(|reason| unwritable(place, reason))?;
        let sticky = about.mode() & 0o1000 != 0 && depth > 0;
        let writable = about.mode() & 0o022 != 0 && !sticky;
        if about.uid() != 0 || writable || !about.is_dir() {
            return Err(InstallError::Unsafe(place.to_path_buf()));
        }
    }
    Ok(())
}

fn unwritable(path: &Path, reason: io::Error) -> InstallError {
    InstallError::Unwritable { path: path.to_path_buf(), reason }
}

/// The files; the one that makes it a Jump Client is the last.
fn write(
    from: &AgentDir,
    dir: &AgentDir,
    target: &Target,
    expires: Option<Timestamp>,
) -> Result<(), InstallError> {
    let (program, marker) = (dir.program(), dir.marker());
    let folder = program.parent().unwrap_or(&program);
    private_file::create_dir(folder).map_err(|reason| unwritable(folder, reason))?;
    private_file::write(&marker, b"").map_err(|reason| unwritable(&marker, reason))?;
    // What runs, and not what may be under its name by now.
    let running = Path::new("/proc/self/exe");
    let own = fs::read(running).map_err(|reason| unwritable(running, reason))?;
    private_file::write(&program, &own)
        .and_then(|()| fs::set_permissions(&program, fs::Permissions::from_mode(0o700)))
        .map_err(|reason| unwritable(&program, reason))?;
    let key = fs::read(from.key()).map_err(|reason| unwritable(&from.key(), reason))?;
    private_file::write(&dir.key(), &key).map_err(|reason| unwritable(&dir.key(), reason))?;
    dir.expires_at(expires)?;
    dir.remember(target)?;
    Ok(())
}

/// Undoes an installation: the service, then every file. What is not there is passed over.
///
/// # Errors
/// The first thing that could not be removed; everything else is gone then.
pub(crate) fn uninstall(dir: &AgentDir) -> Result<(), AgentDirError> {
    let unit = unit_path();
    let ours = unit.as_ref().filter(|unit| starts(unit, &dir.program()));
    let mut removed = Ok(());
    if let Some(unit) = ours {
        // Without its file the service is gone, whatever the manager says.
        let told = systemctl(&["disable", UNIT]);
        removed = remove_file(unit);
        if let Err(reason) = told.and_then(|()| systemctl(&["daemon-reload"])) {
            tracing::warn!(reason, "the service manager was not told");
        }
    }
    let forgotten = dir.forget();
    removed.and(forgotten).and(remove_files(dir))
}

fn remove_file(path: &Path) -> Result<(), AgentDirError> {
    match fs::remove_file(path) {
        Err(reason) if reason.kind() != io::ErrorKind::NotFound => {
            Err(AgentDirError::Unusable { path: path.to_path_buf(), reason })
        }
        _ => Ok(()),
    }
}

fn remove_files(dir: &AgentDir) -> Result<(), AgentDirError> {
    let program = dir.program();
    let mut removed = remove_file(&dir.key());
    if dir.marker().exists() {
        // A program that somebody else put there is not ours to remove.
        removed = removed.and(remove_file(&program)).and(remove_file(&dir.marker()));
    }
    removed = removed.and(remove_file(&dir.expiry())).and(remove_file(&dir.lock_file()));
    for folder in [program.parent(), Some(dir.path())].into_iter().flatten() {
        // A folder in which something else is stays.
        let _ = fs::remove_dir(folder);
    }
    removed
}

/// Has the service manager start the Jump Client from the next login (as root: the next start of
/// the machine) on.
///
/// # Errors
/// Why that cannot be, as half a sentence.
fn start_at_login(dir: &AgentDir) -> Result<(), String> {
    let unit = unit_path().ok_or("there is no home directory")?;
    let text = unit_text(dir).ok_or("its path cannot be written in a service's file")?;
    if unit.exists() {
        return Err(format!("{} is there already", unit.display()));
    }
    // Whether there is a service manager shows before anything is written.
    systemctl(&["daemon-reload"])?;
    let written = unit.parent().map_or(Ok(()), fs::create_dir_all);
    written
        .and_then(|()| fs::write(&unit, text))
        .map_err(|reason| format!("{} cannot be written: {reason}", unit.display()))?;
    let enabled = systemctl(&["daemon-reload"]).and_then(|()| systemctl(&["enable", UNIT]));
    if enabled.is_err() {
        // It would be taken for one that works.
        let _ = fs::remove_file(&unit);
    }
    enabled
}

/// Starts the service now, once this process lets go of the directory.
///
/// # Errors
/// What the service manager said.
pub(crate) fn start_now() -> Result<(), String> {
    systemctl(&["start", "--no-block", UNIT])
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
    let program = quoted(program);
    program
        .is_some_and(|program| fs::read_to_string(unit).is_ok_and(|text| text.contains(&program)))
}

fn unit_text(dir: &AgentDir) -> Option<String> {
    let (mode, wanted_by) =
        if is_root() { ("", "multi-user.target") } else { (" --user", "default.target") };
    let (program, data) = (quoted(&dir.program())?, quoted(dir.path())?);
    Some(format!(
        "[Unit]\n\
         Description=jumpdeck Jump Client\n\
         StartLimitIntervalSec=0\n\n\
         [Service]\n\
         ExecStart={program} run --data-dir {data}{mode}\n\
         Restart=on-failure\n\
         RestartSec=2\n\
         KillMode=mixed\n\
         OOMPolicy=continue\n\
         TasksMax=infinity\n\n\
         [Install]\n\
         WantedBy={wanted_by}\n"
    ))
}

/// A path as a unit wants it (systemd.syntax(7), systemd.unit(5)); nothing for one that it cannot
/// take.
fn quoted(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|text| !text.contains(|c: char| c.is_control() || c == '$'))?;
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '%' => quoted.push_str("%%"),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    Some(quoted)
}

/// Tells the service manager something. What it complains of is the error.
fn systemctl(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("systemctl");
    if !is_root() {
        command.arg("--user");
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let failed = |error: io::Error| format!("systemctl cannot be run: {error}");
    let mut child = command.spawn().map_err(failed)?;
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                // It is not known what came of it; that is a failure.
                let _ = child.kill().and_then(|()| child.wait());
                return Err("the service manager does not answer".to_owned());
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    if status.success() {
        return Ok(());
    }
    let said = child.stderr.take().map(io::read_to_string).transpose();
    let said = said.ok().flatten().unwrap_or_default();
    let first = said.lines().find(|line| !line.trim().is_empty());
    Err(first.map_or_else(|| "systemctl failed".to_owned(), |line| line.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_as_a_unit_reads_it() {
        let quoted = |path: &str| quoted(Path::new(path));
        assert_eq!(quoted("/a b/100%/\"c\"").unwrap(), "\"/a b/100%%/\\\"c\\\"\"");
        assert_eq!(quoted("/a\nExecStartPre=/bin/false"), None);
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
        // A program that was not installed by us stays where it is.
        let dir = AgentDir::create(&to).unwrap();
        private_file::create_dir(dir.program().parent().unwrap()).unwrap();
        fs::write(dir.program(), b"a package's").unwrap();
        uninstall(&dir).unwrap();
        assert!(dir.program().exists());
    }

    #[test]
    fn root_does_not_install_where_others_can_change_the_program() {
        if !is_root() {
            return;
        }
        let home = tempfile::tempdir().unwrap();
        assert!(only_ours(home.path()).is_ok());
        let theirs = home.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        std::os::unix::fs::chown(&theirs, Some(1000), None).unwrap();
        let ours = theirs.join("agent");
        fs::create_dir(&ours).unwrap();
        assert!(matches!(only_ours(&ours), Err(InstallError::Unsafe(place)) if place == theirs));
    }
}

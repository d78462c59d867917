//! The environment of a program: as at a login, and who started it from where.

use jumpdeck_protocol::{SessionId, text};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::PathBuf;
use uzers::os::unix::UserExt;

/// Where programs are found if nothing else is said.
const USUAL: &str = "/usr/local/bin:/usr/bin:/bin";
/// The same for root.
const USUAL_OF_ROOT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// For whom a program is started.
#[derive(Clone, Debug)]
pub(crate) struct ProgramOrigin {
    /// The rep; empty where the appliance does not say.
    pub rep: Box<str>,
    /// The session.
    pub session: SessionId,
}

/// The variables of a program; with those of its terminal, if it has one.
pub(super) fn of(
    origin: &ProgramOrigin,
    terminal: Option<(&str, &OsStr)>,
) -> HashMap<OsString, OsString> {
    let mut all = HashMap::new();
    let of_system = assignments("/etc/environment");
    let usual = if rustix::process::geteuid().is_root() { USUAL_OF_ROOT } else { USUAL };
    let own: Vec<_> = inherited().collect();
    let own_path = own.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
    let system_path = of_system.iter().find(|(name, _)| name == "PATH");
    let paths = [own_path, system_path.map(|(_, path)| path.into()), Some(usual.into())];
    let path = joined(paths.into_iter().flatten());
    let locale = ["/etc/default/locale", "/etc/locale.conf"].iter().flat_map(|f| assignments(f));
    let locale = locale.filter(|(name, _)| name == "LANG" || name.starts_with("LC_"));
    all.insert("LANG".into(), "C.UTF-8".into());
    let texts = |(name, value): (String, String)| (OsString::from(name), OsString::from(value));
    all.extend(of_system.into_iter().chain(locale).map(texts));
    all.extend(own);
    all.insert("PATH".into(), path);
    all.insert("HOME".into(), home().into());
    all.insert("SHELL".into(), login_shell().into());
    if let Some(user) = uzers::get_user_by_uid(uzers::get_current_uid()) {
        let name = user.name().to_os_string();
        let mut mail = OsString::from("/var/mail/");
        mail.push(&name);
        all.extend([
            ("USER".into(), name.clone()),
            ("LOGNAME".into(), name),
            ("MAIL".into(), mail),
        ]);
    }
    if let Some((term, tty)) = terminal {
        all.insert("TERM".into(), if term.is_empty() { "xterm-256color" } else { term }.into());
        if !tty.is_empty() {
            all.insert("SSH_TTY".into(), tty.to_os_string());
        }
    }
    all.insert("JUMPDECK_SESSION".into(), origin.session.to_string().into());
    let rep = text::clean(&origin.rep).replace('\0', "");
    if !rep.is_empty() {
        all.insert("JUMPDECK_REP".into(), rep.into());
    }
    all
}

/// What a program inherits of the agent's environment: the place and the language, but nothing of
/// the terminal or the secrets the agent was started with.
fn inherited() -> impl Iterator<Item = (OsString, OsString)> {
    let kept = |name: &str| {
        ["PATH", "LANG", "LANGUAGE", "TZ", "XDG_RUNTIME_DIR"].contains(&name)
            || name.starts_with("LC_")
    };
    std::env::vars_os().filter(move |(name, _)| name.to_str().is_some_and(kept))
}

/// The folders of several search paths, each once.
fn joined(paths: impl Iterator<Item = OsString>) -> OsString {
    let mut folders: Vec<PathBuf> = Vec::new();
    for path in paths {
        for folder in std::env::split_paths(&path) {
            if !folder.as_os_str().is_empty() && !folders.contains(&folder) {
                folders.push(folder);
            }
        }
    }
    std::env::join_paths(folders).unwrap_or_else(|_| USUAL.into())
}

/// The lines `NAME=VALUE` of a file, as PAM reads them.
fn assignments(file: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(assignment).collect()
}

fn assignment(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(plain) || value.contains('\0') {
        return None;
    }
    let value = value.trim();
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote).and_then(|rest| rest.strip_suffix(*quote)));
    Some((name.to_owned(), unquoted.unwrap_or(value).to_owned()))
}

/// Where programs start: the home of the environment the agent was started in, else that of the
/// account.
pub(super) fn home() -> PathBuf {
    let home = std::env::home_dir().filter(|home| home.is_dir());
    home.unwrap_or_else(|| PathBuf::from("/"))
}

/// The account's shell.
pub(super) fn login_shell() -> PathBuf {
    let user = uzers::get_user_by_uid(uzers::get_current_uid());
    let shell = user.map(|user| user.shell().to_path_buf()).filter(|shell| shell.is_file());
    shell.unwrap_or_else(|| PathBuf::from("/bin/sh"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_variables_is_read_as_pam_reads_it() {
        let read = |line| assignment(line);
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(read("PATH=\"/usr/bin:/bin\""), pair("PATH", "/usr/bin:/bin"));
        assert_eq!(read(" export EDITOR=vi "), pair("EDITOR", "vi"));
        for none in ["# X=1", "X", "=1", "A B=1", ""] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn a_program_knows_who_started_it_and_is_found_as_at_a_login() {
        let origin = ProgramOrigin { rep: "an\x1bna".into(), session: SessionId(7) };
        let all = of(&origin, Some(("xterm", OsStr::new("/dev/pts/3"))));
        let text = |name: &str| all.get(OsStr::new(name)).map(|v| v.to_string_lossy().into_owned());
        assert_eq!(text("JUMPDECK_SESSION").as_deref(), Some("7"));
        assert!(!text("JUMPDECK_REP").unwrap().contains('\x1b'));
        assert_eq!(text("SSH_TTY").as_deref(), Some("/dev/pts/3"));
        assert!(text("PATH").unwrap().split(':').any(|folder| folder == "/usr/bin"));
        assert!(text("SHELL").is_some() && text("HOME").is_some() && text("LANG").is_some());
        assert_eq!(of(&origin, None).get(OsStr::new("TERM")), None);
    }
}

//! A machine that is not a Jump Client: it joins with a key, is pinned, and is let go.

use crate::support::{Guard, Home, Screen, kill, text, until};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A key, and where it leads.
pub struct Invitation {
    key: String,
    url: String,
    fingerprint: String,
}

pub fn invite(home: &Home) -> Invitation {
    let made: serde_json::Value =
        serde_json::from_str(&home.ok(&["session-key", "--json"])).unwrap();
    let field = |name: &str| made[name].as_str().unwrap().to_owned();
    Invitation { key: field("key"), url: field("appliance"), fingerprint: field("fingerprint") }
}

impl Invitation {
    fn arguments<'a>(&'a self, name: &'a str) -> [&'a str; 8] {
        let (url, fingerprint) = (&self.url, &self.fingerprint);
        ["join", &self.key, "--appliance", url, "--fingerprint", fingerprint, "--name", name]
    }
}

/// A service manager that does nothing but say `answer` and end with `status`; what it is told
/// is in the file `calls`.
pub fn service_manager(dir: &Path, answer: &str, status: i32) -> String {
    let bin = dir.join("bin");
    fs::create_dir_all(&bin).unwrap();
    let calls = dir.join("calls");
    let script = format!(
        "#!/bin/sh\necho \"$*\" >> '{}'\necho '{answer}' >&2\nexit {status}\n",
        calls.display()
    );
    let program = bin.join("systemctl");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

/// The machine's person joins; everything that is for a while only goes to a place of its own.
pub fn join(home: &Home, invitation: &Invitation, name: &str, path: &str) -> Screen {
    let passing = home.path().join("tmp");
    fs::create_dir_all(&passing).unwrap();
    let mut command = home.agent("pinned", &invitation.arguments(name));
    command.env("TMPDIR", passing).env("PATH", path);
    let mut person = Screen::start(&command, 100, 30);
    person.wait_for("Waiting for a technician.");
    person
}

/// The rep takes the machine that waits, and its person allows it.
fn take(console: &mut Screen, person: &mut Screen, name: &str) {
    console.send("gs");
    console.wait_for("Waiting");
    console.wait_for(name);
    console.send("\r");
    person.wait_for("Allow it? [y/N]");
    person.send("y\r");
    console.wait_for("Ctrl-] then d: list");
    person.wait_for("opened a shell");
}

fn passing_files(home: &Home) -> usize {
    fs::read_dir(home.path().join("tmp")).unwrap().count()
}

fn status_of(home: &Home, name: &str) -> Option<String> {
    let listed = home.ok(&["ls"]);
    let line = listed.lines().find(|line| line.starts_with(name))?;
    Some(line.split('\t').nth(1)?.to_owned())
}

#[test]
fn a_machine_joins_is_pinned_outlives_its_agent_and_is_unpinned() {
    let home = Home::new();
    let path = service_manager(home.path(), "no service manager here", 1);
    let mut console = home.console(120, 40);
    console.wait_for("● online");
    let invitation = invite(&home);
    let mut person = join(&home, &invitation, "kiosk", &path);
    take(&mut console, &mut person, "kiosk");
    console.send("echo sum $((40+2))\r");
    console.wait_for("sum 42");

    // What either of them says, the other reads.
    person.send("is it broken?\r");
    console.wait_for("the customer in kiosk: is it broken?");
    console.send("\x1dc");
    console.wait_for("Message to everyone");
    console.send("not any more\r");
    person.wait_for(": not any more");

    // Pinned with a tag and an expiry.
    console.send("\x1dP");
    console.wait_for("Customize");
    console.send("\r");
    console.wait_for("Pin kiosk");
    console.send("\x1b[B\x1b[Blab\x1b[B\x1b[B\x1b[B\x1b[B\x1b[B\x1b[B+7d\x13");
    let asked = person.wait_for("wants permanent access to this computer (as “kiosk”) until 20");
    assert!(asked.contains("wants to open a terminal on this computer"), "{asked}");
    person.send("y\r");
    person.wait_for("it cannot start by itself");
    console.wait_for("kiosk is pinned, but does not start by itself: no service manager here");
    let pinned = home.path().join("pinned");
    let started = home.ok(&["ls", "--json", "tag:lab"]);
    assert!(started.contains("\"kiosk\""), "{started}");

    // Its agent is killed, and started again as it said.
    kill(fs::read_to_string(pinned.join("agent.lock")).unwrap().trim().parse().unwrap());
    console.wait_for("the machine is away");
    until("it is offline", || status_of(&home, "kiosk").as_deref() == Some("offline"));
    let mut again = Command::new(pinned.join("bin/jumpdeck-agent"));
    again.args(["run", "--data-dir"]).arg(&pinned).env("HOME", home.path()).env("PATH", &path);
    let mut agent = Guard(again.spawn().unwrap());
    console.wait_for("The session with kiosk is lost");
    until("it is online", || status_of(&home, "kiosk").as_deref() == Some("online"));

    // Unpinned within another session, which goes on.
    console.send("/kiosk\r\r");
    console.wait_for("Ctrl-] then d: list");
    console.send("\x1dP");
    console.wait_for("Unpin the machine?");
    console.send("y");
    console.wait_for("kiosk is unpinned");
    assert!(!pinned.exists(), "gone from the disk");
    assert_eq!(status_of(&home, "kiosk"), None, "gone from the list");
    console.send("echo still $((40+2))\r");
    console.wait_for("still 42");
    console.send("\x1dx");
    console.wait_for("End the session?");
    console.send("y");
    console.wait_for("The session with kiosk was ended.");
    assert!(agent.0.wait().unwrap().success(), "it ends with its session");
}

#[test]
fn who_was_let_in_once_leaves_nothing_behind() {
    let home = Home::new();
    let path = std::env::var("PATH").unwrap();
    let mut console = home.console(120, 40);
    console.wait_for("● online");
    let invitation = invite(&home);
    let mut person = join(&home, &invitation, "kiosk", &path);
    take(&mut console, &mut person, "kiosk");
    assert_eq!(passing_files(&home), 1);
    console.send("\x1dx");
    console.wait_for("End the session?");
    console.send("y");
    person.wait_for("Nothing of jumpdeck is left on this computer");
    assert_eq!(person.wait_for_end(), 0);
    assert_eq!(passing_files(&home), 0);
    assert!(!home.path().join("pinned").exists());

    // The key was used up.
    let arguments = invitation.arguments("kiosk");
    let again = home.agent("pinned", &arguments).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    let said = text(&again.stderr);
    assert!(said.contains("The session key is wrong, used or expired."), "{said}");
}

#[test]
fn the_person_refuses_leaves_and_stops() {
    let home = Home::new();
    let path = std::env::var("PATH").unwrap();
    let mut console = home.console(120, 40);
    console.wait_for("● online");
    let mut person = join(&home, &invite(&home), "kiosk", &path);
    console.send("gs");
    console.wait_for("kiosk");
    console.send("\r");
    person.wait_for("Allow it? [y/N]");
    // Ctrl-D is no yes, and no end of the talk.
    person.send("\x04");
    person.wait_for("Not allowed.");
    console.wait_for("The person at the machine did not allow it.");
    console.send("\r");
    person.wait_until("another question", |text| text.matches("Allow it?").count() == 2);
    person.send("n\r");
    person.wait_until("another no", |text| text.matches("Not allowed.").count() == 2);
    // Ctrl-C.
    person.send("\x03");
    assert_eq!(person.wait_for_end(), 0);
    console.wait_for("No session is open.");

    let mut person = join(&home, &invite(&home), "counter", &path);
    console.wait_for("counter");
    console.send("x");
    console.wait_for("Reject the machine?");
    console.send("y");
    person.wait_for("No technician is available at the moment.");
    assert_eq!(person.wait_for_end(), 1);

    let mut person = join(&home, &invite(&home), "desk", &path);
    take(&mut console, &mut person, "desk");
    person.send("stop\r");
    console.wait_for("The person at desk ended the session.");
    assert_eq!(person.wait_for_end(), 0);
    assert_eq!(passing_files(&home), 0);
}

#[test]
fn a_join_that_cannot_be_says_why() {
    let home = Home::new();
    home.ok(&["ls"]);
    let invitation = invite(&home);
    let refused = |arguments: &[&str]| {
        let output = home.agent("pinned", arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        text(&output.stderr)
    };
    let (url, fingerprint) = (invitation.url.as_str(), invitation.fingerprint.as_str());
    let said = refused(&["join", "abc", "--appliance", url, "--fingerprint", fingerprint]);
    assert!(said.contains("\"abc\" is no session key"), "{said}");
    let said = refused(&["join", &invitation.key, "--appliance", url]);
    assert!(said.contains("--fingerprint is needed"), "{said}");
    let wrong = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let said = refused(&["join", &invitation.key, "--appliance", url, "--fingerprint", wrong]);
    assert!(said.contains(fingerprint), "it names the key it found: {said}");
    let said = refused(&["uninstall"]);
    assert!(said.contains("there is no Jump Client in"), "{said}");
}

/// A directory, and how to run the agent there as somebody who is not root.
struct Somebody {
    dir: tempfile::TempDir,
    agent: PathBuf,
}

/// Whose programs these are, when the tests run as root.
const SOMEBODY: u32 = 1000;

impl Somebody {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let agent = dir.path().join("jumpdeck-agent");
        let built = Path::new(env!("CARGO_BIN_EXE_jumpdeck")).with_file_name("jumpdeck-agent");
        fs::copy(built, &agent).unwrap();
        if rustix::process::geteuid().is_root() {
            let owner = Some(SOMEBODY);
            std::os::unix::fs::chown(dir.path(), owner, owner).unwrap();
        }
        Self { dir, agent }
    }

    fn command(&self, program: &Path, arguments: &[&str], path: &str) -> Command {
        let mut command = if rustix::process::geteuid().is_root() {
            let (user, group) = (format!("--reuid={SOMEBODY}"), format!("--regid={SOMEBODY}"));
            let mut command = Command::new("setpriv");
            command.args([&user, &group, "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let home = self.dir.path();
        command
            .args(arguments)
            .env("HOME", home)
            .env("PATH", path)
            .env("TMPDIR", home)
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .env_remove("JUMPDECK_DATA_DIR");
        command
    }
}

#[test]
fn a_pinned_machine_gets_a_user_service_where_there_is_a_manager() {
    let home = Home::new();
    let somebody = Somebody::new();
    let path = service_manager(somebody.dir.path(), "", 0);
    let calls = || fs::read_to_string(somebody.dir.path().join("calls")).unwrap_or_default();
    if rustix::process::geteuid().is_root() {
        // The stand-in writes down what it is told.
        fs::write(somebody.dir.path().join("calls"), "").unwrap();
        fs::set_permissions(somebody.dir.path().join("calls"), fs::Permissions::from_mode(0o666))
            .unwrap();
    }
    let mut console = home.console(120, 40);
    console.wait_for("● online");
    let invitation = invite(&home);
    let arguments = invitation.arguments("kiosk");
    let mut person = Screen::start(&somebody.command(&somebody.agent, &arguments, &path), 100, 30);
    person.wait_for("Waiting for a technician.");
    take(&mut console, &mut person, "kiosk");
    console.send("\x1dP");
    console.wait_for("Customize");
    console.send("\x1b[B\r");
    person.wait_for("wants permanent access to this computer");
    person.send("y\r");
    person.wait_for("This computer stays reachable.");
    console.wait_for("kiosk is pinned; its service starts it from now on.");
    let unit = somebody.dir.path().join(".config/systemd/user/jumpdeck-agent.service");
    let program = somebody.dir.path().join(".local/share/jumpdeck-agent/bin/jumpdeck-agent");
    let text_of_unit = fs::read_to_string(&unit).unwrap();
    let starts = format!("ExecStart=\"{}\" run --data-dir", program.display());
    assert!(text_of_unit.contains(&starts), "{text_of_unit}");
    assert!(calls().contains("--user enable jumpdeck-agent.service"), "{}", calls());

    // With the session, the program in the terminal ends, and the service takes over.
    console.send("\x1dx");
    console.wait_for("End the session?");
    console.send("y");
    assert_eq!(person.wait_for_end(), 0);
    until("the service is started", || calls().contains("--user start --no-block"));
    let data = program.ancestors().nth(2).unwrap();
    let run = ["run", "--user", "--data-dir", data.to_str().unwrap()];
    let mut service = Guard(somebody.command(&program, &run, &path).spawn().unwrap());
    until("it is online", || status_of(&home, "kiosk").as_deref() == Some("online"));

    // Its person undoes it: the service, the files, and the appliance knows.
    let undo = || somebody.command(&program, &["uninstall"], &path).output().unwrap();
    assert_eq!(undo().status.code(), Some(1), "while the service runs");
    service.0.kill().unwrap();
    service.0.wait().unwrap();
    let undone = undo();
    assert!(undone.status.success(), "{}", text(&undone.stderr));
    assert!(!unit.exists() && !data.exists());
    assert!(calls().contains("--user disable jumpdeck-agent.service"), "{}", calls());
    until("it is told", || status_of(&home, "kiosk").as_deref() == Some("uninstalled"));
}

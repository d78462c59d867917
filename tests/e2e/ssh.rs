//! The SSH front door, with the real OpenSSH client.

use crate::serve::Served;
use crate::support::{Guard, Home, Screen, hostname, kill, signal, text};
use rustix::process::Signal;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A server with this machine behind it.
pub(crate) struct House {
    pub(crate) home: Home,
    pub(crate) served: Served,
    pub(crate) _agent: Guard,
}

impl House {
    pub(crate) fn new() -> Self {
        let home = Home::new();
        let served = Served::start(&home);
        let agent = Guard(served.agent(&home, "agent", &served.key, &served.url()));
        served.until_online(&home, 1);
        Self { home, served, _agent: agent }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// An `ssh` that knows nobody and asks nobody, but for what `options` say.
    pub(crate) fn ssh(&self, options: &[&str], user: &str, command: &[&str]) -> Command {
        let (host, port) = self.served.ssh.0.split_once(':').unwrap();
        let known = format!("UserKnownHostsFile={}", self.path("known_hosts").display());
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-p", port, "-o", &known])
            .args(["-o", "StrictHostKeyChecking=accept-new", "-o", "IdentitiesOnly=yes"])
            .args(options)
            .arg(format!("{user}@{host}"))
            .args(command)
            .env_remove("SSH_AUTH_SOCK")
            .env_remove("SSH_ASKPASS")
            .env("LANG", "C.UTF-8");
        ssh
    }

    /// One that answers what it is asked with these, one after the other.
    pub(crate) fn answering(&self, answers: &[&str], user: &str, command: &[&str]) -> Command {
        let script = self.path("answers");
        std::fs::write(self.path("answers.txt"), answers.join("\n") + "\n").unwrap();
        let file = self.path("answers.txt").display().to_string();
        let text = format!("#!/bin/sh\nhead -n 1 '{file}'\nsed -i 1d '{file}'\n");
        std::fs::write(&script, text).unwrap();
        let mut mode = std::fs::metadata(&script).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o700);
        std::fs::set_permissions(&script, mode).unwrap();
        let options = [
            "-o",
            "PubkeyAuthentication=no",
            "-o",
            "PreferredAuthentications=keyboard-interactive",
        ];
        let mut ssh = self.ssh(&options, user, command);
        ssh.env("SSH_ASKPASS", script).env("SSH_ASKPASS_REQUIRE", "force");
        ssh
    }

    /// Runs a verb with the password.
    pub(crate) fn verb(&self, command: &[&str]) -> Output {
        let mut ssh = self.answering(&[&self.served.password], "admin", command);
        ssh.stdin(Stdio::null()).output().unwrap()
    }

    /// A new key pair, and the option that offers it.
    pub(crate) fn key(&self, name: &str) -> (String, String) {
        let path = self.path(name);
        let path = path.to_str().unwrap();
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path])
            .status();
        assert!(made.unwrap().success());
        (path.to_owned(), std::fs::read_to_string(format!("{path}.pub")).unwrap())
    }

    pub(crate) fn add_key(&self, public: &str) {
        let mut ssh = self.answering(&[&self.served.password], "admin", &["ssh-key", "add"]);
        let mut child = ssh.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(public.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// The console, by the password.
    pub(crate) fn console(&self, columns: u16, rows: u16) -> Screen {
        let command = self.answering(&[&self.served.password], "admin", &[]);
        Screen::start(&command, columns, rows)
    }
}

/// Who comes in straight to this machine's shell.
pub(crate) fn jump_of_admin() -> String {
    format!("admin:{}", hostname())
}

/// The same `ssh`, with a terminal over there.
pub(crate) fn with_terminal(ssh: &Command) -> Command {
    let mut command = Command::new("ssh");
    command.arg("-tt").args(ssh.get_args());
    for (name, value) in ssh.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// A screen without the minute, which may turn while somebody looks.
pub(crate) fn timeless(text: &str) -> String {
    let mut text = text.to_owned();
    let at: Vec<_> = text.match_indices(':').map(|(at, _)| at).collect();
    for at in at {
        let time = at.checked_sub(2).and_then(|from| text.get(from..at + 3));
        if time.is_some_and(|time| time.bytes().all(|b| b == b':' || b.is_ascii_digit())) {
            text.replace_range(at - 2..at + 3, "00:00");
        }
    }
    text
}

#[test]
fn the_console_is_there_follows_the_window_and_its_sessions_outlive_the_connection() {
    let house = House::new();
    let mut console = house.console(120, 30);
    console.wait_for("● online");
    console.send("\r");
    console.wait_for("Ctrl-] then d");
    console.send("stty size\r");
    console.wait_for("29 120");
    console.resize(80, 24);
    console.send("clear; stty size\r");
    console.wait_for("23 80");
    console.send("echo still $((40 + 2)) here\r");
    console.wait_for("still 42 here");
    kill(console.process());
    // Anyone who comes back finds the shell with what stood there.
    let mut again = house.console(80, 24);
    again.wait_for("in use");
    again.send("\r");
    again.wait_for("still 42 here");
    again.send("exit\r");
    again.wait_for("All Items");
    again.send("q");
    assert_eq!(again.wait_for_end(), 0);
}

#[test]
fn a_console_by_ssh_leaves_the_terminal_as_it_was_when_the_appliance_stops() {
    let house = House::new();
    let mut screen = house.console(100, 30);
    screen.wait_for("All Items");
    let mut shell = house.answering(&[&house.served.password], &jump_of_admin(), &[]);
    let mut shell = Screen::start(&with_terminal(shell.env("TERM", "xterm-256color")), 80, 24);
    shell.send("echo he''re\r");
    shell.wait_for("here");
    signal(house.served.process(), Signal::TERM);
    assert_ne!(screen.wait_for_end(), 0);
    let bytes = text(&screen.bytes);
    let left = bytes.rfind("\x1b[?1049l").expect("the alternate screen is left");
    assert!(bytes[left..].contains("The appliance was stopped."), "{}", &bytes[left..]);
    assert_ne!(shell.wait_for_end(), 0);
    let bytes = text(&shell.bytes);
    assert!(bytes.contains("returns to it"), "{bytes}");
}

#[test]
fn a_console_by_ssh_looks_as_a_local_one_does() {
    let house = House::new();
    for (columns, rows) in [(120, 40), (80, 24), (40, 12)] {
        let mut far = house.console(columns, rows);
        let far_text = far.wait_for("● online");
        let mut command = house.served.rep(&house.home, &[]);
        command.env("COLORTERM", "").env("TERM", "xterm-256color");
        let mut near = Screen::start(&command, columns, rows);
        let near_text = near.wait_for("● online");
        // The machine's figures come when they come.
        let settled = |screen: &mut Screen| {
            if columns == 120 {
                screen.send("i");
                screen.wait_until("no details", |text| !text.contains("Hardware"));
            }
            screen.send("?");
            timeless(&screen.wait_for("Help"))
        };
        let (far_help, near_help) = (settled(&mut far), settled(&mut near));
        let first = |text: &str| timeless(text.lines().next().unwrap());
        assert_eq!(first(&far_text), first(&near_text));
        assert_eq!(far_help, near_help);
        for screen in [&mut far, &mut near] {
            screen.send("\x1b");
            screen.wait_until("no help", |text| !text.contains("Help"));
            screen.send("q");
            assert_eq!(screen.wait_for_end(), 0);
        }
    }
}

#[test]
fn a_terminal_without_unicode_is_drawn_in_ascii() {
    let house = House::new();
    let (key, public) = house.key("old");
    house.add_key(&public);
    let options = ["-tt", "-i", &key, "-o", "SetEnv=LC_ALL=de_DE.ISO-8859-1"];
    let mut far = Screen::start(&house.ssh(&options, "admin", &[]), 80, 24);
    far.wait_for("* online");
    far.send("?");
    far.wait_for("Help");
    far.send("\x1b");
    far.wait_until("no help", |text| !text.contains("Help"));
    far.send("q");
    assert_eq!(far.wait_for_end(), 0);
    let mut command = house.served.rep(&house.home, &[]);
    let mut near = Screen::start(command.env("LC_ALL", "C"), 80, 24);
    let shown = near.wait_for("* online");
    assert!(shown.contains("+ All Items - 1 ---"), "{shown}");
    near.send("q");
    assert_eq!(near.wait_for_end(), 0);
    for screen in [far, near] {
        let other: Vec<_> = screen.bytes.iter().filter(|byte| !byte.is_ascii()).collect();
        assert!(other.is_empty(), "{other:?}");
    }
}

#[test]
fn verbs_run_with_their_streams_and_statuses() {
    let house = House::new();
    let name = hostname();
    let listed = house.verb(&["ls", "--json"]);
    let item: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(item["name"].as_str(), Some(&*name));
    let command = format!("exec {name} -- sh -c 'echo out; echo err >&2; exit 7'");
    let run = house.verb(&[&command]);
    assert_eq!((run.status.code(), text(&run.stdout)), (Some(7), "out\n".into()));
    assert_eq!(text(&run.stderr), "err\n");
    let wrong = house.verb(&["nonsense"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("unrecognized subcommand"));
    let open = house.verb(&["ls 'tag"]);
    assert_eq!(open.status.code(), Some(2));
    let none = house.verb(&["exec", "no-such-machine", "--", "true"]);
    assert_eq!(none.status.code(), Some(255));
    // There is no way to the files of the appliance's machine.
    for verb in ["admin export /tmp/x", "audit export /tmp/x", "recordings ls", "ls --log /tmp/x"] {
        assert_eq!(house.verb(&[verb]).status.code(), Some(2), "{verb}");
    }
    let help = house.verb(&["help"]);
    assert!(help.status.success() && text(&help.stdout).contains("Usage: ssh REP@APPLIANCE"));
    // Without a terminal and a verb, the lines of the input are verbs.
    let mut ssh = house.answering(&[&house.served.password], "admin", &[]);
    let child = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(format!("ls\nexec {name} -- false\n").as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).starts_with(&name), "{}", text(&output.stderr));
    // At a terminal it is a prompt.
    let asked = house.answering(&[&house.served.password], "admin", &["plain"]);
    let mut prompt = Screen::start(&with_terminal(&asked), 80, 24);
    prompt.wait_for("jumpdeck>");
    prompt.send("sessions\t\r");
    prompt.send(&format!("jump {name}\r"));
    prompt.send("echo $((6*7)); exit 4\r");
    prompt.wait_for("42");
    prompt.wait_for("Status 4.");
    prompt.send("exit\r");
    assert_eq!(prompt.wait_for_end(), 4);
}

#[test]
fn a_name_with_an_item_is_that_machine() {
    let house = House::new();
    let user = format!("admin:{}", hostname());
    let mut ssh = house.answering(&[&house.served.password], &user, &["cat; exit 3"]);
    let child = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    // More than any window: nothing of it is lost.
    let bytes: Vec<u8> = (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut input = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || input.write_all(&sent).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout == bytes, "every byte there and back");
    let mut shell =
        Screen::start(house.answering(&[&house.served.password], &user, &[]).arg("-tt"), 80, 24);
    shell.send("echo $((6 * 7)) in $TERM; exit 5\r");
    shell.wait_for("42 in xterm-256color");
    assert_eq!(shell.wait_for_end(), 5);
    // A command has a terminal if one is asked for.
    let command = ["stty size; read -p 'name? ' name; echo \"hello $name\"; exit 6"];
    let (key, public) = house.key("ann");
    house.add_key(&public);
    let mut command = Screen::start(&house.ssh(&["-tt", "-i", &key], &user, &command), 90, 25);
    command.wait_for("25 90");
    command.wait_for("name?");
    command.send("ann\r");
    command.wait_for("hello ann");
    assert_eq!(command.wait_for_end(), 6);
    // Without anybody to type, too, and it hears of that as a program at a terminal does.
    let script = ["echo before; cat; echo after; exit 4"];
    let mut alone = house.ssh(&["-tt", "-i", &key], &user, &script);
    let alone = alone.stdin(Stdio::null()).output().unwrap();
    assert_eq!(alone.status.code(), Some(4), "{}", text(&alone.stdout));
    assert!(text(&alone.stdout).contains("before\r\nafter\r\n"), "{}", text(&alone.stdout));
}

#[test]
fn keys_open_once_they_are_added_and_no_longer_than_that() {
    let house = House::new();
    let (key, public) = house.key("alice on her laptop");
    let try_key = || {
        let options = ["-i", &key, "-o", "BatchMode=yes"];
        house.ssh(&options, "admin", &["ls"]).output().unwrap()
    };
    let before = try_key();
    assert_eq!(before.status.code(), Some(255), "an unknown key is refused");
    assert!(text(&before.stderr).contains("Permission denied"));
    house.add_key(&public);
    let after = try_key();
    assert!(after.status.success(), "{}", text(&after.stderr));
    assert!(text(&after.stdout).contains(&hostname()));
    // Anyone who came by a key does not add another.
    let (_, other) = house.key("mallory");
    let line = format!("ssh-key add {}", other.trim());
    let options = ["-i", &key, "-o", "BatchMode=yes"];
    let added = house.ssh(&options, "admin", &[&line]).output().unwrap();
    assert_eq!(added.status.code(), Some(1), "{}", text(&added.stderr));
    let listed = house.verb(&["ssh-key", "ls"]);
    assert!(text(&listed.stdout).contains("alice on her laptop"));
    assert_eq!(text(&listed.stdout).lines().count(), 1);
    // What it opened is over once it is removed.
    let open = house.ssh(&["-tt", "-i", &key, "-o", "BatchMode=yes"], "admin", &[]);
    let mut open = Screen::start(&open, 80, 24);
    open.wait_for("All Items");
    let removed = house.verb(&["ssh-key rm 'alice on her laptop'"]);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert_ne!(open.wait_for_end(), 0);
    assert_eq!(try_key().status.code(), Some(255));
}

#[test]
fn twenty_who_come_at_once_from_one_address_are_all_let_in() {
    let house = House::new();
    let (key, public) = house.key("automation");
    house.add_key(&public);
    let options = ["-i", &key, "-o", "BatchMode=yes"];
    let come = || {
        let mut ssh = house.ssh(&options, "admin", &["ls"]);
        ssh.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let all: Vec<_> = (0..20).map(|_| come()).collect();
    for ssh in all {
        let output = ssh.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains(&hostname()));
    }
}

#[test]
fn wrong_passwords_are_refused_written_down_and_slowed() {
    let house = House::new();
    let refused = house.answering(&["wrong", "wrong", "wrong"], "admin", &["ls"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(255));
    assert!(text(&refused.stdout).is_empty());
    let unknown = house.answering(&["wrong"], "nobody", &["ls"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(255));
    let audit = house.served.rep(&house.home, &["audit", "ls"]).output().unwrap();
    let audit = text(&audit.stdout);
    let failures = |whose: &str| {
        audit.lines().filter(|l| l.contains("login_failed") && l.contains(whose)).count()
    };
    assert!(failures("admin") >= 3 && failures("an unknown name") >= 1, "{audit}");
    assert!(!audit.contains("wrong") && !audit.contains(&house.served.password));
    for _ in 0..2 {
        house.answering(&["wrong", "wrong", "wrong"], "admin", &["ls"]).output().unwrap();
    }
    assert_eq!(house.verb(&["ls"]).status.code(), Some(255), "now even the right one has to wait");
}

#[test]
fn a_second_factor_is_wanted_after_the_password_and_after_a_key() {
    let house = House::new();
    let (key, public) = house.key("alice");
    house.add_key(&public);
    let set_up = house.answering(&[&house.served.password], "admin", &["second-factor", "set"]);
    let command = with_terminal(&set_up);
    let mut screen = Screen::start(&command, 100, 60);
    let shown = screen.wait_for("Code that it shows:");
    let secret = shown.lines().find_map(|line| line.trim().strip_prefix("secret  ")).unwrap();
    let code = |shift: &str| {
        let mut tool = Command::new("oathtool");
        tool.args(["--totp", "-b", "-N", shift, secret.trim()]);
        let output = tool.output().expect("tests/run installs oathtool");
        text(&output.stdout).trim().to_owned()
    };
    screen.send(&format!("{}\r", code("now")));
    screen.wait_for("Keep these");
    assert_eq!(screen.wait_for_end(), 0);
    let password = house.served.password.clone();
    // The code of the next half minute: that of this one was used.
    let next = code("now + 30 seconds");
    let with = |answers: &[&str]| {
        house.answering(answers, "admin", &["ls"]).output().unwrap().status.code()
    };
    assert_eq!(with(&[&password, "000000"]), Some(255));
    assert_eq!(with(&[&password, &next]), Some(0));
    assert_eq!(with(&[&password, &next]), Some(255), "a code opens once");
    let mut by_key = house.ssh(&["-i", &key, "-o", "BatchMode=yes"], "admin", &["ls"]);
    assert_eq!(by_key.output().unwrap().status.code(), Some(255), "a key alone is half a proof");
}

#[test]
fn a_changed_host_key_is_noticed_and_the_true_one_is_shown() {
    let mut house = House::new();
    assert!(house.verb(&["ls"]).status.success());
    let known = std::fs::read_to_string(house.path("known_hosts")).unwrap();
    std::fs::write(house.path("known.pub"), known.split_once(' ').unwrap().1).unwrap();
    let shown = Command::new("ssh-keygen").arg("-lf").arg(house.path("known.pub")).output();
    assert!(text(&shown.unwrap().stdout).contains(&house.served.ssh.1), "as serve says");
    house.served.restart(&house.home);
    assert!(house.verb(&["ls"]).status.success(), "the key is kept");
    std::fs::remove_file(house.path("server/keys/ssh_host_ed25519_key")).unwrap();
    house.served.restart(&house.home);
    let refused = house.verb(&["ls"]);
    assert_eq!(refused.status.code(), Some(255));
    assert!(text(&refused.stderr).contains("HOST IDENTIFICATION HAS CHANGED"));
}

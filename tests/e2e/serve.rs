//! The appliance as a server: enrolment, logins, pins, and callers who mean no good.

use crate::support::{Guard, Home, Screen, hostname, text, until};
use jumpdeck_server_sim::free_address;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running `jumpdeck serve`.
pub struct Served {
    child: Guard,
    pub address: String,
    /// Where its SSH front door listens, and the fingerprint of the key there.
    pub ssh: (String, String),
    pub fingerprint: String,
    /// The first password, as the server showed it.
    pub first: String,
    /// The one that was chosen in its place.
    pub password: String,
    pub key: String,
}

impl Served {
    /// Starts a new server and reads what it says at its first start.
    pub fn start(home: &Home) -> Self {
        let address = free_address().unwrap().to_string();
        let ssh = (free_address().unwrap().to_string(), String::new());
        let child = serve(home, &address, &ssh.0);
        let mut served = Self {
            child: Guard(child),
            address,
            ssh,
            fingerprint: String::new(),
            first: String::new(),
            password: String::new(),
            key: String::new(),
        };
        let out = served.child.0.stdout.take().unwrap();
        for line in BufReader::new(out).lines().map(Result::unwrap) {
            if let Some(fingerprint) = line.strip_prefix("The fingerprint of its key: ") {
                served.fingerprint = fingerprint.to_owned();
            } else if let Some(fingerprint) = line.strip_prefix("The fingerprint of its SSH key: ")
            {
                fingerprint.clone_into(&mut served.ssh.1);
            } else if let Some((_, password)) = line.split_once("user admin, password ") {
                served.first = password.to_owned();
            } else if let Some(rest) = line.strip_prefix("JUMPDECK_INSTALLER_KEY=") {
                served.key = rest.split(' ').next().unwrap().to_owned();
                break;
            }
        }
        if served.key.is_empty() {
            panic!("the server ended: {}", std::fs::read_to_string(errors(home)).unwrap());
        }
        served.password = format!("{} and more", served.first);
        choose_password(home, &served, "admin", (&served.first, &served.password));
        served
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Kills the server and starts it again on the same port.
    pub fn restart(&mut self, home: &Home) {
        self.restart_with(home, &[]);
    }

    /// The same, with more options.
    pub fn restart_with(&mut self, home: &Home, options: &[&str]) {
        self.stop();
        self.child = Guard(serve_with(home, &self.address, &self.ssh.0, options));
        self.until_open();
    }

    /// The same, started by another program.
    pub fn restart_under(&mut self, home: &Home, starter: &[&str]) {
        self.stop();
        let server = server(home, &self.address, &self.ssh.0, &[]);
        let mut server = crate::field::by(starter, &server);
        server.stdout(Stdio::null()).stderr(File::create(errors(home)).unwrap());
        self.child = Guard(server.spawn().unwrap());
        self.until_open();
    }

    pub fn process(&self) -> u32 {
        self.child.0.id()
    }

    /// Kills it.
    pub fn stop(&mut self) {
        self.child.0.kill().unwrap();
        self.child.0.wait().unwrap();
    }

    fn until_open(&self) {
        until("the server listens again", || TcpStream::connect(&self.address).is_ok());
        until("the front door is open again", || TcpStream::connect(&self.ssh.0).is_ok());
    }

    /// A `jumpdeck` that goes to this server as its administrator.
    pub fn rep(&self, home: &Home, arguments: &[&str]) -> Command {
        let mut command = home.jumpdeck(arguments);
        command
            .env("JUMPDECK_CONNECT", self.url())
            .env("JUMPDECK_USER", "admin")
            .env("JUMPDECK_PASSWORD", &self.password)
            .arg("--fingerprint")
            .arg(&self.fingerprint);
        if let Some(at) = arguments.iter().position(|argument| *argument == "--") {
            // Options stand before the command that is run over there.
            let mut ordered = home.jumpdeck(&arguments[..at]);
            ordered
                .env("JUMPDECK_CONNECT", self.url())
                .env("JUMPDECK_USER", "admin")
                .env("JUMPDECK_PASSWORD", &self.password)
                .args(["--fingerprint", &self.fingerprint])
                .args(&arguments[at..]);
            return ordered;
        }
        command
    }

    /// A running agent.
    pub fn agent(&self, home: &Home, name: &str, key: &str, url: &str) -> Child {
        self.agent_command(home, name, key, url).spawn().unwrap()
    }

    pub fn agent_command(&self, home: &Home, name: &str, key: &str, url: &str) -> Command {
        let arguments = ["run", "--appliance", url, "--fingerprint", &self.fingerprint];
        let mut command = home.agent(name, &arguments);
        command
            .env_remove("JUMPDECK_DATA_DIR")
            .env("JUMPDECK_INSTALLER_KEY", key)
            .stderr(Stdio::null());
        command
    }

    pub fn until_online(&self, home: &Home, count: usize) {
        until("the agents are online", || {
            let output = self.rep(home, &["ls"]).output().unwrap();
            assert!(output.status.success(), "{}", text(&output.stderr));
            text(&output.stdout).matches("online").count() == count
        });
    }
}

/// Chooses another password in the place of a first one.
pub fn choose_password(home: &Home, served: &Served, name: &str, (first, other): (&str, &str)) {
    let output = home
        .jumpdeck(&["passwd", "--connect", &served.url(), "--fingerprint", &served.fingerprint])
        .env("JUMPDECK_CONFIG_DIR", home.path().join("config of whoever changes passwords"))
        .env("JUMPDECK_USER", name)
        .env("JUMPDECK_PASSWORD", first)
        .env("JUMPDECK_NEW_PASSWORD", other)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

fn serve(home: &Home, address: &str, ssh: &str) -> Child {
    serve_with(home, address, ssh, &[])
}

fn serve_with(home: &Home, address: &str, ssh: &str, options: &[&str]) -> Child {
    server(home, address, ssh, options).spawn().unwrap()
}

fn server(home: &Home, address: &str, ssh: &str, options: &[&str]) -> Command {
    let mut command = home.jumpdeck(&["serve", "--listen", address, "--ssh", ssh]);
    command
        .args(options)
        .env("JUMPDECK_DATA_DIR", home.path().join("server"))
        .stdout(Stdio::piped())
        .stderr(File::create(errors(home)).unwrap());
    command
}

/// What the server complains of.
fn errors(home: &Home) -> PathBuf {
    home.path().join("server.err")
}

#[test]
fn a_machine_enrols_by_its_key_and_keeps_its_place_across_restarts() {
    let home = Home::new();
    let mut served = Served::start(&home);
    let agent = Guard(served.agent(&home, "agent", &served.key, &served.url()));
    served.until_online(&home, 1);
    let list = || {
        let output = served.rep(&home, &["ls", "--json"]).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let before = list();
    assert_eq!(
        (before["name"].as_str(), before["group"].as_str()),
        (Some(&*hostname()), Some("Default"))
    );
    let output =
        served.rep(&home, &["exec", &hostname(), "--", "echo", "over there"]).output().unwrap();
    assert_eq!(text(&output.stdout), "over there\n");

    drop(agent);
    served.restart(&home);
    // No key is needed any more: the agent proves its own.
    let mut command = home.agent("agent", &["run"]);
    let _agent =
        Guard(command.env_remove("JUMPDECK_DATA_DIR").stderr(Stdio::null()).spawn().unwrap());
    served.until_online(&home, 1);
    let output = served.rep(&home, &["ls", "--json"]).output().unwrap();
    let after: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(before["id"], after["id"]);
}

#[test]
fn a_wrong_installer_key_is_refused_at_once_and_says_why() {
    let home = Home::new();
    let served = Served::start(&home);
    let mut command = home.agent(
        "agent",
        &["run", "--appliance", &served.url(), "--fingerprint", &served.fingerprint],
    );
    command.env_remove("JUMPDECK_DATA_DIR").env("JUMPDECK_INSTALLER_KEY", "wrong");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("The installer key is wrong, expired or revoked."));
    assert!(!text(&output.stderr).contains("wrong\""));
}

#[test]
fn an_agent_refuses_an_appliance_with_another_key() {
    let home = Home::new();
    let served = Served::start(&home);
    let mut command = home
        .agent("agent", &["run", "--appliance", &served.url(), "--fingerprint", "SHA256:other"]);
    let output = command
        .env_remove("JUMPDECK_DATA_DIR")
        .env("JUMPDECK_INSTALLER_KEY", &served.key)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("SHA256:other is pinned"));
}

#[test]
fn an_unknown_appliance_is_shown_and_asked_about_once() {
    let home = Home::new();
    let served = Served::start(&home);
    let mut command = home.jumpdeck(&["--connect", &served.url(), "--as", "admin"]);
    command.env_remove("JUMPDECK_PASSWORD");
    let mut screen = Screen::start(&command, 120, 30);
    let shown = screen.wait_for("Is that right? (yes/no)");
    assert!(shown.contains(&served.fingerprint));
    screen.send("yes\r");
    screen.wait_for("Password of admin:");
    screen.send("wrong\r");
    screen.wait_for("The user name or the password is wrong.");
    screen.send(&format!("{}\r", served.password));
    screen.wait_for("There is no machine you may see yet.");
    assert!(!text(&screen.bytes).contains(&served.password), "a password is not shown");
    screen.send("q");
    assert_eq!(screen.wait_for_end(), 0);
    let mut again = Screen::start(&command, 120, 30);
    let text = again.wait_for("Password of admin:");
    assert!(!text.contains("never seen before"));
}

#[test]
fn a_changed_appliance_key_is_refused_with_the_way_out() {
    let home = Home::new();
    let served = Served::start(&home);
    let first = served.rep(&home, &["ls"]).output().unwrap();
    assert!(first.status.success());
    let known = home.config().join("known_appliances");
    let line = std::fs::read_to_string(&known).unwrap();
    std::fs::write(&known, line.replace("SHA256:", "SHA256:x")).unwrap();
    let mut command = home.jumpdeck(&["ls", "--connect", &served.url(), "--as", "admin"]);
    let output = command.env("JUMPDECK_PASSWORD", &served.password).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("is pinned") && said.contains("known_appliances"), "{said}");
}

#[test]
fn a_fingerprint_that_is_named_is_always_checked() {
    let home = Home::new();
    let served = Served::start(&home);
    assert!(served.rep(&home, &["ls"]).output().unwrap().status.success());
    let mut command = home.jumpdeck(&["ls", "--connect", &served.url(), "--as", "admin"]);
    command.args(["--fingerprint", "SHA256:other"]).env("JUMPDECK_PASSWORD", &served.password);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("not by the one given"));
}

#[test]
fn without_a_terminal_an_unknown_appliance_is_not_trusted() {
    let home = Home::new();
    let served = Served::start(&home);
    let mut command = home.jumpdeck(&["ls", "--connect", &served.url(), "--as", "admin"]);
    let output = command.env("JUMPDECK_PASSWORD", &served.password).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("never seen before"));
    assert!(!home.config().join("known_appliances").exists());
}

#[test]
fn callers_who_speak_garbage_or_nothing_disturb_nobody() {
    let home = Home::new();
    let served = Served::start(&home);
    let _agent = Guard(served.agent(&home, "agent", &served.key, &served.url()));
    served.until_online(&home, 1);
    let silent: Vec<_> = (0..200).map(|_| TcpStream::connect(&served.address).unwrap()).collect();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(&served.address).unwrap();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n\0\xff\xfe garbage");
        let mut answer = Vec::new();
        // A TLS alert or a closed connection; never a hang.
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() < 100);
    }
    let output =
        served.rep(&home, &["exec", &hostname(), "--", "echo", "undisturbed"]).output().unwrap();
    assert_eq!(text(&output.stdout), "undisturbed\n");
    drop(silent);
}

#[test]
fn the_first_password_is_shown_once_and_kept_nowhere() {
    let home = Home::new();
    let mut served = Served::start(&home);
    served.child.0.kill().unwrap();
    served.child.0.wait().unwrap();
    let mut again = serve(&home, &served.address, &served.ssh.0);
    let mut out = BufReader::new(again.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("installer") {
        assert!(out.read_line(&mut said).unwrap() > 0);
    }
    again.kill().unwrap();
    again.wait().unwrap();
    assert!(!said.contains("password"), "{said}");
    let database = std::fs::read(home.path().join("server/appliance.db")).unwrap();
    let wal = std::fs::read(home.path().join("server/appliance.db-wal")).unwrap_or_default();
    for secret in [&served.first, &served.password, &served.key] {
        let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
        assert!(!holds(&database) && !holds(&wal));
    }
}

#[test]
fn the_audit_is_exported_and_verified_without_the_appliance() {
    let home = Home::new();
    let mut screen = home.console(100, 30);
    screen.wait_for("● online");
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
    screen.send("\x1dxy");
    screen.wait_for("The session with");
    let sha = || -> Option<String> {
        let listed = home.ok(&["recordings", "ls", "--json"]);
        let entry: serde_json::Value = serde_json::from_str(listed.trim()).unwrap();
        entry["sha256"].as_str().map(str::to_owned)
    };
    until("the recording is closed", || sha().is_some());
    let listed = home.ok(&["audit", "ls"]);
    assert!(listed.contains("session_started") && listed.contains("session_ended"), "{listed}");
    assert!(listed.contains(&sha().unwrap()), "the recording is anchored:\n{listed}");
    let whole = home.ok(&["audit", "verify"]);
    assert!(whole.contains("all of them whole"));
    let path = home.path().join("audit.jsonl");
    let file = path.to_str().unwrap();
    home.ok(&["audit", "export", file]);
    assert_eq!(home.run(&["audit", "export", file]).status.code(), Some(1), "it is there already");
    assert!(home.ok(&["audit", "export", "--format", "cef", "-"]).starts_with("CEF:0|jumpdeck|"));
    assert!(home.ok(&["audit", "export", "--format", "syslog", "-"]).starts_with("<110>1 "));
    home.ok(&["stop", "--yes"]);

    // From here on there is no appliance.
    let key = whole.split_whitespace().last().unwrap();
    home.ok(&["audit", "verify", file, "--key", key]);
    assert_eq!(home.run(&["audit", "verify", file]).status.code(), Some(1), "whose key is it?");
    let other = home.run(&["audit", "verify", file, "--key", "SHA256:other"]);
    assert_eq!(other.status.code(), Some(1));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("session_started", "session_starved", 1)).unwrap();
    let broken = home.run(&["audit", "verify", file]);
    assert_eq!(broken.status.code(), Some(1));
    let said = self::text(&broken.stderr);
    assert!(said.contains("was changed, or one before it"), "{said}");
    assert!(!home.data().join("run").join("address.json").exists(), "nothing was started");
}

#[test]
fn rights_are_explained_in_lines_and_as_json() {
    let home = Home::new();
    let said = home.ok(&["explain", &hostname(), "--action", "perm_start"]);
    assert!(said.contains(" may start sessions (perm_start)"), "{said}");
    assert!(said.contains("    the role Administrator has perm_start"), "{said}");
    let json = home.ok(&["explain", &hostname(), "--everybody", "--json"]);
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!((&first["allowed"], &first["action"]), (&true.into(), &"perm_add".into()));
    for (arguments, status) in [
        (["explain", "no such item", "--at", "2027-01-31 09:00"], 1),
        (["explain", "x", "--at", "tomorrow"], 2),
        (["explain", "x", "--action", "fly"], 2),
    ] {
        assert_eq!(home.run(&arguments).status.code(), Some(status), "{arguments:?}");
    }
}

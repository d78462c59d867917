//! Representative Console Scripts, from a file to a shell.

use crate::serve::Served;
use crate::support::{Guard, Home, Screen, hostname, text};
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn script(home: &Home, commands: &str) -> PathBuf {
    let path = home.path().join("script.brcs");
    std::fs::write(&path, format!("BRCS1.0\r\n{commands}\r\n")).unwrap();
    path
}

#[test]
fn a_script_opens_a_shell_on_the_machine_it_means() {
    let home = Home::online();
    let command = format!("action=start_pinned_client_session&client.hostname={}", hostname());
    let path = script(&home, &format!("action=login\r\n{command}"));
    let from_file = home.jumpdeck(&["--run-script-file", path.to_str().unwrap()]);
    for program in [from_file, home.jumpdeck(&["--run-script", &command])] {
        let mut screen = Screen::start(&program, 100, 30);
        screen.wait_for("Ctrl-] then d: list");
        screen.send("echo $((6*7))th shell\r");
        screen.wait_for("42th shell");
        screen.send("\x1dxy");
        screen.wait_for("The session with");
        screen.send("q");
        assert_eq!(screen.wait_for_end(), 0);
    }
}

#[test]
fn a_script_that_cannot_be_run_opens_nothing_and_says_why() {
    let home = Home::new();
    let run = |arguments: &[&str]| {
        let output = home.run(arguments);
        (output.status.code(), text(&output.stderr))
    };
    let wrong = script(&home, "action=login&username=b%2x");
    let (status, said) = run(&["--run-script-file", wrong.to_str().unwrap()]);
    assert_eq!(status, Some(2));
    assert!(said.contains("line 2, column 24: after % come two hexadecimal digits"), "{said}");
    let (status, said) = run(&["--run-script", "action=start_rdp_session&target=x"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("start_rdp_session: these sessions are not supported yet"), "{said}");
    let login = "action=login&mechanism=username_password&username=bob&password=hunter2";
    let (status, said) = run(&["--run-script", login]);
    assert_eq!(status, Some(2));
    assert!(said.contains("put the script into a file") && !said.contains("hunter2"), "{said}");
    let path = script(&home, login);
    let (status, said) = run(&["--run-script-file", path.to_str().unwrap()]);
    assert_eq!(status, Some(1));
    assert!(said.contains("with --connect") && !said.contains("hunter2"), "{said}");
    let (status, said) = run(&["--run-script-file", "/nowhere/script"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("reading /nowhere/script"), "{said}");
    let (status, said) = run(&["--run-script", "action=login", "ls"]);
    assert_eq!(status, Some(2));
    assert!(said.contains("leave the verb out"), "{said}");
}

#[test]
fn a_script_logs_in_where_somebody_has_to() {
    let home = Home::new();
    let served = Served::start(&home);
    let _agent = Guard(served.agent(&home, "agent", &served.key, &served.url()));
    served.until_online(&home, 1);
    let login = format!(
        "action=login&mechanism=username_password&username=admin&password={}",
        served.password.replace(' ', "%20")
    );
    let start = format!("action=start_jump_item_session&search_string={}", hostname());
    let path = script(&home, &format!("{login}\r\n{start}"));
    let arguments = ["--connect", &served.url(), "--run-script-file", path.to_str().unwrap()];
    let mut screen = Screen::start(&home.jumpdeck(&arguments), 100, 30);
    screen.wait_for("Ctrl-] then d: list");
    screen.send("echo $((6*7))th shell\r");
    screen.wait_for("42th shell");
    let wrong = script(&home, &format!("{login}x\r\n{start}"));
    let arguments = ["--connect", &served.url(), "--run-script-file", wrong.to_str().unwrap()];
    let mut screen = Screen::start(&home.jumpdeck(&arguments), 100, 30);
    screen.wait_for("The user name or the password is wrong.");
    assert_eq!(screen.wait_for_end(), 1);
}

/// Three machines as the field's examples have them.
const FIELD: &str = r#"
about = "Three servers."
clients = 3

[[site]]
code = "ABC"
network = 10
first_subnet = 24
subnets = 1
hostname = "ABCDEF{number}"

[[kind]]
code = "SRV"
group = "Default"
tags = ["server"]
comments = ["Scheduled maintenance"]
systems = ["Debian GNU/Linux 12 (bookworm)"]

[[naming]]
pattern = "{kind}-{number}"
"#;

/// Those machines, online at an appliance.
fn field(home: &Home, served: &Served) -> Guard {
    let scenario = home.path().join("field.toml");
    std::fs::write(&scenario, FIELD).unwrap();
    let fleet = home
        .server_sim(&["run", "--json", "--scenario", scenario.to_str().unwrap()])
        .args(["--url", &served.url(), "--fingerprint", &served.fingerprint])
        .env("JUMPDECK_INSTALLER_KEY", &served.key)
        .stdout(Stdio::null())
        .spawn();
    let fleet = Guard(fleet.unwrap());
    served.until_online(home, 3);
    fleet
}

/// Asks the appliance for a script, as a browser would, and keeps the file.
fn generated(home: &Home, served: &Served, query: &str) -> PathBuf {
    let url = format!("{}/api/client_script?type=rep&operation=generate&{query}", served.url());
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--insecure", "--fail", "-OJ", &url])
        .current_dir(home.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{query}: {}", text(&output.stderr));
    let action = query.split('&').next().unwrap().strip_prefix("action=").unwrap();
    let path = home.path().join(format!("{action}.brcs"));
    let kept = home.path().join("kept.brcs");
    std::fs::rename(path, &kept).unwrap();
    kept
}

#[test]
fn the_examples_of_the_field_start_sessions_from_what_the_appliance_makes_of_them() {
    let home = Home::new();
    let served = Served::start(&home);
    let _fleet = field(&home, &served);
    let start = |query: &str, several: bool| {
        let path = generated(&home, &served, query);
        let script = std::fs::read_to_string(&path).unwrap();
        assert!(script.starts_with("BRCS1.0\naction=login\naction="), "{script}");
        let mut screen = Screen::start(
            &served.rep(&home, &["--run-script-file", path.to_str().unwrap()]),
            110,
            30,
        );
        if several {
            screen.wait_for("3 Jump Clients fit the script: choose one.");
            screen.send("\r");
        }
        screen.wait_for("Ctrl-] then d: list");
        screen
    };
    let leave = |mut screen: Screen| {
        screen.send("\x1dxy");
        let said = screen.wait_for("The session with");
        screen.send("q");
        assert_eq!(screen.wait_for_end(), 0);
        said
    };
    leave(start("action=start_pinned_client_session&search_string=ABC", true));
    leave(start("action=start_pinned_client_session&client.hostname=ABCDEF02", false));
    let both = "client.comments=maintenance&client.tag=server";
    leave(start(&format!("action=start_pinned_client_session&{both}"), true));
    let custom = "session.custom.ticket=INC-7&session.custom.who=Zo%C3%AB";
    let address = "client.private_ip=10.10.24";
    let screen = start(&format!("action=start_pinned_client_session&{address}&{custom}"), true);
    let sessions = served.rep(&home, &["sessions", "--json"]).output().unwrap();
    let session: serde_json::Value = serde_json::from_slice(&sessions.stdout).unwrap();
    let log = served.rep(&home, &["log", &session["session"].to_string()]).output().unwrap();
    let log = text(&log.stdout);
    assert!(log.contains("admin gave the session ticket=INC-7, who=Zoë"), "{log}");
    assert!(leave(screen).contains("ticket=INC-7 · who=Zoë"), "the summary has them, too");
}

#[test]
fn without_a_console_a_script_says_how_it_went_by_its_status() {
    let home = Home::new();
    let served = Served::start(&home);
    let _fleet = field(&home, &served);
    let run = |command: &str| {
        let output = served.rep(&home, &["--no-ui", "--run-script", command]).output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let start = "action=start_jump_item_session";
    let (status, out, _) = run(&format!("{start}&search_string=ABCDEF02&session.custom.a=b"));
    assert_eq!(status, Some(0));
    assert!(out.starts_with("session ") && out.contains(" with SRV-"), "{out}");
    let number = out.split(' ').nth(1).unwrap().to_owned();
    let log = text(&served.rep(&home, &["log", &number]).output().unwrap().stdout);
    assert!(log.contains("a=b"), "{log}");
    assert!(served.rep(&home, &["end", &number]).status().unwrap().success());
    let (status, _, said) = run(&format!("{start}&search_string=nobody"));
    assert_eq!(status, Some(3), "{said}");
    let (status, _, said) = run(&format!("{start}&search_string=abc"));
    assert_eq!(status, Some(4));
    assert!(said.contains("3 Jump Clients fit: SRV-"), "{said}");
    let (status, out, _) = run("action=generate_session_key&session.custom.ticket=7");
    assert_eq!(status, Some(0));
    assert!(out.contains("jumpdeck-agent join "), "{out}");
    let (status, _, said) = run("action=login&x");
    assert_eq!(status, Some(2), "{said}");
    let nothing = served.rep(&home, &["--no-ui"]).output().unwrap();
    assert_eq!(nothing.status.code(), Some(2));
}

#[test]
fn a_console_that_failed_a_script_ends_with_its_status() {
    let home = Home::online();
    let none = "action=start_pinned_client_session&search_string=nobody-is-called-so";
    let mut screen = Screen::start(&home.jumpdeck(&["--run-script", none]), 100, 30);
    screen.wait_for("No Jump Client that you may see fits the script.");
    screen.send("q");
    assert_eq!(screen.wait_for_end(), 3);
}

#[test]
fn a_console_that_runs_takes_the_script() {
    let home = Home::online();
    let mut console = home.console(100, 30);
    console.wait_for("● online");
    let command = format!("action=start_pinned_client_session&client.hostname={}", hostname());
    let handed = home.run(&["--run-script", &command]);
    assert!(handed.status.success(), "{}", text(&handed.stderr));
    assert!(text(&handed.stderr).contains("The console that runs already took the script."));
    console.wait_for("Ctrl-] then d: list");
    console.send("\x1dxy");
    console.wait_for("The session with");
    console.send("q");
    assert_eq!(console.wait_for_end(), 0);
    let sockets = std::fs::read_dir(home.data().join("run/consoles")).unwrap().count();
    assert_eq!(sockets, 0, "the socket goes with its console");
}

#[test]
fn a_desktop_is_told_how_scripts_are_opened_and_told_to_forget_it() {
    let home = Home::new();
    let integrate = |arguments: &[&str]| {
        let arguments: Vec<_> =
            ["integrate"].into_iter().chain(arguments.iter().copied()).collect();
        let mut command = home.jumpdeck(&arguments);
        let output = command.env("XDG_DATA_HOME", home.path().join("share")).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    integrate(&["--connect", "https://support.example.com", "--as", "alice"]);
    let desktop = home.path().join("share/applications/jumpdeck.desktop");
    let entry = std::fs::read_to_string(&desktop).unwrap();
    assert!(entry.contains("MimeType=application/x-brcs;"), "{entry}");
    assert!(
        entry.contains(
            "\"--connect\" \"https://support.example.com\" \"--as\" \"alice\" \"--run-script-file\" %f"
        ),
        "{entry}"
    );
    let mime = home.path().join("share/mime/packages/jumpdeck.xml");
    assert!(std::fs::read_to_string(&mime).unwrap().contains("*.brcs"));
    integrate(&["--remove"]);
    assert!(!desktop.exists() && !mime.exists());
}

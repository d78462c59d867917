//! Verbs for what goes on, and for many machines at once.

use crate::serve::Served;
use crate::support::{Guard, Home, Screen, hostname, signal, text};
use rustix::process::Signal;
use std::io::{BufRead, BufReader};
use std::process::{Child, Output, Stdio};

/// An appliance with two agents on this machine.
struct Two {
    home: Home,
    served: Served,
    agents: [Guard; 2],
}

impl Two {
    fn new() -> Self {
        let home = Home::new();
        let served = Served::start(&home);
        let agent = |name: &str| -> Child {
            let mut command = served.agent_command(&home, name, &served.key, &served.url());
            command.args(["--jc-name", name]).spawn().unwrap()
        };
        let agents = ["east", "west"].map(|name| Guard(agent(name)));
        served.until_online(&home, 2);
        Self { home, served, agents }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.served.rep(&self.home, arguments).output().unwrap()
    }
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let mut lines: Vec<_> = text(bytes).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_command_on_many_machines_tells_whose_line_is_whose_and_how_each_ended() {
    let two = Two::new();
    let both = two.run(&["exec", "east", "west", "--", "sh", "-c", "echo a; echo b >&2; printf c"]);
    assert_eq!(both.status.code(), Some(0), "{}", text(&both.stderr));
    assert_eq!(lines(&both.stdout), ["east: a", "east: c", "west: a", "west: c"]);
    assert_eq!(lines(&both.stderr), ["east: b", "west: b"]);
    let failed = two.run(&["exec", "--query", "status:online", "--parallel", "1", "--", "false"]);
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(
        lines(&failed.stderr),
        ["jumpdeck: east: exit status 1", "jumpdeck: west: exit status 1"]
    );
    let missing = two.run(&["exec", "--json", "east", "west", "--", "no-such-program"]);
    assert_eq!(missing.status.code(), Some(255));
    for line in text(&missing.stdout).lines() {
        let told: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(told["error"].is_string() && told["status"].is_null(), "{line}");
    }
    let told = two.run(&["exec", "--json", "east", "--", "sh", "-c", "echo one; exit 3"]);
    assert_eq!(told.status.code(), Some(1));
    let told: Vec<serde_json::Value> =
        text(&told.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (told[0]["stream"].as_str(), told[0]["text"].as_str()),
        (Some("output"), Some("one"))
    );
    assert_eq!(told[1]["status"].as_i64(), Some(3));
    let nobody = two.run(&["exec", "--query", "tag:nowhere", "--", "true"]);
    assert_eq!(nobody.status.code(), Some(255));
    assert!(text(&nobody.stderr).contains("no item matches"));
}

#[test]
fn much_output_of_many_machines_is_whole() {
    let two = Two::new();
    let all = two.run(&["exec", "east", "west", "--", "seq", "1", "200000"]);
    assert_eq!(all.status.code(), Some(0), "{}", text(&all.stderr));
    for name in ["east", "west"] {
        let prefix = format!("{name}: ");
        let out = text(&all.stdout);
        let numbers = out.lines().filter_map(|line| line.strip_prefix(&prefix));
        assert!(numbers.eq((1..=200_000).map(|n| n.to_string())), "{name}");
    }
}

#[test]
fn whoever_has_read_enough_of_many_machines_leaves_nothing_running_there() {
    let two = Two::new();
    let mut exec = two.served.rep(&two.home, &["exec", "--json", "east", "west", "--", "yes"]);
    let mut child = exec.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("\"text\":\"y\""), "{first}");
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(128 + 13), String::new()));
    assert!(two.run(&["sessions"]).stdout.is_empty(), "their sessions are over");
}

#[test]
fn a_machine_that_starts_after_everything_was_called_off_is_left_alone_too() {
    let two = Two::new();
    let [_, west] = &two.agents;
    signal(west.0.id(), Signal::STOP);
    let mut exec = two.served.rep(&two.home, &["exec", "east", "west", "--", "yes"]);
    let mut child = exec.stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "east: y\n");
    signal(west.0.id(), Signal::CONT);
    assert_eq!(child.wait().unwrap().code(), Some(128 + 13));
    assert!(two.run(&["sessions"]).stdout.is_empty(), "their sessions are over");
}

#[test]
fn sessions_are_listed_come_back_to_and_ended() {
    let two = Two::new();
    assert!(two.run(&["sessions"]).stdout.is_empty());
    let mut jump = Screen::start(&two.served.rep(&two.home, &["jump", "east"]), 80, 24);
    jump.send("PS1=; echo $((40 + 2))\r");
    jump.wait_for("42");
    jump.send("\x1dd");
    assert_eq!(jump.wait_for_end(), 0);
    let listed = two.run(&["sessions", "--json"]);
    let session: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!((session["name"].as_str(), session["part"].as_str()), (Some("east"), Some("owner")));
    let mut again = Screen::start(&two.served.rep(&two.home, &["attach", "EAST"]), 100, 30);
    again.wait_for("42");
    again.send("stty size\r");
    again.wait_for("30 100");
    again.send("\x1dd");
    assert_eq!(again.wait_for_end(), 0);
    let number = session["session"].to_string();
    let ended = two.run(&["end", "--json", &number]);
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    let told: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((told["ended"].as_bool(), told["error"].is_null()), (Some(true), true));
    assert!(two.run(&["sessions"]).stdout.is_empty());
    assert_eq!(two.run(&["end", &number]).status.code(), Some(1));
    assert_eq!(two.run(&["attach", "east"]).status.code(), Some(255));
}

#[test]
fn an_item_is_shown_with_all_that_is_known() {
    let two = Two::new();
    let shown = text(&two.run(&["show", "east"]).stdout);
    assert!(shown.contains("Name          east\n") && shown.contains("online"), "{shown}");
    let json = two.run(&["show", "#1", "--json"]);
    let item: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(item["hostname"].as_str(), Some(&*hostname()));
    let none = two.run(&["show", "nothing"]);
    assert_eq!(none.status.code(), Some(1));
}

#[test]
fn what_cannot_be_woken_is_said_and_fails() {
    let two = Two::new();
    let woken = two.run(&["wake", "east"]);
    assert_eq!(woken.status.code(), Some(1));
    assert!(text(&woken.stderr).starts_with("jumpdeck: east: "), "{}", text(&woken.stderr));
    let password =
        two.served.rep(&two.home, &["wake", "east"]).env("JUMPDECK_SECURE_ON", "12").output();
    let password = password.unwrap();
    assert_eq!(password.status.code(), Some(1));
    assert!(text(&password.stderr).contains("six bytes"));
}

//! A simulated fleet in a process of its own, broken wires, and callers who mean no good: against
//! the real server, beside a rep who must not notice.

use crate::serve::Served;
use crate::support::{Guard, Home, Screen, hostname, text, until};
use std::net::UdpSocket;
use std::process::Stdio;

/// Machines that are away and wake at once.
const SLEEPERS: &str = "
about = 'sleepers'
clients = 3
[[site]]
code = 'ZZZ'
network = 77
[[kind]]
code = 'PC'
group = 'Sleepers'
systems = ['Linux']
[[naming]]
pattern = '{site}-{number}'
[churn]
offline = 1.0
[wake]
share = 1.0
seconds = [0, 0]
";

fn fleet(home: &Home, served: &Served, arguments: &[&str]) -> Guard {
    let mut command = home.server_sim(&["run", "--url", &served.url()]);
    command
        .args(["--fingerprint", &served.fingerprint, "--seconds", "120"])
        .args(arguments)
        .env("JUMPDECK_INSTALLER_KEY", &served.key)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Guard(command.spawn().unwrap())
}

#[test]
fn every_offence_against_a_server_is_answered_as_it_must_be_while_a_rep_works_on() {
    let home = Home::new();
    let served = Served::start(&home);
    let _agent = Guard(served.agent(&home, "agent", &served.key, &served.url()));
    served.until_online(&home, 1);
    let script = "i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo number $i; sleep 0.05; done";
    let mut exec = served.rep(&home, &["exec", &hostname(), "--", "sh", "-c", script]);
    let work = exec.stdout(Stdio::piped()).spawn().unwrap();
    let mut offend = home.server_sim(&["offend", "--url", &served.url()]);
    offend.args(["--fingerprint", &served.fingerprint]);
    let output = offend.env("JUMPDECK_INSTALLER_KEY", &served.key).output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert!(said.lines().count() > 15 && said.lines().all(|line| line.contains("as it must")));
    let done = work.wait_with_output().unwrap();
    let expected: String = (1..=100).map(|n| format!("number {n}\n")).collect();
    assert_eq!(text(&done.stdout), expected);
    assert!(done.status.success());
}

#[test]
fn a_fleet_with_cut_wires_is_all_there_and_a_shell_on_it_loses_nothing() {
    let home = Home::new();
    let served = Served::start(&home);
    let arguments = ["--scenario", "quiet", "--clients", "40", "--fault", "cut:80000"];
    let _fleet = fleet(&home, &served, &arguments);
    served.until_online(&home, 40);
    let mut screen = Screen::start(&served.rep(&home, &["jump", "one-00001"]), 100, 30);
    screen.wait_for("This machine is simulated.");
    // More than any wire of this fleet carries before it is cut.
    screen.send("flood 3000\r");
    screen.wait_for("\nline 00003000 of a flood");
    // What the verb says of the link may be in the middle of a line.
    let bytes = text(&screen.bytes);
    let parts = bytes.split("\r\n[").enumerate().map(|(number, part)| match number {
        0 => part,
        _ => part.split_once("]\r\n").unwrap().1,
    });
    let output: String = parts.collect();
    assert_ne!(output, bytes, "the wire was cut");
    let lines = output.lines().filter_map(|line| line.strip_prefix("line ")?.get(..8));
    let expected: Vec<_> = (1..=3000).map(|n| format!("{n:08}")).collect();
    let lines: Vec<_> = lines.collect();
    let wrong = lines.iter().zip(&expected).position(|(line, expected)| line != expected);
    let shown =
        wrong.map(|at| bytes.lines().skip(at.saturating_sub(3)).take(8).collect::<Vec<_>>());
    assert_eq!((wrong, lines.len()), (None, 3000), "{shown:?}");
}

#[test]
fn the_server_is_killed_under_a_fleet_and_all_of_it_comes_back() {
    let home = Home::new();
    let mut served = Served::start(&home);
    let arguments = ["--scenario", "quiet", "--clients", "150", "--at-once", "150"];
    let _fleet = fleet(&home, &served, &arguments);
    served.until_online(&home, 150);
    let list = || text(&served.rep(&home, &["ls"]).output().unwrap().stdout);
    let before = list();
    served.restart(&home);
    served.until_online(&home, 150);
    assert_eq!(text(&served.rep(&home, &["ls"]).output().unwrap().stdout), before);
}

#[test]
fn a_magic_packet_wakes_the_simulated_machine_it_names() {
    let home = Home::new();
    let served = Served::start(&home);
    let scenario = home.path().join("sleepers.toml");
    std::fs::write(&scenario, SLEEPERS).unwrap();
    let scenario = scenario.to_str().unwrap();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let _fleet = fleet(&home, &served, &["--scenario", scenario, "--wake", &port]);
    let list = || text(&served.rep(&home, &["ls"]).output().unwrap().stdout);
    until("all of them are known and asleep", || list().matches("\toffline\t").count() == 3);
    let listed = home.server_sim(&["list", "--scenario", scenario]).output().unwrap();
    let second: serde_json::Value =
        serde_json::from_str(text(&listed.stdout).lines().nth(1).unwrap()).unwrap();
    let mac: Vec<u8> = second["mac"]
        .as_str()
        .unwrap()
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    let packet = [vec![0xff; 6], mac.repeat(16)].concat();
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&packet, &port).unwrap();
    until("it is online", || list().contains("ZZZ-0001\tonline"));
    assert_eq!(list().matches("\toffline\t").count(), 2);
}

#[test]
fn a_scenario_that_is_not_right_is_refused_with_its_line() {
    let home = Home::new();
    let scenario = home.path().join("wrong.toml");
    std::fs::write(&scenario, SLEEPERS.replace("network = 77", "network = 777")).unwrap();
    let output =
        home.server_sim(&["list", "--scenario", scenario.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("wrong.toml") && said.contains("line 6"), "{said}");
    let demo = home.run(&["demo", "--scenario", "nothing"]);
    assert_eq!(demo.status.code(), Some(1));
    assert!(text(&demo.stderr).contains("there are: office, hard-names, quiet, restless"));
}

#[test]
fn a_fleet_that_is_never_let_in_says_why_and_fails() {
    let home = Home::new();
    let served = Served::start(&home);
    let run = |url: &str, key: &str| {
        let mut command = home.server_sim(&["run", "--clients", "2", "--seconds", "1"]);
        command.args(["--scenario", "quiet", "--url", url, "--fingerprint", &served.fingerprint]);
        let output = command.env("JUMPDECK_INSTALLER_KEY", key).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    let said = run("https://127.0.0.1:1", &served.key);
    assert!(
        said.contains("no machine was let in") && said.contains("Connection refused"),
        "{said}"
    );
    let said = run(&served.url(), "wrong");
    assert!(said.contains("The installer key is wrong, expired or revoked."), "{said}");
}

//! The prompt that takes verbs, a line each.

use crate::serve::Served;
use crate::support::{Guard, Home, Screen, hostname, signal, text};
use rustix::process::Signal;
use std::io::Write;
use std::process::Stdio;

#[test]
fn verbs_are_typed_completed_and_remembered() {
    let home = Home::online();
    let name = hostname();
    let mut prompt = Screen::start(&home.jumpdeck(&["plain"]), 80, 24);
    prompt.wait_for("1 item, 1 online; 0 sessions.");
    prompt.send("sessi\t");
    prompt.wait_for("jumpdeck> session");
    prompt.send("s\t");
    prompt.wait_for("jumpdeck> sessions");
    prompt.send("\r");
    prompt.send("sh\t");
    prompt.wait_for("jumpdeck> show");
    prompt.send(&name[..1]);
    prompt.send("\t");
    prompt.wait_for(&format!("jumpdeck> show {name}"));
    prompt.send("\r");
    prompt.wait_for("Jump Client");
    prompt.send("nonsense\r");
    prompt.wait_for("unrecognized subcommand");
    prompt.wait_for("Status 2.");
    prompt.send(&format!("exec {name} -- sh -c 'echo $((6*7)); exit 7'\r"));
    prompt.wait_for("42");
    prompt.wait_for("Status 7.");
    prompt.send("ls 'tag\r");
    prompt.wait_for("A quote is not closed.");
    prompt.send("\x1b[A\x1b[A\x03");
    prompt.wait_for("exit 7'^C");
    // Meant for a verb that is over.
    prompt.send("left");
    prompt.wait_for("jumpdeck> left");
    signal(prompt.process(), Signal::INT);
    prompt.wait_for("left^C");
    prompt.send(&format!("jump {name}\r"));
    prompt.send("PS1='far> '; tput cols\r");
    prompt.wait_for("far>");
    prompt.send("exit 3\r");
    prompt.wait_for("Status 3.");
    prompt.send("exit\r");
    assert_eq!(prompt.wait_for_end(), 3, "as the last verb ended");
    // What was typed is there the next time.
    let mut again = Screen::start(&home.jumpdeck(&["plain"]), 80, 24);
    again.wait_for("jumpdeck>");
    again.send("\x1b[A\x1b[A");
    again.wait_for(&format!("jumpdeck> jump {name}"));
    again.send("\x15\x04");
    assert_eq!(again.wait_for_end(), 0);
}

#[test]
fn lines_come_from_a_pipe_as_well() {
    let home = Home::online();
    let mut child = home
        .jumpdeck(&["plain"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(format!("ls\nexec {} -- cat\nend nothing\n", hostname()).as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout).split('\t').next(), Some(&*hostname()));
    assert!(text(&output.stderr).contains("no session of yours is \"nothing\""));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn whoever_prefers_the_prompt_gets_it_wherever_they_come_in() {
    let home = Home::new();
    let served = Served::start(&home);
    let _agent = Guard(served.agent(&home, "agent", &served.key, &served.url()));
    served.until_online(&home, 1);
    let always = served.rep(&home, &["plain", "--always"]).output().unwrap();
    assert!(always.status.success(), "{}", text(&always.stderr));
    let mut prompt = Screen::start(&served.rep(&home, &[]), 60, 12);
    prompt.wait_for("jumpdeck>");
    prompt.send("ls\r");
    prompt.wait_for("NAME");
    prompt.send("plain --never\r");
    prompt.wait_for("The console has panes from now on.");
    prompt.send("exit\r");
    assert_eq!(prompt.wait_for_end(), 0);
    let mut console = Screen::start(&served.rep(&home, &[]), 80, 24);
    console.wait_for("All Items");
    console.send("q");
    assert_eq!(console.wait_for_end(), 0);
}

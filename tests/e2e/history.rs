//! Sessions of the past: found, and watched again.

use crate::support::{Home, Screen, hostname, text, until};

#[test]
fn a_session_is_found_by_what_was_run_and_watched_again() {
    let home = Home::new();
    home.ok(&["ls"]);
    let machine = hostname();
    let mut jump = Screen::start(&home.jumpdeck(&["jump", &machine]), 80, 24);
    // What is typed before the prompt stands in no line of its own.
    jump.wait_until("a prompt", |text| !text.trim().is_empty());
    jump.send("echo the-needle-$((40+2)); exit\r");
    jump.wait_for("the-needle-42");
    jump.wait_for_end();
    until("the recording is closed", || {
        home.ok(&["recordings", "ls", "--json"]).contains("\"sha256\":\"")
    });
    let line = home.ok(&["history", "today", "command:needle", "--json"]);
    let found: serde_json::Value = serde_json::from_str(line.trim()).unwrap();
    assert_eq!((&found["session"], &found["name"]), (&1.into(), &machine.clone().into()));
    assert_eq!(found["recordings"], serde_json::json!(["1.1"]));
    assert_eq!(home.ok(&["history", "--time", "last week"]), "");
    assert_eq!(home.ok(&["recordings", "ls", "last week"]), "");
    assert!(home.ok(&["recordings", "ls", "#1"]).contains("1.1"));
    let refused = home.run(&["history", "--time", "soon"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("“soon” is no time"));

    // From the command line: it is played, and closing it is the end.
    let mut play = Screen::start(&home.jumpdeck(&["play", "1"]), 80, 24);
    play.wait_for("the-needle-42");
    play.send("0/NEEDLE-42\r");
    play.wait_for("‖ 0:");
    play.send("q");
    assert_eq!(play.wait_for_end(), 0);
    let mut none = Screen::start(&home.jumpdeck(&["play", "99"]), 80, 24);
    none.wait_for("no session 99");
    assert_eq!(none.wait_for_end(), 1);

    // And in the console, with the words one has for it.
    let mut console = home.console(100, 30);
    console.wait_for("● online");
    console.send("gh");
    console.wait_for("History ─ 1");
    console.send("today needle\r");
    console.wait_for("There is no session here.");
    console.send("\x15command:needle");
    console.wait_for("#1");
    console.send("\r");
    console.wait_for("Replay 1.1");
    console.send("c");
    console.wait_for("$ echo the-needle-$((40+2)); exit");
    console.send("\x1b");
    console.wait_for("History ─ 1");
}

#[test]
fn a_session_that_is_open_is_watched_from_its_beginning_and_then_live() {
    let home = Home::new();
    home.ok(&["ls"]);
    let mut jump = Screen::start(&home.jumpdeck(&["jump", &hostname()]), 80, 24);
    jump.send("echo first-$((1+1))\r");
    jump.wait_for("first-2");
    let mut play = Screen::start(&home.jumpdeck(&["play", "1"]), 80, 24);
    play.wait_for("first-2");
    play.send("G");
    play.wait_for("live");
    jump.send("echo second-$((1+1))\r");
    play.wait_for("second-2");
    play.send("q");
    assert_eq!(play.wait_for_end(), 0);
    jump.send("exit\r");
    jump.wait_for_end();
}

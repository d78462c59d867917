//! The demo: many simulated machines, and nothing left of it afterwards.

use crate::support::{Home, Screen, kill, text};

#[test]
fn a_demo_shows_simulated_machines_beside_this_one_and_cleans_up() {
    let home = Home::new();
    let mut screen =
        Screen::start(&home.jumpdeck(&["demo", "--scenario", "quiet", "--clients", "40"]), 120, 40);
    screen.wait_for("41 items · 41 online");
    screen.send("/one-00001");
    screen.wait_for("1 of 41");
    screen.send("\r\r");
    screen.wait_for("This machine is simulated.");
    screen.send("echo a simulated line\r");
    screen.wait_for("a simulated line\n");
    screen.send("exit\r");
    screen.wait_for("has ended.");
    screen.send("q");
    assert_eq!(screen.wait_for_end(), 0);
    let left = std::fs::read_dir(home.data()).unwrap().count();
    assert_eq!(left, 0, "a demo leaves no data");
}

#[test]
fn a_demo_whose_appliance_is_killed_has_its_machines_again_and_still_cleans_up() {
    let home = Home::new();
    let arguments = ["demo", "--scenario", "quiet", "--clients", "20"];
    let mut screen = Screen::start(&home.jumpdeck(&arguments), 120, 40);
    screen.wait_for("21 items · 21 online");
    let demo = std::fs::read_dir(home.data().join("demo")).unwrap().next().unwrap().unwrap().path();
    let address = std::fs::read_to_string(demo.join("run/address.json")).unwrap();
    let address: serde_json::Value = serde_json::from_str(&address).unwrap();
    kill(u32::try_from(address["process"].as_u64().unwrap()).unwrap());
    screen.wait_for("The link is back.");
    screen.wait_for("21 items · 21 online");
    screen.send("q");
    assert_eq!(screen.wait_for_end(), 0);
    let left = std::fs::read_dir(home.data()).unwrap().count();
    assert_eq!(left, 0, "a demo leaves no data");
}

#[test]
fn a_demo_without_a_terminal_or_with_too_many_machines_is_refused_at_once() {
    let home = Home::new();
    let output = home.run(&["demo"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("a demo needs a terminal"));
    let output = home.run(&["demo", "--clients", "99999999999"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!home.data().exists(), "nothing was begun");
}

//! The demo: many simulated machines, and nothing left of it afterwards.

use crate::support::{Home, Screen};

#[test]
fn a_demo_shows_simulated_machines_beside_this_one_and_cleans_up() {
    let home = Home::new();
    let mut screen =
        Screen::start(&home.jumpdeck(&["demo", "--scenario", "quiet", "--clients", "40"]), 120, 40);
    screen.wait_for("41 Jump Items total. 41 Jump Clients total. 41 online.");
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

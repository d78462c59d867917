//! The tasks of `docs/tasks.md`, done with the keys that stand there, and those counted.

use crate::joining::{invite, join, service_manager};
use crate::serve::Served;
use crate::sessions::{add_user, console_of};
use crate::support::{Guard, Home, Screen, text, until};

const TASKS: &str = include_str!("../../docs/tasks.md");

/// The cells of a task's row.
fn row(number: usize) -> Vec<&'static str> {
    let wanted = format!("| {number} |");
    let line = TASKS.lines().find(|line| line.starts_with(&wanted)).unwrap();
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// One press, or a name.
enum Press<'t> {
    Key(&'t str),
    Name,
}

/// What stands in a row: keys in backquotes, names between asterisks.
fn presses(keys: &str) -> Vec<Press<'_>> {
    let mut all = Vec::new();
    let mut rest = keys;
    while let Some(at) = rest.find(['`', '*']) {
        let (mark, after) = rest[at..].split_at(1);
        let (inside, left) = after.split_once(mark).unwrap();
        all.push(if mark == "`" { Press::Key(inside) } else { Press::Name });
        rest = left;
    }
    all
}

fn bytes(key: &str) -> String {
    match key {
        "Enter" => "\r".to_owned(),
        _ => match key.strip_prefix("Ctrl-") {
            Some(letter) => char::from(letter.as_bytes()[0] & 0x1f).to_string(),
            None => key.to_owned(),
        },
    }
}

/// Presses the keys of a task. After each name, the screen shows something before the next key.
fn press(screen: &mut Screen, number: usize, names: &[(&str, &str)]) {
    let mut names = names.iter();
    for press in presses(row(number)[2]) {
        match press {
            Press::Key("y") => {
                screen
                    .wait_until("a question", |text| text.contains(" y ") && text.contains(" n "));
                screen.send("y");
            }
            Press::Key(key) => screen.send(&bytes(key)),
            Press::Name => {
                let (name, shown) = names.next().unwrap();
                screen.send(name);
                screen.wait_for(shown);
            }
        }
    }
}

/// Closes something, and sees it gone: an Esc before another key would mean Alt.
fn escape(screen: &mut Screen, what: &str) {
    screen.send("\x1b");
    screen.wait_until(&format!("no {what}"), |text| !text.contains(what));
}

fn demo(home: &Home, arguments: &[&str]) -> Screen {
    Screen::start(&home.jumpdeck(&[&["demo"], arguments].concat()), 120, 40)
}

#[test]
fn the_keys_are_counted_and_are_no_more_than_they_may_be() {
    let most = [Some(2), Some(3), Some(5), Some(6), Some(2), None, Some(3), Some(8), None, Some(4)];
    for (number, most) in (1..).zip(most) {
        let row = row(number);
        let Some(most) = most else {
            assert_eq!((row[3], row[4]), ("–", "–"), "{}", row[1]);
            continue;
        };
        let keys = presses(row[2]).iter().filter(|press| matches!(press, Press::Key(_))).count();
        assert_eq!(row[3], keys.to_string(), "{}", row[1]);
        assert_eq!(row[4], most.to_string(), "{}", row[1]);
        assert!(keys <= most, "{}: {keys} keys", row[1]);
    }
}

#[test]
fn one_machine_ten_machines_and_fifty_of_them() {
    let home = Home::new();
    let mut screen = demo(&home, &["--scenario", "quiet", "--clients", "50"]);
    screen.wait_for("51 items · 51 online");
    press(&mut screen, 1, &[("one-00008", "ONE-SRV-0008")]);
    screen.wait_for("This machine is simulated.");
    screen.send("exit\r");
    screen.wait_for("has ended.");

    press(&mut screen, 5, &[]);
    screen.wait_for("1 may");
    escape(&mut screen, "1 may");
    escape(&mut screen, "Why ─");

    // “last tuesday” is today here: the session was just now.
    press(&mut screen, 10, &[("today", "#1 ")]);
    screen.wait_for("Replay 1.1");
    screen.send("q");
    screen.wait_for("History");
    escape(&mut screen, "History");

    press(&mut screen, 3, &[("host:one-0000", "7 of 51")]);
    screen.wait_for("7 sessions run");
    escape(&mut screen, "7 of 51");

    press(&mut screen, 4, &[("host:one-", "27 of 51"), ("moved", "27 items: Tag mixed → moved")]);
    screen.wait_for("27 items were changed. u undoes it.");
    screen.send("u");
    screen.wait_for("27 items were restored.");
}

#[test]
fn a_machine_that_sleeps() {
    let home = Home::new();
    let scenario = home.path().join("sleepers.toml");
    std::fs::write(&scenario, include_str!("sleepers.toml")).unwrap();
    let arguments = ["--scenario", scenario.to_str().unwrap(), "--clients", "40"];
    let mut screen = demo(&home, &arguments);
    screen.wait_for("29 online");
    screen.send("/status:offline");
    let shown = screen.wait_for("of 41 /status:offline");
    let words = shown.lines().filter(|line| line.contains("○ offline"));
    let mut words = words.flat_map(str::split_whitespace);
    let name = words.find(|word| word.starts_with("BEAR")).expect(&shown).to_owned();
    escape(&mut screen, "status:offline");
    press(&mut screen, 2, &[(&name, &name)]);
    screen.wait_for("The session starts when it is up.");
    screen.wait_for("This machine is simulated.");
}

#[test]
fn a_session_is_handed_over() {
    let home = Home::new();
    let served = Served::start(&home);
    let _agent = Guard(served.agent(&home, "agent", &served.key, &served.url()));
    served.until_online(&home, 1);
    let bobs = add_user(&home, &served, "bob");
    let mut alice = console_of(&home, &served, ("admin", &served.password), (100, 30));
    let mut bob = console_of(&home, &served, ("bob", &bobs), (90, 20));
    alice.send("\r");
    alice.wait_for("Ctrl-] then d: list");
    press(&mut alice, 7, &[("bob", "bob")]);
    bob.wait_for("gave you the session");
}

#[test]
fn a_customers_machine_is_pinned() {
    let home = Home::new();
    let path = service_manager(home.path(), "no service manager here", 1);
    let mut console = home.console(120, 40);
    console.wait_for("● online");
    let invitation = invite(&home);
    let mut person = join(&home, &invitation, "kiosk", &path);
    console.wait_for("waiting");
    let mut keys = presses(row(8)[2]).into_iter();
    for key in keys.by_ref().take(3) {
        if let Press::Key(key) = key {
            console.send(&bytes(key));
        }
    }
    person.wait_for("Allow it? [y/N]");
    person.send("y\r");
    console.wait_for("Ctrl-] then d: list");
    for press in keys {
        match press {
            Press::Key(key) => console.send(&bytes(key)),
            Press::Name => {
                console.send("personal");
                console.wait_for("personal▏");
            }
        }
    }
    person.wait_for("wants permanent access to this computer");
    person.send("y\r");
    console.wait_for("kiosk is pinned");
    until("it is listed", || home.ok(&["ls"]).contains("kiosk"));
    assert!(text(&home.run(&["ls"]).stdout).contains("kiosk"));
}

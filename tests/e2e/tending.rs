//! Items are tended in a real terminal, against a real appliance and real agents.

use crate::serve::Served;
use crate::support::{Guard, Home, Screen, hostname, text};

/// A console of a home with only this machine in it.
fn console(home: &Home) -> Screen {
    let mut screen = home.console(120, 30);
    screen.wait_for("● online");
    screen
}

fn listed(home: &Home) -> serde_json::Value {
    serde_json::from_str(home.ok(&["ls", "--json"]).trim()).unwrap()
}

#[test]
fn properties_that_are_typed_in_are_there_after_a_restart() {
    let home = Home::new();
    let mut screen = console(&home);
    screen.send("p");
    screen.wait_for("Properties of");
    screen.send("\x1b[B\x1b[Bdesk\x13");
    screen.wait_for("1 item was changed.");
    assert_eq!(listed(&home)["tag"], "desk");
    screen.send("q");
    assert_eq!(screen.wait_for_end(), 0);
    home.ok(&["stop", "--yes"]);
    assert_eq!(listed(&home)["tag"], "desk");
}

#[test]
fn two_consoles_that_edit_the_same_item_overwrite_nothing() {
    let home = Home::new();
    let mut one = console(&home);
    let mut two = console(&home);
    for screen in [&mut one, &mut two] {
        screen.send("p\x1b[B\x1b[B");
        screen.wait_for("Properties of");
    }
    two.send("mine");
    two.wait_for("mine▏");
    one.send("theirs\x13");
    one.wait_for("1 item was changed.");
    two.wait_for("Somebody else has changed this meanwhile.");
    two.send("\x13");
    two.wait_for("keep yours with Ctrl-k or take theirs");
    assert_eq!(listed(&home)["tag"], "theirs");
    two.send("\x0b\x13");
    two.wait_for("1 item was changed.");
    assert_eq!(listed(&home)["tag"], "mine");
}

#[test]
fn what_is_copied_named_and_clicked_reaches_the_terminal() {
    let home = Home::new();
    let mut screen = console(&home);
    screen.send("y");
    screen.wait_for("is in the clipboard");
    screen.send("\x1bm");
    screen.wait_for("Mouse on.");
    // A click on the heading of the first column.
    screen.send("\x1b[<0;32;3M\x1b[<0;32;3m");
    screen.wait_for("Name ↓");
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
    screen.send("\x1dd");
    screen.wait_for("▶ in use");
    screen.send("q");
    assert_eq!(screen.wait_for_end(), 0);
    let bytes = String::from_utf8_lossy(&screen.bytes).into_owned();
    let host = data_encoding::BASE64.encode(hostname().as_bytes());
    assert!(bytes.contains(&format!("\x1b]52;c;{host}")), "OSC 52");
    assert!(bytes.contains(&format!("\x1b]0;{} — jumpdeck", hostname())), "the window's title");
    let (taken, given) = (bytes.rfind("\x1b[?1000h"), bytes.rfind("\x1b[?1000l"));
    assert!(taken.is_some() && given > taken, "the mouse is given back");
}

#[test]
fn themes_and_keys_are_read_again_when_their_files_change() {
    let home = Home::new();
    std::fs::create_dir_all(home.config()).unwrap();
    let mut screen = console(&home);
    std::fs::write(home.config().join("config.toml"), "theme = \"high-contrast\"\n").unwrap();
    std::fs::write(home.config().join("keymap.toml"), "[list]\n\"z\" = \"why\"\n").unwrap();
    screen.wait_for("The configuration was read again.");
    screen.send("z");
    screen.wait_for("Your role here is Administrator");
    screen.send("\x1b");
    std::fs::write(home.config().join("keymap.toml"), "[list]\n\"z\" = \"fly\"\n").unwrap();
    screen.wait_for("keymap.toml, line 2: there is no command");
    screen.send("z");
    screen.wait_for("Your role here is Administrator");
}

#[test]
fn the_list_is_exported_and_a_file_that_is_there_is_left_alone() {
    let home = Home::new();
    let path = home.path().join("list.csv");
    let mut screen = console(&home);
    for said in ["1 item was written to", "there is such a file already"] {
        screen.send("e");
        screen.wait_for("╭ Export");
        screen.send(&format!("\x15{}\r", path.display()));
        screen.wait_for(said);
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("Name,Hostname/IP,") && text.lines().count() == 2, "{text}");
}

#[test]
fn a_removed_machine_forgets_its_appliance_at_once_or_when_it_comes_back() {
    let home = Home::new();
    let served = Served::start(&home);
    let mut agent = Guard(served.agent(&home, "one", &served.key, &served.url()));
    served.until_online(&home, 1);
    let mut away = served.agent(&home, "two", &served.key, &served.url());
    // Two agents of one machine have keys of their own.
    served.until_online(&home, 2);
    away.kill().unwrap();
    away.wait().unwrap();
    served.until_online(&home, 1);
    let mut screen = Screen::start(&served.rep(&home, &[]), 120, 30);
    screen.wait_for("2 items");
    screen.send("*x");
    screen.wait_for("Remove items?");
    screen.send("y");
    screen.wait_for("2 items were removed.");
    screen.wait_for("0 items");
    let ended = agent.0.wait().unwrap();
    assert_eq!(ended.code(), Some(0));
    let key = |name: &str| home.path().join(name).join("identity.key");
    assert!(!key("one").exists() && key("two").exists());
    let late = home.agent("two", &["run"]).env_remove("JUMPDECK_DATA_DIR").output().unwrap();
    assert_eq!(late.status.code(), Some(0), "{}", text(&late.stderr));
    assert!(text(&late.stderr).contains("was removed"), "{}", text(&late.stderr));
    assert!(!key("two").exists());
}

#[test]
fn two_consoles_see_the_same_countdown_and_the_machine_comes_up() {
    let home = Home::new();
    let scenario = home.path().join("sleepers.toml");
    std::fs::write(&scenario, include_str!("sleepers.toml")).unwrap();
    let arguments = ["demo", "--scenario", scenario.to_str().unwrap(), "--clients", "40"];
    let mut one = Screen::start(&home.jumpdeck(&arguments), 120, 30);
    one.wait_for("29 online");
    let demo = std::fs::read_dir(home.data().join("demo")).unwrap().next().unwrap().unwrap().path();
    let mut command = home.jumpdeck(&[]);
    command.env("JUMPDECK_DATA_DIR", demo);
    let mut two = Screen::start(&command, 120, 30);
    two.wait_for("41 items");
    for screen in [&mut one, &mut two] {
        screen.send("/status:offline");
        screen.wait_until("machines that are away", |text| {
            text.contains("○ offline") && !text.contains("0 Jump Items")
        });
        screen.send("\r");
    }
    one.send("w");
    one.wait_for("◔ waking");
    two.wait_for("◔ waking");
    two.send("w");
    let text = two.wait_for("another try is possible in");
    assert!(text.contains("tries to wake"), "{text}");
    one.wait_for("is awake,");
}

/// An X server without a screen of its own.
fn x_server() -> (Guard, String) {
    let mut child = std::process::Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "640x360x24", "-nolisten", "tcp"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("Xvfb (Debian's xvfb; tests/run installs it)");
    let mut number = String::new();
    let out = child.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut number).unwrap();
    (Guard(child), format!(":{}", number.trim()))
}

#[test]
fn the_screen_of_a_machine_is_seen_in_the_details() {
    let (_server, display) = x_server();
    let home = Home::new();
    let served = Served::start(&home);
    let agent = home
        .agent("one", &["run", "--appliance", &served.url(), "--fingerprint", &served.fingerprint])
        .env_remove("JUMPDECK_DATA_DIR")
        .env("JUMPDECK_INSTALLER_KEY", &served.key)
        .env("DISPLAY", &display)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let _agent = Guard(agent);
    served.until_online(&home, 1);
    let mut screen = Screen::start(&served.rep(&home, &[]), 120, 40);
    screen.wait_for("▀▀▀▀▀▀▀▀");
}

#[test]
fn completions_and_manual_pages_are_made_from_the_verbs() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(home.ok(&["completions", shell]).contains("installer"), "{shell}");
    }
    let dir = home.path().join("man");
    home.ok(&["man", dir.to_str().unwrap()]);
    let page = std::fs::read_to_string(dir.join("jumpdeck-ls.1")).unwrap();
    assert!(
        page.contains("status:online")
            || page.contains("status:online".replace(':', "\\:").as_str())
    );
    assert!(!dir.join("jumpdeck-simulated-fleet.1").exists());
    let output = home.run(&["man", "/proc/nowhere"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_suspended_console_comes_back_and_one_without_a_shell_says_so() {
    let home = Home::new();
    let console = home.jumpdeck(&[]);
    let mut shell = std::process::Command::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "shell$ ");
    for (name, value) in console.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let mut screen = Screen::start(&shell, 100, 30);
    screen.wait_for("shell$");
    screen.send(&format!("{}\r", console.get_program().to_str().unwrap()));
    screen.wait_for("● online");
    screen.send("\x1a");
    screen.wait_for("Stopped");
    screen.send("fg\r");
    screen.wait_for("● online");
    screen.send("q");
    screen.wait_for("shell$");
    screen.send("exit\r");
    screen.wait_for_end();
    let mut alone = home.console(100, 30);
    alone.wait_for("● online");
    alone.send("\x1a");
    alone.wait_for("There is no shell here to go back to.");
}

/// Where processes have a namespace of their own, the one who leads the terminal's session may be
/// outside it and has no number there.
#[test]
fn a_console_in_a_container_says_that_there_is_no_shell() {
    let home = Home::new();
    let console = home.jumpdeck(&[]);
    let space = ["--user", "--map-root-user", "--pid", "--fork"];
    let made = std::process::Command::new("unshare").args(space).arg("true").output();
    if !made.is_ok_and(|made| made.status.success()) {
        eprintln!("this machine makes no namespaces of processes: nothing to see");
        return;
    }
    let mut contained = std::process::Command::new("unshare");
    contained.args(space).arg("--mount-proc").arg("--").arg(console.get_program());
    for (name, value) in console.get_envs() {
        match value {
            Some(value) => contained.env(name, value),
            None => contained.env_remove(name),
        };
    }
    // The appliance must not end with the container, nor be somebody else's child there.
    home.ok(&["ls"]);
    let mut screen = Screen::start(&contained, 100, 30);
    screen.wait_for("● online");
    screen.send("\x1a");
    screen.wait_for("There is no shell here to go back to.");
    screen.send("q");
    assert_eq!(screen.wait_for_end(), 0);
}

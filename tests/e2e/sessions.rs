//! Sessions with several consoles, several shells, a log and recordings.

use crate::serve::Served;
use crate::support::{Guard, Home, Screen, hostname, signal, text, until};
use rustix::process::Signal;
use std::process::Command;

/// A console of a user of a server.
pub fn console_of(
    home: &Home,
    served: &Served,
    (user, password): (&str, &str),
    (columns, rows): (u16, u16),
) -> Screen {
    let mut command = served.rep(home, &[]);
    command.env("JUMPDECK_USER", user).env("JUMPDECK_PASSWORD", password);
    let mut screen = Screen::start(&command, columns, rows);
    screen.wait_for("● online");
    screen
}

pub fn add_user(home: &Home, served: &Served, name: &str) -> String {
    let output = served.rep(home, &["user", "add", name]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let first = printed.split_whitespace().last().unwrap();
    let password = format!("{first} and more");
    crate::serve::choose_password(home, served, name, (first, &password));
    password
}

/// The rows of a terminal without blanks at the end.
fn trimmed(text: &str) -> Vec<&str> {
    let mut rows: Vec<_> = text.lines().map(str::trim_end).collect();
    while rows.last().is_some_and(|row| row.is_empty()) {
        rows.pop();
    }
    rows
}

#[test]
fn asciinema_plays_a_recording_and_shows_what_the_pane_showed() {
    let home = Home::new();
    let mut screen = home.console(80, 24);
    screen.wait_for("● online");
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
    screen.send("printf 'red \\033[31mred\\033[0m 東京 e\\314\\201 %s\\n' one\r");
    screen.wait_for("one\n");
    screen.send("seq 1 100\r");
    screen.wait_for("100\n");
    // A byte that is no character, and one that comes in two pieces.
    screen.send("printf 'bad \\377 '; printf '\\346\\235'; sleep 0.1; printf '\\261 %s\\n' end\r");
    let shown = screen.wait_for("\u{fffd} 東 end\n");
    let prompt = shown.lines().filter(|line| !line.trim().is_empty()).count();
    let shown = screen.wait_until("the prompt", |text| {
        text.lines().filter(|line| !line.trim().is_empty()).count() >= prompt
            && !text.trim_end().ends_with("end")
    });
    let pane: Vec<String> = trimmed(&shown)[1..].iter().map(|row| (*row).to_owned()).collect();

    screen.send("\x1d");
    screen.send("xy");
    screen.wait_for("The session with");
    let entry = || -> serde_json::Value {
        serde_json::from_str(home.ok(&["recordings", "ls", "--json"]).trim()).unwrap()
    };
    until("the recording is closed", || entry()["sha256"].is_string());
    let number = entry()["number"].to_string();
    let path = home.path().join("shell.cast");
    home.ok(&["recordings", "export", &number, path.to_str().unwrap()]);
    let refused = home.run(&["recordings", "export", &number, path.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1), "what is there is not overwritten");

    let mut asciinema = Command::new("asciinema");
    asciinema.arg("cat").arg(&path).env("HOME", home.path()).env("LC_ALL", "C.UTF-8");
    let mut played = Screen::start(&asciinema, 80, 23);
    assert_eq!(played.wait_for_end(), 0);
    assert_eq!(trimmed(&played.text()), pane);
}

#[test]
fn a_recording_that_was_changed_is_not_exported_as_a_whole_one() {
    let home = Home::new();
    home.ok(&["ls"]);
    let mut jump = Screen::start(&home.jumpdeck(&["jump", &hostname()]), 80, 24);
    jump.send("echo some-$((1+1)); exit\r");
    jump.wait_for("some-2");
    jump.wait_for_end();
    until("the recording is closed", || {
        home.ok(&["recordings", "ls", "--json"]).contains("\"sha256\":\"")
    });
    let folder = home.data().join("recordings");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    assert_eq!(file.extension().unwrap(), "cast", "nothing half-written bears that name");
    let forged = std::fs::read_to_string(&file).unwrap().replace("some-2", "some-3");
    std::fs::write(&file, forged).unwrap();
    let path = home.path().join("out.cast");
    let output = home.run(&["recordings", "export", "1", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("was changed after it was closed"));
    assert!(!path.exists());
}

#[test]
fn two_reps_share_a_shell_look_on_hand_over_and_end_it() {
    let home = Home::new();
    let served = Served::start(&home);
    let _agent = Guard(served.agent(&home, "agent", &served.key, &served.url()));
    served.until_online(&home, 1);
    let bobs = add_user(&home, &served, "bob");
    let mut alice = console_of(&home, &served, ("admin", &served.password), (100, 30));
    let mut bob = console_of(&home, &served, ("bob", &bobs), (90, 20));
    alice.send("\r");
    alice.wait_for("Ctrl-] then d: list");
    alice.send("echo first-$((1+1))\r");
    alice.wait_for("first-2");

    // Bob may look on, and cannot type.
    alice.send("\x1dS");
    alice.wait_for("view only");
    alice.send("bob");
    alice.send("\x1b[B\r");
    alice.wait_for("bob can watch.");
    bob.wait_for("You can watch admin's session");
    bob.send("\x1b1");
    bob.wait_for("first-2");
    alice.wait_for("bob joined the session");
    bob.send("x");
    bob.wait_for("admin lets you watch, but not type.");
    bob.send("\x1dc");
    bob.wait_for("Message to everyone");
    bob.send("may I?\r");
    alice.wait_for("may I?");

    // Bob may type, and takes the keyboard.
    alice.send("\x1dS");
    alice.wait_for("can type");
    alice.send("\r");
    alice.wait_for("bob can type.");
    bob.send("\x1dt");
    alice.wait_for("bob types in");
    bob.send("echo from-bob-$((2+2)) on $(tput cols)x$(tput lines)\r");
    bob.wait_for("from-bob-4 on 90x19");
    alice.wait_for("from-bob-4 on 90x19");
    alice.send("y");
    alice.wait_for("bob types here");

    // The session is handed over, and its new owner ends it.
    alice.send("\x1dT");
    alice.wait_for("Give the session to");
    alice.send("\r");
    alice.wait_for("becomes the owner");
    alice.send("y");
    bob.wait_for("gave you the session");
    alice.wait_for("bob owns the session now");
    alice.send("\x1dx");
    alice.wait_for("only its owner does this");
    bob.send("\x1dx");
    bob.wait_for("End the session?");
    bob.send("y");
    alice.wait_for("was ended");
    bob.wait_for("was ended");
    let log = text(&served.rep(&home, &["log", "1"]).output().unwrap().stdout);
    let wanted = [
        "admin started the session",
        "admin lets bob watch",
        "bob joined",
        "bob: may I?",
        "admin lets bob type",
        "bob took the keyboard",
        "echo from-bob",
        "admin handed the session to bob",
        "the session ended: a rep ended it",
    ];
    let mut rest = log.as_str();
    for words in wanted {
        let at = rest
            .find(words)
            .unwrap_or_else(|| panic!("{words:?} stands not where it should:\n{log}"));
        rest = &rest[at..];
    }
}

#[test]
fn a_console_that_stands_still_slows_nobody_and_is_up_to_date_afterwards() {
    let home = Home::new();
    let mut first = home.console(100, 30);
    first.wait_for("● online");
    first.send("\r");
    first.wait_for("Ctrl-] then d: list");
    let mut second = home.console(100, 30);
    second.wait_for("Sessions 1");
    second.send("\x1b1");
    second.wait_for("another console of yours types");
    signal(second.process(), Signal::STOP);
    // Far more than what the windows and buffers on the way to the second one hold.
    first.send("seq 1 400000; echo all-$((1+1))\r");
    first.wait_for("all-2");
    signal(second.process(), Signal::CONT);
    second.wait_for("all-2");
    first.send("echo and-$((2+2))\r");
    second.wait_for("and-4");
}

#[test]
fn a_second_console_of_the_same_rep_types_on_where_the_first_one_stopped() {
    let home = Home::new();
    let mut first = home.console(100, 30);
    first.wait_for("● online");
    first.send("\r");
    first.wait_for("Ctrl-] then d: list");
    first.send("here=there\r");
    let mut second = home.console(80, 24);
    second.wait_for("Sessions 1");
    second.send("\x1b1");
    second.wait_for("here=there");
    second.send("echo -$here-\r");
    second.wait_for("-there-");
    first.wait_for("types in");
    first.send("echo back-$here\r");
    first.wait_for("back-there");
}

#[test]
fn what_cannot_be_recorded_is_not_typed_and_goes_on_once_it_can() {
    let home = Home::new();
    let mut screen = home.console(100, 30);
    screen.wait_for("● online");
    let disk = home.path().join("small");
    std::fs::create_dir(&disk).unwrap();
    let mount = |arguments: &[&str]| Command::new("mount").args(arguments).status();
    let small = disk.to_str().unwrap();
    if !mount(&["-t", "tmpfs", "-o", "size=66m", "none", small]).is_ok_and(|s| s.success()) {
        eprintln!("this machine mounts nothing: a full disk cannot be made");
        return;
    }
    let unmount = Unmount(small.to_owned());
    let recordings = home.data().join("recordings");
    std::fs::remove_dir(&recordings).unwrap();
    std::os::unix::fs::symlink(&disk, &recordings).unwrap();
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
    // The recording leaves 64 MiB to others; here that is nearly all there is.
    let filler = disk.join("filler");
    std::fs::write(&filler, vec![0; 4 << 20]).unwrap();
    screen.send("head -c 9000000 /dev/zero | tr '\\0' x | fold -w 90\r");
    screen.wait_for("cannot be recorded");
    screen.send("echo not-$((1+1))\r");
    screen.wait_for("Not typed");
    std::fs::remove_file(&filler).unwrap();
    Command::new("mount").args(["-o", "remount,size=200m", small]).status().unwrap();
    screen.wait_for("is recorded again");
    screen.send("\x03echo yes-$((2+2))\r");
    let text = screen.wait_for("yes-4");
    assert!(!text.contains("not-2"));
    let log = home.ok(&["log", "1"]);
    assert!(log.contains("cannot be recorded: only") && log.contains("is recorded again"), "{log}");
    drop(screen);
    home.ok(&["stop", "--yes"]);
    drop(unmount);
}

struct Unmount(String);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l", &self.0]).status();
    }
}

#[test]
fn what_is_typed_in_the_moment_before_one_leaves_arrives() {
    let home = Home::new();
    let mut screen = home.console(80, 24);
    screen.wait_for("● online");
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
    let marker = home.path().join("typed");
    screen.send(&format!("touch {}\r\x1ddq", marker.display()));
    assert_eq!(screen.wait_for_end(), 0);
    until("the last line is run", || marker.exists());
}

#[test]
fn a_console_that_shows_only_its_list_does_not_make_a_terminal_small() {
    let home = Home::new();
    let mut small = home.console(80, 24);
    small.wait_for("● online");
    let mut large = home.console(120, 40);
    large.wait_for("● online");
    large.send("\r");
    large.wait_for("Ctrl-] then d: list");
    small.wait_for("Sessions 1");
    large.send("until stty size | grep ' 120'; do sleep 0.1; done; echo fi''ts\r");
    large.wait_for("fits");
}

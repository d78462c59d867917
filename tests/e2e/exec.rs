//! Verbs: streams apart, statuses passed on, nothing cut.

use crate::support::{Home, Screen, hostname, is_alive, text, until};
use std::io::{Read, Write};
use std::process::Stdio;

#[test]
fn output_errors_and_status_come_back_as_they_are() {
    let home = Home::new();
    let output =
        home.run(&["exec", &hostname(), "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("out\n".into(), "err\n".into()));
}

#[test]
fn a_command_has_a_terminal_if_one_is_asked_for() {
    let home = Home::new();
    let script = "stty size; read name; echo \"hello $name\"; exit 7";
    let arguments = ["exec", "-t", &hostname(), "--", "sh", "-c", script];
    let mut screen = Screen::start(&home.jumpdeck(&arguments), 100, 30);
    screen.wait_for("30 100");
    screen.resize(80, 20);
    screen.send("ann\r");
    screen.wait_for("hello ann");
    assert_eq!(screen.wait_for_end(), 7);
    // It is seen in the list, and left and come back to, as a shell is.
    let mut waiting = Screen::start(
        &home.jumpdeck(&[
            "exec",
            "-t",
            &hostname(),
            "--",
            "sh",
            "-c",
            "echo waits; read x; echo $x",
        ]),
        80,
        24,
    );
    waiting.wait_for("waits");
    waiting.send("\x1dd");
    assert_eq!(waiting.wait_for_end(), 0);
    let mut again = Screen::start(&home.jumpdeck(&["attach", &hostname()]), 80, 24);
    again.wait_for("waits");
    again.send("back again\r");
    assert_eq!(again.wait_for_end(), 0);
    assert!(text(&again.bytes).contains("back again"));
    let output = home.run(&["exec", "-t", &hostname(), "--", "true"]);
    assert_eq!(output.status.code(), Some(255));
    assert!(text(&output.stderr).contains("no terminal here"), "{}", text(&output.stderr));
    let mut none =
        Screen::start(&home.jumpdeck(&["exec", "-t", &hostname(), "--", "no-such"]), 80, 24);
    none.wait_for("no-such: ");
    assert_eq!(none.wait_for_end(), 255);
}

#[test]
fn a_program_that_is_ended_is_over_and_its_terminal_is_put_back() {
    let home = Home::new();
    let script = "trap '' HUP TERM; printf '\\033[?1049h\\033[?25l'; echo pid-$$-; \
                  while :; do sleep 1; done";
    let arguments = ["exec", "-t", &hostname(), "--", "sh", "-c", script];
    let mut screen = Screen::start(&home.jumpdeck(&arguments), 80, 24);
    let shown = screen.wait_for("-\n");
    let process = shown.split("pid-").nth(1).and_then(|rest| rest.split('-').next()).unwrap();
    let process = process.parse().unwrap();
    screen.send("\x1d?");
    screen.wait_for("x: end it");
    screen.send("\x1dx");
    screen.wait_for("y end · n continue");
    screen.send("n");
    screen.wait_for("it continues");
    screen.send("\x1dx");
    screen.wait_until("it asks again", |text| text.matches("y end").count() == 2);
    screen.send("y");
    assert_eq!(screen.wait_for_end(), 128 + 1, "it did not end by itself");
    let written = text(&screen.bytes);
    let back = written.find("\x1b[?1049l\x1b[?25h").expect("the terminal is put back");
    assert!(written[back..].contains("The session is over."), "{written:?}");
    until("the program is killed", || !is_alive(process));
}

#[test]
fn whoever_types_in_another_terminal_of_the_same_rep_takes_over() {
    let home = Home::new();
    let command = ["exec", "-t", &hostname(), "--", "sh", "-c", "echo here; exec cat"];
    let mut first = Screen::start(&home.jumpdeck(&command), 80, 24);
    first.wait_for("here");
    let mut second = Screen::start(&home.jumpdeck(&["attach", &hostname()]), 80, 24);
    second.wait_for("here");
    second.send("second\r");
    first.wait_for("view only");
    first.wait_for("second\nsecond");
    first.send("first\r");
    second.wait_for("first\nfirst");
    second.send("\x1dd");
    assert_eq!(second.wait_for_end(), 0);
    first.send("alone\r\x04");
    assert_eq!(first.wait_for_end(), 0);
    assert!(text(&first.bytes).contains("alone\r\nalone"), "{}", text(&first.bytes));
}

#[test]
fn a_signal_is_told_as_a_shell_tells_it() {
    let home = Home::new();
    let output = home.run(&["exec", &hostname(), "--", "sh", "-c", "kill -TERM $$"]);
    assert_eq!(output.status.code(), Some(128 + 15));
}

#[test]
fn arguments_are_not_touched_by_any_shell() {
    let home = Home::new();
    let arguments = ["exec", &hostname(), "--", "printf", "%s|", "a b", "$HOME", "*", "'\"", ""];
    assert_eq!(home.ok(&arguments), "a b|$HOME|*|'\"||");
}

#[test]
fn programs_start_in_the_home_of_whoever_started_the_agent() {
    let home = Home::new();
    let at = home.path().canonicalize().unwrap();
    let output = home.ok(&["exec", &hostname(), "--", "sh", "-c", "echo $HOME; pwd -P"]);
    assert_eq!(output, format!("{}\n{}\n", home.path().display(), at.display()));
}

#[test]
fn megabytes_go_both_ways_whole() {
    let home = Home::new();
    home.ok(&["ls"]);
    let input: Vec<u8> =
        (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut child = home
        .jumpdeck(&["exec", &hostname(), "--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = input.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&sent).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    assert!(output.stdout == input, "{} of {} bytes", output.stdout.len(), input.len());
}

#[test]
fn a_reader_that_has_enough_ends_the_command_quietly() {
    let home = Home::new();
    home.ok(&["ls"]);
    let mut child = home
        .jumpdeck(&["exec", &hostname(), "--", "yes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(&first, b"y\ny\n");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(128 + 13), String::new()));
    until("no session is left", || !home.ok(&["ls", "--json"]).contains("in use"));
}

#[test]
fn what_cannot_be_done_has_a_reason_and_a_status() {
    let home = Home::new();
    let nobody = home.run(&["exec", "no-such-machine", "--", "true"]);
    assert_eq!(nobody.status.code(), Some(255));
    assert!(text(&nobody.stderr).contains("no item is called \"no-such-machine\""));
    let nothing = home.run(&["exec", &hostname(), "--", "/no/such/program"]);
    assert_eq!(nothing.status.code(), Some(255));
    assert!(
        text(&nothing.stderr).contains("/no/such/program: No such file"),
        "{}",
        text(&nothing.stderr)
    );
    assert_eq!(home.run(&["exec", &hostname()]).status.code(), Some(2));
}

#[test]
fn the_list_is_whole_in_a_pipe_and_as_json() {
    let home = Home::new();
    let line = home.ok(&["ls"]);
    assert_eq!(line.split('\t').take(2).collect::<Vec<_>>(), [hostname().as_str(), "online"]);
    let entry: serde_json::Value = serde_json::from_str(&home.ok(&["ls", "--json"])).unwrap();
    assert_eq!(entry["name"], hostname());
    assert_eq!(entry["status"], "online");
    assert_eq!(home.ok(&["ls", "nothing-matches-this"]), "");
    assert_eq!(home.ok(&["ls", "status:online", "group:personal", "seen<1h"]).lines().count(), 1);
    assert_eq!(home.ok(&["ls", "--", "-status:online"]), "");
    let wrong = home.run(&["ls", "naem:x"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stderr).contains("no field “naem”"));
}

#[test]
fn an_installer_key_is_not_among_the_arguments() {
    let home = Home::new();
    let line = home.ok(&["installer", "--group", "Lab", "--valid", "2h"]);
    assert!(line.contains("\nJUMPDECK_INSTALLER_KEY="), "{line}");
    assert!(line.contains(" jumpdeck-agent run --appliance https://127.0.0.1:"), "{line}");
    let refused = home.run(&["installer", "--valid", "5m"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("10 minutes to 365 days"));
}

#[test]
fn stop_leaves_no_process_and_no_file_outside() {
    let home = Home::new();
    let mut screen = Screen::start(&home.jumpdeck(&[]), 100, 30);
    screen.wait_for("● online");
    let (appliance, agent) = (home.appliance_process(), home.agent_process());
    assert_eq!(home.ok(&["stop"]), "Stopped.\n");
    assert!(!crate::support::is_alive(appliance) && !crate::support::is_alive(agent));
    assert_eq!(screen.wait_for_end(), 1);
    assert!(text(&screen.bytes).contains("The appliance was stopped."));
    assert_eq!(home.ok(&["stop"]), "Nothing was running.\n");
    let names: Vec<_> =
        std::fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["data"]);
}

#[test]
fn what_cannot_be_written_is_a_failure_and_a_reader_who_has_enough_is_none() {
    let home = Home::new();
    for arguments in [&["help"][..], &["ls", "--help"], &["ls", "--json"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = home.jumpdeck(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(text(&output.stderr).contains("No space left"), "{}", text(&output.stderr));
    }
    let mut enough = home.jumpdeck(&["help"]);
    let mut child = enough.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn every_byte_reaches_the_program_that_is_no_command() {
    let home = Home::new();
    std::fs::create_dir_all(home.config()).unwrap();
    std::fs::write(home.config().join("config.toml"), "prefix = \"ctrl-a\"\n").unwrap();
    let read = ["sh", "-c", "stty raw -echo; echo ready; head -c 4 | od -An -tx1; stty sane"];
    let read = |options: &[&str], bytes: &str| {
        let name = hostname();
        let arguments = [&["exec", "-t"], options, &[&*name, "--"], &read].concat();
        let mut screen = Screen::start(&home.jumpdeck(&arguments), 80, 24);
        screen.wait_for("ready");
        screen.send(bytes);
        assert_eq!(screen.wait_for_end(), 0);
        text(&screen.bytes)
    };
    // What stands within a piece was pasted; another prefix leaves the usual one alone.
    assert!(read(&["--escape", "ctrl-]"], "a\x1dxb").contains("61 1d 78 62"));
    assert!(read(&[], "\x1dd\x1dx").contains("1d 64 1d 78"));
    assert!(read(&["--escape", "none"], "\x01d\x01x").contains("01 64 01 78"));
    let mut screen = Screen::start(&home.jumpdeck(&["jump", &hostname()]), 80, 24);
    screen.send("echo he''re\r");
    screen.wait_for("here");
    screen.send("\x01d");
    assert_eq!(screen.wait_for_end(), 0);
    let end = text(&screen.bytes);
    let back = end.split('`').nth(1).expect("it says how to come back").to_owned();
    assert!(back.contains("attach"), "{end}");
    let words: Vec<_> = back.split_whitespace().skip(1).collect();
    let mut again = Screen::start(&home.jumpdeck(&words), 80, 24);
    again.wait_for("here");
    let config = home.config().join("config.toml");
    let before = std::fs::read_to_string(&config).unwrap_or_default();
    std::fs::write(&config, "prefix = \"x\"\n").unwrap();
    let command = ["exec", "-t", &hostname(), "--", "true"];
    let mut screen = Screen::start(&home.jumpdeck(&command), 100, 30);
    assert_eq!(screen.wait_for_end(), 0);
    assert!(text(&screen.bytes).contains("config.toml, line 1"), "{}", text(&screen.bytes));
    std::fs::write(&config, before).unwrap();
    let wrong = home.run(&["jump", "--escape", "x", &hostname()]);
    assert_eq!(wrong.status.code(), Some(255));
    assert!(text(&wrong.stderr).contains("--escape"), "{}", text(&wrong.stderr));
}

#[test]
fn a_shell_without_a_terminal_here_has_none_there() {
    let home = Home::new();
    let mut jump = home.jumpdeck(&["jump", &hostname()]);
    let mut jump =
        jump.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let script = "tty\necho out of $JUMPDECK_SESSION\necho err >&2\nexit 3\n";
    jump.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = jump.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "not a tty\nout of 1\n");
    assert_eq!(text(&output.stderr), "err\n");
}

#[test]
fn arguments_are_bytes_and_a_command_without_input_leaves_it_to_the_loop() {
    use std::os::unix::ffi::OsStrExt;
    let home = Home::new();
    let mut exec = home.jumpdeck(&["exec", &hostname(), "--", "printf", "%s"]);
    let output = exec.arg(std::ffi::OsStr::from_bytes(b"\xe4")).output().unwrap();
    assert_eq!(output.stdout, b"\xe4", "{}", text(&output.stderr));
    let mut exec = home.jumpdeck(&["exec", "-n", &hostname(), "--", "cat"]);
    let mut exec = exec.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = exec.stdin.take().unwrap();
    let _ = input.write_all(b"not read");
    let output = exec.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(0), vec![]));
}

#[test]
fn nothing_is_run_on_every_machine_by_mistake() {
    let home = Home::online();
    for query in ["", "tag:", "((", "or", "-", "cpu>", "status:"] {
        let output = home.run(&["exec", "--query", query, "--", "echo", "ran"]);
        assert_eq!(output.status.code(), Some(255), "{query:?}");
        assert!(output.stdout.is_empty(), "{query:?} ran");
        assert!(text(&output.stderr).contains("--all"), "{}", text(&output.stderr));
    }
    let listed = home.ok(&["exec", "--all", "--dry-run", "--", "echo", "ran"]);
    assert!(listed.contains(&hostname()) && !listed.contains("ran"), "{listed}");
    let ran = home.ok(&["exec", "--all", "--", "echo", "ran"]);
    assert!(ran.ends_with(": ran\n"), "{ran}");
}

#[test]
fn the_appliance_is_not_stopped_under_a_session_without_a_word() {
    let home = Home::new();
    let mut screen = Screen::start(&home.jumpdeck(&["jump", &hostname()]), 80, 24);
    screen.send("echo he''re\r");
    screen.wait_for("here");
    let refused = home.run(&["stop"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("1 session is open"), "{}", text(&refused.stderr));
    let mut asked = Screen::start(&home.jumpdeck(&["stop"]), 80, 24);
    asked.wait_for("y stop · n keep");
    asked.send("n\r");
    assert_eq!(asked.wait_for_end(), 1);
    screen.send("echo st''ill\r");
    screen.wait_for("still");
    assert_eq!(home.ok(&["stop", "--yes"]), "Stopped.\n");
}

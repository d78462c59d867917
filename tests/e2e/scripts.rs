//! Representative Console Scripts, from a file to a shell.

use crate::serve::Served;
use crate::support::{Guard, Home, Screen, hostname, text};
use std::path::PathBuf;

fn script(home: &Home, commands: &str) -> PathBuf {
    let path = home.path().join("script.brcs");
    std::fs::write(&path, format!("BRCS1.0\r\n{commands}\r\n")).unwrap();
    path
}

/// A home whose own machine is online.
fn home() -> Home {
    let home = Home::new();
    let mut screen = home.console(80, 24);
    screen.wait_for("● online");
    screen.send("q");
    assert_eq!(screen.wait_for_end(), 0);
    home
}

#[test]
fn a_script_opens_a_shell_on_the_machine_it_means() {
    let home = home();
    let command = format!("action=start_pinned_client_session&client.hostname={}", hostname());
    let path = script(&home, &format!("action=login\r\n{command}"));
    let from_file = home.jumpdeck(&["--run-script-file", path.to_str().unwrap()]);
    for program in [from_file, home.jumpdeck(&["--run-script", &command])] {
        let mut screen = Screen::start(&program, 100, 30);
        screen.wait_for("Ctrl-] then d: list");
        screen.send("echo $((6*7))th shell\r");
        screen.wait_for("42th shell");
        screen.send("\x1dxy");
        screen.wait_for("The session with");
        screen.send("q");
        assert_eq!(screen.wait_for_end(), 0);
    }
}

#[test]
fn a_script_that_cannot_be_run_opens_nothing_and_says_why() {
    let home = Home::new();
    let run = |arguments: &[&str]| {
        let output = home.run(arguments);
        (output.status.code(), text(&output.stderr))
    };
    let wrong = script(&home, "action=login&username=b%2x");
    let (status, said) = run(&["--run-script-file", wrong.to_str().unwrap()]);
    assert_eq!(status, Some(2));
    assert!(said.contains("line 2, column 24: after % come two hexadecimal digits"), "{said}");
    let (status, said) = run(&["--run-script", "action=start_rdp_session&target=x"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("start_rdp_session: these sessions come with a later version"), "{said}");
    let kept = "action=start_pinned_client_session&search_string=x&session.custom.ticket=7";
    let (status, said) = run(&["--run-script", kept]);
    assert_eq!(status, Some(1));
    assert!(said.contains("session.custom attributes are kept by a later version"), "{said}");
    let login = "action=login&mechanism=username_password&username=bob&password=hunter2";
    let (status, said) = run(&["--run-script", login]);
    assert_eq!(status, Some(2));
    assert!(said.contains("put the script into a file") && !said.contains("hunter2"), "{said}");
    let path = script(&home, login);
    let (status, said) = run(&["--run-script-file", path.to_str().unwrap()]);
    assert_eq!(status, Some(1));
    assert!(said.contains("with --connect") && !said.contains("hunter2"), "{said}");
    let (status, said) = run(&["--run-script-file", "/nowhere/script"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("reading /nowhere/script"), "{said}");
    let (status, said) = run(&["--run-script", "action=login", "ls"]);
    assert_eq!(status, Some(2));
    assert!(said.contains("leave the verb out"), "{said}");
}

#[test]
fn a_script_logs_in_where_somebody_has_to() {
    let home = Home::new();
    let served = Served::start(&home);
    let _agent = Guard(served.agent(&home, "agent", &served.key, &served.url()));
    served.until_online(&home, 1);
    let login = format!(
        "action=login&mechanism=username_password&username=admin&password={}",
        served.password.replace(' ', "%20")
    );
    let start = format!("action=start_jump_item_session&search_string={}", hostname());
    let path = script(&home, &format!("{login}\r\n{start}"));
    let arguments = ["--connect", &served.url(), "--run-script-file", path.to_str().unwrap()];
    let mut screen = Screen::start(&home.jumpdeck(&arguments), 100, 30);
    screen.wait_for("Ctrl-] then d: list");
    screen.send("echo $((6*7))th shell\r");
    screen.wait_for("42th shell");
    let wrong = script(&home, &format!("{login}x\r\n{start}"));
    let arguments = ["--connect", &served.url(), "--run-script-file", wrong.to_str().unwrap()];
    let mut screen = Screen::start(&home.jumpdeck(&arguments), 100, 30);
    screen.wait_for("The user name or the password is wrong.");
    assert_eq!(screen.wait_for_end(), 1);
}

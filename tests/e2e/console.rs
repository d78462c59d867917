//! The console in a real terminal.

use crate::support::{Home, hostname, is_alive, signal, until};
use rustix::process::Signal;

#[test]
fn from_the_first_start_to_a_shell_and_out_again() {
    let home = Home::new();
    let mut screen = home.console(120, 40);
    let name = hostname();
    let text = screen.wait_until("this machine online", |text| {
        text.lines().any(|line| line.contains(&name) && line.contains("● online"))
    });
    assert!(text.contains("1 item · 1 online"));
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
    screen.send("echo $((6*7)) on $(hostname); test -t 0 && echo terminal\r");
    screen.wait_for(&format!("42 on {name}"));
    screen.wait_for("terminal");
    screen.send("\x1d");
    screen.wait_for("d   list");
    screen.send("d");
    screen.wait_for("▶ in use");
    screen.send("\r");
    screen.wait_for(&format!("42 on {name}"));
    screen.send("exit 5\r");
    screen.wait_for("has ended with status 5.");
    screen.send("q");
    assert_eq!(screen.wait_for_end(), 0);
    let end = String::from_utf8_lossy(&screen.bytes).into_owned();
    assert!(end.contains("\x1b[?1049l") && end.contains("\x1b[?25h"), "the terminal is restored");
}

#[test]
fn a_resize_reaches_the_program_in_the_shell() {
    let home = Home::new();
    let mut screen = home.console(100, 30);
    screen.wait_for("● online");
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
    screen.send("echo rows $(stty size)\r");
    screen.wait_for("rows 29 100");
    screen.resize(80, 24);
    screen.wait_for("d: list, ?: help");
    screen.send("echo rows $(stty size)\r");
    screen.wait_for("rows 23 80");
}

#[test]
fn a_second_console_joins_the_first_ones_appliance() {
    let home = Home::new();
    let mut first = home.console(100, 30);
    first.wait_for("● online");
    let appliance = home.appliance_process();
    let mut second = home.console(100, 30);
    second.wait_for("● online");
    assert_eq!(home.appliance_process(), appliance);
    second.send("\r");
    first.wait_for("▶ in use");
    second.send("q");
}

#[test]
fn what_a_closed_terminal_left_is_there_at_the_next_start() {
    let home = Home::new();
    let mut screen = home.console(100, 30);
    screen.wait_for("● online");
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
    screen.send("echo still $((40+2)) here\r");
    screen.wait_for("still 42 here");
    let console = screen.hang_up();
    until("the console's end", || !is_alive(console));
    let mut again = home.console(100, 30);
    again.wait_for("Sessions 1");
    again.send("\x1b1");
    again.wait_for("still 42 here");
}

#[test]
fn a_small_change_is_a_small_frame() {
    let home = Home::new();
    let mut screen = home.console(100, 30);
    screen.wait_for("● online");
    // Nothing is selected then, so that no live figures are on the screen.
    screen.send("/nothing-is-called-so");
    screen.wait_for("nothing-is-called-so▏");
    screen.wait_for("Nothing here matches");
    let before = screen.bytes.len();
    screen.send("\x7f");
    screen.wait_for("nothing-is-called-s▏");
    let change = screen.bytes.len() - before;
    assert!(change < 1000, "one character less took {change} bytes");
}

#[test]
fn a_mistake_in_the_keymap_is_named_with_its_line() {
    let home = Home::new();
    std::fs::create_dir_all(home.config()).unwrap();
    std::fs::write(home.config().join("keymap.toml"), "[list]\n\"z\" = \"fly\"\n").unwrap();
    let mut screen = home.console(120, 30);
    screen.wait_for("keymap.toml, line 2: there is no command");
    screen.send("q");
    assert_eq!(screen.wait_for_end(), 0);
}

#[test]
fn a_console_without_a_terminal_says_what_to_use_instead() {
    let home = Home::new();
    let output = home.run(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(crate::support::text(&output.stderr).contains("needs a terminal"));
}

#[test]
fn a_jump_whose_terminal_closes_leaves_its_shell_running() {
    let home = Home::new();
    let mut screen = crate::support::Screen::start(&home.jumpdeck(&["jump", &hostname()]), 90, 20);
    screen.send("echo kept-$((20+2))\r");
    screen.wait_for("kept-22");
    let jump = screen.hang_up();
    until("its end", || !is_alive(jump));
    let mut console = home.console(100, 30);
    console.wait_for("Sessions 1");
    console.send("\x1b1");
    console.wait_for("kept-22");
}

#[test]
fn a_console_that_is_interrupted_restores_its_terminal() {
    let home = Home::new();
    let mut screen = home.console(100, 30);
    screen.wait_for("● online");
    signal(screen.process(), Signal::INT);
    assert_eq!(screen.wait_for_end(), 128 + 2);
    let end = String::from_utf8_lossy(&screen.bytes).into_owned();
    assert!(end.contains("\x1b[?1049l") && end.contains("\x1b[?25h"));
}

#[test]
fn a_jump_without_input_ends() {
    let home = Home::new();
    let output = home.run(&["jump", &hostname()]);
    assert_eq!(output.status.code(), Some(0), "{}", crate::support::text(&output.stderr));
}

#[test]
fn an_old_scroll_region_does_not_cut_a_larger_screen_in_two() {
    let home = Home::new();
    let mut screen = home.console(80, 24);
    screen.wait_for("● online");
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
    screen.send("printf '\\033[1;5r'; echo region-$((1+1))\r");
    screen.wait_for("region-2");
    screen.send("\x1dd");
    screen.wait_for("in use");
    screen.send("q");
    screen.wait_for_end();
    let mut again = home.console(100, 40);
    again.wait_for("Sessions 1");
    again.send("\x1b1");
    again.wait_for("region-2");
    again.send("clear; seq 100\r");
    let text = again.wait_for("\n100\n");
    assert!(text.contains("\n70\n"), "the whole height is used:\n{text}");
}

#[test]
fn jump_reads_a_script_from_a_pipe_and_ends_with_it() {
    let home = Home::new();
    let mut child = home
        .jumpdeck(&["jump", &hostname()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"echo sum-$((3*4))\nexit 6\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    assert!(crate::support::text(&output.stdout).contains("sum-12"));
}

#[test]
fn jump_is_a_raw_terminal_that_passes_the_status_on() {
    let home = Home::new();
    let mut screen = crate::support::Screen::start(&home.jumpdeck(&["jump", &hostname()]), 90, 20);
    screen.send("echo size $(stty size) $TERM\r");
    screen.wait_for("size 20 90 xterm-256color");
    screen.send("exit 9\r");
    assert_eq!(screen.wait_for_end(), 9);
}

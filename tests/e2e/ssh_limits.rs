//! The front door under strain: clients that take nothing, interrupts, limits, programs.

use crate::ssh::{House, with_terminal};
use crate::support::{Guard, Screen, hostname, text, until};
use std::io::{Read, Write};
use std::process::{Command, Stdio};

#[test]
fn whoever_takes_nothing_holds_up_nobody_else_and_no_more_come_in_than_may() {
    let mut house = House::new();
    let name = hostname();
    let command = format!("exec {name} -- yes");
    let mut ssh = house.answering(&[&house.served.password], "admin", &[&command]);
    // Its output is read by nobody, once it has begun.
    let mut stuck = Guard(ssh.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap());
    stuck.0.stdout.as_mut().unwrap().read_exact(&mut [0; 2]).unwrap();
    let status = || house.verb(&[&format!("exec {name} -- echo through")]);
    for _ in 0..5 {
        assert_eq!(text(&status().stdout), "through\n");
    }
    drop(stuck);
    // What it ran ends with it, at once.
    until("its session is over", || house.verb(&["sessions"]).stdout.is_empty());
    house.served.restart_with(&house.home, &["--most-ssh", "1"]);
    house.served.until_online(&house.home, 1);
    let mut first = house.console(80, 24);
    first.wait_for("● online");
    let refused = house.verb(&["ls"]);
    assert_eq!(refused.status.code(), Some(255));
    assert!(text(&refused.stderr).contains("As many as may be"), "{}", text(&refused.stderr));
    first.send("q");
    assert_eq!(first.wait_for_end(), 0);
    until("the place is free again", || house.verb(&["ls"]).status.success());
}

#[test]
fn input_that_nobody_takes_holds_no_output_up() {
    let house = House::new();
    let user = format!("admin:{}", hostname());
    let mut ssh = house.answering(&[&house.served.password], &user, &["seq 1 1000000"]);
    let zeros = std::fs::File::open("/dev/zero").unwrap();
    let output = ssh.stdin(zeros).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(output.stdout.ends_with(b"\n999999\n1000000\n"));
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 1_000_000);
}

#[test]
fn what_interrupts_a_verb_at_the_prompt_interrupts_that_and_nothing_after_it() {
    let house = House::new();
    let name = hostname();
    let asked = house.answering(&[&house.served.password], "admin", &["plain"]);
    let mut prompt = Screen::start(&with_terminal(&asked), 80, 24);
    prompt.wait_for("jumpdeck>");
    prompt.send(&format!("exec {name} -- sh -c 'echo st''arted; sleep 1000'\r"));
    prompt.wait_for("started");
    prompt.send("\x03");
    prompt.wait_for("Status 130.");
    prompt.send(&format!("exec {name} -- sh -c 'echo is $((6*7))'\r"));
    prompt.wait_for("is 42");
    // What is typed before the prompt is there is the command's.
    prompt.wait_until("the prompt", |text| text.trim_end().ends_with("jumpdeck>"));
    // The end of one input is not the end of all.
    prompt.send(&format!("exec {name} -- sh -c 'echo re''ady; cat; exit 6'\r"));
    prompt.wait_for("ready");
    prompt.send("and this\r\x04");
    prompt.wait_for("Status 6.");
    prompt.resize(100, 30);
    prompt.send(&format!("jump {name}\r"));
    prompt.send("stty size; exit 5\r");
    prompt.wait_for("30 100");
    prompt.wait_for("Status 5.");
    prompt.send("exit\r");
    assert_eq!(prompt.wait_for_end(), 5);
}

#[test]
fn one_connection_has_only_so_many_channels() {
    let house = House::new();
    let (key, public) = house.key("alice");
    house.add_key(&public);
    let control = format!("ControlPath={}", house.path("mux").display());
    let options = ["-i", &key, "-o", "BatchMode=yes", "-o", &control];
    let master = ["-o", "ControlMaster=yes", "-N"];
    let master = house.ssh(&[&options[..], &master[..]].concat(), "admin", &[]).spawn().unwrap();
    let _master = Guard(master);
    until("the connection stands", || house.path("mux").exists());
    let command = format!("exec {} -- cat", hostname());
    let open = || {
        // Anyone who is turned away does not come in by another connection.
        let options = [&options[..], &["-o", "ProxyCommand=false"]].concat();
        let mut ssh = house.ssh(&options, "admin", &[&command]);
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut all: Vec<_> = (0..12).map(|_| Guard(open())).collect();
    until("two are turned away", || {
        let ended = all.iter_mut().map(|child| child.0.try_wait().unwrap());
        ended.flatten().count() == 2
    });
}

#[test]
fn a_program_gets_what_sshd_would_give_it() {
    use std::os::unix::ffi::OsStrExt;
    let house = House::new();
    let (key, public) = house.key("ann");
    house.add_key(&public);
    let user = format!("admin:{}", hostname());
    let by_key = ["-i", key.as_str(), "-o", "BatchMode=yes"];
    // Input from a file: a login shell without a terminal.
    let mut shell = house.ssh(&[&["-T"], &by_key[..]].concat(), &user, &[]);
    let mut shell =
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let script = "tty\necho $JUMPDECK_REP\necho err >&2\nexit 3\n";
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stdout), "not a tty\nadmin\n");
    assert_eq!(text(&output.stderr), "err\n");
    // Bytes, and many of them.
    let run = |command: &[u8]| {
        let mut ssh = house.ssh(&by_key, &user, &[]);
        ssh.arg(std::ffi::OsStr::from_bytes(command)).stdin(Stdio::null()).output().unwrap()
    };
    assert_eq!(run(b"printf %s \xe4").stdout, b"\xe4");
    let long = format!("echo {}", "x".repeat(100_000));
    assert_eq!(run(long.as_bytes()).stdout.len(), 100_001);
    let state =
        text(&run(b"sed -n 's/SigIgn:.//p' /proc/self/status; ls /proc/self/fd | wc -l").stdout);
    let (ignored, open) = state.trim().split_once('\n').unwrap();
    // The C library keeps the signals after 31 to itself.
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & 0x7fff_ffff, 0);
    assert_eq!(open, "4", "standard streams, and the folder itself");
    // Files are not copied yet, and that is said.
    let sftp = [&["-s"], &by_key[..]].concat();
    let output = house.ssh(&sftp, "admin", &["sftp"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cat > FILE"), "{}", text(&output.stderr));
    let old = [&["-T"], &by_key[..]].concat();
    let output = house.ssh(&old, "admin", &["scp", "-t", "/tmp/x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cat > FILE"), "{}", text(&output.stderr));
    // The terminal's modes go along.
    let modes = "stty erase ^H intr ^Y -ixon";
    let mut here = Command::new("sh");
    let ssh = house.ssh(&[&["-tt"], &by_key[..]].concat(), &user, &["stty", "-a"]);
    here.args(["-c", &format!("{modes}; exec \"$@\""), "sh", "ssh"]).args(ssh.get_args());
    let mut screen = Screen::start(&here, 80, 24);
    assert_eq!(screen.wait_for_end(), 0);
    let shown = text(&screen.bytes);
    for mode in ["intr = ^Y", "erase = ^H", "-ixon"] {
        assert!(shown.contains(mode), "{mode}: {shown}");
    }
}

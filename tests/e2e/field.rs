//! What once went wrong in the field, tried with the programs themselves.

use crate::serve::Served;
use crate::support::{Guard, Home, Screen, hostname, is_alive, kill, signal, text, until};
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

/// A server with this machine behind it.
struct House {
    home: Home,
    served: Served,
    agent: Guard,
}

impl House {
    fn new() -> Self {
        Self::with(|agent| agent)
    }

    /// The same, whose agent is started in another way.
    fn with(start: impl FnOnce(Command) -> Command) -> Self {
        let home = Home::new();
        let served = Served::start(&home);
        let agent = served.agent_command(&home, "agent", &served.key, &served.url());
        let agent = Guard(start(agent).spawn().unwrap());
        served.until_online(&home, 1);
        Self { home, served, agent }
    }

    fn rep(&self, arguments: &[&str]) -> Command {
        self.served.rep(&self.home, arguments)
    }

    fn piped(&self, arguments: &[&str]) -> Child {
        let mut command = self.rep(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    fn screen(&self, arguments: &[&str]) -> Screen {
        Screen::start(&self.rep(arguments), 100, 30)
    }
}

/// A program that is started by another, with these words before its own.
pub fn by(words: &[&str], program: &Command) -> Command {
    let mut command = with_variables(Command::new(words[0]), program);
    command.args(&words[1..]).arg(program.get_program()).args(program.get_args());
    command
}

fn with_variables(mut command: Command, program: &Command) -> Command {
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null());
    command
}

/// The number behind a word on a screen.
fn number(shown: &str, word: &str) -> u32 {
    let (_, rest) = shown.split_once(word).unwrap();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[test]
fn an_agent_that_ignores_signals_does_not_teach_its_programs_to() {
    let ignoring = ["sh", "-c", "trap '' HUP INT QUIT TERM PIPE; exec \"$@\"", "sh"];
    let house = House::with(|agent| by(&ignoring, &agent));
    let mut screen = house.screen(&["jump", &hostname()]);
    screen.send("sleep 1001 & echo back''ground=$!=\r");
    let behind = number(&screen.wait_for("background="), "background=");
    screen.send("sh -c 'echo quit''s=$$; exec sleep 1002'; echo status=$?=\r");
    screen.wait_for("quits=");
    screen.send("\x1c");
    screen.wait_for("status=131=");
    screen.send("sh -c 'echo front''=$$=; exec sleep 1003'\r");
    let front = number(&screen.wait_for("front="), "front=");
    assert!(is_alive(behind) && is_alive(front));
    screen.send("\x1dx");
    screen.wait_for("y end");
    screen.send("y");
    screen.wait_for_end();
    until("both are over", || !is_alive(behind) && !is_alive(front));
}

#[test]
fn connections_that_do_nothing_leave_room_for_a_session_and_its_recording() {
    let mut house = House::new();
    house.served.restart_under(&house.home, &["prlimit", "--nofile=256:256"]);
    house.served.until_online(&house.home, 1);
    let mut console = house.screen(&[]);
    console.wait_for("● online");
    let idle: Vec<_> = (0..400)
        .filter_map(|number| {
            // From many addresses, to both doors.
            let from = format!("127.0.{}.{}:0", 1 + number / 200, 1 + number % 200);
            let to = if number % 2 == 0 { &house.served.address } else { &house.served.ssh.0 };
            let from: socket2::SockAddr = from.parse::<SocketAddr>().unwrap().into();
            let to: SocketAddr = to.parse().unwrap();
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
            let socket = socket.unwrap();
            socket.bind(&from).unwrap();
            socket.connect(&to.into()).ok().map(|()| socket)
        })
        .collect();
    assert!(idle.len() > 300, "{}", idle.len());
    console.send("\r");
    console.wait_for("Ctrl-] then");
    console.send("echo ty''ped\r");
    let shown = console.wait_for("typed");
    assert!(shown.contains('⏺') && !shown.contains("not recorded"), "{shown}");
    drop(idle);
}

#[test]
fn a_command_tells_that_its_appliance_is_away_and_goes_on_when_it_is_back() {
    let mut house = House::new();
    let mut exec =
        house.piped(&["exec", &hostname(), "--", "sh", "-c", "echo begins; read x; echo $x"]);
    let mut out = BufReader::new(exec.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut errors = BufReader::new(exec.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(out.next().as_deref(), Some("begins"));
    // One that hangs is told as well as one that is gone.
    signal(house.served.process(), Signal::STOP);
    let said = errors.next().unwrap();
    signal(house.served.process(), Signal::CONT);
    assert!(said.contains("no answer from the appliance for 5 s"), "{said}");
    let said = errors.next().unwrap();
    assert!(said.contains("the appliance answers again"), "{said}");
    house.served.stop();
    let said = errors.next().unwrap();
    assert!(said.contains("no link for 3 s"), "{said}");
    house.served.restart(&house.home);
    let said = errors.next().unwrap();
    assert!(said.contains("the link is back"), "{said}");
    exec.stdin.take().unwrap().write_all(b"goes on\n").unwrap();
    assert_eq!(out.next().as_deref(), Some("goes on"));
    assert_eq!(exec.wait().unwrap().code(), Some(0));
}

#[test]
fn keys_that_a_hanging_appliance_does_not_answer_are_told_of_in_a_jump() {
    let house = House::new();
    let mut screen = house.screen(&["jump", &hostname()]);
    screen.send("echo he''re\r");
    screen.wait_for("here");
    signal(house.served.process(), Signal::STOP);
    screen.send("echo ag''ain\r");
    screen.wait_for("no answer from the appliance for 3 s; your input is queued");
    signal(house.served.process(), Signal::CONT);
    screen.wait_for("answers again");
    screen.wait_for("again\n");
}

#[test]
fn a_machine_that_hangs_is_told_of_wherever_its_programs_are_shown() {
    let house = House::new();
    let agent = house.agent.0.id();
    let mut console = house.screen(&[]);
    console.wait_for("● online");
    console.send("\r");
    console.wait_for("Ctrl-] then d: list");
    let mut jump = house.screen(&["jump", &hostname()]);
    let mut exec = house.screen(&["exec", &hostname(), "--", "sh", "-c", "echo st''arted; read x"]);
    jump.send("echo he''re\r");
    jump.wait_for("here");
    exec.wait_for("started");
    signal(agent, Signal::STOP);
    console.send("ls\r");
    jump.send("echo ag''ain\r");
    console.wait_for("machine: last contact 3 s ago · 3 keys waiting");
    console.wait_for("machine: last contact 9 s ago");
    jump.wait_for("[no answer from the machine; your input is queued]");
    exec.wait_for("jumpdeck: no answer from the machine\n");
    signal(agent, Signal::CONT);
    jump.wait_for("[the machine answers again]");
    jump.wait_for("again\n");
    exec.wait_for("jumpdeck: the machine answers again");
    for bytes in [&jump.bytes, &exec.bytes] {
        assert_eq!(text(bytes).matches("no answer from the machine").count(), 1, "it is said once");
    }
    console.wait_until("no silence", |text| !text.contains("no answer"));
    exec.send("\r");
    assert_eq!(exec.wait_for_end(), 0);
}

#[test]
fn a_tunnel_that_is_cut_is_no_success() {
    let mut house = House::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let tunnel = house.piped(&["tunnel", &hostname(), &port]);
    let (mut there, _) = listener.accept().unwrap();
    there.write_all(b"half").unwrap();
    let socket = socket2::Socket::from(there);
    // It is reset, not closed.
    socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(socket);
    let output = tunnel.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(255), "{}", text(&output.stderr));
    assert!(!output.stderr.is_empty());
    // The same when the machine's agent is gone for good.
    let mut tunnel = house.piped(&["tunnel", &hostname(), &port]);
    let (mut there, _) = listener.accept().unwrap();
    there.write_all(b"half").unwrap();
    let mut four = [0; 4];
    tunnel.stdout.as_mut().unwrap().read_exact(&mut four).unwrap();
    kill(house.agent.0.id());
    house.agent = Guard(house.served.agent(&house.home, "agent", "", &house.served.url()));
    let output = tunnel.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(255), "{}", text(&output.stderr));
    assert!(!output.stderr.is_empty());
}

#[test]
fn a_jump_that_was_stopped_and_continued_has_its_terminal_raw_again() {
    let home = Home::online();
    let jump = home.jumpdeck(&["jump", &hostname()]);
    let words: Vec<_> = jump.get_args().map(|word| word.to_string_lossy()).collect();
    let line = format!("{} {}", jump.get_program().display(), words.join(" "));
    let mut shell = with_variables(Command::new("bash"), &jump);
    shell.args(["--norc", "-i"]).env("PS1", "here> ");
    let mut screen = Screen::start(&shell, 100, 30);
    screen.wait_for("here>");
    screen.send(&format!("{line}\r"));
    screen.send("echo far''=$PPID=\r");
    screen.wait_for("far=");
    let bash = screen.process();
    let children = format!("/proc/{bash}/task/{bash}/children");
    let child = std::fs::read_to_string(children).unwrap();
    let child: u32 = child.split_whitespace().next().unwrap().parse().unwrap();
    signal(child, Signal::STOP);
    screen.wait_for("Stopped");
    screen.send("fg\r");
    // Ctrl-C goes to the program over there and not to what shows it here.
    screen.send("echo aw''ake; sleep 1004; echo sl''ept\r");
    screen.wait_for("awake");
    screen.send("\x03");
    screen.send("echo still''=there\r");
    let shown = screen.wait_for("still=there");
    assert!(!shown.contains("slept"), "{shown}");
    assert!(is_alive(child));
}

#[test]
fn an_installer_key_is_listed_and_lets_nobody_in_once_it_is_revoked() {
    let house = House::new();
    let run = |arguments: &[&str]| {
        let output = house.rep(arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let made = run(&["installer", "--group", "field"]);
    let key = made.lines().find_map(|line| line.trim().strip_prefix("JUMPDECK_INSTALLER_KEY="));
    let key = key.unwrap().split(' ').next().unwrap().to_owned();
    let listed = run(&["installer", "ls", "--json"]);
    let listed: Vec<serde_json::Value> =
        listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let made = listed.iter().find(|one| one["group"] == "field").unwrap();
    assert_eq!((made["made_by"].as_str(), made["good"].as_bool()), (Some("admin"), Some(true)));
    run(&["installer", "rm", &made["id"].to_string()]);
    assert!(!run(&["installer", "ls"]).contains("field"));
    let mut late = house.served.agent_command(&house.home, "late", &key, &house.served.url());
    let output = late.stderr(Stdio::piped()).output().unwrap();
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("installer key"), "{}", text(&output.stderr));
    let again = house.rep(&["installer", "rm", "4711"]).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
}

#[test]
fn a_search_by_figures_that_lacks_some_is_no_success() {
    let house = House::new();
    signal(house.agent.0.id(), Signal::STOP);
    let some = house.rep(&["ls", "disk>0"]).output().unwrap();
    let run =
        house.rep(&["exec", "--query", "disk>0", "--dry-run", "--", "true"]).output().unwrap();
    let either = "disk>0 or status:online";
    let listed = house.rep(&["exec", "--query", either, "--dry-run", "--", "true"]);
    let listed = { listed }.output().unwrap();
    signal(house.agent.0.id(), Signal::CONT);
    assert_eq!(listed.status.code(), Some(1), "{}", text(&listed.stderr));
    assert!(text(&listed.stdout).contains(&hostname()), "it is found all the same");
    assert_eq!(some.status.code(), Some(1), "{}", text(&some.stderr));
    assert!(
        text(&some.stderr).contains("1 machine did not send figures"),
        "{}",
        text(&some.stderr)
    );
    assert_eq!(run.status.code(), Some(255), "none is left: {}", text(&run.stderr));
    let all = house.rep(&["ls", "disk>0"]).output().unwrap();
    assert_eq!(all.status.code(), Some(0), "{}", text(&all.stderr));
}

#[test]
fn verbs_that_start_together_on_a_cold_appliance_all_find_this_machine() {
    let home = Home::new();
    let start = || {
        let mut verb = home.jumpdeck(&["exec", &hostname(), "--", "echo", "here"]);
        verb.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let verbs: Vec<_> = (0..8).map(|_| start()).collect();
    for verb in verbs {
        let output = verb.wait_with_output().unwrap();
        assert_eq!(text(&output.stdout), "here\n", "{}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn another_program_on_the_old_port_holds_up_nobody() {
    let home = Home::online();
    let file = home.data().join("run/address.json");
    let address: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let appliance = home.appliance_process();
    kill(appliance);
    until("the appliance is gone", || !is_alive(appliance));
    // It would take connections and say nothing.
    let old = address["url"].as_str().unwrap().trim_start_matches("https://");
    let mut other = None;
    until("the port is free", || {
        other = TcpListener::bind(old).ok();
        other.is_some()
    });
    let other = other.unwrap();
    assert_eq!(home.ok(&["exec", &hostname(), "--", "echo", "here"]), "here\n");
    drop(other);
}

#[test]
fn what_is_gone_from_a_data_directory_is_named_and_not_made_anew() {
    let home = Home::new();
    let mut served = Served::start(&home);
    served.stop();
    let serve = |options: &[&str]| {
        let mut command = home.jumpdeck(&["serve", "--listen", "127.0.0.1:0", "--no-ssh"]);
        command.args(options).env("JUMPDECK_DATA_DIR", home.path().join("server"));
        command.output().unwrap()
    };
    let database = home.path().join("server/appliance.db");
    let kept = home.path().join("kept.db");
    std::fs::rename(&database, &kept).unwrap();
    let output = serve(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("appliance.db"), "{}", text(&output.stderr));
    assert!(!database.exists(), "nothing stands in its place");
}

//! The appliance, the console and the link are cut, killed and made again at two hundred random
//! points while a shell prints and is typed into. The seed is fixed: a failure can be repeated.

use crate::serve::Served;
use crate::support::{Guard, Home, Screen, text, until};
use jumpdeck_protocol::rep::{ApplianceNotice, RepRequest};
use jumpdeck_protocol::session::ChannelOrder;
use jumpdeck_server_sim::{ConsoleHeard, ConsoleLogin, SimulatedConsole, SimulatedShell};
use std::process::Command;
use std::time::Duration;

/// Points at which something breaks.
const POINTS: usize = 200;
/// How much is typed and answered between two of them, at most.
const LINES: u64 = 4;

/// A row of numbers that look random and are always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // Knuth's MMIX generator.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What is done at a point.
#[derive(Debug)]
enum Blow {
    /// The console's link breaks; the console comes back to where it stood.
    Link,
    /// The console is killed; another one starts from nothing.
    Console,
    /// The appliance is killed and started again.
    Appliance,
}

struct Field {
    home: Home,
    served: Served,
    login: ConsoleLogin,
    console: SimulatedConsole,
    shell: SimulatedShell,
}

impl Field {
    async fn connect(login: &ConsoleLogin) -> SimulatedConsole {
        for _ in 0..600 {
            if let Ok(console) = SimulatedConsole::connect(login).await {
                return console;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the appliance does not come back");
    }

    async fn strike(&mut self, blow: &Blow) {
        if matches!(blow, Blow::Appliance) {
            self.served.restart(&self.home);
        }
        if matches!(blow, Blow::Console) {
            self.login.console += 1;
        }
        self.console = Self::connect(&self.login).await;
        if matches!(blow, Blow::Console) {
            // It knows nothing; what the agent keeps is all there was.
            let view = self.shell.session.clone();
            self.shell = SimulatedShell::of(&view).unwrap();
        }
        self.shell.attach(&self.console);
    }

    /// Types a line and, if wanted, waits for what the shell makes of it.
    async fn line(&mut self, number: u64, wait: bool) {
        self.shell.enter(&self.console, &format!("line {number}\r"));
        if wait {
            let wanted = format!("<{number}>");
            self.shell.until(&mut self.console, &wanted).await.unwrap();
        }
    }
}

#[test]
fn at_two_hundred_points_something_breaks_and_no_byte_is_lost() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let home = Home::new();
    let served = Served::start(&home);
    let mut agent = served.agent_command(&home, "agent", &served.key, &served.url());
    let _agent = Guard(agent.args(["--most-pause", "1"]).spawn().unwrap());
    served.until_online(&home, 1);
    let mut login =
        ConsoleLogin::with_password(&served.url(), &served.fingerprint, "admin", &served.password);
    login.console = 1;
    let mut console = Field::connect(&login).await;
    let mut shell = console.start(jumpdeck_protocol::ItemId(1)).await.unwrap();
    // Each line is answered with its number and some output of its own.
    let program = "stty -echo; PS1=; echo ready-$((1+1)); while read -r w n; do echo \"<$n>\"; seq 1 $n; done; exit 7\r";
    shell.enter(&console, program);
    shell.until(&mut console, "ready-2").await.unwrap();
    shell.enter(&console, "line 0\r");
    shell.until(&mut console, "<0>").await.unwrap();
    let mut field = Field { home, served, login, console, shell };
    let mut dice = Dice(2026);
    let mut number = 0;
    for point in 0..POINTS {
        let blow = match dice.roll(4) {
            0 => Blow::Appliance,
            1 => Blow::Console,
            _ => Blow::Link,
        };
        let lines = dice.roll(LINES);
        for _ in 0..lines {
            number += 1;
            // A console that is killed takes along what it had typed and nobody had; so that
            // everything can be asked for afterwards, it waits.
            field.line(number, matches!(blow, Blow::Console) || dice.roll(2) == 0).await;
        }
        if matches!(blow, Blow::Console) && number > 0 {
            number += 1;
            field.line(number, true).await;
        }
        println!("{point}: {blow:?} after line {number}");
        field.strike(&blow).await;
    }
    number += 1;
    field.line(number, true).await;
    let expected: String = (0..=number)
        .map(|n| format!("<{n}>\r\n") + &(1..=n).map(|i| format!("{i}\r\n")).collect::<String>())
        .collect();
    field.shell.enter(&field.console, "\x04");
    let session = field.shell.session.id;
    let ended = |heard: &ConsoleHeard| matches!(heard, ConsoleHeard::Notice(ApplianceNotice::SessionEnded { session: of, .. }) if *of == session);
    loop {
        let (_, heard) = field.console.next_at().await.unwrap();
        if ended(&heard) {
            break;
        }
        let _ = field.shell.take(&field.console, &heard);
        if field.shell.finished().is_some() {
            let channel = field.shell.session.channels[0].id;
            field.shell.order(&field.console, ChannelOrder::Close { channel });
        }
    }
    let got = String::from_utf8(field.shell.output.clone()).unwrap();
    let from = got.find("<0>").unwrap();
    // A login shell takes its leave.
    let came = got[from..].trim_end_matches("logout\r\n");
    assert!(came == expected, "what came is not what was printed:\n{got}");

    let rep = |arguments: &[&str]| {
        text(&field.served.rep(&field.home, arguments).output().unwrap().stdout)
    };
    until("the recording is closed", || {
        rep(&["recordings", "ls", "--json"]).contains("\"sha256\":\"")
    });
    let cast = rep(&["recordings", "export", "1", "-"]);
    let recorded: String = cast
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str::<(f64, String, String)>(line).unwrap())
        .filter(|(_, kind, _)| kind == "o")
        .map(|(_, _, data)| data)
        .collect();
    assert!(recorded == got, "the recording is not what came");
    let file = field.home.path().join("matrix.cast");
    std::fs::write(&file, &cast).unwrap();
    let mut asciinema = Command::new("asciinema");
    asciinema.arg("cat").arg(&file).env("HOME", field.home.path()).env("LC_ALL", "C.UTF-8");
    let mut played = Screen::start(&asciinema, 80, 24);
    assert_eq!(played.wait_for_end(), 0, "{}", played.text());
    let log = rep(&["log", "1"]);
    let times = |words: &str| log.matches(words).count();
    assert_eq!((times("started the session"), times("opened shell")), (1, 1), "{log}");
    assert_eq!((times("shell 1 ended with status 7"), times("the session ended")), (1, 1), "{log}");
    let commands = log.lines().filter(|line| line.contains("admin [1] ")).count();
    assert!(commands <= 1, "what was typed unseen is no command:\n{log}");
    let _ = field.console.ask(RepRequest::Colleagues).await;
}

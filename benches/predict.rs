//! The feel of a shell that is far away: from a key to its character on the screen, with the machine
//! behind a proxy that delays. In the console and in `jumpdeck jump`, without prediction and with it.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    clippy::print_stdout,
    reason = "a bench that fails stops"
)]

mod common;

use common::{Home, Screen, Served, hostname, millis, quantile};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Between two keys: a quick typist.
const PAUSE: Duration = Duration::from_millis(90);
/// A line that is typed: a shell's, or text in an editor.
const SHELL: [&str; 6] = [
    "ls -la /etc/hostname /etc/hosts",
    "grep -n root /etc/passwd | head -3",
    "cd /tmp && pwd && cd -",
    "for i in 1 2 3; do echo line $i; done",
    "echo the quick brown fox jumps over the lazy dog",
    "uptime; df -h / | tail -1",
];
const TEXT: [&str; 3] = [
    "It is a truth universally acknowledged, that a",
    "single man in possession of a good fortune,",
    "must be in want of a wife.",
];

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    for round_trip in [0, 50, 100, 200] {
        let home = Home::new();
        let served = Served::start(&home);
        let far = delayed(&served.address, Duration::from_millis(round_trip) / 2);
        let _agent = agent(&home, &served, &far);
        println!("\nround trip {round_trip} ms");
        println!("{:38} {:>8} {:>8} {:>9} {:>10}", "", "p50", "p90", "≤ 5 ms", "corrected");
        {
            let predict = "auto";
            let config = home.path().join(predict);
            std::fs::create_dir_all(&config).unwrap();
            std::fs::write(config.join("config.toml"), format!("predict = \"{predict}\"\n"))
                .unwrap();
            for (kind, verb) in [("console", None), ("jump", Some("jump"))] {
                let mut command = served.rep(&home);
                command.env("JUMPDECK_CONFIG_DIR", &config);
                command.args(verb).args(verb.map(|_| hostname()));
                typed(&format!("{kind}, predict = {predict}"), &command, verb.is_none());
            }
        }
    }
}

/// This machine, behind a way that delays.
fn agent(home: &Home, served: &Served, way: &str) -> Running {
    let child = Command::new(Home::sibling("jumpdeck-agent"))
        .args([
            "run",
            "--appliance",
            &format!("https://{way}"),
            "--fingerprint",
            &served.fingerprint,
        ])
        .arg("--data-dir")
        .arg(home.path().join("agent"))
        .env("JUMPDECK_INSTALLER_KEY", &served.key)
        .stderr(Stdio::null())
        .spawn();
    let running = Running(child.unwrap());
    while served.rep(home).args(["ls", "status:online"]).output().unwrap().stdout.is_empty() {
        std::thread::yield_now();
    }
    running
}

/// A way to `target` on which everything takes so long. Returns its address.
fn delayed(target: &str, delay: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let target = target.to_owned();
    std::thread::spawn(move || {
        for inward in listener.incoming().flatten() {
            let outward = TcpStream::connect(&target).unwrap();
            for stream in [&inward, &outward] {
                stream.set_nodelay(true).unwrap();
            }
            let ways =
                [(inward.try_clone().unwrap(), outward.try_clone().unwrap()), (outward, inward)];
            for (mut from, mut to) in ways {
                let (sender, waiting) = channel::<(Instant, Vec<u8>)>();
                std::thread::spawn(move || {
                    let mut buffer = vec![0; 65536];
                    while let Ok(count @ 1..) = from.read(&mut buffer) {
                        let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                        if sender.send((Instant::now() + delay, bytes)).is_err() {
                            return;
                        }
                    }
                });
                std::thread::spawn(move || {
                    for (due, bytes) in waiting {
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        if to.write_all(&bytes).is_err() {
                            return;
                        }
                    }
                });
            }
        }
    });
    address
}

/// What was measured of keys.
#[derive(Default)]
struct Measured {
    delays: Vec<f64>,
    /// Characters that were shown and then were not.
    corrected: usize,
}

fn typed(name: &str, command: &Command, console: bool) {
    let mut screen = Screen::start(command);
    if console {
        screen.wait_until_shown("● online");
        screen.drain(Duration::from_millis(300));
        screen.send("\r");
        screen.wait_until_shown("then d");
    }
    screen.drain(Duration::from_millis(800));
    screen.send("PS1='far: '; clear\r");
    screen.wait_until_shown("far:");
    screen.drain(Duration::from_millis(500));
    let mut measured = Measured::default();
    for line in SHELL {
        measured.line(&mut screen, line);
        screen.send("\r");
        screen.drain(Duration::from_millis(600));
    }
    screen.send("vim -u NONE -N /tmp/none-such\r");
    screen.drain(Duration::from_millis(900));
    screen.send("i");
    screen.drain(Duration::from_millis(500));
    for line in TEXT {
        measured.line(&mut screen, line);
        screen.send("\r");
        screen.drain(Duration::from_millis(600));
    }
    screen.send("\x1b:q!\r");
    screen.drain(Duration::from_millis(600));
    // A password: nothing of it is ever to be seen.
    screen.send("clear; read -s -p 'Password: ' p\r");
    screen.drain(Duration::from_millis(700));
    for key in "hunter2xyz".chars() {
        screen.send(&key.to_string());
        screen.drain_for(PAUSE);
        let shown = screen.shown();
        assert!(!shown.contains("Password: h") && !shown.contains("hunter"), "{shown}");
    }
    screen.send("\rexit\r");
    screen.drain(Duration::from_millis(700));
    let keys = measured.delays.len();
    let quick = measured.delays.iter().filter(|delay| **delay <= 5.0).count() * 100 / keys;
    let (p50, p90) = (quantile(&mut measured.delays, 0.5), quantile(&mut measured.delays, 0.9));
    let corrected = measured.corrected;
    println!("{name:38} {p50:8.2} {p90:8.2} {quick:7} % {corrected:6} of {keys}");
}

impl Measured {
    fn line(&mut self, screen: &mut Screen, line: &str) {
        let mut shown = 0;
        let characters: Vec<char> = line.chars().collect();
        for (at, key) in characters.iter().enumerate() {
            let pressed = Instant::now();
            let (whole, rest): (String, &str) =
                (characters.iter().take(at + 1).collect(), line.get(..shown).unwrap_or_default());
            let rest = rest.to_owned();
            screen.send(&key.to_string());
            let mut seen = None;
            let until = pressed + PAUSE;
            loop {
                let left = until.saturating_duration_since(Instant::now());
                let Some((came, chunk)) = screen.next(left) else {
                    break;
                };
                screen.take(&chunk);
                let text = screen.shown();
                if seen.is_none() && has(&text, &whole) {
                    seen = Some(came);
                }
                // What was shown stays.
                let now = if seen.is_some() { &whole } else { &rest };
                if !has(&text, now) {
                    self.corrected += 1;
                }
            }
            match seen {
                Some(came) => {
                    self.delays.push(millis(came - pressed));
                    shown = whole.len();
                }
                None => self.delays.push(f64::INFINITY),
            }
        }
        screen.drain(Duration::from_millis(600));
        let text = screen.shown();
        assert!(has(&text, line), "{line}:\n{text}");
    }
}

/// Whether a row ends with a text; blanks at its end cannot be seen.
fn has(screen: &str, text: &str) -> bool {
    let text = text.trim_end();
    text.is_empty() || screen.lines().any(|row| row.trim_end().ends_with(text))
}

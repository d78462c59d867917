//! A shell survives the loss of the appliance, the console and the network, without a lost byte.

use crate::support::{Guard, Home, Screen, hostname, is_alive, kill, text, until};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Prints numbered lines, a few at a time.
const COUNT: &str = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo number $i; [ $((i % 100)) = 0 ] && sleep 0.05; done; echo done";

fn counting(home: &Home) -> Child {
    home.jumpdeck(&["exec", &hostname(), "--", "sh", "-c", COUNT])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads numbered lines; calls `at` when a number comes. Panics on a gap or a repetition.
fn every_number_once(out: impl Read, mut at: impl FnMut(usize)) {
    let mut lines = BufReader::new(out).lines();
    for number in 1..=3000 {
        assert_eq!(lines.next().unwrap().unwrap(), format!("number {number}"));
        at(number);
    }
    assert_eq!(lines.next().unwrap().unwrap(), "done");
    assert!(lines.next().is_none());
}

#[test]
fn the_appliance_is_killed_while_a_program_prints_and_every_number_comes_once() {
    let home = Home::new();
    home.ok(&["ls"]);
    let mut child = counting(&home);
    every_number_once(child.stdout.take().unwrap(), |number| {
        if number == 700 || number == 1900 {
            kill(home.appliance_process());
        }
    });
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn the_appliance_is_killed_under_a_console_and_the_shell_is_on_the_same_screen_again() {
    let home = Home::new();
    let mut screen = home.console(100, 45);
    screen.wait_for("● online");
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
    screen.send("for i in $(seq 1 30); do echo line $i; sleep 0.05; done; echo all-$((1+1))\r");
    screen.wait_for("line 7\n");
    kill(home.appliance_process());
    let text = screen.wait_for("all-2");
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("line ")).collect();
    let expected: Vec<_> = (1..=30).map(|n| format!("line {n}")).collect();
    assert_eq!(lines, expected);
    screen.send("echo typed-$((2+2))\r");
    screen.wait_for("typed-4");
}

#[test]
fn the_console_is_killed_and_the_next_one_shows_the_same_shell() {
    let home = Home::new();
    let mut screen = home.console(100, 45);
    screen.wait_for("● online");
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
    screen.send("for i in $(seq 1 35); do echo line $i; sleep 0.03; done; echo all-$((1+1))\r");
    screen.wait_for("line 7\n");
    let console = screen.process();
    kill(console);
    until("the console's end", || !is_alive(console));
    let mut again = home.console(100, 45);
    again.wait_for("Sessions 1");
    again.send("\x1b1");
    let text = again.wait_for("all-2");
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("line ")).collect();
    let expected: Vec<_> = (1..=35).map(|n| format!("line {n}")).collect();
    assert_eq!(lines, expected);
}

#[test]
fn an_agent_that_is_killed_takes_its_shells_along_and_the_console_says_so() {
    let home = Home::new();
    let mut screen = home.console(100, 30);
    screen.wait_for("● online");
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
    kill(home.agent_process());
    screen.wait_for("is lost: its agent restarted");
    screen.wait_until("online again", |text| text.contains("● online"));
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
}

#[test]
fn after_everything_was_killed_the_inventory_is_as_it_was() {
    let home = Home::new();
    let before = home.ok(&["ls", "--json"]);
    let (appliance, agent) = (home.appliance_process(), home.agent_process());
    kill(appliance);
    kill(agent);
    until("their end", || !is_alive(appliance) && !is_alive(agent));
    let after = home.ok(&["ls", "--json"]);
    let entry = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap() };
    assert_eq!(entry(&before)["id"], entry(&after)["id"]);
    assert_eq!(entry(&after)["status"], "online");
}

/// A path through which connections run, until it is cut in the middle of a message.
struct Proxy {
    address: String,
    passed: Arc<AtomicUsize>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let passed = Arc::new(AtomicUsize::new(0));
        let streams = Arc::new(Mutex::new(Vec::new()));
        let proxy = Self { address, passed: Arc::clone(&passed), streams: Arc::clone(&streams) };
        std::thread::spawn(move || {
            for inward in listener.incoming().flatten() {
                let Ok(outward) = TcpStream::connect(&target) else { continue };
                let copies = [inward.try_clone().unwrap(), outward.try_clone().unwrap()];
                streams.lock().unwrap().extend(copies);
                let pairs = [
                    (inward.try_clone().unwrap(), outward.try_clone().unwrap()),
                    (outward, inward),
                ];
                for (mut from, mut to) in pairs {
                    let passed = Arc::clone(&passed);
                    std::thread::spawn(move || {
                        // An odd size, so that a cut falls into the middle of messages.
                        let mut buffer = [0; 1237];
                        while let Ok(count @ 1..) = from.read(&mut buffer) {
                            passed.fetch_add(count, Ordering::SeqCst);
                            if to.write_all(&buffer[..count]).is_err() {
                                return;
                            }
                        }
                        let _ = to.shutdown(std::net::Shutdown::Both);
                    });
                }
            }
        });
        proxy
    }

    fn cut(&self) {
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

#[test]
fn a_path_that_is_cut_in_the_middle_of_a_message_loses_nothing() {
    let home = Home::new();
    let served = crate::serve::Served::start(&home);
    let proxy = Proxy::to(served.address.clone());
    let _agent =
        Guard(served.agent(&home, "agent", &served.key, &format!("https://{}", proxy.address)));
    served.until_online(&home, 1);
    let mut child = served
        .rep(&home, &["exec", &hostname(), "--", "sh", "-c", COUNT])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    every_number_once(child.stdout.take().unwrap(), |number| {
        if number % 250 == 0 {
            proxy.cut();
        }
    });
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(proxy.passed.load(Ordering::SeqCst) > 10_000);
}

#[test]
fn sessions_of_a_killed_server_are_there_when_it_is_back() {
    let home = Home::new();
    let mut served = crate::serve::Served::start(&home);
    let _agent = Guard(served.agent(&home, "agent", &served.key, &served.url()));
    served.until_online(&home, 1);
    let mut screen = Screen::start(&served.rep(&home, &[]), 100, 40);
    screen.wait_for("● online");
    screen.send("\r");
    screen.wait_for("Ctrl-] then d: list");
    screen.send("for i in $(seq 1 25); do echo line $i; sleep 0.1; done; echo all-$((1+1))\r");
    screen.wait_for("line 5\n");
    served.restart(&home);
    let text = screen.wait_for("all-2");
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("line ")).collect();
    assert_eq!(lines, (1..=25).map(|n| format!("line {n}")).collect::<Vec<_>>());
}

//! What is typed is shown before the machine has answered, and never what it would not print.

use crate::serve::Served;
use crate::support::{Guard, Home, Screen, hostname, text, until};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// A way on which nothing moves while it is held.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn hold(&self, held: bool) {
        *self.0.0.lock().unwrap() = held;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let mut held = self.0.0.lock().unwrap();
        while *held {
            held = self.0.1.wait(held).unwrap();
        }
    }

    /// A way to `target` through it. Returns its address.
    fn way(&self, target: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (gate, target) = (self.clone(), target.to_owned());
        std::thread::spawn(move || {
            for inward in listener.incoming().flatten() {
                let Ok(outward) = TcpStream::connect(&target) else { continue };
                let ways = [
                    (inward.try_clone().unwrap(), outward.try_clone().unwrap()),
                    (outward, inward),
                ];
                for (mut from, mut to) in ways {
                    let gate = gate.clone();
                    std::thread::spawn(move || {
                        let mut buffer = [0; 4096];
                        while let Ok(count @ 1..) = from.read(&mut buffer) {
                            gate.pass();
                            if to.write_all(&buffer[..count]).is_err() {
                                return;
                            }
                        }
                        let _ = to.shutdown(std::net::Shutdown::Both);
                    });
                }
            }
        });
        address
    }
}

/// A shell on a machine behind a gate, in a terminal that predicts.
struct Far {
    home: Home,
    served: Served,
    gate: Gate,
    _agent: Guard,
}

impl Far {
    fn new() -> Self {
        let home = Home::new();
        let served = Served::start(&home);
        let gate = Gate::default();
        let url = format!("https://{}", gate.way(&served.address));
        let agent = Guard(served.agent(&home, "agent", &served.key, &url));
        served.until_online(&home, 1);
        Self { home, served, gate, _agent: agent }
    }

    fn screen(&self, arguments: &[&str], predict: &str) -> Screen {
        let mut command = self.served.rep(&self.home, arguments);
        let config = self.home.path().join(format!("config with {predict}"));
        std::fs::create_dir_all(&config).unwrap();
        std::fs::write(config.join("config.toml"), format!("predict = \"{predict}\"\n")).unwrap();
        command.env("JUMPDECK_CONFIG_DIR", &config);
        Screen::start(&command, 80, 24)
    }

    /// Types what is shown while the machine hears nothing of it.
    fn is_ahead(&self, screen: &mut Screen) {
        // The machine has its time to answer to the Enter before: a login takes longer.
        let login = self.served.rep(&self.home, &["sessions"]).output().unwrap();
        assert!(login.status.success());
        // One of the epoch has to be right before anything is shown.
        screen.send("echo a");
        screen.wait_for("echo a");
        self.gate.hold(true);
        screen.send("nd mor\x7f\x7f");
        screen.wait_for("echo and m");
        screen.send("uch");
        screen.wait_for("echo and much");
        self.gate.hold(false);
        screen.send("\r");
        screen.wait_for("\nand much");

        // A password stays unseen, also where the epoch was right.
        screen.send("read -s -p 'Word: ' w; echo; echo \"got $w\"\r");
        screen.wait_for("Word: ");
        screen.send("se");
        self.gate.hold(true);
        screen.send("cret");
        self.gate.hold(false);
        screen.send("\r");
        let shown = screen.wait_for("\ngot secret");
        assert!(!shown.contains("Word: s"), "{shown}");
    }
}

#[test]
fn the_console_and_a_jump_show_at_once_what_is_typed() {
    let far = Far::new();
    let mut jump = far.screen(&["jump", &hostname()], "always");
    jump.wait_until("a prompt", |text| !text.trim().is_empty());
    far.is_ahead(&mut jump);
    jump.send("exit\r");
    assert_eq!(jump.wait_for_end(), 0);
    let mut console = far.screen(&[], "always");
    console.wait_for("● online");
    console.send("\r");
    console.wait_for("Ctrl-] then d: list");
    console.send("PS1='far$ '\r");
    console.wait_for("\nfar$");
    far.is_ahead(&mut console);
    // The recording has what came, and nothing else.
    console.send("exit\r");
    console.wait_for("has ended");
    until("the recordings are closed", || {
        let listed = far.served.rep(&far.home, &["recordings", "ls", "--json"]).output().unwrap();
        text(&listed.stdout).matches("\"sha256\":\"").count() == 2
    });
    for number in ["1.1", "2.1"] {
        let export = far.served.rep(&far.home, &["recordings", "export", number, "-"]).output();
        let cast = text(&export.unwrap().stdout);
        assert!(!cast.contains("[4m"), "no underlined prediction");
    }
}

#[test]
fn who_wants_no_prediction_waits_for_the_machine() {
    let far = Far::new();
    let mut jump = far.screen(&["jump", &hostname()], "never");
    jump.wait_until("a prompt", |text| !text.trim().is_empty());
    jump.send("echo a");
    jump.wait_for("echo a");
    far.gate.hold(true);
    jump.send("b");
    // A message of its own is shown, and by then b would be.
    jump.send("\x1d?");
    let shown = jump.wait_for("d: leave it running");
    assert!(!shown.contains("echo ab"), "{shown}");
    far.gate.hold(false);
    jump.wait_for("\nb");
}

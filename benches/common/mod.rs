//! What the benches share: a home for the programs, a terminal that keeps time, a table.
#![allow(dead_code, reason = "each bench uses a part")]

use jumpdeck_protocol::session::Size;
use jumpdeck_server_sim::free_address;
use jumpdeck_terminal::terminal::Terminal;
use pty_process::blocking::{Command as PtyCommand, Pty, open};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A data directory of its own, and everything that runs on it.
pub struct Home(tempfile::TempDir);

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn jumpdeck(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jumpdeck"));
        command
            .args(arguments)
            .env("JUMPDECK_DATA_DIR", self.path().join("data"))
            .env("JUMPDECK_CONFIG_DIR", self.path().join("config"));
        command
    }

    /// A program that `cargo build --release --workspace` made.
    pub fn sibling(name: &str) -> PathBuf {
        let path = Path::new(env!("CARGO_BIN_EXE_jumpdeck")).with_file_name(name);
        assert!(path.exists(), "first: cargo build --release --workspace");
        path
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.jumpdeck(&["stop", "--yes"]).stdout(Stdio::null()).status();
    }
}

pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// An appliance for many.
pub struct Served {
    pub child: Child,
    pub address: String,
    /// Where its SSH front door listens.
    pub ssh: String,
    pub fingerprint: String,
    pub key: String,
    pub password: String,
}

impl Served {
    pub fn start(home: &Home) -> Self {
        let free = || free_address().unwrap().to_string();
        let (address, ssh) = (free(), free());
        let mut child = home
            .jumpdeck(&["serve", "--listen", &address, "--ssh", &ssh])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (mut fingerprint, mut key, mut password) =
            (String::new(), String::new(), String::new());
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap) {
            if let Some(rest) = line.strip_prefix("The fingerprint of its key: ") {
                fingerprint = rest.to_owned();
            } else if let Some((_, rest)) = line.split_once("user admin, password ") {
                password = rest.trim().to_owned();
            } else if let Some(rest) = line.strip_prefix("JUMPDECK_INSTALLER_KEY=") {
                key = rest.split(' ').next().unwrap_or_default().to_owned();
                break;
            }
        }
        let mut served = Self { child, address, ssh, fingerprint, key, password };
        let chosen = format!("{} and more", served.password);
        let changed = served.rep(home).arg("passwd").env("JUMPDECK_NEW_PASSWORD", &chosen).output();
        assert!(changed.unwrap().status.success(), "the first password is changed");
        served.password = chosen;
        served
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// `jumpdeck` as the first administrator of this appliance.
    pub fn rep(&self, home: &Home) -> Command {
        let mut command = home.jumpdeck(&["--connect", &self.url(), "--as", "admin"]);
        command.args(["--fingerprint", &self.fingerprint]).env("JUMPDECK_PASSWORD", &self.password);
        command
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Has so many simulated machines enrol and leave.
pub fn fill(served: &Served, items: usize) {
    let mut child = Command::new(Home::sibling("server-sim"))
        .args(["run", "--json", "--scenario", "quiet", "--links", "0", "--at-once", "48"])
        .args(["--url", &served.url(), "--fingerprint", &served.fingerprint])
        .args(["--clients", &items.to_string()])
        .env("JUMPDECK_INSTALLER_KEY", &served.key)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let wanted = format!("\"enrolled\":{items},");
    assert!(out.lines().any(|line| line.unwrap().contains(&wanted)), "not all machines came");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A program in a terminal; what it writes is noted with the moment it came.
pub struct Screen {
    pub child: Child,
    pty: Pty,
    output: Receiver<(Instant, Vec<u8>)>,
    pub seen: Vec<u8>,
    terminal: Terminal,
}

impl Screen {
    pub fn start(command: &Command) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(pty_process::Size::new(40, 120)).unwrap();
        let mut spawned = PtyCommand::new(command.get_program())
            .args(command.get_args())
            .env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                spawned = spawned.env(name, value);
            }
        }
        let child = spawned.spawn(pts).unwrap();
        let mut reader = std::fs::File::from(pty.as_fd().try_clone_to_owned().unwrap());
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let chunk = buffer.get(..count).unwrap_or_default().to_vec();
                if sender.send((Instant::now(), chunk)).is_err() {
                    return;
                }
            }
        });
        let terminal = Terminal::new(Size { columns: 120, rows: 40 });
        Self { child, pty, output, seen: Vec::new(), terminal }
    }

    pub fn send(&mut self, text: &str) {
        self.pty.write_all(text.as_bytes()).unwrap();
    }

    /// The next output and when it came; nothing if none comes in time.
    pub fn next(&mut self, patience: Duration) -> Option<(Instant, Vec<u8>)> {
        self.output.recv_timeout(patience).ok()
    }

    /// Waits until a text has come.
    pub fn wait_for(&mut self, wanted: &str) -> Instant {
        self.seen.clear();
        loop {
            let Some((at, chunk)) = self.next(Duration::from_secs(30)) else {
                panic!("waited in vain for {wanted:?}: {}", String::from_utf8_lossy(&self.seen));
            };
            self.seen.extend_from_slice(&chunk);
            let tail = self.seen.len().saturating_sub(chunk.len() + wanted.len());
            let recent = self.seen.get(tail..).unwrap_or_default();
            if recent.windows(wanted.len()).any(|window| window == wanted.as_bytes()) {
                return at;
            }
        }
    }

    /// Waits until the screen shows a text.
    pub fn wait_until_shown(&mut self, wanted: &str) -> Instant {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            let Some((at, chunk)) = self.next(Duration::from_secs(60)) else {
                break;
            };
            self.terminal.take(&chunk);
            if self.terminal.text().contains(wanted) {
                return at;
            }
        }
        panic!("waited in vain for {wanted:?}:\n{}", self.terminal.text());
    }

    /// Takes output that came.
    pub fn take(&mut self, chunk: &[u8]) {
        self.terminal.take(chunk);
    }

    /// What is on the screen.
    pub fn shown(&self) -> String {
        self.terminal.text()
    }

    /// Takes everything that comes within a time.
    pub fn drain_for(&mut self, time: Duration) -> Vec<u8> {
        let deadline = Instant::now() + time;
        let mut all = Vec::new();
        while let Some((_, chunk)) = self.next(deadline.saturating_duration_since(Instant::now())) {
            self.terminal.take(&chunk);
            all.extend_from_slice(&chunk);
        }
        all
    }

    /// Takes everything until it was quiet for so long. Returns how much came and when the last.
    pub fn drain(&mut self, quiet: Duration) -> (usize, Option<Instant>) {
        let (mut bytes, mut last) = (0, None);
        while let Some((at, chunk)) = self.next(quiet) {
            bytes += chunk.len();
            last = Some(at);
            self.terminal.take(&chunk);
        }
        (bytes, last)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The value that this share of all values does not exceed.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = ((values.len() - 1) as f64 * share).round() as usize;
    values.get(index).copied().unwrap_or(f64::NAN)
}

pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// A figure of `/proc/PID/status`, in KiB.
pub fn kib(process: u32, field: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

/// Processor time a process has used, in hundredths of a second.
pub fn ticks(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let rest = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<u64> = rest.split_whitespace().map(|f| f.parse().unwrap_or(0)).collect();
    fields.get(11).zip(fields.get(12)).map_or(0, |(user, system)| user + system)
}

/// A figure of the running appliance's address file.
pub fn appliance_process(data: &Path) -> u32 {
    let text = std::fs::read_to_string(data.join("run/address.json")).unwrap();
    let address: serde_json::Value = serde_json::from_str(&text).unwrap();
    u32::try_from(address.get("process").and_then(serde_json::Value::as_u64).unwrap()).unwrap()
}

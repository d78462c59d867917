//! A home for the programs under test, and a terminal to look at them through.

use jumpdeck_protocol::session::Size;
use jumpdeck_terminal::terminal::Terminal;
use pty_process::blocking::{Command as PtyCommand, Pty, open};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::Signal;
use std::io::{PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up. Reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// A directory of its own for data and configuration; all that runs there ends with it.
pub struct Home(tempfile::TempDir);

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One whose own machine is online.
    pub fn online() -> Self {
        let home = Self::new();
        let mut screen = home.console(80, 24);
        screen.wait_for("● online");
        screen.send("q");
        assert_eq!(screen.wait_for_end(), 0);
        home
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("config")
    }

    /// `jumpdeck` with this home.
    pub fn jumpdeck(&self, arguments: &[&str]) -> Command {
        self.program(env!("CARGO_BIN_EXE_jumpdeck").as_ref(), arguments)
    }

    /// `jumpdeck-agent` with a directory of its own in this home.
    pub fn agent(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = self.program(&sibling("jumpdeck-agent"), arguments);
        command.arg("--data-dir").arg(self.path().join(name));
        command
    }

    /// `server-sim`, whose processes know nothing of this home but that it is theirs.
    pub fn server_sim(&self, arguments: &[&str]) -> Command {
        self.program(&sibling("server-sim"), arguments)
    }

    /// Lines for a shell that finds our programs by their names; it ends at the first that fails.
    pub fn shell(&self, lines: &str) -> Command {
        let mut command = self.program("sh".as_ref(), &["-eu", "-c", lines]);
        let programs = sibling("jumpdeck");
        let programs = programs.parent().unwrap().display();
        command.env("PATH", format!("{programs}:{}", std::env::var("PATH").unwrap()));
        command.stdin(Stdio::null());
        command
    }

    fn program(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("HOME", self.path())
            .env("JUMPDECK_DATA_DIR", self.data())
            .env("JUMPDECK_CONFIG_DIR", self.config())
            .env("LANG", "C.UTF-8")
            .env_remove("LC_ALL")
            .env_remove("LC_CTYPE")
            .env_remove("JUMPDECK_CONNECT")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null());
        command
    }

    /// Runs `jumpdeck` to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.jumpdeck(arguments).output().unwrap()
    }

    /// Runs `jumpdeck` to its end, gives it input, and wants success.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// The console in a terminal.
    pub fn console(&self, columns: u16, rows: u16) -> Screen {
        Screen::start(&self.jumpdeck(&[]), columns, rows)
    }

    /// The embedded appliance's process.
    pub fn appliance_process(&self) -> u32 {
        let text = std::fs::read_to_string(self.data().join("run/address.json")).unwrap();
        let address: serde_json::Value = serde_json::from_str(&text).unwrap();
        u32::try_from(address["process"].as_u64().unwrap()).unwrap()
    }

    /// What a program under test wrote about a panic of its own would be gone with the home.
    fn print_reports(&self) {
        for entry in std::fs::read_dir(self.data()).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("panic-") {
                println!("{}", std::fs::read_to_string(entry.path()).unwrap_or_default());
            }
        }
    }

    /// The local agent's process.
    pub fn agent_process(&self) -> u32 {
        let text = std::fs::read_to_string(self.data().join("agent/agent.lock")).unwrap();
        text.trim().parse().unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.jumpdeck(&["stop", "--yes"]).output();
        if std::thread::panicking() {
            self.print_reports();
        }
    }
}

/// Where `cargo build --workspace` put another program.
fn sibling(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_jumpdeck")).with_file_name(name);
    assert!(path.exists(), "build the whole workspace first: cargo build --workspace");
    path
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// This machine's name, as its item is called.
pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Ends a process without a word.
pub fn kill(process: u32) {
    signal(process, Signal::KILL);
}

pub fn signal(process: u32, signal: Signal) {
    let process = rustix::process::Pid::from_raw(process.cast_signed()).unwrap();
    rustix::process::kill_process(process, signal).unwrap();
}

pub fn is_alive(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // A zombie has ended; only its parent has not asked yet.
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

/// Waits until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A child that is ended with its guard.
pub struct Guard(pub Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program in a terminal, and what stands on its screen.
pub struct Screen {
    child: Child,
    pty: Pty,
    output: Receiver<Vec<u8>>,
    /// What reads it, until the pipe is closed.
    reading: (JoinHandle<()>, PipeWriter),
    terminal: Terminal,
    /// Every byte the program wrote.
    pub bytes: Vec<u8>,
}

impl Screen {
    /// Starts a program in a terminal of this size.
    pub fn start(command: &Command, columns: u16, rows: u16) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(pty_process::Size::new(rows, columns)).unwrap();
        let mut spawned = PtyCommand::new(command.get_program())
            .args(command.get_args())
            .env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            spawned = match value {
                Some(value) => spawned.env(name, value),
                None => spawned.env_remove(name),
            };
        }
        let child = spawned.spawn(pts).unwrap();
        let mut reader = std::fs::File::from(pty.as_fd().try_clone_to_owned().unwrap());
        let (left, leave) = std::io::pipe().unwrap();
        let (sender, output) = channel();
        let reading = std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            loop {
                let mut ready =
                    [PollFd::new(&reader, PollFlags::IN), PollFd::new(&left, PollFlags::IN)];
                poll(&mut ready, None).unwrap();
                if !ready[1].revents().is_empty() {
                    return;
                }
                match reader.read(&mut buffer) {
                    Ok(count @ 1..) if sender.send(buffer[..count].to_vec()).is_ok() => {}
                    _ => return,
                }
            }
        });
        let terminal = Terminal::new(Size { columns, rows });
        let reading = (reading, leave);
        Self { child, pty, output, reading, terminal, bytes: Vec::new() }
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn send(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).unwrap();
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.pty.resize(pty_process::Size::new(rows, columns)).unwrap();
        self.terminal.resize(Size { columns, rows });
    }

    fn take(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.terminal.take(bytes);
    }

    /// What stands on the screen, a row a line.
    pub fn text(&self) -> String {
        self.terminal.text()
    }

    /// Waits until the screen holds a text.
    pub fn wait_for(&mut self, wanted: &str) -> String {
        self.wait_until(wanted, |text| text.contains(wanted))
    }

    /// Waits until the screen is as wanted.
    pub fn wait_until(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            // A frame that is still being drawn is not looked at.
            if !self.terminal.is_drawing() && holds(&text) {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout) => panic!("waited in vain for {what:?}:\n{text}"),
                Err(RecvTimeoutError::Disconnected) => panic!("ended without {what:?}:\n{text}"),
            }
        }
    }

    /// Waits for the program's end and returns its status.
    pub fn wait_for_end(&mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Ok(bytes) = self.output.try_recv() {
                self.take(&bytes);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(100)) {
                    self.take(&bytes);
                }
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < deadline, "the program did not end:\n{}", self.text());
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Closes the terminal, as a window that is shut.
    pub fn hang_up(self) -> u32 {
        let (reading, leave) = self.reading;
        drop(leave);
        reading.join().unwrap();
        self.child.id()
    }
}

//! The feel of a shell: echo, Ctrl-C under a flood, and bulk output, beside `ssh` to a local sshd,
//! the same through a bastion (as `ssh -J` does it) and beside a bare local terminal, all in the
//! same run and by the same method.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench that fails stops"
)]

mod common;

use common::{Home, Screen, Served, hostname, millis, quantile};
use jumpdeck_server_sim::free_address;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Keys typed for the echo, and the pause between two of them.
const KEYS: usize = 300;
const PAUSE: Duration = Duration::from_millis(30);
/// Megabytes of bulk output.
const BULK: usize = 100;

fn main() {
    let home = Home::new();
    let sshd = Sshd::start(home.path());
    let local = Command::new("bash");
    let jump = home.jumpdeck(&["jump", &hostname()]);
    let mut subjects = vec![("local terminal", local), ("jumpdeck", jump)];
    // Another appliance than the embedded one, in a home of its own.
    let away = Home::new();
    let served = Served::start(&away);
    let _agent = agent(&away, &served);
    if let Some(sshd) = &sshd {
        subjects.insert(1, ("ssh", sshd.client()));
        subjects.insert(2, ("ssh -J", sshd.client_by_bastion()));
        subjects.push(("ssh rep:ITEM@appliance", door(&away, &served, (sshd, &home))));
    } else {
        println!("no sshd here; install openssh-server for the control");
    }
    // `cargo bench --bench shell -- bulk` runs one part alone.
    let parts: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|name| name == part);
    if wanted("echo") {
        echo("typed at 30 ms", &subjects, KEYS, PAUSE);
        echo("back to back", &subjects, 2000, Duration::ZERO);
    }
    if wanted("flood") {
        flood(&subjects);
    }
    if wanted("bulk") {
        bulk(home.path(), &subjects);
    }
}

/// This machine, behind an appliance with a front door.
fn agent(home: &Home, served: &Served) -> Running {
    let child = Command::new(Home::sibling("jumpdeck-agent"))
        .args(["run", "--appliance", &served.url(), "--fingerprint", &served.fingerprint])
        .arg("--data-dir")
        .arg(home.path().join("agent"))
        .env("JUMPDECK_INSTALLER_KEY", &served.key)
        .stderr(Stdio::null())
        .spawn();
    let running = Running(child.unwrap());
    let is_online = || {
        let listed = served.rep(home).args(["ls", "status:online"]).output().unwrap();
        !listed.stdout.is_empty()
    };
    while !is_online() {
        std::thread::yield_now();
    }
    running
}

/// The way in by SSH, with the key that also opens the control's sshd.
fn door(home: &Home, served: &Served, (sshd, keys): (&Sshd, &Home)) -> Command {
    let key = fs::File::open(keys.path().join("user.pub")).unwrap();
    let added = served.rep(home).args(["ssh-key", "add"]).stdin(key).status();
    assert!(added.unwrap().success());
    let mut client = sshd.client.clone();
    client.truncate(client.len() - 2);
    let (host, port) = served.ssh.split_once(':').unwrap();
    client.extend([port.to_owned(), format!("admin:{}@{host}", hostname())]);
    let mut command = Command::new("ssh");
    command.args(client);
    command
}

/// A child that is ended with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A session in which typed letters are echoed by the remote terminal.
fn session(command: &Command) -> Screen {
    let mut screen = Screen::start(command);
    screen.send("PS1=; stty -onlcr; echo rea''dy; exec cat > /dev/null\r");
    screen.wait_for("ready");
    screen.drain(Duration::from_millis(300));
    screen
}

fn echo(title: &str, subjects: &[(&str, Command)], keys: usize, pause: Duration) {
    println!("\necho, {title} ({keys} keys)      p50      p99   (ms)");
    let mut control = None;
    for (name, command) in subjects {
        let mut screen = session(command);
        let mut delays = Vec::with_capacity(keys);
        for key in 0..keys {
            std::thread::sleep(pause);
            let typed = Instant::now();
            // Line by line, as a terminal takes at most 4096 characters without one.
            screen.send(if key % 60 == 59 { "\r" } else { "x" });
            let (seen, _) = screen.next(Duration::from_secs(10)).unwrap();
            delays.push(millis(seen - typed));
            if key % 60 == 59 {
                screen.drain(Duration::from_millis(5));
            }
        }
        let (p50, p99) = (quantile(&mut delays, 0.5), quantile(&mut delays, 0.99));
        if *name == "ssh" {
            control = Some(p50);
        }
        let ratio = control.map_or(String::new(), |ssh| format!("   {:.2} × ssh", p50 / ssh));
        println!("  {name:28} {p50:8.3} {p99:8.3}{ratio}");
    }
}

fn flood(subjects: &[(&str, Command)]) {
    println!("\nCtrl-C under `yes`          quiet after ms   bytes after it   (median of 7)");
    for (name, command) in subjects {
        let (mut delays, mut amounts) = (Vec::new(), Vec::new());
        for _ in 0..7 {
            let mut screen = Screen::start(command);
            screen.send("PS1=; echo rea''dy; yes\r");
            screen.wait_for("ready");
            let until = Instant::now() + Duration::from_millis(700);
            while Instant::now() < until {
                screen.next(Duration::from_millis(50));
            }
            let pressed = Instant::now();
            screen.send("\x03");
            let (bytes, last) = screen.drain(Duration::from_millis(300));
            delays.push(last.map_or(0.0, |last| millis(last.saturating_duration_since(pressed))));
            amounts.push(f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)));
        }
        let (delay, amount) = (quantile(&mut delays, 0.5), quantile(&mut amounts, 0.5));
        println!("  {name:28} {delay:10.1} {amount:16.0}");
    }
}

fn bulk(dir: &Path, subjects: &[(&str, Command)]) {
    println!("\nbulk output through a terminal, {BULK} MB      MB/s   (median of 3)");
    let path = dir.join("bulk");
    let line = format!("{}\n", "jumpdeck ".repeat(8));
    fs::write(&path, line.repeat(BULK * 1_000_000 / line.len())).unwrap();
    let mut control = None;
    for (name, command) in subjects {
        let mut rates = Vec::new();
        for _ in 0..3 {
            let mut screen = Screen::start(command);
            screen.send("PS1=; echo rea''dy\r");
            screen.wait_for("ready");
            let started = Instant::now();
            screen.send(&format!("cat {}; echo fin''ished\r", path.display()));
            let finished = screen.wait_for("finished");
            rates.push(screen.seen.len() as f64 / 1e6 / (finished - started).as_secs_f64());
        }
        let rate = quantile(&mut rates, 0.5);
        if *name == "ssh" {
            control = Some(rate);
        }
        let ratio = control.map_or(String::new(), |ssh| format!("   {:.2} × ssh", rate / ssh));
        println!("  {name:38} {rate:8.1}{ratio}");
    }
}

/// An sshd of its own on a loopback port, with keys of its own.
struct Sshd {
    child: Child,
    client: Vec<String>,
}

impl Sshd {
    fn start(dir: &Path) -> Option<Self> {
        let program = Path::new("/usr/sbin/sshd");
        if !program.exists() {
            return None;
        }
        let port = free_address().ok()?.port();
        let file = |name: &str| dir.join(name).display().to_string();
        for key in ["host", "user"] {
            let arguments = ["-q", "-t", "ed25519", "-N", "", "-f", &file(key)];
            Command::new("ssh-keygen").args(arguments).status().ok()?;
        }
        fs::create_dir_all("/run/sshd").ok()?;
        fs::write(
            file("sshd_config"),
            format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\n\
                 StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n",
                file("host"),
                file("user.pub")
            ),
        )
        .ok()?;
        let child = Command::new(program)
            .args(["-D", "-f", &file("sshd_config")])
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
        let options = [
            "-tt",
            "-q",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "IdentitiesOnly=yes",
            "-i",
        ];
        let mut client: Vec<String> = options.map(str::to_owned).to_vec();
        client.extend([file("user"), "-p".into(), port.to_string(), format!("{user}@127.0.0.1")]);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Some(Self { child, client })
    }

    fn client(&self) -> Command {
        let mut command = Command::new("ssh");
        command.args(&self.client);
        command
    }

    /// What `ssh -J` runs, with the same sshd as the bastion; `-J` itself takes no key.
    fn client_by_bastion(&self) -> Command {
        let by: Vec<_> = self.client.iter().filter(|part| *part != "-tt").cloned().collect();
        let mut command = Command::new("ssh");
        command.arg(format!("-oProxyCommand=ssh -W %h:%p {}", by.join(" "))).args(&self.client);
        command
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! An appliance of the bench's own: its process, its directory, and what it takes.

use anyhow::{Context, bail};
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{RepRequest, Secret};
use jumpdeck_server_sim::{ConsoleLogin, InstallerKeys, Scenario, SimulatedConsole, free_address};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// What the name of the first user is.
const ADMIN: &str = "admin";

/// A running appliance. It ends with this, and its directory goes.
pub(super) struct BenchPlace {
    program: PathBuf,
    dir: tempfile::TempDir,
    address: String,
    child: Child,
    pub fingerprint: String,
    password: String,
}

impl BenchPlace {
    /// Starts one on a free loopback port.
    pub(super) async fn start(program: Option<&Path>) -> anyhow::Result<Self> {
        let program = match program {
            Some(program) => program.to_path_buf(),
            None => std::env::current_exe()?.with_file_name("jumpdeck"),
        };
        if !program.exists() {
            bail!("{} is not there; build it, or name it with --program", program.display());
        }
        let dir = tempfile::tempdir()?;
        let address = free_address()?.to_string();
        let (child, lines) = serve(&program, dir.path(), &address).await?;
        let find = |before: &str| {
            let found = lines.iter().find_map(|line| line.split_once(before));
            found.map(|(_, after)| after.trim().to_owned())
        };
        let place = Self {
            fingerprint: find("fingerprint of its key: ").context("no fingerprint was said")?,
            password: find("password ").context("no password was said")?,
            program,
            dir,
            address,
            child,
        };
        place.with_another_password().await
    }

    /// The first password is only good for choosing another one.
    async fn with_another_password(mut self) -> anyhow::Result<Self> {
        let new = format!("{} and more", self.password);
        let (current, chosen) = (Secret(self.password.clone()), Secret(new.clone()));
        let request = RepRequest::ChangePassword(request::ChangePassword { current, new: chosen });
        self.console().await?.ask(request).await?;
        self.password = new;
        Ok(self)
    }

    pub(super) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// How a console logs in.
    pub(super) fn login(&self) -> ConsoleLogin {
        ConsoleLogin::with_password(&self.url(), &self.fingerprint, ADMIN, &self.password)
    }

    pub(super) async fn console(&self) -> anyhow::Result<SimulatedConsole> {
        Ok(SimulatedConsole::connect(&self.login()).await?)
    }

    /// Installer keys for a scenario's groups.
    pub(super) async fn keys(&self, scenario: &Scenario) -> anyhow::Result<InstallerKeys> {
        Ok(InstallerKeys::make(&mut self.console().await?, scenario).await?)
    }

    /// Kills it as a power cut would.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("killing the appliance")
    }

    /// Starts it again on the same data and port. Returns once it listens.
    pub(super) async fn restart(&mut self) -> anyhow::Result<()> {
        (self.child, _) = serve(&self.program, self.dir.path(), &self.address).await?;
        Ok(())
    }

    /// Its resident memory, in KiB.
    pub(super) fn resident(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let figure = line.and_then(|line| line.trim().strip_suffix("kB"));
        figure.and_then(|figure| figure.trim().parse().ok()).context("no resident memory")
    }

    /// The processor time it has used, in seconds.
    pub(super) fn processor(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process()?))?;
        let rest = stat.rsplit(')').next().unwrap_or_default();
        let field =
            |number: usize| -> Option<f64> { rest.split_whitespace().nth(number)?.parse().ok() };
        let ticks = field(11).zip(field(12)).map(|(user, system)| user + system);
        Ok(ticks.context("no processor time")? / 100.0)
    }

    fn process(&self) -> anyhow::Result<u32> {
        self.child.id().context("the appliance has ended")
    }
}

/// Starts the program. Returns what it said up to the line that says it is ready.
async fn serve(program: &Path, dir: &Path, address: &str) -> anyhow::Result<(Child, Vec<String>)> {
    let mut child = Command::new(program)
        .args(["serve", "--listen", address, "--no-ssh", "--data-dir"])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {}", program.display()))?;
    let out = child.stdout.take().context("the appliance has no output")?;
    let mut reader = BufReader::new(out).lines();
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line().await? {
        // The last line that it prints begins in one of these ways.
        let ready = line.contains("makes a key for a new machine")
            || line.starts_with("JUMPDECK_INSTALLER_KEY=");
        lines.push(line);
        if ready {
            tokio::spawn(async move { while let Ok(Some(_)) = reader.next_line().await {} });
            // It says so before it accepts.
            until_open(address).await?;
            return Ok((child, lines));
        }
    }
    bail!("the appliance ended at once: {}", lines.join(" "))
}

async fn until_open(address: &str) -> anyhow::Result<()> {
    for _ in 0..1000 {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(10)).await;
    }
    bail!("nothing listens on {address}")
}

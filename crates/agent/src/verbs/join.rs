//! `jumpdeck-agent join`: lets a technician in for one session.

use anyhow::{Context, bail};
use clap::Args;
use jumpdeck_agent::{
    AgentDir, AgentEnding, AgentSource, AgentVisit, Options, Person, Target, fingerprint_of,
};
use jumpdeck_protocol::inventory::InstallMode;
use jumpdeck_protocol::queue::read_key;
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

/// The longest pause between two attempts to reach the appliance: somebody waits.
const MOST_PAUSE: Duration = Duration::from_secs(10);

/// How long the appliance may take to hear that the person left.
const FAREWELL: Duration = Duration::from_secs(4);

#[derive(Args)]
pub(crate) struct Join {
    /// The session key: seven characters. It is asked for if it is left out.
    key: Option<String>,
    /// Where the appliance is, e.g. https://support.example.com:8443
    #[arg(long, value_name = "URL")]
    appliance: String,
    /// The fingerprint of the appliance's key. Without it, it is shown for you to compare.
    #[arg(long, value_name = "SHA256:…")]
    fingerprint: Option<String>,
    /// Name that the technician sees [default: the host's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where a Jump Client is installed if you allow that [default: /var/lib/jumpdeck-agent for
    /// root, else under ~/.local/share]
    #[arg(long, value_name = "DIR", env = "JUMPDECK_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

impl Join {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        let journal = super::start_log(tracing::Level::ERROR)?;
        let outcome = super::runtime()?.block_on(self.join());
        journal.settle();
        outcome
    }

    async fn join(self) -> anyhow::Result<()> {
        let key = match self.key {
            Some(key) => key,
            None => ask("Session key: ")?,
        };
        let Some(session_key) = read_key(&key) else {
            bail!("{:?} is no session key: it has seven letters and digits", key.trim());
        };
        let fingerprint = match self.fingerprint {
            Some(fingerprint) => fingerprint,
            None => compared(&self.appliance).await?,
        };
        // What is kept for this session goes with it.
        let visit = tempfile::Builder::new().prefix("jumpdeck-join-").tempdir();
        let visit = visit.context("making a directory for this session")?;
        let person = Person::listen().context("listening to what is typed")?;
        let install_mode = if rustix::process::geteuid().is_root() {
            InstallMode::Service
        } else {
            InstallMode::User
        };
        let options = Options {
            dir: AgentDir::create(visit.path())?,
            source: AgentSource::Fixed(Target { url: self.appliance, fingerprint }),
            enrol: None,
            visit: Some(AgentVisit {
                session_key,
                name: self.name,
                person: person.clone(),
                place: super::data_dir(self.data_dir)?,
            }),
            install_mode,
            most_pause: MOST_PAUSE,
        };
        let (stop, stopped) = watch::channel(false);
        let running = jumpdeck_agent::run(options, stopped);
        let mut running = std::pin::pin!(running);
        let ending = tokio::select! {
            ending = &mut running => ending?,
            signal = signals() => {
                signal?;
                person.stop();
                let ended = timeout(FAREWELL, &mut running).await;
                stop.send_replace(true);
                match ended {
                    Ok(ending) => ending?,
                    Err(_) => running.await?,
                }
            }
        };
        farewell(&person, ending)
    }
}

/// Resolves when the program is to end.
async fn signals() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

/// Says how it ended.
fn farewell(person: &Person, ending: AgentEnding) -> anyhow::Result<()> {
    match ending {
        AgentEnding::Stopped => person.say_at_last("You left."),
        AgentEnding::Removed if person.was_served() => {
            person.say_at_last(
                "Nothing of jumpdeck is left on this computer; what was started in the background \
                 may still run.",
            );
        }
        AgentEnding::Removed if person.has_stopped() => person.say_at_last("You left."),
        AgentEnding::Removed => bail!("no technician came"),
        AgentEnding::Retired => bail!("the appliance has ended"),
        AgentEnding::Left(Ok(())) => {
            person.say_at_last("The session is over; this computer stays reachable.");
        }
        AgentEnding::Left(Err(reason)) => person.say_at_last(&format!(
            "The session is over; this computer is reachable from the next login on, for its \
             service did not start now: {reason}"
        )),
    }
    Ok(())
}

/// The fingerprint that the appliance shows, if a person says that it is the right one.
async fn compared(url: &str) -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        bail!("--fingerprint is needed: nobody is there to compare it");
    }
    let fingerprint = fingerprint_of(url).await?;
    writeln!(std::io::stdout(), "The appliance at {url} has the key {fingerprint}")?;
    let answer = ask("Did the technician give you the same fingerprint? [y/N] ")?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(fingerprint);
    }
    bail!("not joined: what answers there may not be the appliance")
}

fn ask(question: &str) -> anyhow::Result<String> {
    let mut terminal = std::io::stdout();
    terminal.write_all(question.as_bytes())?;
    terminal.flush()?;
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line)? == 0 {
        bail!("the input ended");
    }
    Ok(line)
}

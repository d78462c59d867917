//! The embedded appliance: started in the background by the first console, joined by later ones,
//! ended when nobody needs it.

use crate::runtime::demo::{self, DemoClock, DemoFleet};
use crate::runtime::ending::Ending;
use crate::runtime::{limits, logging};
use anyhow::{Context, anyhow, bail};
use jumpdeck_agent::{AgentDir, AgentDirError, AgentSource, EnrolRequest, Options, RunError};
use jumpdeck_appliance::{
    Appliance, ApplianceRole, Clock, DataDir, DataDirError, InstallerSpec, RunningAddress,
    StartError, SystemClock,
};
use jumpdeck_link::Address;
use jumpdeck_protocol::inventory::InstallMode;
use jumpdeck_protocol::journal::Journal;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// The hidden verb that is the background appliance.
pub const APPLIANCE_VERB: &str = "embedded-appliance";
/// The hidden verb that is its local agent.
pub const AGENT_VERB: &str = "local-agent";

/// How long a console waits for the appliance to come up.
const START_PATIENCE: Duration = Duration::from_secs(15);
/// How long the one who comes first waits for this machine's own agent.
const AGENT_PATIENCE: Duration = Duration::from_secs(5);
/// How long an appliance that is ending is waited for; less than the one who started this waits.
const JOIN_PATIENCE: Duration = Duration::from_secs(12);
/// How long the appliance stays after the last console has left.
const LINGER: Duration = Duration::from_secs(3);
/// How long it waits for a first console.
const FIRST: Duration = Duration::from_secs(60);
/// How long a process may take to end.
pub const END_PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks whether anybody needs it.
const LOOK: Duration = Duration::from_secs(1);
/// The most time for links to take their last messages.
const FAREWELL: Duration = Duration::from_secs(1);

/// What the background appliance says to the one who started it, as one line of JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Birth {
    Ready(RunningAddress),
    Failed(String),
}

/// Finds the running appliance of a data directory, or starts it.
///
/// # Errors
/// When it cannot be started; the text says why.
pub async fn ensure_running(dir: &DataDir) -> anyhow::Result<RunningAddress> {
    match reachable(dir).await {
        Some(running) => Ok(running),
        None => start(dir).await,
    }
}

/// The running appliance, if it answers.
pub async fn reachable(dir: &DataDir) -> Option<RunningAddress> {
    // An address that nobody holds the lock for is another program's by now.
    let running = dir.running().filter(|_| dir.is_locked())?;
    let address: Address = running.url.parse().ok()?;
    let connecting = TcpStream::connect((address.host.as_str(), address.port));
    timeout(Duration::from_secs(2), connecting).await.ok()?.ok()?;
    Some(running)
}

/// Starts the background appliance and waits until it listens.
///
/// # Errors
/// What kept it from starting, in its own words.
pub async fn start(dir: &DataDir) -> anyhow::Result<RunningAddress> {
    let program = std::env::current_exe().context("finding this program's own file")?;
    let log = std::fs::File::options().create(true).append(true).open(dir.log());
    let log = log.with_context(|| format!("opening {}", dir.log().display()))?;
    let mut child = Command::new(program)
        .arg(APPLIANCE_VERB)
        .arg("--data-dir")
        .arg(dir.path())
        .env_remove("JUMPDECK_PASSWORD")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .context("starting the appliance")?;
    let output = child.stdout.take().context("the appliance has no output")?;
    let mut line = String::new();
    let mut reader = BufReader::new(output);
    timeout(START_PATIENCE, reader.read_line(&mut line))
        .await
        .map_err(|_| anyhow!("the appliance did not come up; see {}", dir.log().display()))??;
    match serde_json::from_str(&line) {
        Ok(Birth::Ready(running)) => Ok(running),
        Ok(Birth::Failed(reason)) => Err(anyhow!(reason)),
        Err(_) => bail!("the appliance ended at once; see {}", dir.log().display()),
    }
}

/// Is the background appliance, until nobody needs it.
///
/// # Errors
/// What kept it from starting; the process that started it has been told.
pub async fn appliance(dir: DataDir) -> anyhow::Result<()> {
    // Without a terminal of its own it does not end with the console's.
    let _ = rustix::process::setsid();
    limits::open_files();
    // What a demo is is in its data directory: another appliance there is its demo again.
    let demo = DemoFleet::of(&dir);
    let throw_away = demo.is_some();
    let demo_clock = Arc::new(DemoClock::default());
    let clock: Arc<dyn Clock> = if throw_away { demo_clock.clone() } else { Arc::new(SystemClock) };
    let (appliance, listening) = match open_or_join(&dir, &clock).await {
        Ok(FoundAppliance::Ours(appliance, listening)) => (appliance, listening),
        Ok(FoundAppliance::Theirs(running)) => {
            tell(&Birth::Ready(running));
            return Ok(());
        }
        Err(error) => {
            tell(&Birth::Failed(error.to_string()));
            return Err(error.into());
        }
    };
    let address = dir.running().context("the address was just published")?;
    // Anyone who comes wants to see this machine in the first list, and to reach it.
    appliance.admit_reps(false);
    let serving = tokio::spawn({
        let appliance = Arc::clone(&appliance);
        async move { appliance.serve(listening).await }
    });
    let agent = tokio::spawn(keep_agent(Arc::clone(&appliance)));
    tokio::spawn({
        let appliance = Arc::clone(&appliance);
        async move {
            let _ = timeout(AGENT_PATIENCE, appliance.local_agent_linked()).await;
            appliance.admit_reps(true);
        }
    });
    tell(&Birth::Ready(address.clone()));
    let fleet = tokio::spawn(demo::fleet(Arc::clone(&appliance), address, demo_clock, demo));
    until_unneeded(&appliance, throw_away).await?;
    appliance.stop();
    fleet.abort();
    // Its processes end with it.
    let _ = fleet.await;
    let _ = serving.await;
    farewell(&appliance).await;
    appliance.close().await;
    agent.abort();
    let _ = agent.await;
    end_agent(&dir).await?;
    if throw_away {
        std::fs::remove_dir_all(dir.path())
            .with_context(|| format!("removing {}", dir.path().display()))?;
    }
    Ok(())
}

async fn open(
    dir: &DataDir,
    clock: Arc<dyn Clock>,
) -> Result<(Arc<Appliance>, jumpdeck_appliance::Listening), StartError> {
    let owner = uzers::get_current_username().map(|name| name.to_string_lossy().into_owned());
    let role = ApplianceRole::Embedded { owner: owner.unwrap_or_else(|| "owner".to_owned()) };
    let appliance = Appliance::open(dir, role, clock)?;
    let listening = appliance.listen("127.0.0.1:0").await?;
    appliance.settle().await?;
    Ok((appliance, listening))
}

enum FoundAppliance {
    Ours(Arc<Appliance>, jumpdeck_appliance::Listening),
    /// Another process was faster: its address is as good as ours.
    Theirs(RunningAddress),
}

/// Opens the directory, or finds the appliance that has it. One that is ending is waited for.
async fn open_or_join(dir: &DataDir, clock: &Arc<dyn Clock>) -> Result<FoundAppliance, StartError> {
    let deadline = Instant::now() + JOIN_PATIENCE;
    loop {
        match open(dir, Arc::clone(clock)).await {
            Err(StartError::DataDir(DataDirError::InUse { path })) => {
                if let Some(running) = reachable(dir).await {
                    return Ok(FoundAppliance::Theirs(running));
                }
                if Instant::now() > deadline {
                    return Err(DataDirError::InUse { path }.into());
                }
                sleep(Duration::from_millis(20)).await;
            }
            outcome => {
                return outcome.map(|(ours, listening)| FoundAppliance::Ours(ours, listening));
            }
        }
    }
}

fn tell(birth: &Birth) {
    // Anyone who waited may have given up.
    let line = serde_json::to_string(birth).unwrap_or_default();
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Waits until a signal comes, a console says stop, or nobody needs the appliance any more.
async fn until_unneeded(appliance: &Appliance, throw_away: bool) -> anyhow::Result<()> {
    let mut stopping = appliance.stopping();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = stopping.wait_for(|stop| *stop) => {}
        () = idle(appliance, throw_away) => tracing::info!("nobody needs this appliance any more"),
        part = appliance.until_failed() => {
            tracing::error!(part, "a part of the appliance has ended by a mistake of its own");
            appliance.stop();
            // Its agent lives on, with its shells, and the next console starts another appliance.
            std::process::exit(1);
        }
    }
    Ok(())
}

/// A throw-away appliance is there for its console alone.
async fn idle(appliance: &Appliance, throw_away: bool) {
    let mut patience = FIRST;
    let mut since = Instant::now();
    loop {
        sleep(LOOK).await;
        let needed = if throw_away { appliance.has_console() } else { !appliance.is_idle() };
        if needed {
            patience = LINGER;
            since = Instant::now();
        } else if since.elapsed() >= patience {
            return;
        }
    }
}

/// Gives links time to take their last messages.
pub async fn farewell(appliance: &Appliance) {
    let deadline = Instant::now() + FAREWELL;
    while !appliance.is_deserted() && Instant::now() < deadline {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Runs the local agent in a process of its own, so that its shells outlive this one. An agent
/// that outlived the appliance before is left to serve on.
async fn keep_agent(appliance: Arc<Appliance>) {
    let mut pause = Duration::from_millis(100);
    loop {
        match agent_process(&appliance).await {
            Ok(mut child) => {
                let status = child.wait().await;
                tracing::info!(?status, "the local agent's process ended");
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "no local agent");
                appliance.admit_reps(true);
            }
        }
        let agent = AgentDir::at(&appliance.data_dir().agent());
        while agent.running().is_some() {
            sleep(LOOK).await;
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(30));
    }
}

/// Ends the local agent, if one runs, and waits until it is gone. Returns whether one ran.
///
/// # Errors
/// When it does not end.
pub async fn end_agent(dir: &DataDir) -> anyhow::Result<bool> {
    let agent = AgentDir::at(&dir.agent());
    let Some(process) = agent.running() else {
        return Ok(false);
    };
    let handle = Ending::of(process);
    if let Some(process) = Pid::from_raw(process.cast_signed()) {
        // It may have ended this very moment.
        let _ = kill_process(process, Signal::TERM);
    }
    let ended = async {
        while agent.running().is_some() {
            sleep(Duration::from_millis(10)).await;
        }
        handle.wait().await;
    };
    if timeout(END_PATIENCE, ended).await.is_err() {
        bail!("the local agent did not end within {} s", END_PATIENCE.as_secs());
    }
    Ok(true)
}

async fn agent_process(appliance: &Appliance) -> anyhow::Result<Child> {
    let dir = appliance.data_dir();
    let log = std::fs::File::options().create(true).append(true).open(dir.log())?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg(AGENT_VERB)
        .arg("--data-dir")
        .arg(dir.path())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    if let Some(id) = child.id() {
        limits::usual_for(id);
    }
    // Used only by an agent that is new, or whose key was lost.
    let spec = InstallerSpec { group: None, valid: 600, local: true };
    let key = appliance.create_installer(spec).await?.key;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(key.as_bytes()).await?;
        stdin.shutdown().await?;
    }
    Ok(child)
}

/// Is the local agent. The installer key, if one is needed, comes on the standard input.
///
/// # Errors
/// When the agent cannot go on.
pub async fn local_agent(dir: DataDir) -> anyhow::Result<()> {
    let _ = rustix::process::setsid();
    let mut key = String::new();
    tokio::io::stdin().read_to_string(&mut key).await?;
    let agent_dir = AgentDir::create(&dir.agent())?;
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let enrol = (!key.is_empty()).then_some(EnrolRequest {
        installer_key: key,
        name: None,
        tag: None,
        comments: None,
    });
    let options = Options {
        visit: None,
        // The appliance is on this machine; nobody is in the way.
        most_pause: Duration::from_secs(1),
        dir: agent_dir,
        source: AgentSource::File(dir.address_file()),
        enrol,
        install_mode: InstallMode::User,
    };
    let running = async {
        match jumpdeck_agent::run(options, stopped).await {
            // An agent that outlived the last appliance still serves.
            Err(RunError::Dir(AgentDirError::InUse(_))) => Ok(()),
            outcome => outcome.map(drop),
        }
    };
    let mut running = std::pin::pin!(running);
    tokio::select! {
        outcome = &mut running => return Ok(outcome?),
        _ = terminate.recv() => {}
    }
    // It ends its programs before it ends itself.
    stop.send_replace(true);
    Ok(running.await?)
}

/// Starts the log of a background process.
///
/// # Errors
/// When logging was started already.
pub fn log_in_background() -> anyhow::Result<Journal> {
    logging::to_stderr()
}

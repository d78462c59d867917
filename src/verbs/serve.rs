//! `jumpdeck serve`: an appliance for many.

use super::installer;
use crate::door::{self, Door, HostKey};
use crate::runtime::dirs::Places;
use crate::runtime::embedded;
use crate::runtime::limits;
use anyhow::{Context, bail};
use clap::Args;
use jumpdeck_appliance::{
    Afresh, Appliance, ApplianceRole, DataDir, DataDirError, FirstStart, InstallerSpec, StartError,
    SystemClock,
};
use jumpdeck_link::{Address, DEFAULT_PORT};
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// The group that the first installer is for.
const FIRST_GROUP: &str = "Default";

#[derive(Args, Debug)]
pub(super) struct Serve {
    /// Where to listen.
    #[arg(long, value_name = "ADDR", default_value_t = format!("0.0.0.0:{DEFAULT_PORT}"))]
    listen: String,
    /// The address that agents and consoles use, if it is not the one listened on.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Where the SSH front door listens: `ssh rep@appliance -p PORT` is the console there.
    #[arg(long, value_name = "ADDR", default_value_t = format!("0.0.0.0:{}", door::DEFAULT_PORT))]
    ssh: String,
    /// Have no SSH front door.
    #[arg(long, conflicts_with = "ssh")]
    no_ssh: bool,
    /// The number of reps who may be in by SSH at once.
    #[arg(long, alias = "most-ssh", value_name = "NUMBER", default_value_t = door::MOST)]
    max_ssh: usize,
    /// The number of requests to the HTTP API that are answered to one address in a minute.
    #[arg(long, value_name = "NUMBER", default_value_t = 600)]
    api_rate: u32,
    /// End sessions in which nobody does anything for so many minutes; 0: never.
    #[arg(long, value_name = "MINUTES", default_value_t = 0)]
    idle_timeout: u32,
    /// The number of machines that may be Jump Clients; 0: any number.
    #[arg(long, alias = "most-clients", value_name = "NUMBER", default_value_t = 0)]
    max_clients: usize,
    /// The database is lost: begin with a new administrator and without machines.
    #[arg(long)]
    start_afresh: bool,
    /// The appliance's key is lost: make another one. Every agent has to be enrolled again.
    #[arg(long)]
    new_key: bool,
}

impl Serve {
    pub(super) async fn run(self, places: &Places) -> anyhow::Result<ExitCode> {
        limits::open_files();
        let dir = places.data()?;
        let public: Option<Address> = self.public_url.as_deref().map(str::parse).transpose()?;
        let appliance = self.open(&dir).await?;
        appliance.end_idle_after(u64::from(self.idle_timeout) * 60);
        appliance.limit_clients(self.max_clients);
        appliance.limit_api(self.api_rate);
        let listening = patiently(|| appliance.listen(&self.listen), is_taken).await?;
        let door = if self.no_ssh { None } else { Some(self.door(&dir).await?) };
        let url =
            public.map_or_else(|| format!("https://{}", listening.address), |a| a.to_string());
        let mut words = format!(
            "The appliance listens on {}.\nThe fingerprint of its key: {}\n",
            listening.address,
            appliance.fingerprint()
        );
        if let Some((listener, key)) = &door {
            let address = listener.local_addr()?;
            words.extend([
                format!("The SSH front door listens on {address}.\n"),
                format!("The fingerprint of its SSH key: {}\n", key.fingerprint()),
            ]);
        }
        introduce(&appliance, words, &url).await?;
        let mut door = door.map(|(listener, key)| {
            let port = listener.local_addr().map_or(door::DEFAULT_PORT, |address| address.port());
            let at = (url, port);
            let config = places.config()?;
            let door = Door::new(Arc::clone(&appliance), at, config, key, self.max_ssh);
            anyhow::Ok(tokio::spawn(door.serve(listener)))
        });
        let mut door = door.take().transpose()?;
        let mut serving = tokio::spawn({
            let appliance = Arc::clone(&appliance);
            async move { appliance.serve(listening).await }
        });
        let failed = until_over(&appliance, &mut serving, &mut door).await?;
        appliance.stop();
        if let Some(part) = failed {
            // What is left of it is not waited for.
            bail!(
                "the appliance's {part} has ended by a mistake of its own, and so does the \
                 appliance. Start it again; sessions continue."
            );
        }
        if let Some(door) = door {
            door.await?;
        }
        embedded::farewell(&appliance).await;
        serving.await?;
        appliance.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// How long what a killed appliance had is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(10);

/// Tries again for a while what a dying process still blocks.
async fn patiently<T, E, F: Future<Output = Result<T, E>>>(
    mut attempt: impl FnMut() -> F,
    passes: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt().await {
            Err(error) if passes(&error) && Instant::now() < deadline => sleep(LOOK).await,
            outcome => return outcome,
        }
    }
}

fn is_taken(error: &StartError) -> bool {
    matches!(error, StartError::Listen { reason, .. } if reason.kind() == ErrorKind::AddrInUse)
}

/// Resolves when the appliance is to stop; says which part of it has failed, if that is why.
async fn until_over(
    appliance: &Appliance,
    serving: &mut JoinHandle<()>,
    door: &mut Option<JoinHandle<()>>,
) -> io::Result<Option<&'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        part = appliance.until_failed() => Some(part),
        _ = serving => Some("gateway"),
        () = ended(door) => Some("SSH front door"),
    })
}

/// Resolves when the front door has ended; never without one.
async fn ended(door: &mut Option<JoinHandle<()>>) {
    match door {
        Some(door) => drop(door.await),
        None => std::future::pending().await,
    }
}

impl Serve {
    /// Opens the appliance. One that is being killed at this moment is waited for.
    async fn open(&self, dir: &DataDir) -> Result<Arc<Appliance>, StartError> {
        let afresh = Afresh { database: self.start_afresh, key: self.new_key };
        let open = || async {
            let clock = Arc::new(SystemClock);
            Appliance::open_afresh(dir, ApplianceRole::Server, clock, afresh)
        };
        let in_use =
            |error: &StartError| matches!(error, StartError::DataDir(DataDirError::InUse { .. }));
        match open().await {
            Err(error) if in_use(&error) && embedded::reachable(dir).await.is_none() => {
                patiently(open, in_use).await
            }
            outcome => outcome,
        }
    }

    /// Takes the front door's port and key.
    async fn door(&self, dir: &DataDir) -> anyhow::Result<(TcpListener, HostKey)> {
        let taken = |error: &io::Error| error.kind() == ErrorKind::AddrInUse;
        let listener = patiently(|| TcpListener::bind(&self.ssh), taken).await;
        let listener = listener.with_context(|| {
            format!("cannot listen on {}; choose another with --ssh, or --no-ssh", self.ssh)
        })?;
        Ok((listener, HostKey::open(dir)?))
    }
}

/// Says where the appliance is, and at the very first start what is shown once.
async fn introduce(appliance: &Appliance, words: String, url: &str) -> anyhow::Result<()> {
    let mut is_new = false;
    let show = |first: &FirstStart| {
        is_new = true;
        let password = first.admin_password.as_deref().unwrap_or_default();
        write(&format!(
            "{words}\nThis is shown once. The first administrator:\n  user admin, password \
             {password}\n  jumpdeck --connect {url} --as admin\n\n"
        ))
    };
    appliance.settle_once(show).await?;
    let rest = if is_new {
        let group = Some(FIRST_GROUP.to_owned());
        let spec = InstallerSpec { group, valid: 86_400, local: false };
        installer::line(&appliance.create_installer(spec).await?, url)
    } else {
        format!(
            "{words}`jumpdeck installer --connect {url} --as NAME` makes a key for a new machine.\n"
        )
    };
    // Nobody may be there to read it.
    let _ = write(&rest);
    Ok(())
}

/// Writes all of it, or says why not.
fn write(words: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(words.as_bytes())?;
    out.flush()
}

//! `jumpdeck serve`: an appliance for many.

use super::installer;
use crate::door::{self, Door, HostKey};
use crate::runtime::dirs::Places;
use crate::runtime::limits;
use anyhow::Context;
use clap::Args;
use jumpdeck_appliance::{
    Appliance, ApplianceRole, DataDir, FirstStart, InstallerSpec, SystemClock,
};
use jumpdeck_protocol::link::{Address, DEFAULT_PORT};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

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
    /// So many reps may be in by SSH at once.
    #[arg(long, value_name = "NUMBER", default_value_t = door::MOST)]
    most_ssh: usize,
    /// So many requests to the HTTP API are answered in a minute to one address.
    #[arg(long, value_name = "NUMBER", default_value_t = 600)]
    api_rate: u32,
    /// End sessions in which nobody does anything for so many minutes; 0: never.
    #[arg(long, value_name = "MINUTES", default_value_t = 0)]
    idle_timeout: u32,
    /// So many machines may be Jump Clients; 0: any number.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    most_clients: usize,
}

impl Serve {
    pub(super) async fn run(self, places: &Places) -> anyhow::Result<ExitCode> {
        limits::open_files();
        let dir = places.data()?;
        let clock = Arc::new(SystemClock);
        let public: Option<Address> = self.public_url.as_deref().map(str::parse).transpose()?;
        let appliance = Appliance::open(&dir, ApplianceRole::Server, clock)?;
        appliance.end_idle_after(u64::from(self.idle_timeout) * 60);
        appliance.limit_clients(self.most_clients);
        appliance.limit_api(self.api_rate);
        let listening = appliance.listen(&self.listen).await?;
        let door = if self.no_ssh { None } else { Some(self.door(&dir).await?) };
        let first = appliance.settle().await?;
        let url =
            public.map_or_else(|| format!("https://{}", listening.address), |a| a.to_string());
        println!("The appliance listens on {}.", listening.address);
        println!("The fingerprint of its key: {}", appliance.fingerprint());
        if let Some((listener, key)) = &door {
            println!("The SSH front door listens on {}.", listener.local_addr()?);
            println!("The fingerprint of its SSH key: {}", key.fingerprint());
        }
        introduce(&appliance, first, &url).await?;
        if let Some((listener, key)) = door {
            let at = (url, listener.local_addr()?.port());
            let door = Door::new(Arc::clone(&appliance), at, places.config()?, key, self.most_ssh);
            tokio::spawn(door.serve(listener));
        }
        let serving = tokio::spawn({
            let appliance = Arc::clone(&appliance);
            async move { appliance.serve(listening).await }
        });
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        appliance.stop();
        serving.await?;
        appliance.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

impl Serve {
    /// Takes the front door's port and key.
    async fn door(&self, dir: &DataDir) -> anyhow::Result<(TcpListener, HostKey)> {
        let listener = TcpListener::bind(&self.ssh).await;
        let listener = listener.with_context(|| {
            format!("cannot listen on {}; choose another with --ssh, or --no-ssh", self.ssh)
        })?;
        Ok((listener, HostKey::open(dir)?))
    }
}

/// What is shown once, at the very first start.
async fn introduce(appliance: &Appliance, first: FirstStart, url: &str) -> anyhow::Result<()> {
    let Some(password) = first.admin_password else {
        println!("`jumpdeck installer --connect {url} --as NAME` makes a key for a new machine.");
        return Ok(());
    };
    let spec = InstallerSpec { group: Some(FIRST_GROUP.to_owned()), valid: 86_400, local: false };
    let made = appliance.create_installer(spec).await?;
    println!("\nThis is shown once. The first administrator:\n  user admin, password {password}");
    println!("  jumpdeck --connect {url} --as admin\n");
    print!("{}", installer::line(&made, url));
    Ok(())
}

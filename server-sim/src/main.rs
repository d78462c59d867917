//! `server-sim`: starts simulated Jump Clients against an appliance.

use clap::Parser;
use jumpdeck_server_sim::{Fleet, Linked};
use std::process::ExitCode;
use std::time::Duration;

/// Starts simulated Jump Clients that speak the real agent protocol.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    /// Where the appliance is.
    #[arg(long)]
    url: String,
    /// The fingerprint of its key.
    #[arg(long)]
    fingerprint: String,
    /// An installer key; may be given several times, the clients are spread over them. They are
    /// read from the variable JUMPDECK_INSTALLER_KEY, separated by commas.
    #[arg(long, env = "JUMPDECK_INSTALLER_KEY", value_delimiter = ',', hide_env_values = true)]
    key: Vec<String>,
    /// How many clients.
    #[arg(long, default_value_t = 100)]
    clients: usize,
    /// What makes this fleet differ from another.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// End after this many seconds.
    #[arg(long)]
    seconds: Option<u64>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server-sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<()> {
    let life = cli.seconds.map_or(Duration::MAX, Duration::from_secs);
    let fleet = Fleet {
        url: cli.url,
        fingerprint: cli.fingerprint,
        installer_keys: cli.key,
        clients: cli.clients,
        seed: cli.seed,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let linked = Linked::default();
        let report = async {
            let mut last = usize::MAX;
            loop {
                if linked.count() != last {
                    last = linked.count();
                    println!("{last} linked");
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::select! {
            outcome = jumpdeck_server_sim::run(fleet, linked.clone(), None) => outcome,
            () = report => Ok(()),
            () = tokio::time::sleep(life) => Ok(()),
        }
    })
}

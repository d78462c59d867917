//! `jumpdeck-agent run`: a Jump Client, for as long as it runs.

use anyhow::{Context, bail};
use clap::Args;
use jumpdeck_agent::{AgentDir, AgentSource, EnrolRequest, Options, Target};
use jumpdeck_protocol::inventory::InstallMode;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

#[derive(Args)]
pub(crate) struct AgentRun {
    /// The longest pause between two attempts to reach the appliance, in seconds: 1 to 3600.
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    most_pause: u64,
    /// Where the appliance is, e.g. https://support.example.com:8443. Known after enrolment.
    #[arg(long, value_name = "URL")]
    appliance: Option<String>,
    /// The fingerprint of the appliance's key. Known after enrolment.
    #[arg(long, value_name = "SHA256:…")]
    fingerprint: Option<String>,
    /// Read the installer key from this file; else from the variable JUMPDECK_INSTALLER_KEY.
    #[arg(long, value_name = "FILE")]
    installer_key_file: Option<PathBuf>,
    /// The item's name [default: the host's name]
    #[arg(long, value_name = "NAME")]
    jc_name: Option<String>,
    /// The item's tag.
    #[arg(long, value_name = "TAG")]
    jc_tag: Option<String>,
    /// The item's comments.
    #[arg(long, value_name = "TEXT")]
    jc_comments: Option<String>,
    /// Available only while this user is logged in. As root this must be said outright.
    #[arg(long)]
    user: bool,
    /// This machine is a copy: forget the key that was copied and enrol it with an installer key, as
    /// a machine of its own. The former key is kept beside the new one.
    #[arg(long)]
    new_identity: bool,
    /// The agent's directory [default: /var/lib/jumpdeck-agent for root, else under ~/.local/share]
    #[arg(long, value_name = "DIR", env = "JUMPDECK_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

impl AgentRun {
    pub(crate) fn start(self) -> anyhow::Result<()> {
        let journal = super::start_log(tracing::Level::INFO)?;
        let options = options(self)?;
        let outcome = super::runtime()?.block_on(keep(options));
        journal.settle();
        outcome
    }
}

/// Keeps the link until a signal comes.
async fn keep(options: Options) -> anyhow::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let waiting = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.send_replace(true);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        outcome = jumpdeck_agent::run(options, stopped) => outcome.map(drop).map_err(Into::into),
        () = waiting => Ok(()),
    }
}

fn options(run: AgentRun) -> anyhow::Result<Options> {
    let dir = AgentDir::create(&super::data_dir(run.data_dir)?)?;
    let target = match (run.appliance, run.fingerprint, dir.target()) {
        (Some(url), Some(fingerprint), _) => Target { url, fingerprint },
        (url, fingerprint, Some(known)) => Target {
            url: url.unwrap_or(known.url),
            fingerprint: fingerprint.unwrap_or(known.fingerprint),
        },
        _ => bail!(
            "this machine is not enrolled yet: give --appliance and --fingerprint, and the \
             installer key in JUMPDECK_INSTALLER_KEY (`jumpdeck installer` prints the whole line)"
        ),
    };
    let key = match run.installer_key_file {
        Some(path) => {
            let text = std::fs::read_to_string(&path);
            Some(text.with_context(|| format!("reading {}", path.display()))?)
        }
        None => std::env::var("JUMPDECK_INSTALLER_KEY").ok(),
    };
    if run.new_identity {
        if key.is_none() {
            bail!(
                "a new identity has to be enrolled: put an installer key into \
                 JUMPDECK_INSTALLER_KEY or --installer-key-file"
            );
        }
        dir.begin_anew().context("forgetting the former identity")?;
    }
    if key.is_none() && dir.target().is_none() {
        bail!(
            "this machine is not enrolled yet, and there is no installer key: put it into \
             JUMPDECK_INSTALLER_KEY or --installer-key-file"
        );
    }
    let enrol = key.map(|key| EnrolRequest {
        installer_key: key.trim().to_owned(),
        name: run.jc_name,
        tag: run.jc_tag,
        comments: run.jc_comments,
    });
    let install_mode = if run.user { InstallMode::User } else { InstallMode::Service };
    let most_pause = std::time::Duration::from_secs(run.most_pause);
    Ok(Options {
        dir,
        source: AgentSource::Fixed(target),
        enrol,
        visit: None,
        install_mode,
        most_pause,
    })
}

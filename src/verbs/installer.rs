//! `jumpdeck installer`: what a new machine enrols with.

use super::connect::Connect;
use super::output;
use crate::runtime::dirs::Places;
use anyhow::bail;
use clap::Args;
use jiff::{Span, SpanRelativeTo, Timestamp};
use jumpdeck_protocol::rep::{Installer as Made, RepReply, RepRequest};
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Installer {
    /// The Jump Group the machine comes to; made if there is none [default: the personal list]
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// How long the installer can be used: 10m to 365d.
    #[arg(long, default_value = "1d", value_name = "TIME", value_parser = seconds)]
    valid: u64,
}

impl Installer {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let mut client = connect.client(places).await?;
        let request = RepRequest::CreateInstaller { group: self.group, valid: self.valid };
        let RepReply::Installer(installer) = client.ask(request).await? else {
            bail!("the appliance gave an answer that does not fit the question");
        };
        let url = connect.appliance_url(places)?;
        client.close().await;
        output::print(|out| write!(out, "{}", line(&installer, &url)))
    }
}

/// What to run on the new machine. The key is in the environment, not among the arguments that
/// every user of that machine can see.
pub(super) fn line(installer: &Made, url: &str) -> String {
    let until = Timestamp::from_second(installer.expires.0).map(|t| t.to_string());
    format!(
        "# On the new machine; good until {} for the group {}:\n\
         JUMPDECK_INSTALLER_KEY={} jumpdeck-agent run --appliance {url} --fingerprint {}\n",
        until.unwrap_or_default(),
        installer.group,
        installer.key,
        installer.fingerprint,
    )
}

/// Reads a time like `10m`, `12h`, `30d`.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || "times look like 10m, 12h, 30d".to_owned();
    let span: Span = text.parse().map_err(|_| wrong())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    u64::try_from(duration.as_secs()).map_err(|_| wrong())
}

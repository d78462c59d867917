//! `jumpdeck session-key`: lets a machine in that is not a Jump Client.

use super::context::VerbContext;
use super::installer;
use super::status::VerbStatus;
use clap::Args;
use jiff::Timestamp;
use jumpdeck_link::Address;
use jumpdeck_protocol::queue::QueueChoice;
use jumpdeck_protocol::queue::SessionKey as MadeKey;
use jumpdeck_protocol::rep::request;
use serde::Serialize;
use std::net::IpAddr;

#[derive(Args, Debug)]
pub(crate) struct SessionKeyVerb {
    /// The machine waits for every representative [default: for you].
    #[arg(long, conflicts_with = "team")]
    general: bool,
    /// The machine waits for this team of yours.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// How long the key can be used, once: 1m to 1d.
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = installer::seconds)]
    valid: u64,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

/// A session key as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct Made<'a> {
    key: &'a str,
    /// Seconds since 1970.
    expires: i64,
    queue: &'a str,
    appliance: &'a str,
    fingerprint: &'a str,
}

/// Whether an address leads nowhere but to this machine.
fn is_loopback(url: &str) -> bool {
    let host = url.parse::<Address>().map(|address| address.host).unwrap_or_default();
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl SessionKeyVerb {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let queue = match (self.general, self.team) {
            (true, _) => QueueChoice::General,
            (false, Some(team)) => QueueChoice::Team(team.into()),
            (false, None) => QueueChoice::Personal,
        };
        let mut client = context.client().await?;
        let answer = client
            .ask(request::CreateSessionKey { queue, valid: self.valid, attributes: Vec::new() })
            .await;
        client.close().await;
        let made = answer?;
        tell(context, &made, self.json).await
    }
}

/// Prints a key, and the line to type on the machine.
pub(super) async fn tell(
    context: &VerbContext,
    made: &MadeKey,
    json: bool,
) -> anyhow::Result<VerbStatus> {
    let url = context.appliance_url()?;
    let (key, fingerprint) = (made.key.as_str(), made.fingerprint.as_str());
    let print = context.io.print(|out| {
        if json {
            let (expires, queue) = (made.expires.0, made.queue.as_str());
            let made = Made { key, expires, queue, appliance: &url, fingerprint };
            return writeln!(out, "{}", serde_json::to_string(&made)?);
        }
        if is_loopback(&url) {
            writeln!(out, "# This appliance can be reached on this machine only.")?;
        }
        let until = Timestamp::from_second(made.expires.0).map(|t| t.to_string());
        writeln!(
            out,
            "# On the machine; good until {}, once, for the {}:\n\
             jumpdeck-agent join {key} --appliance {url} --fingerprint {fingerprint}",
            until.unwrap_or_default(),
            made.queue
        )
    });
    print.await
}

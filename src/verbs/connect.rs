//! Which appliance a verb goes to: this machine's own, or one elsewhere whose key was accepted.

use crate::link::{Client, ClientError, Credentials, Destination, KnownAppliances, Trust};
use crate::runtime::dirs::Places;
use crate::runtime::prompt;
use anyhow::{Context, bail};
use clap::Args;
use jumpdeck_protocol::handshake::REP_PATH;
use jumpdeck_protocol::link::{Address, Pin, client_config, dial};

/// Logins that are tried before giving up.
const TRIES: usize = 3;

/// How to reach a remote appliance.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Connect {
    /// Use the appliance at this address instead of this machine's own.
    #[arg(long, global = true, value_name = "URL", env = "JUMPDECK_CONNECT")]
    connect: Option<String>,
    /// Log in there under this name. The password is asked for, or read from the variable
    /// JUMPDECK_PASSWORD.
    #[arg(long, global = true, value_name = "NAME", env = "JUMPDECK_USER")]
    user: Option<String>,
    /// Accept an appliance that was never seen before if its key has this fingerprint.
    #[arg(long, global = true, value_name = "SHA256:…")]
    fingerprint: Option<String>,
}

impl Connect {
    /// Links to the appliance, asking for what is missing if somebody is there.
    pub(super) async fn client(&self, places: &Places) -> anyhow::Result<Client> {
        match &self.connect {
            None => Ok(Client::connect(Destination::Embedded(places.data()?)).await?),
            Some(url) => self.remote(places, &url.parse()?).await,
        }
    }

    /// The address of the appliance, as other programs need it.
    ///
    /// # Errors
    /// When the embedded one has gone meanwhile.
    pub(super) fn appliance_url(&self, places: &Places) -> anyhow::Result<String> {
        match self.url() {
            Some(url) => Ok(url.to_owned()),
            None => Ok(places.data()?.running().context("the appliance is gone")?.url),
        }
    }

    /// The address that was asked for, if it is not the embedded one.
    pub(super) fn url(&self) -> Option<&str> {
        self.connect.as_deref()
    }

    async fn remote(&self, places: &Places, address: &Address) -> anyhow::Result<Client> {
        let known = KnownAppliances::in_dir(&places.config()?);
        let fingerprint = match known.fingerprint(address) {
            Some(known) if self.fingerprint.as_ref().is_some_and(|given| *given != known) => bail!(
                "{address} is known by the key {known}, not by the one given with --fingerprint"
            ),
            Some(fingerprint) => fingerprint,
            None => self.get_acquainted(&known, address).await?,
        };
        let username = match &self.user {
            Some(name) => name.clone(),
            None => prompt::line("User name: ")?,
        };
        let given = std::env::var("JUMPDECK_PASSWORD").ok();
        for attempt in 1.. {
            let password = match &given {
                Some(password) => password.clone(),
                None => prompt::secret(&format!("Password of {username}: "))?,
            };
            let destination = Destination::Remote {
                address: address.clone(),
                fingerprint: fingerprint.clone(),
                credentials: Credentials { username: username.clone(), password },
                known: known.path().to_path_buf(),
            };
            match Client::connect(destination).await {
                Err(ClientError::NoLink(reason))
                    if reason.contains("password is wrong")
                        && given.is_none()
                        && attempt < TRIES =>
                {
                    eprintln!("{reason}");
                }
                outcome => return Ok(outcome?),
            }
        }
        bail!("no login")
    }

    /// Shows the key of an appliance that was never seen before, and asks.
    async fn get_acquainted(
        &self,
        known: &KnownAppliances,
        address: &Address,
    ) -> anyhow::Result<String> {
        let dialed = dial(address, REP_PATH, &Pin::AskFirst, &client_config()?, None).await?;
        let fingerprint = dialed.key.fingerprint();
        drop(dialed);
        if let Trust::Changed { accepted } = known.judge(address, &fingerprint) {
            bail!("{address} has the key {fingerprint}, but {accepted} was accepted");
        }
        match &self.fingerprint {
            Some(expected) if *expected == fingerprint => {}
            Some(expected) => bail!(
                "{address} has the key {fingerprint}, not {expected} as was expected; nothing was sent to it"
            ),
            None => ask(address, &fingerprint)?,
        }
        known.accept(address, &fingerprint).context("remembering the appliance")?;
        Ok(fingerprint)
    }
}

fn ask(address: &Address, fingerprint: &str) -> anyhow::Result<()> {
    if !prompt::somebody_is_there() {
        bail!(
            "{address} was never seen before; its key is {fingerprint}. If that is right, give it \
             with --fingerprint once."
        );
    }
    eprintln!("{address} was never seen before. The fingerprint of its key is\n  {fingerprint}");
    eprintln!("Compare it with the one that `jumpdeck serve` printed on the appliance.");
    loop {
        match prompt::line("Is that right? (yes/no) ")?.trim() {
            "yes" => return Ok(()),
            "no" => bail!("the appliance was not accepted; nothing was sent to it"),
            _ => eprintln!("Please say yes or no."),
        }
    }
}

//! Which appliance a verb goes to: this machine's own, or one elsewhere whose key was accepted.

use super::account;
use super::output::say;
use crate::link::{
    Client, ClientError, Destination, KnownAppliances, LinkCredentials, Proof, Trust,
};
use crate::runtime::dirs::Places;
use crate::runtime::logins::Logins;
use crate::runtime::prompt;
use anyhow::{Context, bail};
use clap::Args;
use jumpdeck_link::{Address, Pin, client_config, dial};
use jumpdeck_protocol::RefusalCode;
use jumpdeck_protocol::handshake::REP_PATH;
use jumpdeck_protocol::rep::Secret;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::script::Credentials as Login;
use std::path::PathBuf;

/// Logins that are tried before giving up.
const TRIES: usize = 3;

/// The variable that a password is read from.
const PASSWORD: &str = "JUMPDECK_PASSWORD";
/// The variable that a code of the second factor is read from.
const CODE: &str = "JUMPDECK_CODE";

/// Seconds for which a console may come back without a code.
pub(super) const CONSOLE_DAY: u64 = 86_400;

/// Whether a login is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// It is over with the link.
    No,
    /// For as long as this console is there.
    Console,
    /// It is over with the link, and one that was kept will not do.
    Password,
}

/// A link, and what proved who it is.
pub(super) struct Linked {
    pub client: Client,
    /// The password, if it was that.
    pub password: Option<String>,
}

/// The way into one appliance for one user.
struct WayIn<'a> {
    address: &'a Address,
    fingerprint: String,
    known: PathBuf,
    username: &'a str,
    keep: Keep,
}

impl WayIn<'_> {
    async fn enter(&self, proof: Proof) -> Result<Client, ClientError> {
        let with_code = matches!(&proof, Proof::Password { code: Some(_), .. });
        let keep = match self.keep {
            // Without a code, the password opens again.
            Keep::Console if with_code => Some("a console".to_owned()),
            Keep::Console | Keep::No | Keep::Password => None,
        };
        let username = self.username.to_owned();
        // A console says so again each time it is opened.
        let keep_for = if self.keep == Keep::Console { CONSOLE_DAY } else { 0 };
        Client::connect(Destination::Remote {
            address: self.address.clone(),
            fingerprint: self.fingerprint.clone(),
            credentials: LinkCredentials { username, proof, keep, keep_for },
            known: self.known.clone(),
        })
        .await
    }

    /// By a password that is given or asked for, after what there is to say first.
    async fn by_password(&self, given: Option<String>, first: &str) -> anyhow::Result<Linked> {
        let mut tries = 0;
        let mut question = format!("{first}Password of {}: ", self.username);
        loop {
            tries += 1;
            let password = match &given {
                Some(password) => password.clone(),
                None => prompt::secret(&question)?,
            };
            match self.with(&password).await {
                Err(ClientError::NoLogin { reason, code: RefusalCode::LoginFailed })
                    if given.is_none() && tries < TRIES =>
                {
                    question = format!("{reason}\nPassword of {}: ", self.username);
                }
                outcome => return Ok(Linked { client: outcome?, password: Some(password) }),
            }
        }
    }

    /// With a password, and a code if one is asked for.
    async fn with(&self, password: &str) -> Result<Client, ClientError> {
        let proof = |code| Proof::Password { password: password.to_owned(), code };
        let given = std::env::var(CODE).ok();
        let mut outcome = self.enter(proof(given.clone())).await;
        for _ in 0..TRIES {
            match outcome {
                Err(ClientError::NoLogin { reason, code: RefusalCode::SecondFactorRequired })
                    if given.is_none() && prompt::somebody_is_there() =>
                {
                    let no_answer = |error: anyhow::Error| ClientError::NoLink(error.to_string());
                    let code = prompt::secret(&format!("{reason}\nCode: ")).map_err(no_answer)?;
                    outcome = self.enter(proof(Some(code))).await;
                }
                outcome => return outcome,
            }
        }
        outcome
    }
}

/// What holds a kept login, for people.
pub(super) fn device() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("jumpdeck on {name}")
}

/// How to reach a remote appliance.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(super) struct Connect {
    /// Use the appliance at this address instead of this machine's own.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "JUMPDECK_CONNECT",
        hide_env_values = true
    )]
    connect: Option<String>,
    /// Log in there under this name. The password is asked for, or read from the variable
    /// JUMPDECK_PASSWORD; a code of the second factor, from JUMPDECK_CODE.
    #[arg(
        long = "as",
        global = true,
        value_name = "NAME",
        env = "JUMPDECK_USER",
        hide_env_values = true
    )]
    login: Option<String>,
    /// Accept an appliance that was never seen before if its key has this fingerprint.
    #[arg(long, global = true, value_name = "SHA256:…")]
    fingerprint: Option<String>,
    /// The password, where a script has one.
    #[arg(skip)]
    password: Option<Secret>,
    /// The token of a login that is kept for several verbs.
    #[arg(skip)]
    token: Option<Secret>,
}

impl Connect {
    /// The same for the user that a script names.
    ///
    /// # Errors
    /// On this machine's own appliance: its owner is the one who starts it.
    pub(super) fn logged_in_as(self, user: Login) -> anyhow::Result<Self> {
        if self.connect.is_none() {
            bail!(
                "the script logs in as {}; say where, with --connect: this machine's own \
                 appliance asks nobody for a password",
                user.username
            );
        }
        Ok(Self { login: Some(user.username), password: Some(user.password), ..self })
    }

    /// Links to the appliance, asking for what is missing if somebody is there. What has to be
    /// done before anything else is done, too.
    pub(super) async fn client(&self, places: &Places) -> anyhow::Result<Client> {
        let linked = self.link(places, Keep::No).await?;
        account::first(linked, Keep::No).await
    }

    /// The same for a console, which comes back by itself: a code of the second factor opens only
    /// once, so the login is kept for as long as the console is there.
    pub(super) async fn console(&self, places: &Places) -> anyhow::Result<Client> {
        let linked = self.link(places, Keep::Console).await?;
        account::first(linked, Keep::Console).await
    }

    /// Links to the appliance, whatever has to be done there first.
    pub(super) async fn link(&self, places: &Places, keep: Keep) -> anyhow::Result<Linked> {
        match &self.connect {
            None => {
                let client = Client::connect(Destination::Embedded(places.data()?)).await?;
                Ok(Linked { client, password: None })
            }
            Some(url) => self.remote(places, &url.parse()?, keep).await,
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

    /// Keeps the login, where one has to prove it, so that several verbs ask once.
    pub(super) async fn keep_for_verbs(&mut self, places: &Places) -> anyhow::Result<()> {
        if self.connect.is_none() || self.token.is_some() {
            return Ok(());
        }
        let linked = self.link(places, Keep::No).await?;
        let mut client = account::first(linked, Keep::No).await?;
        self.keep_that_of(&mut client).await?;
        client.close().await;
        Ok(())
    }

    /// Keeps the login of a link for several verbs. One that was kept before is there already.
    pub(super) async fn keep_that_of(&mut self, client: &mut Client) -> anyhow::Result<()> {
        self.login = Some(client.welcome.username.clone());
        let (holder, seconds) = ("a prompt".to_owned(), CONSOLE_DAY);
        match client.ask(request::KeepLogin { holder, seconds }).await {
            Ok(kept) => self.token = Some(Secret(kept.token)),
            Err(ClientError::Refused(refusal)) if refusal.code == RefusalCode::PasswordRequired => {
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Ends what was kept for several verbs.
    pub(super) async fn keep_no_more(&mut self, places: &Places) {
        if self.token.is_some()
            && let Ok(Linked { mut client, .. }) = self.link(places, Keep::No).await
        {
            let token = self.token.take();
            // It ends by itself after a day.
            let _ = client.ask(request::Logout { token }).await;
            client.close().await;
        }
    }

    /// The name that was asked for, if one was.
    pub(super) fn user(&self) -> Option<&str> {
        self.login.as_deref()
    }

    /// The address that was asked for, if it is not the embedded one.
    pub(super) fn url(&self) -> Option<&str> {
        self.connect.as_deref()
    }

    async fn remote(
        &self,
        places: &Places,
        address: &Address,
        keep: Keep,
    ) -> anyhow::Result<Linked> {
        let known = KnownAppliances::in_dir(&places.config()?);
        let fingerprint = match known.fingerprint(address) {
            Some(known) if self.fingerprint.as_ref().is_some_and(|given| *given != known) => bail!(
                "{address} is known by the key {known}, not by the one given with --fingerprint"
            ),
            Some(fingerprint) => fingerprint,
            None => self.get_acquainted(&known, address).await?,
        };
        let logins = Logins::in_dir(&places.config()?);
        let username = match self.login.clone().or_else(|| logins.only_user(&address.to_string())) {
            Some(name) => name,
            None => prompt::line("User name: ")?,
        };
        let known = known.path().to_path_buf();
        let door = WayIn { address, fingerprint, known, username: &username, keep };
        let own = || std::env::var(PASSWORD).ok();
        let given = self.password.as_ref().map(|password| password.0.clone()).or_else(own);
        if let Some(token) = self.token.as_ref().filter(|_| keep != Keep::Password) {
            let client = door.enter(Proof::Kept(token.0.clone())).await?;
            return Ok(Linked { client, password: None });
        }
        let kept = logins.find(&address.to_string(), &username);
        let mut expired = String::new();
        if let Some(token) = kept.filter(|_| given.is_none() && keep != Keep::Password) {
            match door.enter(Proof::Kept(token)).await {
                Err(ClientError::NoLogin { code: RefusalCode::LoginExpired, reason }) => {
                    logins.forget(&address.to_string(), &username)?;
                    expired = format!("{reason}\n");
                }
                outcome => {
                    let client = outcome?;
                    if client.welcome.username != username {
                        let whose = client.welcome.username.clone();
                        client.close().await;
                        bail!("the login that is kept for {username} is {whose}'s; log in again");
                    }
                    return Ok(Linked { client, password: None });
                }
            }
        }
        door.by_password(given, &expired).await
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
    say(&format!(
        "{address} was never seen before. The fingerprint of its key is\n  {fingerprint}\n\
         Compare it with the one that `jumpdeck serve` printed on the appliance."
    ));
    loop {
        match prompt::line("Is that right? (yes/no) ")?.trim() {
            "yes" => return Ok(()),
            "no" => bail!("the appliance was not accepted; nothing was sent to it"),
            _ => say("Please say yes or no."),
        }
    }
}

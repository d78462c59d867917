//! What a verb works with: an appliance, and somewhere to read and write.

use super::connect::{Connect, Keep, Linked};
use super::stdio::Stdio;
use crate::link::{Client, Destination, Here};
use crate::runtime::config;
use crate::runtime::dirs::Places;
use anyhow::{Context, bail};
use jumpdeck_console::core::Settings;
use jumpdeck_console::view::theme::Colours;
use jumpdeck_protocol::SessionId;
use jumpdeck_terminal::key::Key;
use std::path::PathBuf;

/// What a verb works with.
pub(crate) struct VerbContext {
    way: Way,
    /// Where it reads and writes.
    pub io: Stdio,
}

/// The way to the appliance.
enum Way {
    /// As the command line says.
    Out { places: Places, connect: Connect },
    /// The appliance is this process, and the configuration is in this folder.
    Here(Here, PathBuf),
}

impl VerbContext {
    /// This process's own.
    pub(super) const fn own(places: Places, connect: Connect) -> Self {
        Self { way: Way::Out { places, connect }, io: Stdio::own() }
    }

    /// That of a rep who came in from elsewhere.
    pub(crate) const fn here(here: Here, config_dir: PathBuf, io: Stdio) -> Self {
        Self { way: Way::Here(here, config_dir), io }
    }

    /// Links to the appliance, asking for what is missing if somebody is there.
    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        match &self.way {
            Way::Out { places, connect } => connect.client(places).await,
            Way::Here(here, _) => {
                let client = Client::connect(Destination::Here(here.clone())).await?;
                match client.welcome.first {
                    None => Ok(client),
                    Some(first) => bail!("{}", first.plain()),
                }
            }
        }
    }

    /// Links to the appliance, whatever has to be done there first.
    pub(super) async fn link(&self, keep: Keep) -> anyhow::Result<Linked> {
        match &self.way {
            Way::Out { places, connect } => connect.link(places, keep).await,
            Way::Here(here, _) => {
                let client = Client::connect(Destination::Here(here.clone())).await?;
                Ok(Linked { client, password: None })
            }
        }
    }

    /// Keeps the login for many verbs, so that nothing is asked again.
    pub(super) async fn settle_in(&mut self) -> anyhow::Result<()> {
        let Way::Out { places, connect } = &mut self.way else {
            return Ok(());
        };
        connect.keep_for_verbs(places).await
    }

    /// Ends a login that was kept for many verbs.
    pub(super) async fn settle_out(&mut self) {
        if let Way::Out { places, connect } = &mut self.way {
            connect.keep_no_more(places).await;
        }
    }

    /// Where a prompt's lines are remembered; nowhere for anyone who came from elsewhere.
    pub(super) fn history(&self) -> Option<PathBuf> {
        match &self.way {
            Way::Out { places, .. } => Some(places.data_path().ok()?.join("plain_history")),
            Way::Here(..) => None,
        }
    }

    /// The beginning of a command line by which another program comes to this context's verbs.
    ///
    /// # Errors
    /// When this program's own file is not known.
    pub(super) fn proxy_command(&self) -> anyhow::Result<String> {
        let (places, connect) = match &self.way {
            Way::Out { places, connect } => (places, connect),
            // Anyone who came by SSH knows how; the name is theirs to fill in.
            Way::Here(here, _) => {
                return Ok(format!("ssh -q -p {} REP@APPLIANCE", here.ssh_port));
            }
        };
        let program = std::env::current_exe().context("finding this program's own file")?;
        let mut words = vec![program.display().to_string()];
        for (option, value) in [("--connect", connect.url()), ("--as", connect.user())] {
            words.extend(value.into_iter().flat_map(|value| [option.to_owned(), value.to_owned()]));
        }
        for (option, path) in
            [("--data-dir", &places.data_dir), ("--config-dir", &places.config_dir)]
        {
            let path = path.iter().map(|path| path.display().to_string());
            words.extend(path.flat_map(|path| [option.to_owned(), path]));
        }
        let quoted =
            words.iter().map(|word| shlex::try_quote(word)).collect::<Result<Vec<_>, _>>()?;
        // What ssh itself would replace.
        Ok(quoted.join(" ").replace('%', "%%"))
    }

    /// The prefix that the configuration says, or the usual one. What is wrong there is reported: a key
    /// that does nothing would be found out too late.
    pub(super) async fn prefix(&self) -> Key {
        self.settings().await.prefix
    }

    /// What the configuration says.
    pub(super) async fn settings(&self) -> Settings {
        let config = match &self.way {
            Way::Out { places, .. } => places.config().ok(),
            Way::Here(_, config_dir) => Some(config_dir.clone()),
        };
        let Some(config) = config.map(|dir| config::read(&dir, Colours::None)) else {
            return Settings::default();
        };
        match (config.complaint(config::BUILT_IN_INSTEAD), &self.way) {
            (Some(complaint), Way::Out { .. }) if self.io.has_keyboard() => {
                self.io.say(&format!("jumpdeck: {complaint}")).await;
            }
            // A rep can do nothing about the server's own configuration.
            (Some(complaint), Way::Here(..)) => tracing::warn!(%complaint, "the configuration"),
            _ => {}
        }
        config.settings
    }

    /// The command line that comes back to a session.
    pub(super) fn way_back(&self, session: SessionId) -> String {
        match &self.way {
            Way::Out { connect, .. } => {
                let options = [("--connect", connect.url()), ("--as", connect.user())];
                let said = options
                    .into_iter()
                    .filter_map(|(option, value)| value.map(|value| format!(" {option} {value}")));
                format!("jumpdeck{} attach {session}", said.collect::<String>())
            }
            Way::Here(here, _) => {
                format!("ssh -t -p {} REP@APPLIANCE attach {session}", here.ssh_port)
            }
        }
    }

    /// The address of the appliance, as other programs need it.
    ///
    /// # Errors
    /// When the embedded one has gone meanwhile.
    pub(crate) fn appliance_url(&self) -> anyhow::Result<String> {
        match &self.way {
            Way::Out { places, connect } => connect.appliance_url(places),
            Way::Here(here, _) => Ok(here.url.clone()),
        }
    }
}

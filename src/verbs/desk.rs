//! What a verb works with: an appliance, and somewhere to read and write.

use super::connect::{Connect, Keep, Linked};
use super::stdio::Stdio;
use crate::link::{Client, Destination, Here};
use crate::runtime::dirs::Places;
use anyhow::bail;

/// What a verb works with.
pub(crate) struct Desk {
    way: Way,
    /// Where it reads and writes.
    pub io: Stdio,
}

/// The way to the appliance.
enum Way {
    /// As the command line says.
    Out { places: Places, connect: Connect },
    /// The appliance is this process.
    Here(Here),
}

impl Desk {
    /// This process's own.
    pub(super) const fn own(places: Places, connect: Connect) -> Self {
        Self { way: Way::Out { places, connect }, io: Stdio::Own }
    }

    /// That of a rep who came in from elsewhere.
    pub(crate) const fn here(here: Here, io: Stdio) -> Self {
        Self { way: Way::Here(here), io }
    }

    /// Links to the appliance, asking for what is missing if somebody is there.
    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        match &self.way {
            Way::Out { places, connect } => connect.client(places).await,
            Way::Here(here) => {
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
            Way::Here(here) => {
                let client = Client::connect(Destination::Here(here.clone())).await?;
                Ok(Linked { client, password: None })
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
            Way::Here(here) => Ok(here.url.clone()),
        }
    }
}

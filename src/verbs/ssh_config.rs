//! `jumpdeck ssh-config`: what lets plain `ssh` reach the sshd of items.

use super::context::VerbContext;
use super::select;
use super::status::VerbStatus;
use crate::link::{Client, ClientError};
use clap::Args;
use jumpdeck_console::core::LinkEvent;
use jumpdeck_console::core::inventory::Item;
use jumpdeck_protocol::rep::RepReply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::Whom;
use jumpdeck_protocol::session_policy::{SessionPermission, StartMethod};
use jumpdeck_protocol::{ItemId, Outcome, RequestId};
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, Write};

/// Questions that are under way at once.
const AT_ONCE: usize = 32;

#[derive(Args, Debug)]
pub(crate) struct SshConfig {
    /// Which items, as `ls` understands it [default: all Jump Clients].
    query: Vec<String>,
    /// What the names end with.
    #[arg(long, value_name = "TEXT", default_value = ".jumpdeck", value_parser = plain_only)]
    suffix: String,
    /// Log in there under this name.
    #[arg(long, value_name = "NAME", value_parser = plain_only)]
    user: Option<String>,
}

impl SshConfig {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let mut client = context.client().await?;
        client.fetch_inventory().await?;
        let found = select::matching(&client.inventory, &self.query.join(" "))?;
        let clients = found.iter().filter(Item::is_client);
        let items: Vec<_> = clients.map(|item| (item.id(), item.name().to_owned())).collect();
        let allowed = allowed(&mut client, &items).await?;
        client.close().await;
        let proxy = context.proxy_command()?;
        let left_out = items.len() - allowed.len();
        if left_out > 0 {
            let words = format!(
                "jumpdeck: {left_out} items are left out: their session policies allow no tunnel \
                 (`jumpdeck simulate NAME` says which)."
            );
            context.io.say(&words).await;
        }
        let items = items.iter().filter(|(item, _)| allowed.contains(item));
        context.io.print(|out| self.write(items, &proxy, out)).await
    }

    fn write<'i>(
        &self,
        items: impl Iterator<Item = &'i (ItemId, String)>,
        proxy: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(
            out,
            "# Made by `jumpdeck ssh-config`: put it into ~/.ssh/config, or Include it there."
        )?;
        let mut names = HashSet::new();
        for (item, name) in items {
            let mut host = format!("{}{}", plain(name), self.suffix);
            if !names.insert(host.clone()) {
                host = format!("{}-{item}{}", plain(name), self.suffix);
            }
            writeln!(out, "\nHost {host}\n    HostKeyAlias jumpdeck-item-{item}")?;
            if let Some(user) = &self.user {
                writeln!(out, "    User {user}")?;
            }
            writeln!(out, "    ProxyCommand {proxy} tunnel '#{item}' %p")?;
        }
        Ok(())
    }
}

/// Those of the items whose sessions would have tunnels.
async fn allowed(
    client: &mut Client,
    items: &[(ItemId, String)],
) -> Result<HashSet<ItemId>, ClientError> {
    let mut waiting: VecDeque<ItemId> = items.iter().map(|(item, _)| *item).collect();
    let mut asked: HashMap<RequestId, ItemId> = HashMap::new();
    let mut allowed = HashSet::new();
    loop {
        while asked.len() < AT_ONCE
            && let Some(item) = waiting.pop_front()
        {
            let method = StartMethod::Unattended;
            let (whom, present, at) = (Whom::Me, None, None);
            let request = request::Simulate { whom, item, method, present, at };
            asked.insert(client.begin(request), item);
        }
        if asked.is_empty() {
            return Ok(allowed);
        }
        match client.next().await? {
            LinkEvent::Reply(id, outcome) => {
                let Some(item) = asked.remove(&id) else {
                    continue;
                };
                if let Outcome::Ok(RepReply::Simulated(simulation)) = outcome {
                    let tunnel = |one: &&jumpdeck_protocol::session_policy::Simulated| {
                        one.permission == SessionPermission::Tunnel
                    };
                    let tunnel = simulation.permissions.iter().find(tunnel);
                    if simulation.start.allowed && tunnel.is_some_and(|one| &*one.value == "allow")
                    {
                        allowed.insert(item);
                    }
                }
            }
            LinkEvent::Down { reason } => return Err(ClientError::NoLink(reason)),
            _ => {}
        }
    }
}

/// What can be in `ssh_config` as it is.
fn plain_only(text: &str) -> Result<String, String> {
    let means_nothing = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
    if !text.is_empty() && text.chars().all(means_nothing) && !text.starts_with('-') {
        Ok(text.to_owned())
    } else {
        Err("it has letters, digits and . _ - @".to_owned())
    }
}

/// A name as it can be in `ssh_config`.
fn plain(name: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let plain: String = name.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    match plain.strip_prefix('-') {
        Some(rest) => format!("x-{rest}"),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names_stand_in_a_configuration_without_meaning_anything_else() {
        assert_eq!(plain("web-1.example"), "web-1.example");
        assert_eq!(plain("a b*!\n%h"), "a-b----h");
        assert_eq!(plain("-oProxyCommand"), "x-oProxyCommand");
    }
}

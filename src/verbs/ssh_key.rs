//! `jumpdeck ssh-key`: the public keys that open the SSH front door.

use super::context::VerbContext;
use super::output;
use super::status::VerbStatus;
use super::stdio::Stdio;
use anyhow::bail;
use clap::{Args, Subcommand};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::{SshKey, SshKeyRequest};
use jumpdeck_protocol::text::clean;
use serde::Serialize;
use std::io::{self, Write};

/// Bytes of a line with a key, at most.
const LONGEST: usize = 16 * 1024;

#[derive(Args, Debug)]
pub(crate) struct SshKeyVerb {
    #[command(subcommand)]
    what: SshKeyAction,
}

#[derive(Subcommand, Debug)]
enum SshKeyAction {
    /// List your keys.
    Ls {
        /// Print one JSON object per line.
        #[arg(long)]
        json: bool,
    },
    /// Add a key: `jumpdeck ssh-key add < ~/.ssh/id_ed25519.pub`.
    Add {
        /// The line of the public key [default: it is read from the input]
        #[arg(value_name = "LINE")]
        key: Vec<String>,
    },
    /// Remove a key; what was opened with it ends.
    Rm {
        /// Its fingerprint, or its comment.
        which: String,
    },
}

/// A key as `--json` prints it. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct SshKeyRow<'a> {
    algorithm: &'a str,
    fingerprint: &'a str,
    comment: &'a str,
    /// Seconds since 1970.
    added: i64,
}

impl SshKeyVerb {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let (wish, said) = match &self.what {
            SshKeyAction::Ls { .. } => (SshKeyRequest::List, None),
            SshKeyAction::Add { key } => {
                let key = if key.is_empty() { read(&mut context.io).await? } else { key.join(" ") };
                (
                    SshKeyRequest::Add { key: key.into() },
                    Some("The key opens the SSH front door now."),
                )
            }
            SshKeyAction::Rm { which } => {
                let which = which.as_str().into();
                (SshKeyRequest::Remove { which }, Some("The key opens nothing any more."))
            }
        };
        let mut client = context.client().await?;
        let answer = client.ask(wish).await;
        client.close().await;
        let reply::SshKeyList { keys } = answer?;
        if let Some(said) = said {
            context.io.say(said).await;
            return Ok(VerbStatus::DONE);
        }
        let json = matches!(self.what, SshKeyAction::Ls { json: true });
        let person = context.io.is_terminal();
        context.io.print(|out| write(&keys, json, person, out)).await
    }
}

fn write(keys: &[SshKey], json: bool, person: bool, out: &mut dyn Write) -> io::Result<()> {
    if json {
        return keys.iter().try_for_each(|key| {
            let SshKey { algorithm, fingerprint, comment, added } = key;
            let entry = SshKeyRow { algorithm, fingerprint, comment, added: added.0 };
            serde_json::to_writer(&mut *out, &entry)?;
            writeln!(out)
        });
    }
    let row = |key: &SshKey| {
        [&key.fingerprint, &key.algorithm, &key.comment].map(|text| clean(text).into_owned())
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    output::table_for(person, ["FINGERPRINT", "ALGORITHM", "COMMENT"], &rows, out)
}

/// The first line of the input that says something.
async fn read(io: &mut Stdio) -> anyhow::Result<String> {
    let (mut keyboard, _) = io.events(false)?;
    let mut text = Vec::new();
    while text.len() < LONGEST {
        let bytes = keyboard.read().await?;
        if bytes.is_empty() {
            break;
        }
        text.extend_from_slice(&bytes);
    }
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(line) = line else {
        bail!("there is no key in the input; `jumpdeck ssh-key add < ~/.ssh/id_ed25519.pub`");
    };
    Ok(line.to_owned())
}

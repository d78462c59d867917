//! A script without a console.

use super::context::VerbContext;
use super::status::VerbStatus;
use super::{select, session_key};
use crate::link::{Client, ClientError};
use jumpdeck_console::core::{ScriptFailure, fits};
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::log::Attributes;
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::queue::QueueChoice;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::script::{Command, Script, Search};
use jumpdeck_protocol::session::{ChannelKind, Size};

/// The terminal of a shell to which nobody has come yet.
const SIZE: Size = Size { columns: 80, rows: 24 };
const TERM: &str = "xterm-256color";
/// Seconds a key can be used that a script makes.
const KEY_VALID: u64 = 3600;
/// Names that are listed of those that fit.
const LISTED: usize = 10;

/// Runs a script's commands in order, up to the first that fails.
pub(super) async fn run(context: &mut VerbContext, script: Script) -> anyhow::Result<VerbStatus> {
    let mut client = context.client().await?;
    client.fetch_inventory().await?;
    for command in script.commands {
        let outcome = match &command {
            // That was done already.
            Command::Login(_) => Ok(()),
            Command::StartPinnedClientSession { search, custom }
            | Command::StartJumpItemSession { search, custom, .. } => {
                start(context, &mut client, search, custom.attributes()).await?
            }
            Command::GenerateSessionKey { custom } => {
                key(context, &mut client, custom.attributes()).await?
            }
            Command::StartAdHoc { .. } => {
                let words = "is not supported yet".to_owned();
                Err((ScriptFailure::Refused, words))
            }
        };
        if let Err((failure, words)) = outcome {
            context.io.say(&format!("jumpdeck: {}: {words}", command.action())).await;
            client.close().await;
            return Ok(VerbStatus::of_script(failure));
        }
    }
    client.close().await;
    Ok(VerbStatus::DONE)
}

/// What came of a command: why it failed, in words too.
type Came = Result<(), (ScriptFailure, String)>;

async fn start(
    context: &VerbContext,
    client: &mut Client,
    search: &Search,
    attributes: Attributes,
) -> anyhow::Result<Came> {
    let all = select::matching(&client.inventory, "")?;
    let fitting = all.iter().filter(|item| fits(search, item));
    let fitting: Vec<(ItemId, String)> =
        fitting.map(|item| (item.id(), item.name().to_owned())).collect();
    let (item, name) = match fitting.as_slice() {
        [] => {
            let words = "no Jump Client that you may see fits".to_owned();
            return Ok(Err((ScriptFailure::NothingFits, words)));
        }
        [(item, name)] => (*item, name),
        several => {
            let names: Vec<_> = several.iter().take(LISTED).map(|(_, name)| &**name).collect();
            let more = if several.len() > LISTED { ", …" } else { "" };
            let words = format!("{} Jump Clients fit: {}{more}", several.len(), names.join(", "));
            return Ok(Err((ScriptFailure::SeveralFit, words)));
        }
    };
    let kind =
        ChannelKind::Shell { size: SIZE, term: TERM.to_owned(), modes: TerminalModes::utf8() };
    let request =
        request::StartSession { item, kind, override_schedule: false, reason: None, code: None };
    let view = match client.ask(request).await {
        Ok(view) => view,
        Err(ClientError::Refused(refusal)) => {
            return Ok(Err((ScriptFailure::Refused, format!("{name}: {refusal}"))));
        }
        Err(error) => return Err(error.into()),
    };
    let session = view.id;
    context.io.print(|out| writeln!(out, "session {session} with {name}")).await?;
    if attributes.is_empty() {
        return Ok(Ok(()));
    }
    match client.ask(request::SetAttributes { session, attributes }).await {
        Ok(()) => Ok(Ok(())),
        Err(ClientError::Refused(refusal)) => {
            Ok(Err((ScriptFailure::Refused, format!("its attributes: {refusal}"))))
        }
        Err(error) => Err(error.into()),
    }
}

async fn key(
    context: &VerbContext,
    client: &mut Client,
    attributes: Attributes,
) -> anyhow::Result<Came> {
    let (queue, valid) = (QueueChoice::Personal, KEY_VALID);
    match client.ask(request::CreateSessionKey { queue, valid, attributes }).await {
        Ok(made) => {
            session_key::tell(context, &made, false).await?;
            Ok(Ok(()))
        }
        Err(ClientError::Refused(refusal)) => {
            Ok(Err((ScriptFailure::Refused, refusal.to_string())))
        }
        Err(error) => Err(error.into()),
    }
}

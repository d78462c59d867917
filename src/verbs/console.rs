//! The console itself.

use super::connect::Connect;
use super::context::VerbContext;
use super::output;
use super::plain::Plain;
use super::status::VerbStatus;
use crate::link::Client;
use crate::runtime::charset::Charset;
use crate::runtime::dirs::Places;
use crate::runtime::terminal::{self, Left, Outfit};
use crate::runtime::{config, handoff};
use anyhow::bail;
use jumpdeck_console::core::Settings;
use jumpdeck_protocol::history::SessionRecord;
use jumpdeck_protocol::script::Script;
use std::io::IsTerminal;
use std::process::ExitCode;

/// Opens the console, stays until the rep leaves, and says what goes on without it. Anyone who prefers
/// a prompt gets that, unless there is a script to run.
pub(super) async fn run(
    places: &Places,
    connect: &Connect,
    script: Option<Script>,
) -> anyhow::Result<ExitCode> {
    let mut client = link(places, connect).await?;
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    if (client.welcome.plain || dumb) && script.is_none() {
        let mut connect = connect.clone();
        if !client.welcome.embedded {
            connect.keep_that_of(&mut client).await?;
        }
        client.close().await;
        let mut context = VerbContext::own(places.clone(), connect);
        return Ok(Plain::prompt().run(&mut context).await?.into());
    }
    let left = stay(places, client, script, None).await?;
    say_what_goes_on(&left);
    let scripted = left.script.map_or(VerbStatus::DONE, VerbStatus::of_script);
    Ok(left.signal.map_or(scripted, VerbStatus::by_signal).into())
}

/// Opens the console, plays a session, and leaves.
pub(super) async fn play(
    places: &Places,
    client: Client,
    what: (SessionRecord, Option<u32>),
) -> anyhow::Result<ExitCode> {
    let left = stay(places, client, None, Some(what)).await?;
    Ok(left.signal.map_or(VerbStatus::DONE, VerbStatus::by_signal).into())
}

fn say_what_goes_on(left: &Left) {
    match left.sessions {
        0 => {}
        1 => output::say("One session goes on; `jumpdeck` comes back to it."),
        many => output::say(&format!("{many} sessions go on; `jumpdeck` comes back to them.")),
    }
}

/// Opens the console and stays until the rep leaves.
pub(super) async fn open(
    places: &Places,
    connect: &Connect,
    script: Option<Script>,
) -> anyhow::Result<Left> {
    stay(places, link(places, connect).await?, script, None).await
}

pub(super) async fn link(places: &Places, connect: &Connect) -> anyhow::Result<Client> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        bail!("the console needs a terminal; `jumpdeck ls`, `exec` and `jump` do without");
    }
    connect.console(places).await
}

async fn stay(
    places: &Places,
    client: Client,
    script: Option<Script>,
    play: Option<(SessionRecord, Option<u32>)>,
) -> anyhow::Result<Left> {
    let (dir, colours) = (places.config()?, config::colours());
    // What changes from here on is read again.
    let watch = config::Watch::new(dir.clone(), colours);
    let config = config::read(&dir, colours);
    let notice = config.complaint(config::BUILT_IN_INSTEAD);
    let (handle, link, welcome) = client.into_parts();
    let reports = places.data_path()?;
    let outfit = Outfit {
        settings: Settings { play, ..config.settings },
        theme: config.theme,
        charset: Charset::here(),
        notice,
        watch: Some(watch),
        handle,
        link,
        script,
        welcome,
    };
    // Without it, scripts open a console of their own.
    let counter = handoff::open(places, &outfit.welcome).ok();
    let left = terminal::run(outfit, counter, reports).await?;
    match left.ended {
        Some(reason) => bail!(reason),
        None => Ok(left),
    }
}

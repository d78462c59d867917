//! `jumpdeck jump`: a shell on a machine, straight in this terminal.

use super::absence::Away;
use super::ahead::Ahead;
use super::answers::{self, VerbAnswers};
use super::context::VerbContext;
use super::escape::{Escape, EscapeKey, QUESTION, Typed};
use super::exec;
use super::outlet::{Outlet, OutletStream};
use super::overriding::Overriding;
use super::select;
use super::status::VerbStatus;
use super::stdio::{Outside, Stdio};
use super::transfer::{Happened, RunningProgram};
use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use jumpdeck_link::why;
use jumpdeck_protocol::session::{ChannelKind, ExitStatus, Program as Started};
use jumpdeck_protocol::{limits, text};
use jumpdeck_terminal::Modes;
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::interval;

#[derive(Args, Debug)]
pub(crate) struct JumpVerb {
    #[command(flatten)]
    overriding: Overriding,
    #[command(flatten)]
    escape: EscapeKey,
    /// The machine: its name, its host name, a part of either, or # and its number.
    name: String,
}

/// How the terminal was left.
enum WhyLeft {
    /// The shell ended.
    Ended(ExitStatus),
    /// The rep left it running.
    Detached,
    /// A signal came, and it runs on.
    Signalled(i32),
    /// The rep ended it.
    Closed,
}

impl JumpVerb {
    /// A jump to an item.
    pub(super) fn to(name: String) -> Self {
        Self { overriding: Overriding::default(), escape: EscapeKey::default(), name }
    }

    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let escape = self.escape.watch(context).await?;
        let mut client = context.client().await?;
        client.fetch_inventory().await?;
        let item = select::one(&client.inventory, &self.name)?;
        let on_terminal = context.io.has_keyboard();
        let io = &mut context.io;
        let kind = if on_terminal {
            ChannelKind::Shell { size: io.size(), term: io.term(), modes: io.modes() }
        } else {
            // As `ssh` without a terminal: what is piped in is read by a login shell, and its
            // streams stay apart.
            ChannelKind::Exec { argv: vec!["sh".into()], program: Started::LoginShell }
        };
        let reason = self.overriding.reason(io).await?;
        let mut program = RunningProgram::start(client, item, kind, reason, io).await?;
        if on_terminal {
            return stay(program, escape, context).await;
        }
        let outcome = exec::attend(&mut program, io, true).await;
        program.close().await;
        outcome
    }
}

/// Shows a shell in the terminal until it ends or the rep leaves.
pub(super) async fn stay(
    mut program: RunningProgram,
    mut escape: Escape,
    context: &mut VerbContext,
) -> anyhow::Result<VerbStatus> {
    let back = context.way_back(program.session());
    let back = format!("The session continues; `{back}` returns to it.");
    let predict = context.settings().await.predict;
    let io = &mut context.io;
    let mut ahead = Ahead::new(predict, io.size());
    io.raw(true)?;
    let mut modes = Modes::default();
    let outcome = attend(&mut program, io, (&mut modes, &mut ahead), &mut escape).await;
    drop(io.echo(&String::from_utf8_lossy(&ahead.leave())).await);
    if !matches!(outcome, Ok(WhyLeft::Ended(ExitStatus::Code(_)))) {
        // Nobody else puts back what the program changed; whose terminal is gone misses nothing.
        drop(io.echo(&modes.undo()).await);
    }
    io.raw(false)?;
    match outcome {
        Ok(WhyLeft::Ended(status)) => {
            program.close().await;
            Ok(VerbStatus::of(status))
        }
        Ok(WhyLeft::Detached) => {
            program.leave().await;
            io.say(&format!("\n{back}")).await;
            Ok(VerbStatus::DONE)
        }
        Ok(WhyLeft::Signalled(signal)) => {
            program.leave().await;
            io.say(&format!("\n{back}")).await;
            Ok(VerbStatus::by_signal(signal))
        }
        Ok(WhyLeft::Closed) => {
            program.close().await;
            io.say("\nThe session is over.").await;
            Ok(VerbStatus::by_signal(Signal::HUP.as_raw()))
        }
        Err(error) => {
            let over = program.is_over();
            program.leave().await;
            if over {
                // The line that the shell began is not ours.
                drop(io.echo("\n").await);
                return Err(error);
            }
            // The shell is not to blame; it goes on.
            io.say(&format!("\njumpdeck: {}\n{back}", why::told(error.as_ref()))).await;
            Ok(VerbStatus::OWN)
        }
    }
}

async fn attend(
    program: &mut RunningProgram,
    io: &mut Stdio,
    (modes, ahead): (&mut Modes, &mut Ahead),
    escape: &mut Escape,
) -> anyhow::Result<WhyLeft> {
    let mut outlet = Outlet::new(io)?;
    let (mut keyboard, mut events) = io.events(true)?;
    let mut ends = interval(Duration::from_secs(1));
    let mut open = true;
    let mut answers = VerbAnswers::default();
    // What was said to be away: each try to get it back tells again.
    let mut away = None;
    loop {
        if let Some(status) = program.finished().filter(|_| outlet.is_empty()) {
            return Ok(WhyLeft::Ended(status));
        }
        if outlet.is_empty() {
            escape.shown();
        }
        // Input is read no faster than the machine takes it.
        let may_read = open && program.backlog() < limits::INPUT_WINDOW;
        tokio::select! {
            biased;
            bytes = keyboard.read(), if may_read => {
                let bytes = bytes?;
                open = !bytes.is_empty();
                if !open && events.is_gone() {
                    // The terminal is gone; the shell is not.
                    return Ok(WhyLeft::Detached);
                }
                for typed in escape.take(&bytes) {
                    let said = match typed {
                        Typed::Input(bytes) => {
                            answers.typed();
                            program.type_in(&bytes);
                            draw(&mut outlet, ahead.typed(&bytes, program.input_end()))?;
                            // The link's task sends it before this one looks around.
                            tokio::task::yield_now().await;
                            continue;
                        }
                        Typed::Take => {
                            program.take_keyboard();
                            continue;
                        }
                        Typed::Help => escape.help(),
                        Typed::Ask => QUESTION.to_owned(),
                        Typed::GoOn => "it continues".to_owned(),
                        Typed::Detach => return Ok(WhyLeft::Detached),
                        Typed::Close => return Ok(WhyLeft::Closed),
                    };
                    show(program, (&mut outlet, ahead), Happened::Said(said), escape)?;
                }
            }
            happened = program.next(), if program.finished().is_none() => match happened? {
                Happened::Ended(status) => return Ok(WhyLeft::Ended(status)),
                happened => {
                    if let Happened::Output(bytes) = &happened {
                        modes.take(bytes);
                    }
                    ahead.acknowledged(program.input_acknowledged());
                    let before = away;
                    match &happened {
                        Happened::Waiting(now) => away = Some(std::mem::discriminant(now)),
                        Happened::Back => away = None,
                        _ => {}
                    }
                    if before.is_some() && before == away && matches!(happened, Happened::Waiting(_)) {
                        continue;
                    }
                    if let Some(words) = answers.take(&happened) {
                        show(program, (&mut outlet, ahead), Happened::Said(words), escape)?;
                    }
                    show(program, (&mut outlet, ahead), happened, escape)?;
                }
            },
            written = outlet.written() => {
                written.context("writing to the terminal")?;
                program.taken(outlet.pending());
            }
            due = answers.due(), if program.finished().is_none() => match due {
                answers::Due::Ask => program.probe(),
                answers::Due::Say(words) => {
                    show(program, (&mut outlet, ahead), Happened::Said(words), escape)?;
                }
            },
            what = ahead.due() => draw(&mut outlet, ahead.waited(what))?,
            // As a terminal would: the end of the input is Ctrl-D. A shell that is still starting
            // loses it, so it is said again.
            _ = ends.tick(), if !open => program.write(b"\x04"),
            outside = events.next() => match outside {
                Outside::Resized(size) => {
                    draw(&mut outlet, ahead.resize(size))?;
                    program.resize(size);
                }
                // In raw mode Ctrl-C is a key; a signal comes from elsewhere.
                Outside::Signal(signal) => return Ok(WhyLeft::Signalled(signal)),
            },
        }
    }
}

/// Draws over what the program printed.
fn draw(outlet: &mut Outlet, bytes: Bytes) -> anyhow::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    outlet.put(OutletStream::Output, bytes).context("writing to the terminal")
}

fn show(
    program: &mut RunningProgram,
    (outlet, ahead): (&mut Outlet, &mut Ahead),
    happened: Happened,
    escape: &Escape,
) -> anyhow::Result<()> {
    if matches!(happened, Happened::Attached | Happened::Missed(_)) && ahead.attached() {
        program.acknowledge();
    }
    // What we have to say goes the way of the output, or it would be in the middle of it.
    let mut say = |words: String| {
        let line = ahead.output(format!("\r\n[{words}]\r\n").into());
        outlet.put(OutletStream::Errors, line).context("writing to the terminal")
    };
    match happened {
        Happened::Output(bytes) | Happened::Errors(bytes) => {
            let bytes = ahead.output(bytes);
            outlet.put(OutletStream::Output, bytes).context("writing to the terminal")?;
            program.taken(outlet.pending());
        }
        Happened::Echo(on) => draw(outlet, ahead.echo_is(on))?,
        Happened::Missed(bytes) => {
            say(format!("{bytes} bytes of output came meanwhile and are not kept"))?;
        }
        Happened::Waiting(away) => {
            let reason = match &away {
                Away::Link(reason) => text::clean(reason),
                Away::Machine => "the machine's agent is away".into(),
            };
            let leave = escape.key().map(|key| format!(" {key} d leaves.")).unwrap_or_default();
            say(format!("no link: {reason}; retrying.{leave}"))?;
        }
        Happened::Back => say("the link is back".to_owned())?,
        Happened::Pushed(bytes) => say(format!(
            "another console types here now; {bytes} bytes you typed did not reach the shell"
        ))?,
        Happened::Silent(silent) => say(answers::of_machine(silent, true))?,
        Happened::Said(words) => say(words)?,
        Happened::Repeated => program.taken(outlet.pending()),
        Happened::Ended(_) | Happened::Attached | Happened::Nothing => {}
    }
    Ok(())
}

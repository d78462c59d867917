//! `jumpdeck exec`: a command on a machine, its streams and its status passed through.

use super::absence::{Absence, AbsenceDue};
use super::answers::{self, VerbAnswers};
use super::context::VerbContext;
use super::escape::EscapeKey;
use super::jump;
use super::many::{self, ManyOrder};
use super::outlet::{Outlet, OutletStream};
use super::overriding::Overriding;
use super::status::VerbStatus;
use super::stdio::{Outside, Stdio};
use super::targets::Targets;
use super::transfer::{Happened, RunningProgram};
use anyhow::bail;
use bytes::Bytes;
use clap::{Args, value_parser};
use jumpdeck_protocol::argument::Argument;
use jumpdeck_protocol::session::{ChannelKind, Program as Started};
use jumpdeck_protocol::{ItemId, limits};
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;

#[derive(Args, Debug)]
pub(crate) struct Exec {
    #[command(flatten)]
    overriding: Overriding,
    /// With several machines: so many at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = value_parser!(u16).range(1..=64))]
    parallel: u16,
    /// On a terminal, as `ssh -t`: for programs that draw or ask. It is recorded as a shell is, and
    /// Ctrl-] d leaves it running, x ends it. With one machine alone.
    #[arg(short, long, conflicts_with_all = ["query", "all", "json"])]
    terminal: bool,
    /// The command gets no input, as `ssh -n`: in a loop that reads lines, the rest is left to it.
    #[arg(short = 'n', long, conflicts_with = "terminal")]
    no_input: bool,
    #[command(flatten)]
    escape: EscapeKey,
    /// Print JSON objects, one a line: what each machine says, and how its command ended.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    targets: Targets,
    /// The command and its arguments, run as they are; a shell only if you call one.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
    /// What its first word is.
    #[arg(skip)]
    program: Started,
}

impl Exec {
    /// A command on an item, on a terminal or not.
    pub(super) fn by_shell(name: String, command: OsString, terminal: bool) -> Self {
        Self {
            program: Started::Shell,
            terminal,
            no_input: false,
            escape: EscapeKey::default(),
            overriding: Overriding::default(),
            parallel: 1,
            json: false,
            targets: Targets::one(name),
            command: vec!["sh".into(), "-c".into(), command],
        }
    }

    fn argv(&self) -> Vec<Argument> {
        self.command.iter().map(|word| word.as_bytes().to_vec().into()).collect()
    }

    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let escape = self.escape.clone().watch(context).await?;
        let mut client = context.client().await?;
        let (items, whole) = self.targets.find(&mut client, &context.io).await?;
        if !self.targets.are_meant(&items, &client, &mut context.io, "Run it on").await? {
            client.close().await;
            let said = if self.targets.only_lists() { VerbStatus::DONE } else { VerbStatus::OWN };
            return Ok(whole.outcome(said));
        }
        let io = &mut context.io;
        let reason = self.overriding.clone().reason(io).await?;
        match items.as_slice() {
            [item] if self.terminal => {
                if !io.has_keyboard() {
                    bail!("there is no terminal here for a command that is to have one");
                }
                let (size, term, argv, modes) = (io.size(), io.term(), self.argv(), io.modes());
                let kind = ChannelKind::Terminal { size, term, argv, program: self.program, modes };
                let program = RunningProgram::start(client, *item, kind, reason, io).await?;
                Ok(whole.outcome(jump::stay(program, escape, context).await?))
            }
            _ if self.terminal => bail!("several machines have no terminal in common"),
            [item] if self.targets.are_named() && !self.json => {
                let kind = ChannelKind::Exec { argv: self.argv(), program: self.program };
                let mut program = RunningProgram::start(client, *item, kind, reason, io).await?;
                let outcome = attend(&mut program, io, !self.no_input).await;
                program.close().await;
                outcome
            }
            several => {
                let name =
                    |item: &ItemId| client.inventory.name(*item).unwrap_or_default().to_owned();
                let items = several.iter().map(|item| (*item, name(item))).collect();
                let (argv, parallel, json) = (self.argv(), self.parallel.into(), self.json);
                let order = ManyOrder { argv, reason, parallel, json };
                let outcome = many::run(client, items, order, io).await?;
                Ok(whole.outcome(outcome))
            }
        }
    }
}

/// Words of ours among a command's errors.
fn aside(words: &str) -> Bytes {
    format!("jumpdeck: {words}\n").into()
}

/// Shows what happened. Fails if the command's streams are not whole any more.
fn show(
    outlet: &mut Outlet,
    absence: &mut Absence,
    happened: Happened,
) -> anyhow::Result<io::Result<()>> {
    Ok(match happened {
        Happened::Output(bytes) => outlet.put(OutletStream::Output, bytes),
        Happened::Errors(bytes) => outlet.put(OutletStream::Errors, bytes),
        Happened::Pushed(_) => {
            bail!("another console took the command over; its input is not whole")
        }
        Happened::Missed(bytes) => {
            bail!("{bytes} bytes of output are lost: the machine keeps only the last MiB")
        }
        Happened::Waiting(away) => {
            absence.begins(away);
            Ok(())
        }
        Happened::Back => match absence.ends() {
            Some(words) => outlet.put(OutletStream::Errors, aside(&words)),
            None => Ok(()),
        },
        Happened::Silent(silent) => {
            outlet.put(OutletStream::Errors, aside(&answers::of_machine(silent, false)))
        }
        Happened::Said(words) => outlet.put(OutletStream::Errors, aside(&words)),
        Happened::Ended(_)
        | Happened::Repeated
        | Happened::Attached
        | Happened::Echo(_)
        | Happened::Nothing => Ok(()),
    })
}

fn not_written(error: io::Error) -> anyhow::Result<VerbStatus> {
    if error.kind() == ErrorKind::BrokenPipe {
        // Nobody reads it any more.
        return Ok(VerbStatus::by_signal(13));
    }
    Err(anyhow::Error::from(error).context("writing the output"))
}

/// Passes everything through until the command ends.
pub(super) async fn attend(
    program: &mut RunningProgram,
    io: &mut Stdio,
    input: bool,
) -> anyhow::Result<VerbStatus> {
    let mut open = input;
    if !input {
        program.end_input();
    }
    let mut outlet = Outlet::new(io)?;
    let mut absence = Absence::default();
    let mut answers = VerbAnswers::steady();
    let (mut keyboard, mut events) = io.events(false)?;
    loop {
        if let Some(status) = program.finished().filter(|_| outlet.is_empty()) {
            return Ok(VerbStatus::of(status));
        }
        // Input is read no faster than the machine takes it.
        let may_read = open && program.backlog() < limits::INPUT_WINDOW;
        let written = tokio::select! {
            happened = program.next(), if program.finished().is_none() => {
                let happened = happened?;
                if let Happened::Ended(status) = happened {
                    return Ok(VerbStatus::of(status));
                }
                let told = match answers.take(&happened) {
                    Some(words) => outlet.put(OutletStream::Errors, aside(&words)),
                    None => Ok(()),
                };
                told.and(show(&mut outlet, &mut absence, happened)?)
            }
            written = outlet.written() => written,
            due = absence.due() => match due {
                AbsenceDue::Say(words) => outlet.put(OutletStream::Errors, aside(&words)),
                AbsenceDue::GiveUp(why) => bail!("{why}"),
            },
            due = answers.due(), if program.finished().is_none() => match due {
                answers::Due::Ask => {
                    program.probe();
                    Ok(())
                }
                answers::Due::Say(words) => outlet.put(OutletStream::Errors, aside(&words)),
            },
            bytes = keyboard.read(), if may_read => {
                let bytes = bytes?;
                open = !bytes.is_empty();
                if open { program.write(&bytes) } else { program.end_input() }
                Ok(())
            }
            outside = events.next() => match outside {
                Outside::Resized(_) => Ok(()),
                Outside::Signal(signal) => return Ok(VerbStatus::by_signal(signal)),
            },
        };
        match written {
            Ok(()) => program.taken(outlet.pending()),
            Err(error) => return not_written(error),
        }
    }
}

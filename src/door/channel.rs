//! One channel of a connection: a console, a verb, or a machine's shell.

use super::caller::size;
use super::pace::Pace;
use super::seat::RemoteSeat;
use super::shown;
use crate::link::{Client, Destination, Here};
use crate::runtime::charset::Charset;
use crate::runtime::config;
use crate::runtime::runner::{Left, Outfit, Runner};
use crate::runtime::screen::{self, Writer};
use crate::verbs::context::VerbContext;
use crate::verbs::outlet::OutletStream;
use crate::verbs::status::VerbStatus;
use crate::verbs::stdio::{
    self, Remote, RemoteEvents, RemoteInput, RemoteJob, RemoteOutput, RemoteSender, RemoteTerminal,
    RemoteTyped, Stdio, Unread, left,
};
use crate::verbs::{remote, settle};
use bytes::Bytes;
use jumpdeck_console::core::Settings;
use jumpdeck_console::core::inventory::Pool;
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::rep::Secret;
use jumpdeck_protocol::session::Size;
use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use rustix::process::Signal;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// Bytes of input that may wait for the reader before the client is held up.
const FREE_AHEAD: usize = 256 * 1024;
/// Bytes that may wait at all.
const MOST_AHEAD: usize = 16 * 1024 * 1024;
/// For how long the client is held up, for each [`FREE_AHEAD`] that waits.
const SLICE: Duration = Duration::from_millis(10);

/// What consoles at this door have in common.
#[derive(Clone, Debug)]
pub(super) struct ChannelPlace {
    /// Keys, prefix and theme are here.
    pub config_dir: PathBuf,
    /// What they hold together.
    pub pool: Arc<Pool>,
}

/// What is asked of a channel.
#[derive(Clone, Debug, Default)]
pub(super) struct ChannelRequest {
    /// What is to be started.
    pub what: What,
    /// The item that stood behind the user's name.
    pub item: Option<String>,
    /// The terminal's type, size and modes, if there is one.
    pub terminal: Option<(String, Size, TerminalModes)>,
    /// The client's environment, of what may be said.
    pub variables: HashMap<String, String>,
    /// The password it came in with, if it was that.
    pub password: Option<Secret>,
}

/// What a channel is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum What {
    /// No command was given.
    #[default]
    Console,
    /// A command, as it was typed.
    Command(Vec<u8>),
    /// A subsystem, `sftp` say.
    Subsystem(String),
}

/// A channel whose ends are held: what comes in is heard from its opening on.
pub(super) struct OpenedChannel {
    writing: Arc<ChannelWriteHalf<Msg>>,
    input: RemoteInput,
    events: RemoteEvents,
    interrupted: Arc<Notify>,
    /// What is typed goes to the reader as it is.
    raw: Arc<AtomicBool>,
    gone: watch::Receiver<bool>,
    pace: Arc<Pace>,
}

/// Takes a channel.
pub(super) fn open(channel: Channel<Msg>) -> OpenedChannel {
    let (reading, writing) = channel.split();
    let (typed, input) = stdio::input();
    let (sender, events) = stdio::events();
    let (interrupted, raw) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(true)));
    let (gone, pace) = (sender.leaving(), Arc::new(Pace::default()));
    let ear = Ear {
        typed: Some(typed),
        sender,
        pace: Arc::clone(&pace),
        interrupted: Arc::clone(&interrupted),
        raw: Arc::clone(&raw),
    };
    tokio::spawn(ear.listen(reading));
    OpenedChannel { writing: Arc::new(writing), input, events, interrupted, raw, gone, pace }
}

/// Does what is asked, and says how it ended.
pub(super) async fn attend(
    here: Here,
    place: ChannelPlace,
    opened: OpenedChannel,
    request: ChannelRequest,
) {
    let OpenedChannel { writing, input, events, interrupted, raw, gone, pace } = opened;
    let (out, jobs) = unbounded_channel();
    let out = RemoteOutput(out);
    // Without a terminal nobody is there to press Ctrl-C.
    let pace = request.terminal.is_some().then_some(pace);
    let writer = tokio::spawn(write(Arc::clone(&writing), jobs, gone, pace));
    // A machine gets what is typed as it is, also what was typed before it was there.
    raw.store(request.terminal.is_none() || request.item.is_some(), Ordering::SeqCst);
    let terminal = request.terminal.clone();
    let remote = Box::new(Remote {
        input,
        events,
        out: out.clone(),
        terminal: terminal.map(|(term, size, modes)| RemoteTerminal { term, size, modes, raw }),
        variables: request.variables.clone(),
        interrupted,
        unread: Unread::default(),
    });
    // A task of its own: what goes wrong in it ends this channel and nothing else.
    let run = tokio::spawn(async move { Box::pin(run(here, &place, remote, request)).await });
    let status = match run.await {
        Ok(status) => status,
        Err(error) => {
            tracing::error!(%error, "a console at the SSH front door failed");
            let mut words = Vec::new();
            // Writing into memory does not fail.
            let _ = screen::say_restore(&mut words);
            words.extend_from_slice(
                b"jumpdeck stopped because of a mistake of its own. Open sessions go on.\r\n",
            );
            drop(out.write(OutletStream::Errors, words).await);
            VerbStatus::OWN
        }
    };
    drop(out);
    // Everything is written before the status is said.
    let _ = writer.await;
    drop(writing.exit_status(status.0.into()).await);
    drop(writing.eof().await);
    drop(writing.close().await);
}

/// Writes what is to be written, as fast as the client takes it, for as long as it is there.
async fn write(
    writing: Arc<ChannelWriteHalf<Msg>>,
    mut jobs: UnboundedReceiver<RemoteJob>,
    mut gone: watch::Receiver<bool>,
    pace: Option<Arc<Pace>>,
) {
    while let Some(job) = jobs.recv().await {
        let bytes = job.bytes.clone();
        let writes = async {
            if let Some(pace) = &pace {
                pace.room_for(u64::try_from(bytes.len()).unwrap_or(u64::MAX)).await;
            }
            match job.stream {
                OutletStream::Output => writing.data_bytes(bytes).await.is_ok(),
                OutletStream::Errors => writing.extended_data_bytes(1, bytes).await.is_ok(),
            }
        };
        let written = tokio::select! {
            written = writes => written,
            () = left(&mut gone) => false,
        };
        job.done(if written { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) });
    }
}

/// What listens to a channel.
///
/// The library gives a client room for more as soon as something came, whether anybody has read it
/// or not, and waits with all of the connection while this waits. So what comes ahead of its reader
/// is kept here, the client is held up the longer the more that is, and never for good: output and
/// the end of the connection have to get through.
struct Ear {
    typed: Option<RemoteTyped>,
    sender: RemoteSender,
    pace: Arc<Pace>,
    interrupted: Arc<Notify>,
    raw: Arc<AtomicBool>,
}

impl Ear {
    async fn listen(mut self, mut reading: ChannelReadHalf) {
        while let Some(message) = reading.wait().await {
            match message {
                ChannelMsg::Data { data } if self.take(data.clone()).await => {}
                ChannelMsg::Data { .. } => {
                    tracing::warn!("a channel of the SSH front door was fed too fast; it ended");
                    break;
                }
                ChannelMsg::WindowChange { col_width, row_height, .. } => {
                    self.sender.resized(size(col_width, row_height));
                }
                ChannelMsg::WindowAdjusted { new_size } => self.pace.told(new_size),
                ChannelMsg::Signal { signal } => self.signal(&signal),
                ChannelMsg::Eof => self.typed = None,
                ChannelMsg::Close => break,
                _ => {}
            }
        }
        // Anyone who finds the input over knows that nobody is there.
        self.sender.gone();
        self.typed = None;
        self.interrupted.notify_waiters();
    }

    /// Returns whether there was room for it.
    async fn take(&mut self, data: Bytes) -> bool {
        if self.raw.load(Ordering::SeqCst) {
            self.give(data);
        } else {
            self.cook(&data);
        }
        let Some(ahead) = self.typed.as_ref().map(|typed| Arc::clone(&typed.ahead)) else {
            return true;
        };
        let waiting = ahead.bytes();
        if waiting > MOST_AHEAD {
            return false;
        }
        let patience = SLICE * u32::try_from(waiting / FREE_AHEAD).unwrap_or(u32::MAX);
        let room = async {
            while ahead.bytes() > FREE_AHEAD {
                ahead.taken.notified().await;
            }
        };
        let _ = timeout(patience, room).await;
        true
    }

    fn give(&self, data: Bytes) {
        if let Some(typed) = self.typed.as_ref().filter(|_| !data.is_empty()) {
            typed.give(data);
        }
    }

    /// What a terminal would do with it: Ctrl-C interrupts, Ctrl-D ends the input for anyone who reads
    /// it now, Return ends a line.
    fn cook(&self, data: &[u8]) {
        let mut line = Vec::with_capacity(data.len());
        for byte in data {
            match byte {
                3 => {
                    self.sender.signal(Signal::INT);
                    self.interrupted.notify_waiters();
                }
                4 => {
                    self.give(std::mem::take(&mut line).into());
                    if let Some(typed) = &self.typed {
                        typed.give(Bytes::new());
                    }
                }
                b'\r' => line.push(b'\n'),
                other => line.push(*other),
            }
        }
        self.give(line.into());
    }

    fn signal(&self, signal: &Sig) {
        let signal = match signal {
            Sig::INT => Signal::INT,
            Sig::TERM | Sig::KILL => Signal::TERM,
            Sig::HUP => Signal::HUP,
            _ => return,
        };
        self.sender.signal(signal);
        self.interrupted.notify_waiters();
    }
}

async fn run(
    here: Here,
    place: &ChannelPlace,
    remote: Box<Remote>,
    request: ChannelRequest,
) -> VerbStatus {
    let ChannelRequest { what, item, password, .. } = request;
    let mut context =
        VerbContext::here(here.clone(), place.config_dir.clone(), Stdio::Remote(remote));
    if let Err(error) = settle(&here, &mut context.io, password).await {
        context.io.say(&format!("jumpdeck: {error:#}")).await;
        return VerbStatus::FAILED;
    }
    match (item, what) {
        (Some(item), What::Console) => remote::jump(item, &mut context).await,
        (Some(item), What::Command(command)) => {
            remote::command_on(item, command, &mut context).await
        }
        (None, What::Command(command)) => remote::command(&command, &mut context).await,
        (item, What::Subsystem(name)) => remote::no_files(item, &name, &context).await,
        (None, What::Console)
            if here.prefers_plain()
                || !context.io.somebody_is_there()
                || context.io.term() == "dumb" =>
        {
            remote::plain(&mut context).await
        }
        (None, What::Console) => match console(here, place, context.io).await {
            Ok(status) => status,
            Err((io, error)) => {
                io.say(&format!("jumpdeck: {error:#}")).await;
                VerbStatus::FAILED
            }
        },
    }
}

/// The console itself.
async fn console(
    here: Here,
    place: &ChannelPlace,
    io: Stdio,
) -> Result<VerbStatus, (Stdio, anyhow::Error)> {
    let remote = match io {
        Stdio::Remote(remote) if remote.terminal.is_some() => remote,
        other => {
            let words = "the console needs a terminal; `ssh -t` gives it one, and a verb does \
                         without: `ssh … help`";
            return Err((other, anyhow::anyhow!(words)));
        }
    };
    let (out, variables) = (remote.out.clone(), remote.variables.clone());
    let terminal = remote.terminal.clone();
    let Some((seat, first_size)) = RemoteSeat::new(*remote) else {
        return Ok(VerbStatus::FAILED);
    };
    let term = terminal.map(|terminal| terminal.term).unwrap_or_default();
    let said = match sit(here, place, (&term, &variables), seat, first_size, &out).await {
        Ok(left) => shown::farewell(&left),
        Err(error) => (format!("jumpdeck: {error:#}"), VerbStatus::FAILED),
    };
    let mut words = Vec::new();
    // Writing into memory does not fail.
    let _ = screen::say_restore(&mut words);
    words.extend_from_slice(said.0.replace('\n', "\r\n").as_bytes());
    drop(out.write(OutletStream::Output, words).await);
    Ok(said.1)
}

/// Runs a console at a seat, from the terminal's taking over to its end.
async fn sit(
    here: Here,
    place: &ChannelPlace,
    (term, variables): (&str, &HashMap<String, String>),
    seat: RemoteSeat,
    size: Size,
    out: &RemoteOutput,
) -> anyhow::Result<Left> {
    let client = Client::connect(Destination::Here(here)).await?;
    let (handle, link, welcome) = client.into_parts();
    let colours = config::colours_by(term, |name| variables.get(name).cloned());
    let config = config::read(&place.config_dir, colours);
    let outfit = Outfit {
        settings: Settings { pool: Some(Arc::clone(&place.pool)), ..config.settings },
        theme: config.theme,
        charset: Charset::by(|name| variables.get(name).cloned()),
        notice: None,
        watch: None,
        handle,
        link,
        script: None,
        welcome,
    };
    let mut words = Vec::new();
    screen::say_enter(&mut words)?;
    out.write(OutletStream::Output, words).await?;
    let (writer, mut frames, done) = Writer::new();
    let out = out.clone();
    tokio::spawn(async move {
        while let Some(frame) = frames.recv().await {
            let written = out.write(OutletStream::Output, frame).await;
            if done.send(written).is_err() {
                return;
            }
        }
    });
    let mut runner = Runner::new(outfit, seat, writer, size)?;
    let left = runner.run().await;
    runner.leave().await;
    left
}

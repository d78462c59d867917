//! One channel of a connection: a console, a verb, or a machine's shell.

use super::caller::size;
use super::seat::FarSeat;
use super::shown;
use crate::core::Settings;
use crate::core::inventory::Pool;
use crate::link::{Client, Destination, Here};
use crate::runtime::config;
use crate::runtime::runner::{Left, Outfit, Runner};
use crate::runtime::screen::{self, Writer};
use crate::verbs::desk::Desk;
use crate::verbs::outlet::Stream;
use crate::verbs::status::Status;
use crate::verbs::stdio::{Far, FarOut, FarTerminal, Job, Outside, Stdio, Unread};
use crate::verbs::{far, settle};
use bytes::Bytes;
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
use tokio::sync::Notify;
use tokio::sync::mpsc::{Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel};

/// Pieces of input that may wait for whoever reads them.
const AHEAD: usize = 16;

/// What consoles at this door have in common.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Keys, prefix and theme stand here.
    pub config_dir: PathBuf,
    /// What they hold together.
    pub pool: Arc<Pool>,
}

/// What is asked of a channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    /// What is to be started.
    pub what: What,
    /// The item that stood behind the user's name.
    pub item: Option<String>,
    /// The terminal's type and size, if there is one.
    pub terminal: Option<(String, Size)>,
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
    Command(String),
}

/// Does what is asked, and says how it ended.
pub(super) async fn attend(here: Here, place: Place, channel: Channel<Msg>, request: Request) {
    let (reading, writing) = channel.split();
    let writing = Arc::new(writing);
    let (out, jobs) = unbounded_channel();
    let out = FarOut(out);
    let writer = tokio::spawn(write(Arc::clone(&writing), jobs));
    let (far, reader) = far_of(reading, out.clone(), &request);
    // A task of its own: what goes wrong in it ends this channel and nothing else.
    let run = tokio::spawn(async move { Box::pin(run(here, &place, far, request)).await });
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
            drop(out.write(Stream::Errors, words).await);
            Status::OWN
        }
    };
    drop(out);
    // Everything is written before the status is said.
    let _ = writer.await;
    drop(writing.exit_status(status.0.into()).await);
    drop(writing.eof().await);
    drop(writing.close().await);
    reader.abort();
}

/// A channel as verbs and consoles use it, and the task that reads from it.
fn far_of(
    reading: ChannelReadHalf,
    out: FarOut,
    request: &Request,
) -> (Box<Far>, tokio::task::JoinHandle<()>) {
    let (typed, input) = channel(AHEAD);
    let (tell, outside) = unbounded_channel();
    let interrupted = Arc::new(Notify::new());
    let terminal = request.terminal.clone().map(|(term, size)| FarTerminal {
        term,
        size,
        raw: Arc::new(AtomicBool::new(false)),
    });
    let raw = terminal.as_ref().map(|terminal| Arc::clone(&terminal.raw));
    let ear = Ear { typed: Some(typed), tell, interrupted: Arc::clone(&interrupted), raw };
    let reader = tokio::spawn(ear.listen(reading));
    let variables = request.variables.clone();
    (
        Box::new(Far {
            input,
            outside,
            out,
            terminal,
            variables,
            interrupted,
            unread: Unread::default(),
        }),
        reader,
    )
}

/// Writes what is to be written, as fast as the client takes it.
async fn write(writing: Arc<ChannelWriteHalf<Msg>>, mut jobs: UnboundedReceiver<Job>) {
    while let Some(job) = jobs.recv().await {
        let bytes = job.bytes.clone();
        let outcome = match job.stream {
            Stream::Output => writing.data_bytes(bytes).await,
            Stream::Errors => writing.extended_data_bytes(1, bytes).await,
        };
        job.done(outcome.map_err(|_| io::ErrorKind::BrokenPipe.into()));
    }
}

/// What listens to a channel.
struct Ear {
    typed: Option<Sender<Bytes>>,
    tell: UnboundedSender<Outside>,
    interrupted: Arc<Notify>,
    /// Whether whoever reads wants every key as it is; there is a terminal.
    raw: Option<Arc<AtomicBool>>,
}

impl Ear {
    async fn listen(mut self, mut reading: ChannelReadHalf) {
        while let Some(message) = reading.wait().await {
            match message {
                ChannelMsg::Data { data } => self.take(data).await,
                ChannelMsg::WindowChange { col_width, row_height, .. } => {
                    let _ = self.tell.send(Outside::Resized(size(col_width, row_height)));
                }
                ChannelMsg::Signal { signal } => self.signal(&signal),
                ChannelMsg::Eof => self.typed = None,
                ChannelMsg::Close => break,
                _ => {}
            }
        }
        self.typed = None;
        let _ = self.tell.send(Outside::Signal(Signal::HUP.as_raw()));
        self.interrupted.notify_one();
    }

    async fn take(&mut self, data: Bytes) {
        let cooked = self.raw.as_ref().is_some_and(|raw| !raw.load(Ordering::SeqCst));
        let data = if cooked { self.cook(&data) } else { data };
        if let Some(typed) = &self.typed
            && !data.is_empty()
            && typed.send(data).await.is_err()
        {
            // Nobody reads any more.
            self.typed = None;
        }
    }

    /// What a terminal would do with it: Ctrl-C interrupts, Ctrl-D ends the input, Return ends a
    /// line.
    fn cook(&mut self, data: &[u8]) -> Bytes {
        let mut line = Vec::with_capacity(data.len());
        for byte in data {
            match byte {
                3 => {
                    let _ = self.tell.send(Outside::Signal(Signal::INT.as_raw()));
                    self.interrupted.notify_one();
                }
                4 => self.typed = None,
                b'\r' => line.push(b'\n'),
                other => line.push(*other),
            }
        }
        line.into()
    }

    fn signal(&self, signal: &Sig) {
        let signal = match signal {
            Sig::INT => Signal::INT,
            Sig::TERM | Sig::KILL => Signal::TERM,
            Sig::HUP => Signal::HUP,
            _ => return,
        };
        let _ = self.tell.send(Outside::Signal(signal.as_raw()));
        self.interrupted.notify_one();
    }
}

async fn run(here: Here, place: &Place, far: Box<Far>, request: Request) -> Status {
    let Request { what, item, password, .. } = request;
    let mut desk = Desk::here(here.clone(), Stdio::Far(far));
    if let Err(error) = settle(&here, &mut desk.io, password).await {
        desk.io.say(&format!("jumpdeck: {error:#}")).await;
        return Status::FAILED;
    }
    match (item, what) {
        (Some(item), What::Console) => far::jump(item, &mut desk).await,
        (Some(item), What::Command(command)) => far::command_on(item, command, &mut desk).await,
        (None, What::Command(command)) => far::command(&command, &mut desk).await,
        (None, What::Console) if here.prefers_plain() || !desk.io.somebody_is_there() => {
            far::plain(&mut desk).await
        }
        (None, What::Console) => match console(here, place, desk.io).await {
            Ok(status) => status,
            Err((io, error)) => {
                io.say(&format!("jumpdeck: {error:#}")).await;
                Status::FAILED
            }
        },
    }
}

/// The console itself.
async fn console(here: Here, place: &Place, io: Stdio) -> Result<Status, (Stdio, anyhow::Error)> {
    let far = match io {
        Stdio::Far(far) if far.terminal.is_some() => far,
        other => {
            let words = "the console needs a terminal; `ssh -t` gives it one, and a verb does \
                         without: `ssh … help`";
            return Err((other, anyhow::anyhow!(words)));
        }
    };
    let (out, variables) = (far.out.clone(), far.variables.clone());
    let terminal = far.terminal.clone();
    let Some((seat, first_size)) = FarSeat::new(*far) else {
        return Ok(Status::FAILED);
    };
    let term = terminal.map(|terminal| terminal.term).unwrap_or_default();
    let said = match sit(here, place, (&term, &variables), seat, first_size, &out).await {
        Ok(left) => shown::farewell(&left),
        Err(error) => (format!("jumpdeck: {error:#}"), Status::FAILED),
    };
    let mut words = Vec::new();
    // Writing into memory does not fail.
    let _ = screen::say_restore(&mut words);
    words.extend_from_slice(said.0.replace('\n', "\r\n").as_bytes());
    drop(out.write(Stream::Output, words).await);
    Ok(said.1)
}

/// Runs a console at a seat, from the terminal's taking over to its end.
async fn sit(
    here: Here,
    place: &Place,
    (term, variables): (&str, &HashMap<String, String>),
    seat: FarSeat,
    size: Size,
    out: &FarOut,
) -> anyhow::Result<Left> {
    let client = Client::connect(Destination::Here(here)).await?;
    let (handle, link, welcome) = client.into_parts();
    let colours = config::colours_by(term, |name| variables.get(name).cloned());
    let config = config::read(&place.config_dir, colours);
    let outfit = Outfit {
        settings: Settings { pool: Some(Arc::clone(&place.pool)), ..config.settings },
        theme: config.theme,
        notice: None,
        watch: None,
        handle,
        link,
        script: None,
        welcome,
    };
    let mut words = Vec::new();
    screen::say_enter(&mut words)?;
    out.write(Stream::Output, words).await?;
    let (writer, mut frames, done) = Writer::new();
    let out = out.clone();
    tokio::spawn(async move {
        while let Some(frame) = frames.recv().await {
            let written = out.write(Stream::Output, frame).await;
            if done.send(written).is_err() {
                return;
            }
        }
    });
    Runner::new(outfit, seat, writer, size)?.run().await
}

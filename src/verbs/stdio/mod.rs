//! Where a verb reads, writes and asks: this process's own streams, or a rep's at the other end of
//! an SSH connection.

mod remote;

pub(crate) use remote::{
    Remote, RemoteDone, RemoteEvents, RemoteInput, RemoteJob, RemoteOutput, RemoteSender,
    RemoteTerminal, RemoteTyped, events, input, left, with_returns,
};

use super::outlet::OutletStream;
use super::output;
use super::status::VerbStatus;
use crate::runtime::watched::Watched;
use crate::runtime::{prompt, screen};
use anyhow::Context;
use bytes::Bytes;
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::session::Size;
use rustix::process::Signal;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

/// Bytes that are read at once.
const PIECE: usize = 32 * 1024;

/// Where a verb reads and writes.
pub(crate) enum Stdio {
    /// This process's own streams, and what was put back of their input.
    Own(Unread),
    /// Those of a rep elsewhere.
    Remote(Box<Remote>),
}

impl Stdio {
    /// This process's own.
    pub(super) const fn own() -> Self {
        Self::Own(Unread { bytes: Vec::new(), over: false, prompt: false })
    }
}

/// What was put back of an input, for the next reader.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unread {
    bytes: Vec<u8>,
    /// What follows is for somebody else.
    over: bool,
    /// A prompt runs verbs: what interrupts one does not end the prompt.
    prompt: bool,
}

/// Something that happens to a terminal besides what is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outside {
    /// It has another size.
    Resized(Size),
    /// A signal came.
    Signal(i32),
}

impl Stdio {
    /// Whether a person reads the output.
    pub(crate) fn is_terminal(&self) -> bool {
        match self {
            Self::Own(_) => io::stdout().is_terminal(),
            Self::Remote(remote) => remote.terminal.is_some(),
        }
    }

    /// Whether what is read is typed at a terminal.
    pub(crate) fn has_keyboard(&self) -> bool {
        match self {
            Self::Own(_) => io::stdin().is_terminal(),
            Self::Remote(remote) => remote.terminal.is_some(),
        }
    }

    /// Whether somebody is there to answer.
    pub(crate) fn somebody_is_there(&self) -> bool {
        match self {
            Self::Own(_) => prompt::somebody_is_there(),
            Self::Remote(remote) => remote.terminal.is_some(),
        }
    }

    /// Writes everything `write` writes to the output. A reader that has enough is no failure.
    ///
    /// # Errors
    /// When the output cannot be written for another reason, a full disk say.
    pub(crate) async fn print(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<VerbStatus> {
        match self {
            Self::Own(_) => output::print(write).map(|_| VerbStatus::DONE),
            Self::Remote(remote) => {
                let mut words = Vec::new();
                write(&mut words)?;
                // Anyone who went away has read enough.
                let _ = remote.print(OutletStream::Output, &words).await;
                Ok(VerbStatus::DONE)
            }
        }
    }

    /// Says something beside the output.
    pub(crate) async fn say(&self, words: &str) {
        match self {
            Self::Own(_) => output::say(words),
            Self::Remote(remote) => {
                drop(remote.print(OutletStream::Errors, format!("{words}\n").as_bytes()).await);
            }
        }
    }

    /// How the reader wants the end of a line.
    pub(super) fn line_end(&self) -> &'static [u8] {
        match self {
            Self::Remote(remote) if remote.terminal.is_some() => b"\r\n",
            _ => b"\n",
        }
    }

    /// Asks for a line.
    ///
    /// # Errors
    /// When nobody is there, or the input ended.
    pub(crate) async fn line(&mut self, question: &str) -> anyhow::Result<String> {
        match self {
            Self::Own(_) => prompt::line(question),
            Self::Remote(remote) => remote.ask(question, true).await,
        }
    }

    /// Asks for a secret; what is typed is not shown.
    ///
    /// # Errors
    /// When nobody is there, or it was interrupted.
    pub(crate) async fn secret(&mut self, question: &str) -> anyhow::Result<String> {
        match self {
            Self::Own(_) => prompt::secret(question),
            Self::Remote(remote) => remote.ask(question, false).await,
        }
    }

    /// Shows something at the terminal as it is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) async fn echo(&self, words: &str) -> io::Result<()> {
        match self {
            Self::Own(_) => {
                let mut out = io::stdout().lock();
                out.write_all(words.as_bytes())?;
                out.flush()
            }
            Self::Remote(remote) => {
                remote.out.write(OutletStream::Output, words.as_bytes().to_vec()).await
            }
        }
    }

    /// The next line of an input that nobody types; nothing at its end.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn next_line(&mut self) -> anyhow::Result<Option<String>> {
        match self {
            Self::Own(_) => {
                let mut line = String::new();
                let count = io::stdin().lock().read_line(&mut line)?;
                Ok((count > 0).then(|| line.trim_end().to_owned()))
            }
            Self::Remote(remote) => remote.next_line().await,
        }
    }

    /// A variable of the environment.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        match self {
            Self::Own(_) => std::env::var(name).ok(),
            Self::Remote(remote) => remote.variables.get(name).cloned(),
        }
    }

    /// The terminal's type.
    pub(crate) fn term(&self) -> String {
        let dumb = || "dumb".to_owned();
        match self {
            Self::Own(_) => std::env::var("TERM").unwrap_or_else(|_| dumb()),
            Self::Remote(remote) => remote.terminal.as_ref().map_or_else(dumb, |t| t.term.clone()),
        }
    }

    /// The terminal's size.
    pub(crate) fn size(&self) -> Size {
        match self {
            Self::Own(_) => own_size(),
            Self::Remote(remote) => remote.size(),
        }
    }

    /// How the terminal treats what is typed and printed; asked before it is taken over.
    pub(crate) fn modes(&self) -> TerminalModes {
        match self {
            Self::Own(_) => TerminalModes::of(io::stdin()),
            Self::Remote(remote) => {
                remote.terminal.as_ref().map(|t| t.modes.clone()).unwrap_or_default()
            }
        }
    }

    /// From now on, every key goes to the reader.
    ///
    /// # Errors
    /// When the terminal cannot be taken over.
    pub(crate) fn raw(&self, raw: bool) -> anyhow::Result<()> {
        match self {
            Self::Own(_) if !io::stdin().is_terminal() => Ok(()),
            Self::Own(_) if raw => enable_raw_mode().context("taking the terminal over"),
            Self::Own(_) => Ok(disable_raw_mode()?),
            Self::Remote(remote) => {
                if let Some(terminal) = &remote.terminal {
                    terminal.raw.store(raw, Ordering::SeqCst);
                }
                Ok(())
            }
        }
    }

    /// What is typed and what else happens, for a program that runs elsewhere. `keys`: every key
    /// is asked for as soon as it is typed.
    ///
    /// # Errors
    /// When the system has no signals to be heard.
    pub(crate) fn events(
        &mut self,
        keys: bool,
    ) -> io::Result<(VerbKeyboard<'_>, TerminalEvents<'_>)> {
        let (unread, source, events) = match self {
            Self::Own(unread) => {
                let threaded = || InputSource::Threaded(tokio::io::stdin());
                // A thread that reads a terminal would still do so after its reader is gone.
                let watched = keys || io::stdin().is_terminal();
                let source = if watched { InputSource::watched() } else { threaded() };
                (unread, source, TerminalEvents::own()?)
            }
            Self::Remote(remote) => {
                let Remote { input, events, unread, .. } = &mut **remote;
                (unread, InputSource::Remote(input), TerminalEvents::Remote(events))
            }
        };
        Ok((VerbKeyboard { unread, source }, events))
    }

    /// Puts back what was read too much of the input.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        let unread = match self {
            Self::Own(unread) => unread,
            Self::Remote(remote) => &mut remote.unread,
        };
        unread.bytes.splice(0..0, bytes.iter().copied());
    }

    /// Keeps the input from the next reader, or does so no more.
    pub(super) const fn hold_input(&mut self, held: bool) {
        match self {
            Self::Own(unread) => unread.over = held,
            Self::Remote(remote) => remote.unread.over = held,
        }
    }

    /// What happened before the one who begins now is over; but the terminal has the size it has.
    pub(super) fn catch_up(&mut self) {
        if let Self::Remote(remote) = self {
            remote.events.catch_up();
        }
    }

    /// From now on, or no more, a prompt runs verbs here.
    pub(super) const fn at_prompt(&mut self, prompt: bool) {
        if let Self::Own(unread) = self {
            unread.prompt = prompt;
        }
    }

    /// Whether a terminal elsewhere has nobody who makes lines of what is written.
    pub(super) fn is_cooked(&self) -> bool {
        let Self::Remote(remote) = self else {
            return false;
        };
        remote.terminal.as_ref().is_some_and(|terminal| !terminal.raw.load(Ordering::SeqCst))
    }

    /// Where to write elsewhere.
    pub(crate) fn remote_output(&self) -> Option<RemoteOutput> {
        match self {
            Self::Own(_) => None,
            Self::Remote(remote) => Some(remote.out.clone()),
        }
    }

    /// Resolves when the rep interrupts, or is gone. This process's own terminal does so by signals,
    /// which end it; but not where a prompt runs verbs.
    pub(crate) fn interrupted(&self) -> impl Future<Output = ()> + use<> {
        let (notify, prompt) = match self {
            Self::Own(unread) => (None, unread.prompt),
            Self::Remote(remote) => (Some(Arc::clone(&remote.interrupted)), false),
        };
        async move {
            match (notify, prompt) {
                (Some(notify), _) => notify.notified().await,
                (None, true) => signalled().await,
                (None, false) => std::future::pending().await,
            }
        }
    }
}

/// Resolves when a signal comes.
async fn signalled() {
    let Ok(mut events) = TerminalEvents::own() else {
        return std::future::pending().await;
    };
    while !matches!(events.next().await, Outside::Signal(_)) {}
}

fn own_size() -> Size {
    let (columns, rows) = crossterm::terminal::size().unwrap_or((80, 24));
    Size { columns, rows }.clamped()
}

/// What happens to a terminal.
pub(crate) enum TerminalEvents<'a> {
    /// The signals of this process.
    Own {
        /// The input was a terminal when this began: one that is gone does not say so any more.
        terminal: bool,
        resized: SignalStream,
        hang_up: SignalStream,
        interrupt: SignalStream,
        terminate: SignalStream,
        go_on: SignalStream,
    },
    /// Elsewhere.
    Remote(&'a mut RemoteEvents),
}

impl TerminalEvents<'_> {
    fn own() -> io::Result<Self> {
        Ok(Self::Own {
            terminal: io::stdin().is_terminal(),
            resized: signal(SignalKind::window_change())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            go_on: signal(SignalKind::from_raw(Signal::CONT.as_raw()))?,
        })
    }

    /// Once the input is over: whether that is because the terminal is gone.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::Own { terminal, .. } => *terminal,
            Self::Remote(events) => events.is_gone(),
        }
    }

    /// What happens next.
    pub(crate) async fn next(&mut self) -> Outside {
        match self {
            Self::Own { resized, hang_up, interrupt, terminate, go_on, .. } => tokio::select! {
                _ = resized.recv() => Outside::Resized(own_size()),
                _ = hang_up.recv() => Outside::Signal(Signal::HUP.as_raw()),
                _ = interrupt.recv() => Outside::Signal(Signal::INT.as_raw()),
                _ = terminate.recv() => Outside::Signal(Signal::TERM.as_raw()),
                _ = go_on.recv() => {
                    // The shell that brought it back has its own idea of the terminal.
                    drop(screen::raw_again());
                    Outside::Resized(own_size())
                }
            },
            Self::Remote(events) => events.next().await,
        }
    }
}

/// Where what is typed comes from.
pub(crate) struct VerbKeyboard<'a> {
    unread: &'a mut Unread,
    source: InputSource<'a>,
}

enum InputSource<'a> {
    /// A terminal or pipe.
    Watched(Watched),
    /// Anything else, a file say.
    Threaded(tokio::io::Stdin),
    /// Elsewhere.
    Remote(&'a mut RemoteInput),
}

impl InputSource<'_> {
    fn watched() -> Self {
        Watched::stdin().map_or_else(|_| Self::Threaded(tokio::io::stdin()), Self::Watched)
    }
}

impl VerbKeyboard<'_> {
    /// What was typed; nothing at the end.
    pub(crate) async fn read(&mut self) -> io::Result<Bytes> {
        if self.unread.over {
            return Ok(Bytes::new());
        }
        if !self.unread.bytes.is_empty() {
            return Ok(std::mem::take(&mut self.unread.bytes).into());
        }
        match &mut self.source {
            InputSource::Remote(input) => Ok(input.recv().await.unwrap_or_default()),
            InputSource::Watched(input) => input.read().await,
            InputSource::Threaded(stdin) => {
                let mut buffer = vec![0; PIECE];
                let count = stdin.read(&mut buffer).await?;
                buffer.truncate(count);
                Ok(buffer.into())
            }
        }
    }
}

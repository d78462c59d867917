//! A rep's streams at the other end of a connection.

use super::{Outside, Unread};
use crate::verbs::outlet::OutletStream;
use anyhow::bail;
use bytes::Bytes;
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::session::Size;
use rustix::process::Signal;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::mpsc::{
    Receiver, Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel,
};
use tokio::sync::{Notify, oneshot, watch};

/// Bytes of one piece of what is printed.
const PIECE: usize = 32 * 1024;
/// Bytes of a line of commands.
const LONGEST_LINE: usize = 64 * 1024;
/// Bytes of an answer.
const LONGEST_ANSWER: usize = 1024;
/// Signals that may wait for anyone who hears them; more say nothing new.
const SIGNALS: usize = 8;

/// The streams.
pub(crate) struct Remote {
    /// What is typed.
    pub input: RemoteInput,
    /// What else happens there.
    pub events: RemoteEvents,
    /// Where to write.
    pub out: RemoteOutput,
    /// The terminal, if there is one.
    pub terminal: Option<RemoteTerminal>,
    /// What its environment says, of what may be said.
    pub variables: HashMap<String, String>,
    /// Ctrl-C was typed, or nobody is there any more.
    pub interrupted: Arc<Notify>,
    /// What was put back of the input.
    pub unread: Unread,
}

/// A terminal elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct RemoteTerminal {
    /// Its type.
    pub term: String,
    /// Its size when it was opened.
    pub size: Size,
    /// How it treats what is typed and printed.
    pub modes: TerminalModes,
    /// What is typed goes to the reader as it is; otherwise Ctrl-C interrupts.
    pub raw: Arc<AtomicBool>,
}

/// How much of an input waits for the reader.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    bytes: AtomicUsize,
    /// Something of it was taken.
    pub taken: Notify,
}

impl Ahead {
    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::SeqCst)
    }
}

/// The input, where it is read.
#[derive(Debug)]
pub(crate) struct RemoteInput {
    pieces: UnboundedReceiver<Bytes>,
    ahead: Arc<Ahead>,
}

/// The input, where it comes in.
#[derive(Debug)]
pub(crate) struct RemoteTyped {
    pieces: UnboundedSender<Bytes>,
    /// How much of it waits.
    pub ahead: Arc<Ahead>,
}

/// An input, and the way into it.
pub(crate) fn input() -> (RemoteTyped, RemoteInput) {
    let (sender, receiver) = unbounded_channel();
    let ahead = Arc::new(Ahead::default());
    let typed = RemoteTyped { pieces: sender, ahead: Arc::clone(&ahead) };
    (typed, RemoteInput { pieces: receiver, ahead })
}

impl RemoteTyped {
    /// Gives a piece; an empty one is an end, after which more may come for somebody else.
    pub(crate) fn give(&self, piece: Bytes) {
        self.ahead.bytes.fetch_add(piece.len(), Ordering::SeqCst);
        // Nobody may read any more.
        let _ = self.pieces.send(piece);
    }
}

impl RemoteInput {
    /// The next piece; an empty one at an end, nothing at the end of all.
    pub(crate) async fn recv(&mut self) -> Option<Bytes> {
        let piece = self.pieces.recv().await?;
        self.ahead.bytes.fetch_sub(piece.len(), Ordering::SeqCst);
        self.ahead.taken.notify_one();
        Some(piece)
    }
}

/// What happens at a terminal elsewhere besides what is typed.
#[derive(Debug)]
pub(crate) struct RemoteEvents {
    signals: Receiver<i32>,
    size: watch::Receiver<Option<Size>>,
    gone: watch::Receiver<bool>,
}

/// Where that is said.
#[derive(Debug)]
pub(crate) struct RemoteSender {
    signals: Sender<i32>,
    size: watch::Sender<Option<Size>>,
    gone: watch::Sender<bool>,
}

/// TerminalEvents, and what they hear.
pub(crate) fn events() -> (RemoteSender, RemoteEvents) {
    let (signals, heard) = channel(SIGNALS);
    let (size, seen) = watch::channel(None);
    let (gone, left) = watch::channel(false);
    let events = RemoteEvents { signals: heard, size: seen, gone: left };
    (RemoteSender { signals, size, gone }, events)
}

impl RemoteSender {
    /// A signal came.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = self.signals.try_send(signal.as_raw());
    }

    /// The terminal has another size.
    pub(crate) fn resized(&self, size: Size) {
        self.size.send_replace(Some(size));
    }

    /// Nobody is there any more.
    pub(crate) fn gone(&self) {
        self.gone.send_replace(true);
    }

    /// Becomes true when nobody is there any more.
    pub(crate) fn leaving(&self) -> watch::Receiver<bool> {
        self.gone.subscribe()
    }
}

impl RemoteEvents {
    /// What happens next.
    pub(crate) async fn next(&mut self) -> Outside {
        tokio::select! {
            biased;
            Some(signal) = self.signals.recv() => Outside::Signal(signal),
            Ok(()) = self.size.changed() => {
                let size = *self.size.borrow_and_update();
                size.map_or(Outside::Signal(Signal::HUP.as_raw()), Outside::Resized)
            }
            () = left(&mut self.gone) => Outside::Signal(Signal::HUP.as_raw()),
        }
    }

    /// Whether nobody is there any more.
    pub(super) fn is_gone(&self) -> bool {
        *self.gone.borrow()
    }

    /// What happened before is over.
    pub(super) fn catch_up(&mut self) {
        while self.signals.try_recv().is_ok() {}
        self.size.mark_unchanged();
    }
}

/// Resolves when nobody is there any more.
pub(crate) async fn left(gone: &mut watch::Receiver<bool>) {
    drop(gone.wait_for(|gone| *gone).await);
}

/// Something to be written elsewhere, and whom to tell that it was.
pub(crate) struct RemoteJob {
    /// Where to.
    pub stream: OutletStream,
    /// What.
    pub bytes: Bytes,
    /// Whom to tell.
    pub done: RemoteDone,
}

/// Who waits for something to be written.
pub(crate) enum RemoteDone {
    /// One who waits for just that.
    One(oneshot::Sender<io::Result<()>>),
    /// One who counts, and as how much this counts.
    Each(usize, UnboundedSender<(OutletStream, usize, io::Result<()>)>),
}

impl RemoteJob {
    /// It was written, or could not be.
    pub(crate) fn done(self, outcome: io::Result<()>) {
        // Anyone who waited may have given up.
        match self.done {
            RemoteDone::One(one) => drop(one.send(outcome)),
            RemoteDone::Each(count, each) => drop(each.send((self.stream, count, outcome))),
        }
    }
}

/// The way to write elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct RemoteOutput(pub UnboundedSender<RemoteJob>);

impl RemoteOutput {
    /// Writes, and waits until it is on its way.
    pub(crate) async fn write(
        &self,
        stream: OutletStream,
        bytes: impl Into<Bytes>,
    ) -> io::Result<()> {
        let (done, written) = oneshot::channel();
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let job = RemoteJob { stream, bytes: bytes.into(), done: RemoteDone::One(done) };
        self.0.send(job).map_err(|_| gone())?;
        written.await.map_err(|_| gone())?
    }
}

impl Remote {
    /// The terminal's size.
    pub(super) fn size(&self) -> Size {
        let usual = Size { columns: 80, rows: 24 };
        let first = self.terminal.as_ref().map_or(usual, |terminal| terminal.size);
        (*self.events.size.borrow()).unwrap_or(first).clamped()
    }

    /// Text as this terminal wants it: one without a line discipline of its own needs both ends of
    /// a line.
    fn text(&self, words: &[u8]) -> Vec<u8> {
        if self.terminal.is_none() {
            return words.to_vec();
        }
        with_returns(words)
    }

    pub(super) async fn print(&self, stream: OutletStream, words: &[u8]) -> io::Result<()> {
        // A terminal has one stream, in which everything keeps its order.
        let stream = if self.terminal.is_some() { OutletStream::Output } else { stream };
        for piece in words.chunks(PIECE) {
            self.out.write(stream, self.text(piece)).await?;
        }
        Ok(())
    }

    /// The next piece of the input: first what was put back.
    async fn piece(&mut self) -> Option<Bytes> {
        if !self.unread.bytes.is_empty() {
            return Some(std::mem::take(&mut self.unread.bytes).into());
        }
        self.input.recv().await.filter(|piece| !piece.is_empty())
    }

    /// The next line of an input that nobody types; nothing at its end.
    pub(super) async fn next_line(&mut self) -> anyhow::Result<Option<String>> {
        let mut line = Vec::new();
        while let Some(piece) = self.piece().await {
            if let Some(at) = piece.iter().position(|byte| *byte == b'\n') {
                let (end, rest) = piece.split_at(at);
                line.extend_from_slice(end);
                self.unread.bytes.extend(rest.iter().skip(1));
                return Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()));
            }
            line.extend_from_slice(&piece);
            if line.len() > LONGEST_LINE {
                bail!("a line is too long");
            }
        }
        let last = String::from_utf8_lossy(&line).trim_end().to_owned();
        Ok(Some(last).filter(|last| !last.is_empty()))
    }

    /// Asks at the terminal.
    pub(super) async fn ask(&mut self, question: &str, shown: bool) -> anyhow::Result<String> {
        let Some(terminal) = self.terminal.clone() else {
            let what = question.trim_end_matches([':', ' ']);
            bail!("{what} is needed; `ssh -t` gives you a terminal to be asked at");
        };
        self.print(OutletStream::Errors, question.as_bytes()).await?;
        let was = terminal.raw.swap(true, Ordering::SeqCst);
        let answer = self.answer(shown).await;
        terminal.raw.store(was, Ordering::SeqCst);
        self.print(OutletStream::Errors, b"\n").await?;
        answer
    }

    async fn answer(&mut self, shown: bool) -> anyhow::Result<String> {
        let mut typed = Vec::new();
        while let Some(piece) = self.piece().await {
            for (at, byte) in piece.iter().enumerate() {
                match byte {
                    b'\r' | b'\n' => {
                        // What follows is for anyone who asks next.
                        self.unread.bytes.extend(piece.iter().skip(at + 1));
                        return Ok(String::from_utf8(typed)?);
                    }
                    3 | 4 => bail!("interrupted"),
                    8 | 127 => {
                        if rub_out(&mut typed) && shown {
                            self.print(OutletStream::Errors, b"\x08 \x08").await?;
                        }
                    }
                    21 => typed.clear(),
                    _ if typed.len() >= LONGEST_ANSWER => bail!("that is too long"),
                    other => {
                        typed.push(*other);
                        if shown {
                            self.print(OutletStream::Errors, &[*other]).await?;
                        }
                    }
                }
            }
        }
        bail!("the input ended")
    }
}

/// Takes the last character off. Returns whether there was one.
fn rub_out(typed: &mut Vec<u8>) -> bool {
    while let Some(byte) = typed.pop() {
        if byte & 0xc0 != 0x80 {
            return true;
        }
    }
    false
}

/// Text with both ends of each line.
pub(crate) fn with_returns(words: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(words.len() + 16);
    for byte in words {
        if *byte == b'\n' {
            text.push(b'\r');
        }
        text.push(*byte);
    }
    text
}

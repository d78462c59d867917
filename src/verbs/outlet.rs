//! Where a remote program's output goes: written on a thread of its own, so that a reader who
//! pauses holds up the program and nothing else.

use super::stdio::{RemoteDone, RemoteJob, Stdio, with_returns};
use crate::runtime::own_terminal::EagerTerminal;
use bytes::{Buf, Bytes};
use std::io::{self, Write};
use std::os::fd::AsFd;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Output this short is written at once when the terminal has room for it: a key's echo need not
/// go through a thread.
const SHORT: usize = 256;

/// The output and the errors, of this process or of a rep elsewhere.
pub(super) struct Outlet {
    queue: UnboundedSender<RemoteJob>,
    /// Where to say that something was written.
    done: UnboundedSender<(OutletStream, usize, io::Result<()>)>,
    /// It is this process's own.
    own: bool,
    /// Its terminal, if it has one that can be written to without waiting.
    terminal: Option<EagerTerminal>,
    /// Lines end as a terminal without a line discipline wants it.
    cooked: bool,
    written: UnboundedReceiver<(OutletStream, usize, io::Result<()>)>,
    output_pending: u64,
    errors_pending: u64,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutletStream {
    Output,
    Errors,
}

impl Outlet {
    pub(super) fn new(io: &Stdio) -> io::Result<Self> {
        let (done, written) = unbounded_channel();
        let cooked = io.is_cooked();
        let (queue, own, terminal) = match io.remote_output() {
            Some(remote) => (remote.0, false, None),
            None => (writer()?, true, EagerTerminal::of(io::stdout().as_fd())),
        };
        Ok(Self {
            queue,
            done,
            own,
            terminal,
            cooked,
            written,
            output_pending: 0,
            errors_pending: 0,
        })
    }

    /// Writes, now or as soon as what came before is written.
    pub(super) fn put(&mut self, stream: OutletStream, mut bytes: Bytes) -> io::Result<()> {
        if self.own && self.is_empty() && bytes.len() <= SHORT {
            bytes.advance(self.write_now(stream, &bytes)?);
            if bytes.is_empty() {
                return Ok(());
            }
        }
        *self.pending_mut(stream) += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let count = bytes.len();
        let bytes = if self.cooked { with_returns(&bytes).into() } else { bytes };
        let job = RemoteJob { stream, bytes, done: RemoteDone::Each(count, self.done.clone()) };
        self.queue.send(job).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Writes what the stream takes without waiting, and says how many bytes that was.
    fn write_now(&self, stream: OutletStream, bytes: &[u8]) -> io::Result<usize> {
        match (&self.terminal, stream) {
            (Some(terminal), OutletStream::Output) => terminal.write(bytes),
            _ if has_room(stream) => write(stream, bytes).map(|()| bytes.len()),
            _ => Ok(0),
        }
    }

    /// Resolves when something was written; never while nothing waits.
    pub(super) async fn written(&mut self) -> io::Result<()> {
        if self.is_empty() {
            return std::future::pending().await;
        }
        let Some((stream, count, outcome)) = self.written.recv().await else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let pending = self.pending_mut(stream);
        *pending = pending.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        outcome
    }

    /// Whether everything was written.
    pub(super) const fn is_empty(&self) -> bool {
        self.output_pending == 0 && self.errors_pending == 0
    }

    /// Bytes that wait, of output and of errors.
    pub(super) const fn pending(&self) -> (u64, u64) {
        (self.output_pending, self.errors_pending)
    }

    const fn pending_mut(&mut self, stream: OutletStream) -> &mut u64 {
        match stream {
            OutletStream::Output => &mut self.output_pending,
            OutletStream::Errors => &mut self.errors_pending,
        }
    }
}

/// A thread that writes, and the way to it. It ends with that.
fn writer() -> io::Result<UnboundedSender<RemoteJob>> {
    let (queue, mut waiting) = unbounded_channel::<RemoteJob>();
    std::thread::Builder::new().name("output".into()).spawn(move || {
        while let Some(job) = waiting.blocking_recv() {
            let outcome = write(job.stream, &job.bytes);
            job.done(outcome);
        }
    })?;
    Ok(queue)
}

fn write(stream: OutletStream, bytes: &[u8]) -> io::Result<()> {
    match stream {
        OutletStream::Output => {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()
        }
        OutletStream::Errors => io::stderr().lock().write_all(bytes),
    }
}

/// Whether the stream takes a short text without blocking.
fn has_room(stream: OutletStream) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let (out, err) = (rustix::stdio::stdout(), rustix::stdio::stderr());
    let fd = match stream {
        OutletStream::Output => PollFd::from_borrowed_fd(out, PollFlags::OUT),
        OutletStream::Errors => PollFd::from_borrowed_fd(err, PollFlags::OUT),
    };
    let mut fds = [fd];
    poll(&mut fds, Some(&at_once)).is_ok_and(|ready| ready == 1)
}

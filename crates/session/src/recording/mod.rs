//! Recordings: each shell's output as asciicast v2, written as it happens, on a thread of its own.
//!
//! After what was written stands a line `[time, "p", "OFFSET"]`: everything before that byte of the
//! channel's output is in the file. Players pass over it; after a restart the recording goes on from
//! the last one, and what stands behind it is cut off.

mod cast;

pub use cast::{digest, trim};

use cast::CastFile;
use jumpdeck_protocol::ChannelId;
use jumpdeck_protocol::session::Size;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Output is gathered for this long, unless much comes.
const GATHER: Duration = Duration::from_millis(20);
/// After so long without output the thread sleeps until it is woken. Before, it looks by itself
/// every [`GATHER`]: to wake it would keep a key's echo waiting.
const SLEEPY: Duration = Duration::from_secs(1);
/// So much is written at once.
const MUCH: usize = 64 * 1024;
/// After a failure, it is tried again this often.
const RETRY: Duration = Duration::from_secs(1);

/// A recording that goes on; cheap to clone.
#[derive(Clone, Debug)]
pub struct LiveRecording {
    file: Arc<Mutex<CastFile>>,
    thread: Arc<RecorderShared>,
    channel: ChannelId,
}

/// What the recorder has to tell.
#[derive(Debug, PartialEq, Eq)]
pub enum RecorderEvent {
    /// Everything before this is in the file.
    Written(ChannelId, u64),
    /// It cannot be written.
    Failed(ChannelId, String),
}

/// What begins a recording.
#[derive(Clone, Debug)]
pub struct Header {
    pub size: Size,
    /// Seconds since 1970.
    pub timestamp: i64,
    pub title: String,
    pub term: String,
}

/// The recorder: one thread for all recordings of an appliance.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<RecorderShared>,
}

#[derive(Debug)]
struct RecorderShared {
    queue: Mutex<RecorderQueue>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct RecorderQueue {
    jobs: Vec<RecorderJob>,
    bytes: usize,
    /// Something waits that is not to wait longer.
    urgent: bool,
    /// The thread has to be woken.
    asleep: bool,
    ended: bool,
}

#[derive(Debug)]
enum RecorderJob {
    Output { recording: LiveRecording, at: Instant, offset: u64, bytes: Vec<u8> },
    Resize { recording: LiveRecording, at: Instant, size: Size },
    Close { recording: LiveRecording, done: oneshot::Sender<()> },
}

impl Recorder {
    /// Starts the thread. What happens to recordings is sent on `news`; `ended` is called when the
    /// thread has ended as it should, and dropped if it ends otherwise.
    pub fn start(
        news: mpsc::UnboundedSender<RecorderEvent>,
        ended: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(RecorderShared { queue: Mutex::default(), wake: Condvar::new() });
        let own = Arc::clone(&shared);
        let work = move || {
            let busy = Instant::now();
            RecordingWriter { shared: own, news, waiting: Vec::new(), busy }.run();
            ended();
        };
        std::thread::Builder::new().name("recorder".into()).spawn(work)?;
        Ok(Self { shared })
    }

    /// Begins a recording.
    pub fn begin(
        &self,
        path: &Path,
        channel: ChannelId,
        header: &Header,
    ) -> std::io::Result<LiveRecording> {
        Ok(self.live(CastFile::create(path, header)?, channel))
    }

    /// Goes on with a recording. Returns up to which byte of the channel's output it goes.
    pub fn resume(&self, path: &Path, channel: ChannelId) -> std::io::Result<(LiveRecording, u64)> {
        let file = CastFile::open(path)?;
        let position = file.position();
        Ok((self.live(file, channel), position))
    }

    fn live(&self, file: CastFile, channel: ChannelId) -> LiveRecording {
        LiveRecording {
            file: Arc::new(Mutex::new(file)),
            thread: Arc::clone(&self.shared),
            channel,
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.wake.notify_one();
    }
}

impl LiveRecording {
    /// Adds output that is at `offset`.
    pub fn output(&self, offset: u64, bytes: &[u8]) {
        let (recording, at, bytes) = (self.clone(), Instant::now(), bytes.to_vec());
        let length = bytes.len();
        let job = RecorderJob::Output { recording, at, offset, bytes };
        self.thread.add(job, length);
    }

    /// The terminal has a new size.
    pub fn resize(&self, size: Size) {
        self.thread
            .add(RecorderJob::Resize { recording: self.clone(), at: Instant::now(), size }, 0);
    }

    /// Writes what is left and makes it durable. What still cannot be written is given up.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        self.thread.add(RecorderJob::Close { recording: self.clone(), done }, MUCH);
        let _ = closed.await;
    }

    fn lock(&self) -> MutexGuard<'_, CastFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecorderShared {
    fn lock(&self) -> MutexGuard<'_, RecorderQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// While output gathers the thread looks by itself. It is woken if it sleeps, and for much.
    fn add(&self, job: RecorderJob, bytes: usize) {
        let mut queue = self.lock();
        let asleep = std::mem::take(&mut queue.asleep);
        queue.jobs.push(job);
        queue.bytes += bytes;
        let urgent = !queue.urgent && queue.bytes >= MUCH;
        queue.urgent |= urgent;
        drop(queue);
        if asleep || urgent {
            self.wake.notify_one();
        }
    }
}

struct RecordingWriter {
    shared: Arc<RecorderShared>,
    news: mpsc::UnboundedSender<RecorderEvent>,
    /// Recordings with output that could not be written.
    waiting: Vec<LiveRecording>,
    /// When it last had something to write.
    busy: Instant,
}

impl RecordingWriter {
    fn run(mut self) {
        while let Some(jobs) = self.next() {
            if !jobs.is_empty() {
                self.busy = Instant::now();
            }
            let mut touched: Vec<LiveRecording> = std::mem::take(&mut self.waiting);
            let mut closing = Vec::new();
            for job in jobs {
                let recording = match job {
                    RecorderJob::Output { recording, at, offset, bytes } => {
                        recording.lock().add_output(at, offset, &bytes);
                        recording
                    }
                    RecorderJob::Resize { recording, at, size } => {
                        recording.lock().add_resize(at, size);
                        recording
                    }
                    RecorderJob::Close { recording, done } => {
                        closing.push((recording.clone(), done));
                        recording
                    }
                };
                if !touched.iter().any(|other| Arc::ptr_eq(&other.file, &recording.file)) {
                    touched.push(recording);
                }
            }
            for recording in touched {
                self.write(recording);
            }
            for (recording, done) in closing {
                recording.lock().finish();
                self.waiting.retain(|other| !Arc::ptr_eq(&other.file, &recording.file));
                // Anyone who asked may have gone.
                let _ = done.send(());
            }
        }
    }

    fn write(&mut self, recording: LiveRecording) {
        let (outcome, position) = {
            let mut file = recording.lock();
            (file.write(), file.position())
        };
        // Without anybody to tell, the appliance has ended.
        let _ = match outcome {
            Ok(()) => self.news.send(RecorderEvent::Written(recording.channel, position)),
            Err(error) => {
                let news = RecorderEvent::Failed(recording.channel, error.to_string());
                self.waiting.push(recording);
                self.news.send(news)
            }
        };
    }

    /// Waits for work, and then a little for more of it. Nothing once the recorder has ended and
    /// everything was written.
    fn next(&self) -> Option<Vec<RecorderJob>> {
        let mut queue = self.shared.lock();
        let looked = Instant::now();
        let came_meanwhile = !queue.jobs.is_empty();
        while queue.jobs.is_empty() {
            if queue.ended {
                return None;
            }
            if !self.waiting.is_empty() && looked.elapsed() >= RETRY {
                break;
            }
            queue = self.pause(queue, RETRY.saturating_sub(looked.elapsed()));
        }
        let calm = |queue: &mut RecorderQueue| !queue.urgent && !queue.ended;
        // While it is awake it looks every so often, and what it waited for has gathered.
        if (came_meanwhile || self.is_sleepy()) && !queue.jobs.is_empty() && calm(&mut queue) {
            let waited = self.shared.wake.wait_timeout_while(queue, GATHER, calm);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        queue.urgent = false;
        queue.bytes = 0;
        Some(std::mem::take(&mut queue.jobs))
    }

    fn is_sleepy(&self) -> bool {
        self.busy.elapsed() > SLEEPY
    }

    /// Waits for work for a while: what could not be written is tried again after `retry`.
    fn pause<'q>(
        &self,
        mut queue: MutexGuard<'q, RecorderQueue>,
        retry: Duration,
    ) -> MutexGuard<'q, RecorderQueue> {
        let wake = &self.shared.wake;
        if !self.is_sleepy() {
            let waited = wake.wait_timeout(queue, GATHER);
            return waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        queue.asleep = true;
        if self.waiting.is_empty() {
            wake.wait(queue).unwrap_or_else(PoisonError::into_inner)
        } else {
            wake.wait_timeout(queue, retry).unwrap_or_else(PoisonError::into_inner).0
        }
    }
}

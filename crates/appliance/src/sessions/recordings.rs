//! Recordings: begun and resumed, closed, listed, read.

use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::data_dir::DataDir;
use crate::links::consoles::RepLink;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::log::Recording;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::ChannelKind;
use jumpdeck_protocol::session::RecordingState;
use jumpdeck_protocol::{ChannelId, Refusal, RefusalCode, SessionId, UserId, limits};
use jumpdeck_session::recording::Header;
use jumpdeck_session::recording::Recorder;
use jumpdeck_session::recording::{LiveRecording, digest, trim};
use jumpdeck_store::AuditRecord;
use jumpdeck_store::History;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// Begins, resumes, closes, lists and reads the recordings of terminals.
pub(crate) struct Recordings {
    pub(super) base: Base,
    pub(super) book: Arc<Book>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) data_dir: DataDir,
    /// Those that are being closed.
    pub(super) keeping: watch::Sender<usize>,
}

impl Recordings {
    pub(crate) fn new(
        base: &Base,
        book: &Arc<Book>,
        recorder: Arc<Recorder>,
        data_dir: DataDir,
    ) -> Self {
        let keeping = watch::channel(0).0;
        Self { base: base.clone(), book: Arc::clone(book), recorder, data_dir, keeping }
    }

    /// The recordings of shells that go on, go on too.
    pub(crate) fn go_on_recording(&self) {
        for channel in self.book.channels() {
            let path = self.data_dir.recording(channel.session, channel.id, true);
            if !channel.recorded {
                continue;
            }
            match self.recorder.resume(&path, channel.id) {
                Ok((recording, position)) => {
                    channel.hub().record_from(position);
                    // Consoles are expected back, and none of them is far from there.
                    channel.hub().hold_from(position);
                    // Nobody else has set it yet.
                    let _ = channel.recording.set(recording);
                }
                Err(error) => {
                    tracing::error!(path = %path.display(), %error, "a recording cannot go on");
                    let reason = error.to_string().into();
                    channel.hub().record_from(0);
                    channel.hub().recording_is(RecordingState::Failed { reason });
                }
            }
        }
    }

    /// A shell has ended: its recording gets its final name, and its hash is kept.
    pub(crate) fn keep_recording(
        &self,
        session: SessionId,
        channel: ChannelId,
        recording: Option<LiveRecording>,
    ) {
        let part = self.data_dir.recording(session, channel, true);
        let whole = self.data_dir.recording(session, channel, false);
        let (store, at) = (self.base.store.clone(), self.base.now());
        let keeping = self.keeping.clone();
        keeping.send_modify(|count| *count += 1);
        tokio::spawn(async move {
            if let Some(recording) = recording {
                recording.close().await;
            }
            let kept = tokio::task::spawn_blocking(move || keep(&part, &whole)).await;
            match kept.map_err(anyhow::Error::from).and_then(|kept| Ok(kept?)) {
                Ok((bytes, sha256)) => store.note(move |draft| {
                    let (subject, detail) =
                        (format!("recording {channel}"), format!("{bytes} bytes, sha256 {sha256}"));
                    let action = Action::RecordingClosed;
                    draft.audit(
                        at,
                        AuditRecord { who: "", action, subject: &subject, detail: &detail },
                    );
                    let sha256 = sha256.clone();
                    draft.history(History::RecordingClosed { channel, bytes, sha256, at });
                }),
                Err(error) => {
                    tracing::error!(channel = channel.0, %error, "a recording could not be closed");
                }
            }
            keeping.send_modify(|count| *count -= 1);
        });
    }

    /// Closes the recordings of shells that ended while the appliance could not close them.
    pub(crate) async fn keep_leftovers(self: &Arc<Self>) {
        let Ok(open) = self.base.store.read(|past| past.open_recordings()).await else {
            return;
        };
        for (channel, session) in open {
            if self.book.channel(channel).is_none() {
                self.keep_recording(session, channel, None);
            }
        }
    }

    /// Resolves when no recording is being closed.
    pub(crate) async fn all_kept(&self) {
        // The count's sender lives in `self`.
        let _ = self.keeping.subscribe().wait_for(|count| *count == 0).await;
    }

    /// The recordings a rep may see, the newest first, and whether there are more.
    pub(crate) async fn recordings(
        &self,
        rep: &RepLink,
        before: Option<ChannelId>,
    ) -> Result<(Vec<Recording>, bool), Refusal> {
        let (user, world) = (rep.user, self.base.world());
        let most = limits::RECORDINGS_CHUNK + 1;
        let found =
            self.base.store.read(move |past| past.recordings_before(user, before, most)).await?;
        let more = found.len() > limits::RECORDINGS_CHUNK;
        let named = |(mut recording, user): (Recording, UserId)| {
            recording.user = world.username(user);
            recording
        };
        Ok((found.into_iter().take(limits::RECORDINGS_CHUNK).map(named).collect(), more))
    }

    /// A piece of a recording's file.
    async fn read_recording(
        &self,
        rep: &RepLink,
        channel: ChannelId,
        offset: u64,
    ) -> Result<Vec<u8>, Refusal> {
        let user = rep.user;
        // While a session is open, only who takes part sees what happens in it.
        let open = self.book.channel(channel).map(|channel| channel.session);
        if open.is_some_and(|session| self.book.part(session, user).is_none()) {
            return Err(RefusalCode::InvalidValue.because("There is no such recording."));
        }
        let gone = || RefusalCode::InvalidValue.because("There is no such recording.");
        let found = self.base.store.read(move |past| past.recording_for(user, channel)).await?;
        let found = found.ok_or_else(gone)?;
        if found.removed {
            let name = found.name();
            let detail =
                format!("Recording {name} was removed: it was kept as long as it had to be.");
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let part = self.data_dir.recording(found.session, channel, true);
        let whole = self.data_dir.recording(found.session, channel, false);
        let piece = tokio::task::spawn_blocking(move || {
            // It gets its final name when it is closed, maybe just now.
            piece(&whole, offset)
                .or_else(|_| piece(&part, offset))
                .or_else(|_| piece(&whole, offset))
        });
        let failed = |reason: String| RefusalCode::StoreFailed.because(reason);
        let piece = piece.await.map_err(|error| failed(error.to_string()))?;
        piece.map_err(|error| failed(error.to_string()))
    }

    /// Begins the recording of a shell, if it is to be recorded.
    pub(crate) async fn begin(
        &self,
        session: SessionId,
        channel: ChannelId,
        kind: &ChannelKind,
    ) -> Result<Option<LiveRecording>, Refusal> {
        let Some((size, term)) = kind.terminal() else {
            return Ok(None);
        };
        if !self.book.terms(session).is_some_and(|terms| terms.recording) {
            return Ok(None);
        }
        let title = self.book.target(session).map(|(_, name)| name).unwrap_or_default();
        let (size, timestamp, term) = (size.clamped(), self.base.now().0, term.to_owned());
        let header = Header { size, timestamp, title, term };
        let path = self.data_dir.recording(session, channel, true);
        let recorder = Arc::clone(&self.recorder);
        let begun = tokio::task::spawn_blocking(move || recorder.begin(&path, channel, &header));
        let failed = |reason: String| RefusalCode::RecordingFailed.because(reason);
        let recording = begun.await.map_err(|error| failed(error.to_string()))?;
        recording.map(Some).map_err(|error| failed(error.to_string()))
    }
}

impl Answered for request::Recordings {
    type By = Recordings;

    async fn answer(
        self,
        kept: &Arc<Recordings>,
        rep: &RepLink,
    ) -> Result<reply::RecordingsPart, Refusal> {
        let (recordings, more) = kept.recordings(rep, self.before).await?;
        Ok(reply::RecordingsPart { recordings, more })
    }
}

impl Answered for request::ReadRecording {
    type By = Recordings;

    async fn answer(
        self,
        kept: &Arc<Recordings>,
        rep: &RepLink,
    ) -> Result<reply::RecordingPiece, Refusal> {
        Ok(reply::RecordingPiece {
            bytes: kept.read_recording(rep, self.channel, self.offset).await?,
        })
    }
}

fn piece(path: &Path, offset: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    let most = u64::try_from(limits::RECORDING_PIECE).unwrap_or(u64::MAX);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Gives a recording its final name. Returns its length and its hash.
fn keep(part: &PathBuf, whole: &PathBuf) -> std::io::Result<(u64, String)> {
    if part.exists() || !whole.exists() {
        // What was written only in part is cut off.
        trim(part)?;
        std::fs::rename(part, whole)?;
        if let Some(folder) = whole.parent() {
            File::open(folder)?.sync_all()?;
        }
    }
    digest(whole)
}

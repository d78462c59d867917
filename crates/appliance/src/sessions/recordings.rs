//! The recordings that are kept: closing them, listing them, reading them.

use crate::app::Appliance;
use crate::links::consoles::RepLink;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::log::Recording;
use jumpdeck_protocol::{ChannelId, Refusal, RefusalCode, SessionId, UserId, limits};
use jumpdeck_session::recording::{LiveRecording, digest, trim};
use jumpdeck_store::Deed;
use jumpdeck_store::History;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Appliance {
    /// A shell has ended: its recording gets its final name, and its hash is kept.
    pub(crate) fn keep_recording(
        &self,
        session: SessionId,
        channel: ChannelId,
        tape: Option<LiveRecording>,
    ) {
        let part = self.data_dir().recording(session, channel, true);
        let whole = self.data_dir().recording(session, channel, false);
        let (store, at) = (self.store.clone(), self.now());
        let keeping = self.keeping.clone();
        keeping.send_modify(|count| *count += 1);
        tokio::spawn(async move {
            if let Some(tape) = tape {
                tape.close().await;
            }
            let kept = tokio::task::spawn_blocking(move || keep(&part, &whole)).await;
            match kept.map_err(anyhow::Error::from).and_then(|kept| Ok(kept?)) {
                Ok((bytes, sha256)) => store.note(move |draft| {
                    let (subject, detail) =
                        (format!("recording {channel}"), format!("{bytes} bytes, sha256 {sha256}"));
                    let action = Action::RecordingClosed;
                    draft.audit(at, Deed { who: "", action, subject: &subject, detail: &detail });
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
        let Ok(open) = self.store.open_recordings().await else {
            return;
        };
        for (channel, session) in open {
            if self.sessions.channel(channel).is_none() {
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
        let (user, world) = (rep.user, self.world());
        let most = limits::RECORDINGS_CHUNK + 1;
        let found = self.store.recordings_before(user, before, most).await?;
        let more = found.len() > limits::RECORDINGS_CHUNK;
        let named = |(mut recording, user): (Recording, UserId)| {
            recording.user = world.username(user);
            recording
        };
        Ok((found.into_iter().take(limits::RECORDINGS_CHUNK).map(named).collect(), more))
    }

    /// A piece of a recording's file.
    pub(crate) async fn read_recording(
        &self,
        rep: &RepLink,
        channel: ChannelId,
        offset: u64,
    ) -> Result<Vec<u8>, Refusal> {
        let user = rep.user;
        // While a session is open, only who takes part sees what happens in it.
        let open = self.sessions.channel(channel).map(|channel| channel.session);
        if open.is_some_and(|session| self.sessions.part(session, user).is_none()) {
            return Err(RefusalCode::InvalidValue.because("There is no such recording."));
        }
        let gone = || RefusalCode::InvalidValue.because("There is no such recording.");
        let found = self.store.recording_for(user, channel).await?.ok_or_else(gone)?;
        let part = self.data_dir().recording(found.session, channel, true);
        let whole = self.data_dir().recording(found.session, channel, false);
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

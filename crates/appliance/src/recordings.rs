//! The recordings that are kept: closing them, listing them, reading them.

use crate::appliance::Appliance;
use crate::log::took_part;
use crate::reps::RepLink;
use crate::store::Deed;
use crate::store::History;
use crate::tape::{Tape, digest, trim};
use jumpdeck_protocol::log::Recording;
use jumpdeck_protocol::{ChannelId, Refusal, RefusalCode, SessionId, Timestamp, UserId, limits};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const COLUMNS: &str =
    "SELECT r.channel, r.session, s.item_name, r.user, r.started, r.ended, r.bytes,
    r.sha256 FROM recordings r JOIN sessions s ON s.id = r.session";

impl Appliance {
    /// A shell has ended: its recording gets its final name, and its hash is kept.
    pub(crate) fn keep_recording(
        &self,
        session: SessionId,
        channel: ChannelId,
        tape: Option<Tape>,
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
                    let action = "recording_closed";
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
        let read = |db: &Connection| {
            let mut statement =
                db.prepare("SELECT channel, session FROM recordings WHERE ended IS NULL")?;
            let rows = statement.query_map([], |row| {
                let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
                Ok((ChannelId(number(0)?), SessionId(number(1)?)))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let Ok(open) = self.store.read(read).await else {
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
        let before = before.map_or(i64::MAX, |id| i64::try_from(id.0).unwrap_or(i64::MAX));
        let read = move |db: &Connection| {
            let most = i64::try_from(limits::RECORDINGS_CHUNK + 1).unwrap_or(i64::MAX);
            let query = format!(
                "{COLUMNS} WHERE r.channel < ?1 AND (s.user = ?2 OR r.user = ?2 OR EXISTS
                    (SELECT 1 FROM participants p WHERE p.session = r.session AND p.user = ?2))
                 ORDER BY r.channel DESC LIMIT ?3"
            );
            let mut statement = db.prepare_cached(&query)?;
            let rows =
                statement.query_map(params![before, user.0.cast_signed(), most], recording)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let found = self.store.read(read).await?;
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
        let read = move |db: &Connection| {
            let query = format!("{COLUMNS} WHERE r.channel = ?1");
            let found = db
                .prepare_cached(&query)?
                .query_row([channel.0.cast_signed()], recording)
                .optional()?;
            Ok(match found {
                Some((found, of)) if of == user || took_part(db, found.session, user)? => {
                    Some(found)
                }
                _ => None,
            })
        };
        let gone = || RefusalCode::InvalidValue.because("There is no such recording.");
        let found = self.store.read(read).await?.ok_or_else(gone)?;
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

fn recording(row: &Row<'_>) -> rusqlite::Result<(Recording, UserId)> {
    let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    let recording = Recording {
        channel: ChannelId(number(0)?),
        session: SessionId(number(1)?),
        item_name: row.get::<_, String>(2)?.into(),
        user: "".into(),
        started: Timestamp(row.get(4)?),
        ended: row.get::<_, Option<i64>>(5)?.map(Timestamp),
        bytes: row.get::<_, Option<i64>>(6)?.unwrap_or(0).cast_unsigned(),
        sha256: row.get::<_, Option<String>>(7)?.map(Into::into),
    };
    Ok((recording, UserId(number(3)?)))
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

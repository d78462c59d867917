//! The store: SQLite on a thread of its own, many edits in one durable commit.
//!
//! An edit is a function over a [`Draft`] of the World. The thread takes what has queued up, runs
//! each edit on top of the one before, writes all of it in one transaction, and only then
//! publishes the new World and answers. What is published is on the disk.

mod history;
mod rows;
mod schema;

pub use schema::OpenSession;

use crate::draft::{Draft, Lived, Seen, StoredRow};
use arc_swap::ArcSwap;
use jumpdeck_protocol::audit::{AuditEvent, Chain};
use jumpdeck_protocol::messagepack;
use jumpdeck_protocol::{Refusal, RefusalCode};
use jumpdeck_world::World;
use jumpdeck_world::{Document, DocumentId};
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

/// Jobs that are taken before a commit at the most.
const GROUP: usize = 1024;

/// Why a database cannot be opened. Nothing in it was touched.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A later jumpdeck wrote it.
    #[error(
        "the database {path} was written by a newer jumpdeck (schema {found}; this one knows {known}). \
         Nothing was changed. Use that newer version, or another --data-dir."
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// It is not whole.
    #[error(
        "the database {path} is damaged: {reason}. Nothing was changed. Put a backup in its place, \
         or move it away (keep it: `sqlite3 FILE .recover` may save much of it) and start afresh."
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The system does not let us.
    #[error("the database {path} cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What was said.
        reason: String,
    },
}

type Answer = Box<dyn FnOnce(Result<(), Refusal>) + Send>;
type Edit = Box<dyn FnOnce(&mut Draft) -> Answer + Send>;
type Read = Box<dyn FnOnce(&Connection) + Send>;

/// What the store's thread is asked to do.
enum StoreJob {
    Edit(Edit),
    /// Look at what is committed.
    Read(Read),
    /// Close the database, then answer.
    Close(oneshot::Sender<()>),
}

/// The way to the store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    jobs: mpsc::UnboundedSender<StoreJob>,
    world: Arc<ArcSwap<World>>,
    changed: watch::Receiver<()>,
    chain: Arc<Mutex<Chain>>,
    /// The last commit failed.
    failing: Arc<AtomicBool>,
}

/// What an opened store brings along.
pub struct Opened {
    pub store: Store,
    pub sessions: Vec<OpenSession>,
    pub seen: Vec<Seen>,
    pub lived: Lived,
    /// The next numbers of a session and a channel.
    pub next_session: u64,
    pub next_channel: u64,
}

impl Store {
    /// Opens a database, makes it if there is none, and brings it to this version's schema.
    /// `ended` is called when it has ended as it should, and dropped if it ends otherwise.
    ///
    /// # Errors
    /// When the file is no database of ours, or the system does not let us.
    pub fn open(path: &Path, ended: impl FnOnce() + Send + 'static) -> Result<Opened, StoreError> {
        let connection = schema::open(path)?;
        let loaded = schema::load(&connection, path)?;
        let world = Arc::new(ArcSwap::from_pointee(loaded.world));
        let (jobs, queue) = mpsc::unbounded_channel();
        let (publish, changed) = watch::channel(());
        let chain = Arc::new(Mutex::new(loaded.chain));
        let failing = Arc::new(AtomicBool::new(false));
        let store = Self {
            jobs,
            world: Arc::clone(&world),
            changed,
            chain: Arc::clone(&chain),
            failing: Arc::clone(&failing),
        };
        let writer = StoreWriter { connection, world, publish, chain, failing };
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                writer.run(queue);
                ended();
            })
            .map_err(|error| StoreError::Unusable {
                path: path.to_path_buf(),
                reason: error.to_string(),
            })?;
        Ok(Opened {
            store,
            sessions: loaded.sessions,
            seen: loaded.seen,
            lived: loaded.lived,
            next_session: loaded.next_session,
            next_channel: loaded.next_channel,
        })
    }

    /// Whether the last commit failed.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// The World as it is now.
    pub fn world(&self) -> Arc<World> {
        self.world.load_full()
    }

    /// Where the audit stands; to be asked in a read, between two commits.
    fn chain(&self) -> Arc<Mutex<Chain>> {
        Arc::clone(&self.chain)
    }

    /// Becomes ready whenever the World changed.
    pub fn changed(&self) -> watch::Receiver<()> {
        self.changed.clone()
    }

    /// Runs an edit. When this returns `Ok`, it is on the disk and published.
    pub async fn edit<T: Send + 'static>(
        &self,
        edit: impl FnOnce(&mut Draft) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.queue(edit, move |result| drop(answer.send(result)));
        answered.await.unwrap_or_else(|_| Err(RefusalCode::Stopping.plain()))
    }

    /// Reads what is committed, history above all.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        let _ = self.jobs.send(StoreJob::Read(Box::new(move |connection| {
            // Whoever asked may have gone.
            let _ = answer.send(read(connection));
        })));
        match answered.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(RefusalCode::StoreFailed.because(error.to_string())),
            Err(_) => Err(RefusalCode::Stopping.plain()),
        }
    }

    /// Closes the database once everything before was written.
    pub async fn close(&self) {
        let (closed, waiting) = oneshot::channel();
        // A store that is closed already drops the question.
        let _ = self.jobs.send(StoreJob::Close(closed));
        let _ = waiting.await;
    }

    /// Runs an edit that nobody waits for. Failure is logged.
    pub fn note(&self, edit: impl FnOnce(&mut Draft) + Send + 'static) {
        let edit = move |draft: &mut Draft| {
            edit(draft);
            Ok(())
        };
        self.queue(edit, |result: Result<(), Refusal>| {
            if let Err(refusal) = result {
                tracing::error!(%refusal, "a note was lost");
            }
        });
    }

    fn queue<T: Send + 'static>(
        &self,
        edit: impl FnOnce(&mut Draft) -> Result<T, Refusal> + Send + 'static,
        answer: impl FnOnce(Result<T, Refusal>) + Send + 'static,
    ) {
        let edit: Edit = Box::new(move |draft| {
            let outcome = draft.attempt(edit);
            Box::new(move |committed: Result<(), Refusal>| {
                answer(outcome.and_then(|value| committed.map(|()| value)));
            })
        });
        // A closed queue drops the edit, and with it the answer's sender.
        let _ = self.jobs.send(StoreJob::Edit(edit));
    }
}

struct StoreWriter {
    connection: Connection,
    world: Arc<ArcSwap<World>>,
    publish: watch::Sender<()>,
    /// The audit, as far as it is on the disk.
    chain: Arc<Mutex<Chain>>,
    failing: Arc<AtomicBool>,
}

impl StoreWriter {
    fn run(mut self, mut queue: mpsc::UnboundedReceiver<StoreJob>) {
        let mut closing = None;
        let mut held = None;
        while closing.is_none()
            && let Some(first) = held.take().or_else(|| queue.blocking_recv())
        {
            let mut draft = Draft::new(World::clone(&self.world.load_full()));
            let mut answers: Vec<Answer> = Vec::new();
            let mut next = Some(first);
            let mut taken = 0;
            while let Some(job) = next.take() {
                taken += 1;
                match job {
                    // Whoever reads sees what was written before.
                    StoreJob::Read(_) if !answers.is_empty() => {
                        held = Some(job);
                        break;
                    }
                    StoreJob::Edit(edit) => answers.push(edit(&mut draft)),
                    StoreJob::Read(read) => read(&self.connection),
                    StoreJob::Close(closed) => closing = Some(closed),
                }
                if taken < GROUP && closing.is_none() {
                    next = queue.try_recv().ok();
                }
            }
            let committed = self.commit(draft);
            for answer in answers {
                answer(committed.clone());
            }
        }
        self.close();
        drop(closing);
    }

    fn close(self) {
        if let Err((_, error)) = self.connection.close() {
            tracing::error!(%error, "the database was not closed cleanly");
        }
    }

    fn commit(&mut self, draft: Draft) -> Result<(), Refusal> {
        let (world, mut rows) = draft.finish();
        if rows.is_empty() {
            return Ok(());
        }
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for row in &mut rows {
            if let StoredRow::Audit(event) = row {
                chain.add(event);
            }
        }
        let written = write(&mut self.connection, &rows);
        self.failing.store(written.is_err(), Ordering::Relaxed);
        written.map_err(|error| {
            tracing::error!(%error, "the database could not be written");
            RefusalCode::StoreFailed.because(error.to_string())
        })?;
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        for row in &rows {
            if let StoredRow::Audit(event) = row {
                let AuditEvent { number, who, action, subject, detail, .. } = event;
                tracing::info!(target: "audit", number, %who, %action, %subject, %detail);
            }
        }
        let changed = world.revision() != self.world.load().revision();
        self.world.store(Arc::new(world));
        if changed {
            self.publish.send_replace(());
        }
        Ok(())
    }
}

fn write(connection: &mut Connection, rows: &[StoredRow]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for row in rows {
        match row {
            StoredRow::Document { id, revision, body } => {
                let (kind, number) = id.row();
                transaction
                    .prepare_cached(
                        "INSERT INTO documents (kind, id, revision, body) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (kind, id) DO UPDATE SET revision = ?3, body = ?4",
                    )?
                    .execute(params![kind, number.cast_signed(), revision.0.cast_signed(), body])?;
            }
            StoredRow::History(history) => history.write(&transaction)?,
            StoredRow::Audit(event) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO audit (number, at, who, action, subject, detail, hash)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    )?
                    .execute(params![
                        event.number.cast_signed(),
                        event.at.0,
                        event.who,
                        event.action,
                        event.subject,
                        event.detail,
                        event.hash
                    ])?;
            }
        }
    }
    transaction.commit()
}

pub(crate) fn encode(document: &Document) -> Result<Vec<u8>, Refusal> {
    rmp_serde::to_vec_named(document)
        .map_err(|error| RefusalCode::StoreFailed.because(error.to_string()))
}

fn decode(body: &[u8], id: DocumentId) -> Result<Document, String> {
    let document: Document =
        messagepack::from_slice(body).map_err(|error| format!("{id:?} cannot be read: {error}"))?;
    if document.id() == id { Ok(document) } else { Err(format!("{id:?} holds another document")) }
}

#[cfg(test)]
mod tests;

//! The store: a database on a thread of its own, many edits in one durable commit.
//!
//! An edit is a function over a [`Draft`] of the World. The thread takes what has queued up, runs
//! each edit on top of the one before, writes all of it in one transaction, and only then
//! publishes the new World and answers. What is published is on the disk.

use crate::backend::{Backend, BackendError, Loaded, Queries, StoredDocument};
use crate::codec::decode;
use crate::draft::{Draft, Lived, Seen, StoredRow};
use crate::sqlite::Sqlite;
use crate::{OpenSession, StoreError};
use arc_swap::ArcSwap;
use jumpdeck_protocol::audit::{AuditEvent, Chain};
use jumpdeck_protocol::{ChannelId, Refusal, RefusalCode, Revision, SessionId};
use jumpdeck_world::{DocumentId, World, former_password};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};

/// Jobs that are taken before a commit at most.
const GROUP: usize = 1024;

type Answer = Box<dyn FnOnce(Result<(), Refusal>) + Send>;
type Edit = Box<dyn FnOnce(&mut Draft) -> Answer + Send>;
type Read = Box<dyn FnOnce(&dyn Queries) + Send>;

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
    /// For questions that take long, where the database can be read beside the writing.
    searches: Option<mpsc::UnboundedSender<Read>>,
    changed: watch::Receiver<()>,
    shared: Arc<StoreState>,
}

/// What the store's thread and everybody else look at.
struct StoreState {
    world: ArcSwap<World>,
    /// The audit, as far as it is on the disk.
    chain: Mutex<Chain>,
    /// The last commit failed.
    failing: AtomicBool,
    next_session: AtomicU64,
    next_channel: AtomicU64,
}

/// What an opened store brings along.
pub struct Opened {
    pub store: Store,
    pub sessions: Vec<OpenSession>,
    pub seen: Vec<Seen>,
    pub lived: Lived,
}

impl Store {
    /// Opens a database, makes it if there is none, and brings it to this version's schema.
    /// `ended` is called when it has ended as it should, and dropped if it ends otherwise.
    ///
    /// # Errors
    /// When the file is no database of ours, or the system does not let us.
    pub fn open(path: &Path, ended: impl FnOnce() + Send + 'static) -> Result<Opened, StoreError> {
        let database = Sqlite::open(path)?;
        Self::over(database, ended).map_err(|error| StoreError::at(path, &error))
    }

    /// A store over any database.
    pub(crate) fn over(
        mut backend: impl Backend,
        ended: impl FnOnce() + Send + 'static,
    ) -> Result<Opened, BackendError> {
        let Loaded { epoch, sessions, seen, next_session, next_channel, chain, lived } =
            backend.load()?;
        let mut world = World::new(&epoch);
        backend.changes_since(Revision(0), &mut |document| take_in(&mut world, document))?;
        let shared = Arc::new(StoreState {
            world: ArcSwap::from_pointee(world),
            chain: Mutex::new(chain),
            failing: AtomicBool::new(false),
            next_session: AtomicU64::new(next_session),
            next_channel: AtomicU64::new(next_channel),
        });
        let searches = backend.reader().map(searcher).transpose()?;
        let (jobs, queue) = mpsc::unbounded_channel();
        let (publish, changed) = watch::channel(());
        let writer = StoreWriter { backend, shared: Arc::clone(&shared), publish };
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                writer.run(queue);
                ended();
            })
            .map_err(|error| BackendError::Failed(error.to_string()))?;
        Ok(Opened { store: Self { jobs, searches, changed, shared }, sessions, seen, lived })
    }

    /// Whether the last commit failed.
    pub fn is_failing(&self) -> bool {
        self.shared.failing.load(Ordering::Relaxed)
    }

    /// The World as it is now.
    pub fn world(&self) -> Arc<World> {
        self.shared.world.load_full()
    }

    /// Becomes ready whenever the World changed.
    pub fn changed(&self) -> watch::Receiver<()> {
        self.changed.clone()
    }

    /// The id of a new session.
    pub fn take_session_id(&self) -> SessionId {
        SessionId(self.shared.next_session.fetch_add(1, Ordering::Relaxed))
    }

    /// The ids of a new channel: of its output, and of its errors if it has those apart.
    pub fn take_channel_ids(&self) -> (ChannelId, ChannelId) {
        let id = self.shared.next_channel.fetch_add(2, Ordering::Relaxed);
        (ChannelId(id), ChannelId(id + 1))
    }

    /// Runs an edit. When this returns `Ok`, it is on the disk and published. An edit can be run
    /// again, on a World that became newer meanwhile: it decides by the draft alone.
    pub async fn edit<T: Send + 'static>(
        &self,
        edit: impl Fn(&mut Draft) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.queue(edit, move |result| drop(answer.send(result)));
        answered.await.unwrap_or_else(|_| Err(RefusalCode::Stopping.plain()))
    }

    /// Asks about the past: about everything that was written before.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Queries) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        let _ = self.jobs.send(StoreJob::Read(Box::new(move |queries| {
            // Anyone who asked may have gone.
            let _ = answer.send(read(queries));
        })));
        match answered.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(RefusalCode::StoreFailed.because(error.to_string())),
            Err(_) => Err(RefusalCode::Stopping.plain()),
        }
    }

    /// Looks at what is committed, for as long as it takes: nobody who writes waits for it.
    pub async fn search<T: Send + 'static>(
        &self,
        search: impl FnOnce(&dyn Queries) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let Some(searches) = &self.searches else {
            return self.read(search).await;
        };
        // Anyone who searches finds what was written before.
        self.read(|_| Ok(())).await?;
        let (answer, answered) = oneshot::channel();
        let _ = searches.send(Box::new(move |queries| {
            // Nobody waits for an answer any more whose asker is gone.
            if !answer.is_closed() {
                let _ = answer.send(search(queries));
            }
        }));
        match answered.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(RefusalCode::StoreFailed.because(error.to_string())),
            Err(_) => Err(RefusalCode::Stopping.plain()),
        }
    }

    /// Events of the audit after this one, whether they are the last, and where the audit stands.
    pub async fn audit_after(
        &self,
        after: u64,
    ) -> Result<((Vec<AuditEvent>, bool), Chain), Refusal> {
        let shared = Arc::clone(&self.shared);
        // Between two commits, so that both belong together.
        self.read(move |queries| Ok((queries.audit_after(after)?, shared.chain()))).await
    }

    /// Closes the database once everything before was written.
    pub async fn close(&self) {
        let (closed, waiting) = oneshot::channel();
        // A store that is closed already drops the question.
        let _ = self.jobs.send(StoreJob::Close(closed));
        let _ = waiting.await;
    }

    /// Runs an edit that nobody waits for. Failure is logged.
    pub fn note(&self, edit: impl Fn(&mut Draft) + Send + 'static) {
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
        edit: impl Fn(&mut Draft) -> Result<T, Refusal> + Send + 'static,
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

/// A thread that searches, and the way to it. It ends with that.
fn searcher(reader: Box<dyn Queries + Send>) -> Result<mpsc::UnboundedSender<Read>, BackendError> {
    let (searches, mut queue) = mpsc::unbounded_channel::<Read>();
    let work = move || {
        while let Some(search) = queue.blocking_recv() {
            search(&*reader);
        }
    };
    let started = std::thread::Builder::new().name("searches".into()).spawn(work);
    started.map_err(|error| BackendError::Failed(error.to_string()))?;
    Ok(searches)
}

impl StoreState {
    fn chain(&self) -> Chain {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct StoreWriter<B> {
    backend: B,
    shared: Arc<StoreState>,
    publish: watch::Sender<()>,
}

impl<B: Backend> StoreWriter<B> {
    fn run(mut self, mut queue: mpsc::UnboundedReceiver<StoreJob>) {
        let mut closing = None;
        let mut held = None;
        while closing.is_none()
            && let Some(first) = held.take().or_else(|| queue.blocking_recv())
        {
            let mut draft = Draft::new(World::clone(&self.shared.world.load_full()));
            let mut answers: Vec<Answer> = Vec::new();
            let mut next = Some(first);
            let mut taken = 0;
            while let Some(job) = next.take() {
                taken += 1;
                match job {
                    // Anyone who reads sees what was written before.
                    StoreJob::Read(_) if !answers.is_empty() => {
                        held = Some(job);
                        break;
                    }
                    StoreJob::Edit(edit) => answers.push(edit(&mut draft)),
                    StoreJob::Read(read) => read(&self.backend),
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
        if let Err(error) = self.backend.close() {
            tracing::error!(%error, "the database was not closed cleanly");
        }
        drop(closing);
    }

    fn commit(&mut self, draft: Draft) -> Result<(), Refusal> {
        let (world, mut rows) = draft.finish();
        if rows.is_empty() {
            return Ok(());
        }
        let mut chain = self.shared.chain();
        for row in &mut rows {
            if let StoredRow::Audit(event) = row {
                chain.add(event);
            }
        }
        let written = self.backend.commit(&rows);
        self.shared.failing.store(written.is_err(), Ordering::Relaxed);
        written.map_err(|error| {
            tracing::error!(%error, "the database could not be written");
            RefusalCode::StoreFailed.because(error.to_string())
        })?;
        *self.shared.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        for row in &rows {
            if let StoredRow::Audit(event) = row {
                let AuditEvent { number, who, action, subject, detail, .. } = event;
                tracing::info!(target: "audit", number, %who, %action, %subject, %detail);
            }
        }
        let changed = world.revision() != self.shared.world.load().revision();
        self.shared.world.store(Arc::new(world));
        if changed {
            self.publish.send_replace(());
        }
        Ok(())
    }
}

/// Puts a document that was kept into the World.
fn take_in(world: &mut World, document: StoredDocument) -> Result<(), BackendError> {
    let StoredDocument { id, revision, body } = document;
    let Some(body) = body else {
        world.remove(revision, id);
        return Ok(());
    };
    world.put(revision, decode(&body, id).map_err(BackendError::Damaged)?);
    if let DocumentId::User(user) = id
        && let Some(password) = former_password(&body)
    {
        world.adopt_password(user, password);
    }
    Ok(())
}

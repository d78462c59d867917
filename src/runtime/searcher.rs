//! Runs searches on a thread of its own, the newest of each kind only.

use jumpdeck_console::core::search::{Found, Job, run};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The way to the thread. It ends with this.
pub(super) struct Searcher {
    jobs: Sender<Job>,
    found: UnboundedReceiver<Found>,
}

impl Searcher {
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, queue) = channel();
        let (results, found) = unbounded_channel();
        std::thread::Builder::new().name("search".into()).spawn(move || work(&queue, &results))?;
        Ok(Self { jobs, found })
    }

    /// Has a search run. Those of its kind that have not begun are void.
    pub(super) fn search(&self, job: Job) {
        // The thread ends only with the receiver of its results.
        let _ = self.jobs.send(job);
    }

    /// The next result.
    pub(super) async fn found(&mut self) -> Option<Found> {
        self.found.recv().await
    }
}

fn work(queue: &Receiver<Job>, results: &UnboundedSender<Found>) {
    let mut waiting: Vec<Job> = Vec::new();
    loop {
        if waiting.is_empty() {
            match queue.recv() {
                Ok(job) => waiting.push(job),
                Err(_) => return,
            }
        }
        while let Ok(job) = queue.try_recv() {
            waiting.retain(|other| !other.is_like(&job));
            waiting.push(job);
        }
        let job = waiting.remove(0);
        if results.send(run(job)).is_err() {
            return;
        }
    }
}

//! What happens by the clock. A service registers its own jobs; nobody else knows them.

use crate::vitals::Vital;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// How often a job is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Every {
    /// What changes by time alone and is seen: each ten seconds.
    Look,
    /// What is cleared away: each minute.
    Minute,
}

impl Every {
    const fn period(self) -> Duration {
        match self {
            Self::Look => Duration::from_secs(10),
            Self::Minute => Duration::from_secs(60),
        }
    }
}

type Work = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The jobs of an appliance.
#[derive(Default)]
pub(crate) struct Jobs(Vec<(Every, Work)>);

impl Jobs {
    /// Something of `owner` that is done that often, after those that were added before.
    pub(crate) fn add<T, F>(
        &mut self,
        every: Every,
        owner: &Arc<T>,
        work: impl Fn(Arc<T>) -> F + Send + Sync + 'static,
    ) where
        T: Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let owner = Arc::clone(owner);
        self.0.push((every, Box::new(move || Box::pin(work(Arc::clone(&owner))))));
    }

    /// Does all of them once that are done so often, one after the other.
    pub(crate) async fn run(&self, every: Every) {
        for (_, work) in self.0.iter().filter(|(when, _)| *when == every) {
            work().await;
        }
    }

    /// Does them until the appliance stops; the first time at once.
    pub(crate) async fn keep_running(
        self: Arc<Self>,
        every: Every,
        mut stopping: watch::Receiver<bool>,
        vital: Vital,
    ) {
        let mut ticks = interval(every.period());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.run(every).await,
                _ = stopping.changed() => break,
            }
        }
        vital.ends();
    }
}

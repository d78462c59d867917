//! What happens by the clock. Each service adds its own jobs; `Services::jobs` says in which order.

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
            match every {
                Every::Look => work().await,
                // What fails in clearing away is logged, and tried again in a minute.
                Every::Minute => {
                    if let Err(error) = tokio::spawn(work()).await {
                        tracing::error!(%error, "a job of the minute failed");
                    }
                }
            }
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
            let stops = async {
                // Without a sender there is no appliance either.
                let _ = stopping.wait_for(|stop| *stop).await.is_ok();
            };
            tokio::select! {
                biased;
                () = stops => break,
                _ = ticks.tick() => self.run(every).await,
            }
        }
        vital.ends();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vitals::Vitals;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_job_of_the_minute_that_panics_keeps_no_other_from_its_turn() {
        let count = Arc::new(AtomicUsize::new(0));
        let mut jobs = Jobs::default();
        jobs.add(Every::Minute, &count, |_| async { panic!("a mistake") });
        jobs.add(Every::Minute, &count, |count| async move {
            count.fetch_add(1, Ordering::SeqCst);
        });
        jobs.run(Every::Minute).await;
        jobs.run(Every::Minute).await;
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn what_stops_before_it_begins_does_nothing_more() {
        let count = Arc::new(AtomicUsize::new(0));
        let mut jobs = Jobs::default();
        jobs.add(Every::Look, &count, |count| async move {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let (stop, stopping) = watch::channel(true);
        let vitals = Vitals::default();
        Arc::new(jobs).keep_running(Every::Look, stopping, vitals.part("looks")).await;
        assert_eq!((count.load(Ordering::SeqCst), vitals.failed()), (0, None));
        drop(stop);
    }
}

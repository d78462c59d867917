//! Measures while somebody is interested.

use crate::statistics::Meter;
use crate::thumbnail::Camera;
use jumpdeck_link::Outbox;
use jumpdeck_protocol::agent::{AgentReport, FromAgent};
use jumpdeck_protocol::inventory::{InstallMode, Thumbnail};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// An interval this short, in milliseconds, means that somebody looks at the machine.
const CLOSE: u32 = 5000;
/// Between two looks at the screen.
const LOOKS: Duration = Duration::from_secs(3);
/// How long a display may take; one that takes longer is not asked again.
const DISPLAY_PATIENCE: Duration = Duration::from_secs(2);

/// Looks at the screen now and then, and tells what has changed.
#[derive(Default)]
struct Watcher {
    last: Option<(Instant, Option<Thumbnail>)>,
    /// There is no screen, or it does not answer.
    blind: bool,
}

impl Watcher {
    async fn look(&mut self, outbox: &Outbox) {
        if self.blind || self.last.as_ref().is_some_and(|(at, _)| at.elapsed() < LOOKS) {
            return;
        }
        // A display that hangs must not hold up a shell.
        let shooting = tokio::task::spawn_blocking(|| Camera::open().and_then(|c| c.shoot()));
        let picture = timeout(DISPLAY_PATIENCE, shooting).await;
        let Ok(Ok(Some(picture))) = picture else {
            self.blind = true;
            return;
        };
        let before = self.last.take().and_then(|(_, picture)| picture);
        if before.as_ref() != Some(&picture) {
            outbox.send(&FromAgent::Notice { body: AgentReport::Thumbnail(picture.clone()) });
        }
        self.last = Some((Instant::now(), Some(picture)));
    }
}

/// Measures while somebody is interested.
pub(crate) async fn measure(
    mut interest: watch::Receiver<u32>,
    outbox: &Outbox,
    mode: InstallMode,
) {
    while interest.wait_for(|interval| *interval > 0).await.is_ok() {
        let mut meter = match Meter::new(mode) {
            Ok(meter) => meter,
            Err(error) => {
                tracing::warn!(%error, "this machine cannot be measured");
                return std::future::pending().await;
            }
        };
        let mut screen = Watcher::default();
        // A share of time needs two looks; the first figure should not be long in coming.
        sleep(Duration::from_millis(250)).await;
        loop {
            let interval = *interest.borrow();
            if interval == 0 {
                break;
            }
            let statistics = AgentReport::Statistics(meter.measure());
            outbox.send(&FromAgent::Notice { body: statistics });
            if interval <= CLOSE {
                screen.look(outbox).await;
            }
            let pause = Duration::from_millis(u64::from(interval.max(250)));
            // A change of interest ends the pause.
            let _ = timeout(pause, interest.changed()).await;
        }
    }
}

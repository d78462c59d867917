//! How an appliance ends.

use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::data_dir::DataDir;
use crate::links::Links;
use crate::links::consoles::RepLink;
use crate::sessions::Sessions;
use crate::sessions::end::Endings;
use crate::sessions::recordings::Recordings;
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::RefusalCode;
use jumpdeck_protocol::agent::AgentOrder;
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::EndReason;
use jumpdeck_store::History;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long the end of an appliance waits for its recordings.
const CLOSING: Duration = Duration::from_secs(10);

/// Ends the appliance, and says so to those who wait for that.
pub(crate) struct Stopping {
    base: Base,
    links: Arc<Links>,
    book: Arc<Book>,
    endings: Arc<Endings>,
    recordings: Arc<Recordings>,
    data_dir: DataDir,
    embedded: bool,
    stopping: watch::Sender<bool>,
}

impl Stopping {
    pub(crate) fn new(
        base: &Base,
        links: &Arc<Links>,
        book: &Arc<Book>,
        sessions: &Sessions,
        data_dir: DataDir,
        embedded: bool,
    ) -> Self {
        Self {
            base: base.clone(),
            links: Arc::clone(links),
            book: Arc::clone(book),
            endings: Arc::clone(&sessions.endings),
            recordings: Arc::clone(&sessions.recordings),
            data_dir,
            embedded,
            stopping: watch::channel(false).0,
        }
    }

    /// Becomes true when the appliance is ending.
    pub(crate) fn subscribe(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Whether it is ending.
    pub(crate) fn has_begun(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Ends the appliance: consoles are notified, and an embedded one takes its local agent along.
    pub(crate) fn stop(&self) {
        if self.stopping.send_replace(true) {
            return;
        }
        if self.embedded {
            for session in self.book.ids() {
                self.endings.end_session(session, EndReason::ApplianceStopped);
            }
        }
        self.say_goodbye();
        self.data_dir.withdraw();
    }

    /// Closes the database; the last thing a stopped appliance does.
    pub(crate) async fn close(&self) {
        let lived = self.base.moment().lived;
        self.base.store.note(move |draft| draft.history(History::Lived(lived)));
        if tokio::time::timeout(CLOSING, self.recordings.all_kept()).await.is_err() {
            tracing::error!("recordings are still being written; they go on with the next start");
        }
        self.base.store.close().await;
    }

    fn say_goodbye(&self) {
        for rep in self.links.consoles.those(|_| true) {
            rep.tell(ApplianceNotice::Stopping);
            rep.outbox.close();
        }
        let world = self.base.world();
        for (endpoint, link) in self.links.agents.links() {
            let local = world.items_of(endpoint).any(|item| item.local);
            if local && self.embedded {
                link.order(AgentOrder::Retire);
            }
            link.outbox.close();
        }
    }
}

impl Answered for request::Stop {
    type By = Stopping;

    async fn answer(self, stopping: &Arc<Stopping>, _rep: &RepLink) -> Result<(), Refusal> {
        if stopping.embedded {
            // It stops once the answer is on its way.
            return Ok(());
        }
        let detail = "only an embedded appliance is stopped from a console";
        Err(RefusalCode::PermissionDenied.because(detail))
    }
}

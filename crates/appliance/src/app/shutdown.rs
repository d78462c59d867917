//! How an appliance ends.

use super::Appliance;
use jumpdeck_protocol::rep;
use jumpdeck_store::History;

/// How long the end of an appliance waits for its recordings.
const CLOSING: std::time::Duration = std::time::Duration::from_secs(10);

impl Appliance {
    /// Ends the appliance: consoles are told, and an embedded one takes its local agent along.
    pub fn stop(&self) {
        if self.stopping.send_replace(true) {
            return;
        }
        if self.is_embedded() {
            for session in self.sessions.ids() {
                self.end_session(session, jumpdeck_protocol::session::EndReason::ApplianceStopped);
            }
        }
        self.say_goodbye();
        self.data_dir.withdraw();
    }

    /// Waits until a part without which there is no appliance has ended by a mistake of its own.
    /// Returns its name.
    pub async fn until_failed(&self) -> &'static str {
        self.vitals.until_failed().await
    }

    /// Closes the database; the last thing a stopped appliance does.
    pub async fn close(&self) {
        let lived = self.moment().lived;
        self.store.note(move |draft| draft.history(History::Lived(lived)));
        if tokio::time::timeout(CLOSING, self.all_kept()).await.is_err() {
            tracing::error!("recordings are still being written; they go on with the next start");
        }
        self.store.close().await;
    }

    fn say_goodbye(&self) {
        for rep in self.reps.those(|_| true) {
            rep.tell(rep::ApplianceNotice::Stopping);
            rep.outbox.close();
        }
        let world = self.world();
        for (endpoint, link) in self.presences.links() {
            let local = world.items_of(endpoint).any(|item| item.local);
            if local && self.is_embedded() {
                link.order(jumpdeck_protocol::agent::AgentOrder::Retire);
            }
            link.outbox.close();
        }
    }
}

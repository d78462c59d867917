//! Who had sessions with what: read from the database when somebody asks.

use crate::answered::Answered;
use crate::base::Base;
use crate::bus::{ApplianceEvent, EventListener};
use crate::links::Links;
use crate::links::consoles::RepLink;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, PastSession, Used};
use jumpdeck_protocol::{ItemId, Refusal, RefusalCode, UserId};
use jumpdeck_store::{BackendError, Past, Queries};
use jumpdeck_world::Visibility;
use std::sync::Arc;

/// Sessions of an item that are sent, at most.
const TOLD: u8 = 10;

/// Reads who had sessions with what.
pub(crate) struct SessionHistory {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
}

impl SessionHistory {
    /// What a rep should know of an item's machine before anything else.
    fn warning_of(&self, item: ItemId) -> Option<Box<str>> {
        let world = self.base.world();
        let endpoint = world.item(item)?.endpoint()?;
        self.links.clones.of(endpoint, self.base.uptime()).map(Into::into)
    }

    /// The last sessions with the machine that an item leads to.
    pub(crate) async fn history(
        &self,
        rep: &RepLink,
        item: ItemId,
    ) -> Result<Vec<PastSession>, Refusal> {
        let items: Vec<ItemId> = {
            let world = self.base.world();
            let sight = Visibility::new(&world, rep.user);
            sight.item(item).ok_or_else(|| RefusalCode::JumpItemGone.plain())?;
            let endpoint = world.item(item).and_then(|item| item.endpoint());
            match endpoint {
                Some(endpoint) => {
                    // What was done through an item that is hidden stays hidden.
                    let seen = world.items_of(endpoint).filter(|item| sight.place(item.view.place));
                    seen.map(|item| item.view.id).collect()
                }
                None => vec![item],
            }
        };
        let mut sessions = self.base.store.read(move |past| sessions_of(past, &items)).await?;
        sessions.sort_by_key(|(_, started, _)| std::cmp::Reverse(*started));
        sessions.truncate(TOLD.into());
        let world = self.base.world();
        let name =
            |user| world.user(user).map_or("—".into(), |user| user.username.as_str().into());
        let past = |(user, started, ended)| PastSession { user: name(user), started, ended };
        Ok(sessions.into_iter().map(past).collect())
    }

    /// The items a user had sessions with, the last one first.
    pub(crate) async fn used(&self, user: UserId) -> Result<Vec<Used>, Refusal> {
        self.base.store.read(move |past| past.used_by(user)).await
    }

    /// Tells a rep's consoles what was used.
    async fn tell_used(&self, user: UserId) {
        if let Ok(items) = self.used(user).await {
            for rep in self.links.consoles.those(|rep| rep.user == user) {
                rep.tell(ApplianceNotice::Used { items: items.clone() });
            }
        }
    }
}

/// The last sessions through each of these items.
fn sessions_of(past: &dyn Queries, items: &[ItemId]) -> Result<Vec<Past>, BackendError> {
    let mut sessions = Vec::new();
    for item in items {
        sessions.extend(past.sessions_of(*item, TOLD)?);
    }
    Ok(sessions)
}

impl EventListener for SessionHistory {
    fn on(self: Arc<Self>, event: ApplianceEvent<'_>) {
        if let ApplianceEvent::SessionOpened { owner, .. } = event {
            tokio::spawn(async move { self.tell_used(owner).await });
        }
    }
}

impl Answered for request::History {
    type By = SessionHistory;

    async fn answer(
        self,
        history: &Arc<SessionHistory>,
        rep: &RepLink,
    ) -> Result<reply::ItemHistory, Refusal> {
        let sessions = history.history(rep, self.item).await?;
        Ok(reply::ItemHistory { sessions, warning: history.warning_of(self.item) })
    }
}

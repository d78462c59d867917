//! How long recordings are kept: as long as the item's Jump Policy says, else as the site does.

use super::recordings::Recordings;
use crate::jobs::{Every, Jobs};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::{ChannelId, ItemId, Timestamp};
use jumpdeck_store::{AuditRecord, BackendError, History};
use jumpdeck_world::World;
use std::path::Path;
use std::sync::Arc;

const DAY: i64 = 86_400;
/// Recordings that are looked at in one piece.
const LOOKED_AT: usize = 1_000;

/// Days that recordings of sessions with this item are kept, and who says so; nothing for always.
fn days(world: &World, item: ItemId) -> Option<(u32, String)> {
    let kept = world.kept_item(item).map(|kept| kept.item.view.jump_policy);
    let Some(policy) = world.item(item).map(|item| item.view.jump_policy).or(kept) else {
        // Nobody knows its policy any more: then the longest time that anybody says.
        return longest(world)
            .map(|days| (days, "the item is gone, and the longest time".to_owned()));
    };
    let policy = policy.and_then(|id| world.policy(id)).filter(|one| one.recordings_days > 0);
    match policy {
        Some(policy) => Some((policy.recordings_days, format!("Jump Policy {}", policy.code_name))),
        None => Some((world.site().recordings_days, "the site".to_owned())).filter(|one| one.0 > 0),
    }
}

/// The most days anybody says; nothing for always.
fn longest(world: &World) -> Option<u32> {
    let site = Some(world.site().recordings_days).filter(|days| *days > 0)?;
    world.policies().map(|policy| policy.recordings_days).chain([site]).max()
}

/// The fewest days anybody says.
fn fewest(world: &World) -> Option<u32> {
    let policies = world.policies().map(|policy| policy.recordings_days);
    policies.chain([world.site().recordings_days]).filter(|days| *days > 0).min()
}

impl Recordings {
    /// Removes the recordings that were kept for long enough.
    async fn remove_old(&self) -> Result<(), jumpdeck_protocol::Refusal> {
        // A clock that somebody has just set removes nothing.
        let Some(fewest) = fewest(&self.base.world()).filter(|_| self.base.clocks.has_settled())
        else {
            return Ok(());
        };
        let (now, mut after) = (self.base.now(), (Timestamp(i64::MIN), ChannelId(0)));
        let until = Timestamp(now.0 - i64::from(fewest) * DAY);
        loop {
            let found = self.base.store.read(move |past| -> Result<_, BackendError> {
                past.recordings_ended(after, until, LOOKED_AT)
            });
            let found = found.await?;
            let full = found.len() == LOOKED_AT;
            for (channel, session, item, ended) in found {
                let due = days(&self.base.world(), item)
                    .filter(|(days, _)| ended.0 < now.0 - i64::from(*days) * DAY);
                after = (ended, channel);
                let Some((days, by)) = due else {
                    continue;
                };
                let path = self.data_dir.recording(session, channel, false);
                let gone = tokio::task::spawn_blocking(move || removed(&path)).await;
                if let Err(error) = gone.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
                    tracing::error!(channel = channel.0, %error, "an old recording is still there");
                    continue;
                }
                self.base.store.note(move |draft| {
                    let subject = format!("recording {channel} of session {session}");
                    let detail = format!("{by} keeps recordings for {days} days");
                    let action = Action::RecordingRemoved;
                    let event = AuditRecord { who: "", action, subject: &subject, detail: &detail };
                    draft.audit(now, event);
                    draft.history(History::RecordingRemoved { channel });
                });
            }
            if !full {
                return Ok(());
            }
        }
    }

    pub(crate) fn jobs(self: &Arc<Self>, jobs: &mut Jobs) {
        jobs.add(Every::Minute, self, |recordings| async move {
            if let Err(refusal) = recordings.remove_old().await {
                tracing::error!(%refusal, "old recordings could not be removed");
            }
        });
    }
}

/// Removes a file. One that is not there is as good as removed.
fn removed(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

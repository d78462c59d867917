//! What reps like: kept for them, and told to their other consoles.

use crate::answered::Answered;
use crate::base::Base;
use crate::links::Links;
use crate::links::consoles::RepLink;
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::preferences::Preferences;
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::rep::request;
use jumpdeck_store::Draft;
use jumpdeck_world::KeptPreferences;
use std::sync::Arc;

/// Keeps what reps prefer, the same at each of their consoles.
pub(crate) struct UserPreferences {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
}

impl UserPreferences {
    /// Keeps a rep's preferences; the last console that says something is right.
    async fn save_preferences(
        &self,
        rep: &RepLink,
        preferences: Preferences,
    ) -> Result<(), Refusal> {
        let preferences = preferences.bounded();
        let (user, kept) = (rep.user, preferences.clone());
        let edit =
            move |draft: &mut Draft| draft.put(KeptPreferences { user, preferences: kept.clone() });
        self.base.store.edit(edit).await?;
        for other in self.links.consoles.those(|other| other.user == user && other.id != rep.id) {
            other.tell(ApplianceNotice::Preferences(Box::new(preferences.clone())));
        }
        Ok(())
    }
}

impl Answered for request::SavePreferences {
    type By = UserPreferences;

    async fn answer(self, kept: &Arc<UserPreferences>, rep: &RepLink) -> Result<(), Refusal> {
        kept.save_preferences(rep, *self.preferences).await
    }
}

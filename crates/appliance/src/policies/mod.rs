//! Jump Policies, teams, and why a decision is what it is.

pub(crate) mod explain;
pub(crate) mod jump_policies;
pub(crate) mod teams;

use crate::base::Base;
use crate::book::Book;
use crate::links::Links;
use crate::sessions::Sessions;
use explain::Explanations;
use jump_policies::JumpPolicies;
use std::sync::Arc;
use teams::Teams;

/// Its services.
pub(crate) struct Policies {
    pub explanations: Arc<Explanations>,
    pub jump_policies: Arc<JumpPolicies>,
    pub teams: Arc<Teams>,
}

impl Policies {
    pub(crate) fn new(
        base: &Base,
        links: &Arc<Links>,
        book: &Arc<Book>,
        sessions: &Sessions,
    ) -> Self {
        let explanations = Arc::new(Explanations {
            base: base.clone(),
            links: Arc::clone(links),
            book: Arc::clone(book),
        });
        let jump_policies = Arc::new(JumpPolicies::new(base.clone()));
        let teams = Arc::new(Teams {
            base: base.clone(),
            book: Arc::clone(book),
            sharing: Arc::clone(&sessions.sharing),
        });
        Self { explanations, jump_policies, teams }
    }
}

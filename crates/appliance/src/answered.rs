//! Requests of consoles, and the services that answer them.
//!
//! Each service says in its own file which requests it answers; a request that none answers does
//! not compile.

use crate::links::consoles::RepLink;
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::rep::Request;
use std::sync::Arc;

/// A request that a service answers.
pub(crate) trait Answered: Request {
    /// The service.
    type By;

    /// Does what is asked, for the rep at this link.
    fn answer(
        self,
        by: &Arc<Self::By>,
        rep: &RepLink,
    ) -> impl Future<Output = Result<Self::Reply, Refusal>> + Send;
}

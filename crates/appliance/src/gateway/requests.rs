//! What a console asks, and who answers it.

use crate::answered::Answered;
use crate::links::consoles::RepLink;
use crate::services::{Service, Services};
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::rep::Answers;

/// What answers the requests of one console.
pub(super) struct Answering<'a> {
    pub services: &'a Services,
    pub rep: &'a RepLink,
}

impl<R> Answers<R> for Answering<'_>
where
    R: Answered,
    R::By: Service,
{
    async fn answer(&self, request: R) -> Result<R::Reply, Refusal> {
        request.answer(R::By::of(self.services), self.rep).await
    }
}
